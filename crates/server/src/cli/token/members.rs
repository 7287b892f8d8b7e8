//! The members of a JSON object as they stand: in their order, and a name twice if it is there twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// An object that hides nothing of what was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Members(pub(super) Vec<(String, Value)>);

impl Members {
    /// The first of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let mut named = self.0.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value)
    }

    /// A text of this name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Names that are there more than once.
    pub(super) fn repeated(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let mut repeated: Vec<&str> = names
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
            .collect();
        repeated.dedup();
        repeated
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Self::default();
        deserializer.deserialize_map(Into(&mut members))?;
        Ok(members)
    }
}

/// Collects what comes, so that what came before an error is there, too.
pub(super) struct Into<'m>(pub(super) &'m mut Members);

impl<'de> Visitor<'de> for Into<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(member) = map.next_entry()? {
            self.0.0.push(member);
        }
        Ok(())
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetitions_are_kept() {
        let text = r#"{"b":1,"a":"x","b":[2],"c":null,"a":3}"#;
        let members: Members = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&members).unwrap(), text);
        assert_eq!(members.repeated(), ["a", "b"]);
        assert_eq!(members.text("a"), Some("x"));
        assert!(serde_json::from_str::<Members>("[]").is_err());
    }
}
