//! Renewal: from a refresh token to the next one and a fresh access token. How, the client's style says.

use std::time::Duration;

use crate::Auth;
use crate::issue::{IssueError, Signed};
use crate::limits::Limited;
use crate::store::StoreError;
use crate::visitor::Visitor;

/// Why nothing was renewed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Not a refresh token of this server's, or of a session that is over, or of another client.
    #[error("this refresh token is not known: sign in again")]
    Invalid,
    /// The session is at its idle or absolute end.
    #[error("the session has expired: sign in again")]
    Expired,
    /// It was spent before: somebody else has it. The session has been ended.
    #[error("this refresh token was used before: the session has been ended, sign in again")]
    Reused,
    /// The server does not know of it though it made it: its storage lost writes. The session has been ended.
    #[error("the server lost track of this session and has ended it: sign in again")]
    Ahead,
    /// A change of password took its place.
    #[error("this refresh token was replaced when the password changed: sign in again")]
    Superseded,
    /// It was exchanged for another one, longer ago than an answer takes.
    #[error("this token was exchanged for another one: use that, or sign in again")]
    Spent,
    /// The user, the client or everybody was signed out, or the account is disabled.
    #[error("the session has been ended: sign in again")]
    Stale,
    /// The account's sessions were ended, or its password changed, after this token was made. Nothing is kept of its session
    /// that could tell whether it goes on under a newer one.
    #[error(
        "this token is older than a change of the account's password or sessions: sign in again"
    )]
    Outdated,
    /// Too many renewals.
    #[error("too many renewals: try again later")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// No such application, or disabled.
    #[error("there is no enabled client of this id")]
    UnknownClient,
    /// An application of whose style nothing is renewed.
    #[error(
        "a session of this client lives on by being used, and there is nothing to renew: ask GET /v1/session"
    )]
    NotRenewed,
    /// A token cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Limited> for RefreshError {
    fn from(Limited { retry_after }: Limited) -> Self {
        Self::Limited { retry_after }
    }
}

impl RefreshError {
    /// Whether the browser should forget the token. Not when it may be of use yet; not when it is not known, since a
    /// forged cookie must not sign anybody out; and not when it was superseded, spent or outdated: the answer to the change of
    /// password may have put its successor into the jar that another tab's late answer would empty.
    #[must_use]
    pub fn clears_cookie(&self) -> bool {
        match self {
            Self::Expired | Self::Reused | Self::Ahead | Self::Stale => true,
            Self::Invalid
            | Self::Superseded
            | Self::Spent
            | Self::Outdated
            | Self::Limited { .. }
            | Self::UnknownClient
            | Self::NotRenewed
            | Self::Issue(_)
            | Self::Store(_) => false,
        }
    }
}

impl Auth {
    /// Renews what `token` stands for.
    ///
    /// # Errors
    /// [`RefreshError`].
    pub async fn refresh(
        &self,
        client: Option<&str>,
        token: &str,
        visitor: &Visitor,
    ) -> Result<Signed, RefreshError> {
        // 1. For which application?
        let client = self
            .clients
            .find(client)
            .filter(|client| client.enabled)
            .ok_or(RefreshError::UnknownClient)?;

        // 2. The rest is its style's.
        self.renew(client, token, visitor).await
    }
}
