//! A map that never outgrows its bound, and forgets first what matters least: whoever is soonest as good as new.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::env::Timestamp;

#[derive(Debug)]
pub(super) struct Table<K, V> {
    entries: HashMap<K, (V, Timestamp)>,
    by_rest: BTreeSet<(Timestamp, K)>,
    capacity: usize,
}

impl<K: Copy + Hash + Ord, V: Copy> Table<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            by_rest: BTreeSet::new(),
            capacity,
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key).map(|(value, _)| *value)
    }

    /// Remembers `value`, which is worth nothing any more from `rested` on.
    pub(super) fn set(&mut self, key: K, value: V, rested: Timestamp) {
        if let Some((_, before)) = self.entries.insert(key, (value, rested)) {
            self.by_rest.remove(&(before, key));
        }
        self.by_rest.insert((rested, key));
        if self.entries.len() > self.capacity
            && let Some((_, first)) = self.by_rest.pop_first()
        {
            self.entries.remove(&first);
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some((_, rested)) = self.entries.remove(key) {
            self.by_rest.remove(&(rested, *key));
        }
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some(&(rested, key)) = self.by_rest.first()
            && rested <= now
        {
            self.by_rest.pop_first();
            self.entries.remove(&key);
        }
        if self.entries.capacity() > 1024.max(8 * self.entries.len()) {
            self.entries.shrink_to(2 * self.entries.len());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
