//! Sessions of which the server has a row (`rotating`, `session`), each with a grant for the client that began it. What the
//! browser or the device holds names the grant.

use super::NewPassword;
use crate::Auth;
use crate::account::PasswordError;
use crate::login::LoginError;
use crate::model::client::Client;
use crate::model::grant::{Entitlement, Grant, HandleHash};
use crate::model::id::SessionId;
use crate::model::session::Session;
use crate::rotation::Generations;
use crate::sessions::{ChangePassword, Open, PasswordChange};
use crate::visitor::Visitor;

impl Auth {
    /// Opens such a session with its first grant, unless something moved since the password was looked at.
    pub(super) async fn open_kept(
        &self,
        session: Session,
        client: &Client,
        handle: HandleHash,
        visitor: &Visitor,
    ) -> Result<Entitlement, LoginError> {
        let grant = self.first_grant(session.id, client, handle, visitor);
        let origin = visitor.origin(session.auth_time);
        match self.sessions.open(session, grant, &origin).await? {
            Open::Stale => Err(LoginError::Stale),
            Open::Opened(entitlement) => Ok(*entitlement),
        }
    }

    /// Changes a password in one step of the store, which supersedes the session's grants and gives it another.
    pub(super) async fn replace_kept_password(
        &self,
        change: NewPassword<'_>,
        handle: HandleHash,
    ) -> Result<Entitlement, PasswordError> {
        let NewPassword {
            session,
            user,
            password,
            client,
            visitor,
            ..
        } = change;
        let change = PasswordChange {
            user: user.id,
            seen_epoch: user.epoch,
            password,
            grant: self.first_grant(session, &client, handle, visitor),
        };
        let origin = visitor.origin(self.env.now());
        match self.sessions.change_password(change, &origin).await? {
            ChangePassword::Stale => Err(PasswordError::SessionOver),
            ChangePassword::Changed(entitlement) => {
                self.hear_own().await;
                Ok(*entitlement)
            }
        }
    }

    /// A grant as a sign-in or a change of password gives it.
    fn first_grant(
        &self,
        session: SessionId,
        client: &Client,
        handle: HandleHash,
        visitor: &Visitor,
    ) -> Grant {
        Grant {
            handle,
            session,
            client: client.id.clone(),
            client_epoch: client.epoch,
            scope: client.scope.clone(),
            style: client.style,
            generations: Generations::first(self.env.now(), visitor.network()),
        }
    }
}
