//! A node: one of the processes that share a store.

use std::collections::BTreeMap;

use crate::env::Timestamp;

/// A node, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which machine, which data folder: no two that live bear the same.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// A fingerprint of each setting that must be the same on all nodes, by the setting's name.
    pub settings: BTreeMap<String, String>,
    /// When it last said so.
    pub seen_at: Timestamp,
}

impl Node {
    /// The settings that are not the same on the other, in the order of their names.
    #[must_use]
    pub fn disagrees_about(&self, other: &Self) -> Vec<String> {
        let names = self.settings.keys().chain(other.settings.keys());
        let mut names: Vec<&String> = names
            .filter(|name| self.settings.get(*name) != other.settings.get(*name))
            .collect();
        names.sort();
        names.dedup();
        names.into_iter().cloned().collect()
    }
}
