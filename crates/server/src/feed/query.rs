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
    pub(crate) after: Option<Cursor>,
    /// Where it is in a snapshot.
    pub(crate) next: Option<Next>,
    /// How many events at most.
    pub(crate) limit: Option<u32>,
    /// Only what can concern tokens for this audience.
    pub(crate) audience: Option<String>,
    /// Whether identifiers are hashed.
    pub(crate) hashed: bool,
}

/// A place in a snapshot that is read page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    /// The reader has everything of it up to here…
    pub(crate) at: Cursor,
    /// …and it ends there.
    pub(crate) to: u64,
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.at, self.to)
    }
}

impl FromStr for Next {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (at, to) = text.rsplit_once(':').ok_or(InvalidCursor)?;
        let next = Self {
            at: at.parse()?,
            to: to.parse().map_err(|_| InvalidCursor)?,
        };
        // One form for each: what was not written here is not read here.
        if next.to_string() == text {
            Ok(next)
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
                "after" => query.after = Some(cursor(&value)?),
                "next" => {
                    let next = value.parse();
                    query.next = Some(next.map_err(|_| unreadable("next"))?);
                }
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
                        "the query may hold after or next, limit, audience and ids",
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
        if query.after.is_some() && query.next.is_some() {
            return Err(Problem::new(
                Code::DuplicateField,
                "next goes on with a snapshot, after with what follows it: one of them",
            )
            .field("next"));
        }
        Ok(query)
    }

    /// How many events at most.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.unwrap_or(LARGEST_PAGE)
    }
}

/// A cursor in a query or a `Last-Event-ID`.
pub(crate) fn cursor(text: &str) -> Result<Cursor, Problem> {
    text.parse().map_err(|_| unreadable("after"))
}

fn unreadable(name: &'static str) -> Problem {
    Problem::new(
        Code::InvalidCursor,
        "a cursor is needed, as an earlier answer gave it; to begin anew, send none",
    )
    .field(name)
}

fn wrong(name: &'static str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Code::WrongType, detail).field(name)
}
