//! A user, and what may be changed about one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::id::UserId;
use crate::env::Timestamp;
use crate::password::StoredPassword;

/// A person (or whatever signs in with a password). Holds no secret: it can be shown, exported and logged by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The `sub` of every token about them.
    pub id: UserId,
    /// Normalised address (see [`crate::identifier`]), unique.
    pub email: String,
    /// Normalised name to sign in with, unique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Roles, sorted, without duplicates.
    pub roles: Vec<String>,
    /// An operator's own fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// A disabled user keeps everything but can do nothing.
    pub enabled: bool,
    /// Raised by whatever must end all their sessions and tokens; see the revocation log.
    pub epoch: u64,
    /// When they registered.
    pub created_at: Timestamp,
    /// When this row last changed.
    pub updated_at: Timestamp,
}

/// A user to be added, already normalised and checked.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// As in [`User`].
    pub id: UserId,
    /// As in [`User`].
    pub email: String,
    /// As in [`User`].
    pub username: Option<String>,
    /// As in [`User`].
    pub name: Option<String>,
    /// As in [`User`].
    pub roles: Vec<String>,
    /// As in [`User`].
    pub attributes: Map<String, Value>,
    /// The hash; a user without one cannot sign in with a password.
    pub password: Option<StoredPassword>,
    /// Registration time.
    pub at: Timestamp,
}

/// What to change about a user: `None` leaves a field as it is, `Some(None)` empties it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserChange {
    /// A new address.
    pub email: Option<String>,
    /// A new name to sign in with.
    pub username: Option<Option<String>>,
    /// A new name.
    pub name: Option<Option<String>>,
    /// All roles anew.
    pub roles: Option<Vec<String>>,
    /// Attributes to set (a value) or to remove (`null`), one by one.
    pub attributes: Map<String, Value>,
}

/// What someone types to say who they are, normalised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// An address (it holds an `@`).
    Email(String),
    /// A name.
    Username(String),
}

/// A user with what proves that it is them.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Who.
    pub user: User,
    /// The hash to check against, if they have one.
    pub password: Option<StoredPassword>,
}
