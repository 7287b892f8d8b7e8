//! Sessions of which the server keeps nothing (`stateless`, `sliding`): what is known of one is what its token says.

use countersign_guard::Claims;

use crate::env::Timestamp;
use crate::model::client::Client;
use crate::model::grant::{Entitlement, Grant, HandleHash, Network};
use crate::model::id::{SessionId, UserId};
use crate::model::session::Session;
use crate::model::user::User;
use crate::rotation::Generations;

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
