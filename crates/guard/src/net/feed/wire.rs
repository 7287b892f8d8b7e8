//! What the feed says, in JSON.

use std::{fmt, str::FromStr};

use serde::{Deserialize, de};

use crate::{Event, revocations::Ids};

/// A place in the log: of which incarnation, and after which number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    pub incarnation: String,
    pub sequence: u64,
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.rsplit_once(':').and_then(|(incarnation, sequence)| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let is_name = !incarnation.is_empty() && incarnation.bytes().all(is_plain);
            let sequence = sequence.parse().ok()?;
            is_name.then(|| Self {
                incarnation: incarnation.to_owned(),
                sequence,
            })
        });
        parsed.ok_or("a cursor is incarnation:sequence")
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.incarnation, self.sequence)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// `snapshot`
#[derive(Deserialize)]
pub struct Snapshot {
    pub events: Vec<Event>,
}

/// `snapshot-complete`
#[derive(Deserialize)]
pub struct Complete {
    pub cursor: Cursor,
}

/// `revocations`: all that happened after one number, up to another.
#[derive(Deserialize)]
pub struct News {
    pub after: u64,
    pub to: u64,
    pub events: Vec<Event>,
}

/// `heartbeat`
#[derive(Deserialize)]
pub struct Beat {
    pub cursor: Cursor,
    /// How old the node's last read of the log is, in milliseconds.
    pub as_of: u64,
    /// The node's clock, in milliseconds since 1970.
    pub now: u64,
}

/// An answer to a poll.
#[derive(Deserialize)]
pub struct Page {
    pub kind: Kind,
    pub events: Vec<Event>,
    pub cursor: Option<Cursor>,
    /// Where a snapshot goes on.
    pub next: Option<String>,
    pub more: bool,
    pub ids: Ids,
    pub as_of: u64,
    pub now: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Snapshot,
    Tail,
}
