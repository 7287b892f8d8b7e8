//! Single sign-on: another application joins a session that stands, and nobody types a password again.
//!
//! The session is that of the server's own pages ([`ClientId::ACCOUNT`]), proved by its name in their cookie. No other
//! application's session vouches for anybody: whoever takes that application over would be let in to all.

use std::sync::Arc;
use std::time::Duration;

use crate::Auth;
use crate::issue::IssueError;
use crate::limits::Limited;
use crate::live::LiveSession;
use crate::model::client::{Client, Style};
use crate::model::id::ClientId;
use crate::protection::Protection;
use crate::store::StoreError;
use crate::style::{self, Given};
use crate::visitor::Visitor;

/// Why an application did not join a session.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Only a session of the server's own pages vouches for its user, and only at other applications.
    #[error("this session is not one that lets its user in elsewhere: sign in")]
    NotItsToGive,
    /// No such application.
    #[error("there is no client of this id")]
    UnknownClient,
    /// The application is disabled.
    #[error("this client is disabled")]
    ClientDisabled,
    /// An application that can join no session, and why.
    #[error("{0}")]
    NeverJoins(&'static str),
    /// The application's own sessions would end sooner, or rest for another time.
    #[error(
        "sessions of this client end sooner than the one that stands (absolute_ttl), or rest for another time \
         (idle_ttl): sign in to it"
    )]
    OtherTerms,
    /// The session has as many grants as it may have.
    #[error("this session has signed in to as many applications as it can: sign in again")]
    Full,
    /// The session is over, or account or application have changed meanwhile.
    #[error("the session is over, or the account or the client has changed meanwhile: sign in")]
    Over,
    /// Too many attempts.
    #[error("too many attempts: try again later")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// A token cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Limited> for JoinError {
    fn from(Limited { retry_after }: Limited) -> Self {
        Self::Limited { retry_after }
    }
}

/// A client that is about to join, and what it is about to get.
pub(crate) struct JoinSession<'a> {
    /// The session that vouches.
    pub(crate) session: &'a LiveSession,
    /// The application.
    pub(crate) client: Arc<Client>,
    /// How its tokens are made.
    pub(crate) protection: &'a Protection,
    /// Where its user comes from.
    pub(crate) visitor: &'a Visitor,
}

impl Auth {
    /// Signs the user of a session that stands in to another application, in that session. It ends whole, wherever its
    /// user signs out.
    ///
    /// # Errors
    /// [`JoinError`]; the application was given nothing then.
    pub async fn join(
        &self,
        session: &LiveSession,
        client: &str,
        visitor: &Visitor,
    ) -> Result<Given, JoinError> {
        // 1. May this session vouch, and this application take its word?
        let client = self.can_join(session, client)?;

        // 2. Can its tokens be made as they should be? Else nothing begins.
        let protection = self.protection(&client).map_err(IssueError::from)?;

        // 3. May they try so often?
        self.limits.own().refresh(visitor, self.env.now())?;

        // 4. A grant in its style, if the session still stands.
        let join = JoinSession {
            session,
            client,
            protection: &protection,
            visitor,
        };
        self.begin_joined(join).await
    }

    /// Whether an application can be offered to join a session, as far as that is known without asking the store.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn can_join(&self, session: &LiveSession, client: &str) -> Result<Arc<Client>, JoinError> {
        let client = self
            .clients
            .find(Some(client))
            .ok_or(JoinError::UnknownClient)?;
        let vouching = session.client();
        if vouching.id.as_str() != ClientId::ACCOUNT || vouching.style != Style::Session {
            return Err(JoinError::NotItsToGive);
        }
        let session = session.session();
        let lasts = session.absolute_end().since(session.auth_time);
        takes_the_word_of(&client, vouching, lasts)?;
        Ok(client)
    }

    /// Whether this application can join a session of the pages that begins now.
    #[must_use]
    pub fn joins_from_the_start(&self, client: &Client) -> bool {
        let own = self.clients.find(Some(ClientId::ACCOUNT));
        own.is_some_and(|own| takes_the_word_of(client, &own, own.absolute_ttl).is_ok())
    }
}

/// Whether an application can join a session of this client's that lasts so long. It has to end by the application's terms,
/// too: the use of any of its clients keeps a session alive for all of them; so whoever said how long a client's sessions may
/// last and rest is overruled by none that joins, nor by joining.
fn takes_the_word_of(client: &Client, vouching: &Client, lasts: Duration) -> Result<(), JoinError> {
    if client.id == vouching.id {
        return Err(JoinError::NotItsToGive);
    }
    if !client.enabled {
        return Err(JoinError::ClientDisabled);
    }
    style::joins(client).map_err(JoinError::NeverJoins)?;
    if lasts > client.absolute_ttl || vouching.idle_ttl != client.idle_ttl {
        return Err(JoinError::OtherTerms);
    }
    Ok(())
}
