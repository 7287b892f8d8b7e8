//! What a token permits: the `scope` claim, one text of words between single spaces.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A non-empty list of scope words, kept as it stands on the wire (RFC 6749 §3.3, RFC 8693 §4.2).
///
/// A token without scope has no [`Scope`] at all; there is no empty one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Scope(String);

/// The text is not a scope: empty, a space too many, or a character outside RFC 6749 §3.3.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a scope is one or more words of printable ASCII without quotation mark or backslash, \
     with one space between them (RFC 6749 §3.3)"
)]
pub struct BadScope;

impl Scope {
    /// Takes a text that follows the grammar of RFC 6749 §3.3.
    ///
    /// # Errors
    /// [`BadScope`] for every other text.
    pub fn parse(text: impl Into<String>) -> Result<Self, BadScope> {
        let text = text.into();
        if text.split(' ').all(is_word) {
            Ok(Self(text))
        } else {
            Err(BadScope)
        }
    }

    /// The words, in the order of the wire.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    /// Whether `word` is among them; words are compared exactly, case included.
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        self.words().any(|held| held == word)
    }

    /// The text of the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`
fn is_word(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        Self::parse(text)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
