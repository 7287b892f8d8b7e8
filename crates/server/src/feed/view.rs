//! What a reader gets to see of the log: of its audience only, and identifiers perhaps hashed.

use std::borrow::Cow;
use std::iter;
use std::sync::Arc;

use countersign_auth::feed::hashed;
use countersign_auth::model::revocation::{Audience, LogEntry};
use countersign_guard::Event;

use super::Query;
use crate::http::App;

/// A reader's view of the log.
#[derive(Clone, Debug)]
pub(crate) struct View {
    issuer: Arc<str>,
    /// Those whose tokens concern the reader; `None`: all.
    audiences: Option<Arc<[String]>>,
    hashed: bool,
}

impl View {
    pub(crate) fn new(app: &App, query: Query) -> Self {
        let issuer = app.auth().settings().issuer.as_str();
        let forward_auth = &app.settings().forward_auth;
        // Behind forward-auth a token ends with the one in front from which it was made.
        let in_front = |reader: &String| {
            let behind = forward_auth.internal_audience.as_ref() == Some(reader);
            behind.then(|| forward_auth.audience(issuer).to_owned())
        };
        let audiences = |reader| {
            let in_front = in_front(&reader);
            iter::once(reader).chain(in_front).collect()
        };
        Self {
            issuer: issuer.into(),
            audiences: query.audience.map(audiences),
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
        let (Some(wanted), Some(audience)) = (&self.audiences, &entry.audience) else {
            return true;
        };
        let name = match audience {
            Audience::Issuer => &self.issuer,
            Audience::Service(name) => name.as_str(),
        };
        wanted.iter().any(|wanted| wanted == name)
    }

    /// How identifiers are written.
    pub(crate) fn ids(&self) -> &'static str {
        if self.hashed { "hashed" } else { "plain" }
    }
}
