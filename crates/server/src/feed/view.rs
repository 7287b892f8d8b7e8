//! What a reader gets to see of the log: of its audience only, and identifiers perhaps hashed.

use std::borrow::Cow;
use std::sync::Arc;

use countersign_auth::feed::hashed;
use countersign_auth::model::revocation::{Audience, LogEntry};
use countersign_guard::Event;

use super::Query;

/// A reader's view of the log.
#[derive(Clone, Debug)]
pub(crate) struct View {
    issuer: Arc<str>,
    audience: Option<String>,
    hashed: bool,
}

impl View {
    pub(crate) fn new(issuer: &str, query: Query) -> Self {
        Self {
            issuer: issuer.into(),
            audience: query.audience,
            hashed: query.hashed,
        }
    }

    /// The events among these that it shows, as it shows them.
    pub(crate) fn events<'e>(
        &self,
        entries: impl IntoIterator<Item = &'e LogEntry>,
    ) -> Vec<Cow<'e, Event>> {
        entries
            .into_iter()
            .filter(|entry| self.shows(entry))
            .map(|entry| {
                if self.hashed {
                    Cow::Owned(hashed(&entry.event))
                } else {
                    Cow::Borrowed(&entry.event)
                }
            })
            .collect()
    }

    /// What can concern somebody else's tokens only is not this reader's business; what may concern its own always is.
    fn shows(&self, entry: &LogEntry) -> bool {
        let (Some(wanted), Some(audience)) = (&self.audience, &entry.audience) else {
            return true;
        };
        let name = match audience {
            Audience::Issuer => &self.issuer,
            Audience::Service(name) => name.as_str(),
        };
        wanted == name
    }

    /// How identifiers are written.
    pub(crate) fn ids(&self) -> &'static str {
        if self.hashed { "hashed" } else { "plain" }
    }
}
