//! A session: who signed in, how and when, and until when it may last.

use serde::{Deserialize, Serialize};

use super::id::{ClientId, SessionId, UserId};
use crate::env::Timestamp;

/// A session, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The user's epoch that the sign-in saw. Inherited unchanged by every token and renewal.
    pub user_epoch: u64,
    /// The issuer's epoch at sign-in. Inherited likewise.
    pub issuer_epoch: u64,
    /// When the user proved who they are: `auth_time` (OpenID Connect Core §2).
    pub auth_time: Timestamp,
    /// How: `amr` values (RFC 8176 §2), `pwd` for a password.
    pub amr: Vec<String>,
    /// When it ends unless it is used before.
    pub idle_end: Timestamp,
    /// The device as its user would recognise it: the `User-Agent`, cut to 256 bytes.
    pub device: Option<String>,
    /// The network address of the sign-in.
    pub address: Option<String>,
}

impl Session {
    /// When it ends whatever happens (part of its id).
    #[must_use]
    pub fn absolute_end(&self) -> Timestamp {
        self.id.absolute_end()
    }
}

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionView {
    /// Names it in `DELETE /v1/me/sessions/{id}`.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The applications that it signed in to.
    pub clients: Vec<ClientId>,
    /// When the user signed in.
    pub auth_time: Timestamp,
    /// How.
    pub amr: Vec<String>,
    /// When it was last renewed (or began).
    pub last_used_at: Timestamp,
    /// When it ends unless it is used before.
    pub idle_end: Timestamp,
    /// When it ends whatever happens.
    pub absolute_end: Timestamp,
    /// The `User-Agent` of the sign-in.
    pub device: Option<String>,
    /// The address of the sign-in.
    pub address: Option<String>,
}
