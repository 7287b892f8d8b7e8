//! What a reader asks for, in the query string. What is not understood is refused: a typing error is no default.

use std::fmt;
use std::str::FromStr;

use countersign_auth::model::revocation::{Cursor, InvalidCursor};

use crate::http::{Code, Problem};

/// The most events in one answer.
const LARGEST_PAGE: u32 = 1000;
/// The longest name that an audience has.
const LONGEST_NAME: usize = 200;

/// A query, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Where the reader stands.
    pub(crate) after: Option<After>,
    /// How many events at most.
    pub(crate) limit: Option<u32>,
    /// Only what can concern tokens for this audience.
    pub(crate) audience: Option<String>,
    /// Whether identifiers are hashed.
    pub(crate) hashed: bool,
}

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It has everything up to here.
    Cursor(Cursor),
    /// It is reading a snapshot.
    Snapshot {
        /// It has everything of it up to here…
        at: Cursor,
        /// …and it ends there.
        to: u64,
    },
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cursor(cursor) => cursor.fmt(f),
            Self::Snapshot { at, to } => write!(f, "{at}:{to}"),
        }
    }
}

impl FromStr for After {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if let Ok(cursor) = text.parse() {
            return Ok(Self::Cursor(cursor));
        }
        let (at, to) = text.rsplit_once(':').ok_or(InvalidCursor)?;
        let after = Self::Snapshot {
            at: at.parse()?,
            to: to.parse().map_err(|_| InvalidCursor)?,
        };
        // One form for each: what was not written here is not read here.
        if after.to_string() == text {
            Ok(after)
        } else {
            Err(InvalidCursor)
        }
    }
}

impl Query {
    /// Reads the query of a request.
    pub(crate) fn read(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut query = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in pairs {
            match name.as_str() {
                "after" => query.after = Some(place(&value)?),
                "limit" => {
                    let limit = value.parse().ok();
                    let limit = limit.filter(|limit| (1..=LARGEST_PAGE).contains(limit));
                    query.limit = Some(limit.ok_or_else(|| {
                        wrong(
                            "limit",
                            format!("a number from 1 to {LARGEST_PAGE} is needed"),
                        )
                    })?);
                }
                "audience" => {
                    if value.is_empty() || value.chars().count() > LONGEST_NAME {
                        return Err(wrong("audience", "the name of an audience is needed"));
                    }
                    query.audience = Some(value);
                }
                "ids" => {
                    query.hashed = match value.as_str() {
                        "hashed" => true,
                        "plain" => false,
                        _ => return Err(wrong("ids", "\"plain\" or \"hashed\" is needed")),
                    };
                }
                _ => {
                    return Err(Problem::new(
                        Code::UnknownField,
                        "the query may hold after, limit, audience and ids",
                    ));
                }
            }
            if seen.contains(&name) {
                return Err(
                    Problem::new(Code::DuplicateField, "a parameter occurs twice").field(name),
                );
            }
            seen.push(name);
        }
        Ok(query)
    }

    /// How many events at most.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.unwrap_or(LARGEST_PAGE)
    }
}

/// A cursor in a query or a `Last-Event-ID`.
pub(crate) fn place(text: &str) -> Result<After, Problem> {
    text.parse().map_err(|_| {
        Problem::new(
            Code::InvalidCursor,
            "a cursor is needed, as an earlier answer gave it; to begin anew, send none",
        )
        .field("after")
    })
}

fn wrong(name: &'static str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Code::WrongType, detail).field(name)
}
