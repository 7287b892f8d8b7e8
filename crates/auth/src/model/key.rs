//! A key as stored: sealed, with the state that its schedule has brought it to.

use serde::{Deserialize, Serialize};

use super::id::KeyId;
use crate::env::Timestamp;

/// What a key is for. Keys of one purpose never serve another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPurpose {
    /// Signs access tokens; its public half is in the key set.
    Signing,
    /// Makes refresh tokens (HMAC-SHA-256); never leaves the server.
    Refresh,
    /// Signs the refresh tokens of the style `stateless` (HS256); never leaves the server.
    Stateless,
    /// Makes device cookies (HMAC-SHA-256); never leaves the server.
    Device,
}

/// Where a key is in its life. A key only moves downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, for as long as verifiers may cache a key set, but not yet used.
    Staged,
    /// The one that signs.
    Active,
    /// Signs no more, still verifies, until its last token has expired.
    Retired,
    /// Taken out in an emergency: a tombstone without key material, so that it cannot return.
    Removed,
}

/// A key as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredKey {
    /// Its row.
    pub id: KeyId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// The algorithm's name (RFC 7518 §3.1), `HS256` for the keys that never leave the server.
    pub algorithm: String,
    /// The `kid` of what it signs; for keys that never leave the server the id's text.
    pub kid: String,
    /// The private key, sealed under the master key; empty for a tombstone.
    pub sealed: Vec<u8>,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it came to its present state.
    pub since: Timestamp,
}
