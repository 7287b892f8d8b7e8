//! What a service client proves itself with (RFC 6749 §2.3.1): shown once, and kept as a hash.
//!
//! A secret is 256 random bits, so a fast hash is enough: there is no list of likely ones to try.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::id::ClientId;
use crate::env::{Env, Timestamp};

const PREFIX: &str = "css_";

/// A secret as its client holds it, or what somebody says is one.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// A new one.
    #[must_use]
    pub fn random(env: &Env) -> Self {
        let bytes = Zeroizing::new(env.random::<32>());
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 43));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_append(bytes.as_slice(), &mut *text);
        Self(text)
    }

    /// What somebody presents; it may be anything.
    #[must_use]
    pub fn presented(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// As it is kept.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        SecretHash(hash)
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// SHA-256 of a secret's text.
#[derive(Clone)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// From the bytes that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In constant time, whatever the two are.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A secret as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Whose.
    pub client: ClientId,
    /// What of it is kept.
    pub hash: SecretHash,
    /// Since when it is good, and until when if another has taken its place.
    pub span: SecretSpan,
}

/// What may be shown of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSpan {
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None`: not of itself.
    pub ends_at: Option<Timestamp>,
}

impl SecretSpan {
    /// Whether it is still good.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }
}
