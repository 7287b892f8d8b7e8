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

/// What a reader of the log gets.
#[derive(Clone, Debug, PartialEq)]
pub enum LogPage {
    /// The events that follow the reader's cursor, and the cursor after them.
    Tail {
        /// In order, without a gap; empty when there is nothing new.
        events: Vec<Event>,
        /// Where the reader stands now.
        cursor: Cursor,
    },
    /// The reader's cursor is of another incarnation (or it had none): everything that still matters, read in
    /// one database snapshot. It is *added* to what the reader knows.
    Snapshot {
        /// Every event that has not lapsed.
        events: Vec<Event>,
        /// Where the reader stands now.
        cursor: Cursor,
    },
}
