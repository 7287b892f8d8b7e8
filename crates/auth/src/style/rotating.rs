//! `rotating`: short access tokens, and a refresh token that is derived anew for each generation. One step in the
//! store opens a session, and one renews it.

use std::sync::Arc;

use super::{Begin, NewPassword};
use crate::Auth;
use crate::account::PasswordError;
use crate::issue::{IssueError, Outcome, Signed};
use crate::joining::{JoinError, JoinSession};
use crate::login::LoginError;
use crate::model::client::Client;
use crate::refresh::RefreshError;
use crate::refresh_token::{self, Handle};
use crate::sessions::{Presented, Rotate};
use crate::visitor::Visitor;

impl Auth {
    /// Opens a session with its first grant, unless something moved since the password was looked at.
    pub(super) async fn begin_rotating(&self, begin: Begin<'_>) -> Result<Signed, LoginError> {
        let session = begin.session(&self.env);
        let Begin {
            client,
            protection,
            visitor,
            ..
        } = begin;
        let handle = Handle::random(&self.env, session.absolute_end());
        let opened = self
            .open_kept(session, &client, handle.hash(), visitor)
            .await?;
        Ok(self.issue(opened, client, protection, &handle, Outcome::SignedIn)?)
    }

    /// Joins a session that stands.
    pub(super) async fn join_rotating(&self, join: JoinSession<'_>) -> Result<Signed, JoinError> {
        let end = join.session.session().absolute_end();
        let handle = Handle::random(&self.env, end);
        let joined = self.join_kept(&join, handle.hash()).await?;
        let JoinSession {
            client, protection, ..
        } = join;
        Ok(self.issue(joined, client, protection, &handle, Outcome::Joined)?)
    }

    /// Renews what `token` stands for.
    pub(super) async fn renew_rotating(
        &self,
        client: Arc<Client>,
        token: &str,
        visitor: &Visitor,
    ) -> Result<Signed, RefreshError> {
        // 1. Did we make it, and is it in time? A forged or expired one goes no further.
        let now = self.env.now();
        let genuine = refresh_token::read(token, self.keys.ring().refresh_all())
            .ok_or(RefreshError::Invalid)?;
        if now >= genuine.handle.absolute_end {
            return Err(RefreshError::Expired);
        }

        // 2. May they try so often? Only what is genuine is counted, so that nobody renews on another's account.
        self.limits.own().refresh(visitor, now)?;

        // 3. Can the new token be made as it should be? Else nothing is spent.
        let protection = self.protection(&client).map_err(IssueError::from)?;

        // 4. What does it mean? One step, wherever it ends.
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

        // 5. New tokens from what the store says now.
        Ok(self.issue(*entitlement, client, &protection, &genuine.handle, outcome)?)
    }

    /// Changes a password in one step of the store, which supersedes the session's grants and gives it another.
    pub(super) async fn change_password_rotating(
        &self,
        change: NewPassword<'_>,
    ) -> Result<Signed, PasswordError> {
        let handle = Handle::random(&self.env, change.session.absolute_end());
        let (client, protection) = (change.client.clone(), change.protection);
        let after = self.replace_kept_password(change, handle.hash()).await?;
        let outcome = Outcome::PasswordChanged;
        Ok(self.issue(after, client, protection, &handle, outcome)?)
    }
}
