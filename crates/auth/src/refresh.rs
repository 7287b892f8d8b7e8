//! Renewal: from a refresh token to the next one and a fresh access token. One step in the store.

use std::time::Duration;

use crate::Auth;
use crate::issue::{IssueError, Outcome, Signed};
use crate::refresh_token;
use crate::sessions::{Presented, Rotate};
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
    /// The user, the client or everybody was signed out, or the account is disabled.
    #[error("the session has been ended: sign in again")]
    Stale,
    /// Too many renewals.
    #[error("too many renewals: try again later")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// No such application, or disabled.
    #[error("there is no enabled client of this id")]
    UnknownClient,
    /// A token cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RefreshError {
    /// Whether the browser should forget the token. Not when it may be of use yet; not when it is not known, since a
    /// forged cookie must not sign anybody out; and not when it was superseded: the answer to the change of password
    /// may have put its successor into the jar that another tab's late answer would empty.
    #[must_use]
    pub fn clears_cookie(&self) -> bool {
        match self {
            Self::Expired | Self::Reused | Self::Ahead | Self::Stale => true,
            Self::Invalid
            | Self::Superseded
            | Self::Limited { .. }
            | Self::UnknownClient
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

        // 2. Did we make it, and is it in time? A forged or expired one goes no further.
        let now = self.env.now();
        let genuine = refresh_token::read(token, self.keys.ring().refresh_all())
            .ok_or(RefreshError::Invalid)?;
        if now >= genuine.handle.absolute_end {
            return Err(RefreshError::Expired);
        }

        // 3. May they try so often? Only what is genuine is counted, so that nobody renews on another's account.
        self.limits
            .refresh(visitor, now)
            .map_err(|limited| RefreshError::Limited {
                retry_after: limited.retry_after,
            })?;

        // 4. Can the new token be made as it should be? Else nothing is spent.
        let protection = self.protection(&client).map_err(IssueError::from)?;

        // 5. What does it mean? One step, wherever it ends.
        let presented = Presented {
            handle: genuine.handle.hash(),
            absolute_end: genuine.handle.absolute_end,
            generation: genuine.generation,
            client: &client.id,
            idle_end: now.plus(client.idle_ttl).min(genuine.handle.absolute_end),
            interval: self.settings.interval(),
            network: visitor.network(),
        };
        let origin = visitor.origin(now);
        let (entitlement, outcome) = match self.sessions.rotate(presented, &origin).await? {
            Rotate::Rotated(entitlement) => (entitlement, Outcome::Rotated),
            Rotate::Held(entitlement) => (entitlement, Outcome::Held),
            Rotate::Retried(entitlement) => (entitlement, Outcome::Retried),
            Rotate::Recovered(entitlement) => (entitlement, Outcome::Recovered),
            Rotate::TooManyRetries => {
                return Err(RefreshError::Limited {
                    retry_after: self.settings.interval().duration(),
                });
            }
            Rotate::Superseded => return Err(RefreshError::Superseded),
            Rotate::Reused(session) => {
                tracing::warn!(%session, "a spent refresh token was presented: the session has been ended");
                self.hear_own().await;
                return Err(RefreshError::Reused);
            }
            Rotate::Ahead(session) => {
                tracing::error!(
                    %session,
                    "a refresh token is newer than the store: the store lost writes (a restored backup?). The session \
                     has been ended. If a backup was restored, run `countersign sessions end-all --everybody`"
                );
                self.hear_own().await;
                return Err(RefreshError::Ahead);
            }
            Rotate::Expired => {
                // Too many lost in a row: the session went, and the guard hears of it.
                self.hear_own().await;
                return Err(RefreshError::Expired);
            }
            Rotate::Stale => return Err(RefreshError::Stale),
            Rotate::Unknown => return Err(RefreshError::Invalid),
        };

        // 6. New tokens from what the store says now.
        Ok(self.issue(*entitlement, client, &protection, &genuine.handle, outcome)?)
    }
}
