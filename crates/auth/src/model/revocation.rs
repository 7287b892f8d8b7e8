//! The revocation log's addresses: where a reader stands in it.

use std::fmt;
use std::str::FromStr;

use countersign_guard::Event;
use serde::{Deserialize, Serialize};

/// A place in the log. Its sequence is gap-free within one incarnation, so a reader can prove that it has
/// everything up to here; a roll-back (a restored backup) begins a new incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// Random; changes when the log was rolled back.
    pub incarnation: u64,
    /// The number of the last event that was read; 0 before the first.
    pub sequence: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}:{}", self.incarnation, self.sequence)
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: sixteen hexadecimal digits, ':' and a sequence number expected")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (incarnation, sequence) = text.split_once(':').ok_or(InvalidCursor)?;
        let cursor = Self {
            incarnation: u64::from_str_radix(incarnation, 16).map_err(|_| InvalidCursor)?,
            sequence: sequence.parse().map_err(|_| InvalidCursor)?,
        };
        if cursor.to_string() == text {
            Ok(cursor)
        } else {
            Err(InvalidCursor)
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number.
    pub sequence: u64,
    /// What it says.
    pub event: Event,
    /// For whom the tokens are that it can concern; `None` where that cannot be told, and then it concerns everybody.
    pub audience: Option<Audience>,
}

/// For whom tokens are: their `aud`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The issuer, under whatever name.
    Issuer,
    /// A service.
    Service(String),
}

/// What a reader of the log gets: a page of what follows its cursor, lapsed events left out.
///
/// The whole log, from number 0 on, is a snapshot of all that still matters: lines never change, so pages that are read
/// one after the other say the same as one read would.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPage {
    /// The reader had no cursor, or one of another incarnation: this is the first page of the whole log. It is *added*
    /// to what the reader knows.
    pub anew: bool,
    /// In order. A number is missing only if its event has lapsed.
    pub entries: Vec<LogEntry>,
    /// Where the reader stands after them.
    pub cursor: Cursor,
    /// Where the log ended when the page was read.
    pub head: Cursor,
}

impl LogPage {
    /// Whether nothing follows it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.cursor == self.head
    }
}
