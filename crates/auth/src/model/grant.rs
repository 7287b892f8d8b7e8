//! A grant: what one client was given within a session, and the state of its renewal.

use serde::{Deserialize, Serialize};

use super::client::Style;
use super::id::{ClientId, SessionId};
use super::session::Session;
use super::user::User;
use crate::rotation::Generations;

/// SHA-256 of a refresh token's handle: how the grant's row is found. The handle itself is stored nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandleHash(pub [u8; 32]);

/// A grant, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// How it is found.
    pub handle: HandleHash,
    /// The session that it belongs to.
    pub session: SessionId,
    /// Whom it was given to.
    pub client: ClientId,
    /// The client's epoch at the time. Inherited unchanged by every token and renewal.
    pub client_epoch: u64,
    /// What it allows (RFC 6749 §3.3): space-separated, `None` for no scope.
    pub scope: Option<String>,
    /// How it is renewed.
    pub style: Style,
    /// The state of its renewal.
    pub generations: Generations,
}

/// All that issuing a token needs, read in the same step that allowed it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entitlement {
    /// Who.
    pub user: User,
    /// How and when they signed in.
    pub session: Session,
    /// What the client was given.
    pub grant: Grant,
}

/// A coarse name of the network that a request came from (IPv4 /24, IPv6 /48, hashed), kept to notice
/// one generation being retried from elsewhere. Zero: unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Network(pub u32);
