//! Sessions of which the server keeps nothing (`stateless`, `sliding`): what is known of one is what its token says.

use countersign_guard::{Cause, Claims, Refused};

use super::NewPassword;
use crate::Auth;
use crate::account::PasswordError;
use crate::env::Timestamp;
use crate::login::LoginError;
use crate::model::client::Client;
use crate::model::grant::{Entitlement, Grant, HandleHash, Network};
use crate::model::id::{SessionId, UserId};
use crate::model::session::Session;
use crate::model::user::User;
use crate::refresh::RefreshError;
use crate::rotation::Generations;
use crate::visitor::Visitor;

impl Auth {
    /// Lets such a session begin, unless something moved since the password was looked at. The trail alone says so.
    pub(super) async fn admit(
        &self,
        fresh: &Entitlement,
        visitor: &Visitor,
    ) -> Result<(), LoginError> {
        let Entitlement { session, grant, .. } = fresh;
        let origin = visitor.origin(session.auth_time);
        let admitted = self
            .directory
            .admit(session, &grant.client, grant.client_epoch, &origin)
            .await?;
        if admitted {
            Ok(())
        } else {
            Err(LoginError::Stale)
        }
    }

    /// Changes the password of whoever has this session, which goes on under the new epoch; all others end.
    pub(super) async fn replace_unkept_password(
        &self,
        mut before: Entitlement,
        change: NewPassword<'_>,
    ) -> Result<Entitlement, PasswordError> {
        let origin = change.visitor.origin(self.env.now());
        let seen = change.user.epoch;
        let epoch = self
            .directory
            .replace_password(change.user.id, seen, change.password, &origin)
            .await?
            .ok_or(PasswordError::SessionOver)?;
        self.hear_own().await;
        before.user.epoch = epoch;
        before.session.user_epoch = epoch;
        Ok(before)
    }
}

/// The session of somebody who wants another password, as the token that they bear tells it.
pub(super) fn before(change: &NewPassword<'_>) -> Entitlement {
    let NewPassword {
        caller,
        session,
        user,
        client,
        ..
    } = change;
    let session = session_of(caller, *session, user.id);
    let (epoch, scope) = (caller.epochs.client, scope_of(caller));
    entitlement(user.clone(), session, client, epoch, scope)
}

/// A session of which nothing is kept: whose, how and when, and under which epochs. The grant is nowhere stored.
pub(super) fn entitlement(
    user: User,
    session: Session,
    client: &Client,
    client_epoch: u64,
    scope: Option<String>,
) -> Entitlement {
    let generations = Generations::first(session.auth_time, Network::default());
    let grant = Grant {
        handle: HandleHash([0; 32]),
        session: session.id,
        client: client.id.clone(),
        client_epoch,
        scope,
        style: client.style,
        generations,
    };
    Entitlement {
        user,
        session,
        grant,
    }
}

/// Why a token of such a session is not renewed.
pub(super) fn not_renewed(refused: &Refused) -> RefreshError {
    match refused {
        Refused::Revoked(Cause::Token) => RefreshError::Spent,
        Refused::Revoked(Cause::Subject) => RefreshError::Outdated,
        Refused::Revoked(_) => RefreshError::Stale,
        Refused::Token(countersign_jose::Refused::Expired { .. }) => RefreshError::Expired,
        Refused::Token(_) => RefreshError::Invalid,
    }
}

/// What its token permits.
pub(super) fn scope_of(token: &Claims) -> Option<String> {
    token.scope.as_ref().map(ToString::to_string)
}

/// The session as a token of it tells.
pub(super) fn session_of(token: &Claims, id: SessionId, user: UserId) -> Session {
    Session {
        id,
        user,
        user_epoch: token.epochs.subject,
        issuer_epoch: token.epochs.issuer,
        auth_time: Timestamp::from_secs(token.auth_time.unwrap_or(token.iat)),
        amr: token.amr.clone(),
        idle_end: id.absolute_end(),
        device: None,
        address: None,
    }
}
