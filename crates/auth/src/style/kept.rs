//! Sessions of which the server has a row (`rotating`, `session`), each with a grant for the client that began it, and
//! one for each that joined it. What the browser or the device holds names the grant.

use super::NewPassword;
use crate::Auth;
use crate::account::PasswordError;
use crate::joining::{JoinError, JoinSession};
use crate::login::LoginError;
use crate::model::client::Client;
use crate::model::grant::{Entitlement, Grant, HandleHash};
use crate::model::id::SessionId;
use crate::model::session::Session;
use crate::rotation::Generations;
use crate::sessions::{ChangePassword, Join, Joining, Open, PasswordChange};
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

    /// Gives another client a grant in a session that stands, unless that ended or something moved meanwhile.
    pub(super) async fn join_kept(
        &self,
        join: &JoinSession<'_>,
        handle: HandleHash,
    ) -> Result<Entitlement, JoinError> {
        let JoinSession {
            session,
            client,
            visitor,
            ..
        } = join;
        let now = self.env.now();
        let joining = Joining {
            by: session.handle(),
            vouching: session.client().id.clone(),
            grant: self.first_grant(session.session().id, client, handle, visitor),
            replaces_until: now.minus(self.settings.interval().duration()),
        };
        match self.sessions.join(joining, &visitor.origin(now)).await? {
            Join::Joined(entitlement) => Ok(*entitlement),
            Join::Full => Err(JoinError::Full),
            Join::Superseded | Join::Stale | Join::Expired | Join::Unknown => Err(JoinError::Over),
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

    /// A grant as a sign-in, in its session or another client's, or a change of password gives it.
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
