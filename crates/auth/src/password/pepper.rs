//! The pepper: a secret outside the database, without which its hashes cannot even be guessed at.

use std::fmt;

use aws_lc_rs::hmac;
use base64_simd::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// Fewest bytes of a pepper's secret.
const MIN_SECRET: usize = 16;

/// The secret that is mixed into each password before it is hashed (HMAC-SHA-256), and older ones that stored hashes
/// may still be under. Its id stands in front of the stored hash: `{id}$argon2id$…`.
#[derive(Clone)]
pub struct Pepper {
    /// The first is mixed into new hashes.
    keys: Vec<(Box<str>, hmac::Key)>,
}

/// A text or secret that cannot serve as a pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPepper {
    /// Its id cannot stand in a stored hash.
    #[error("the id of a pepper must be 1 to 32 characters of a-z, A-Z, 0-9, '-' and '_'")]
    Id,
    /// It could be guessed.
    #[error("the secret of a pepper must have at least 16 bytes, better 32, from a random source")]
    TooShort,
    /// Two peppers of one name.
    #[error("two peppers have the same id")]
    Twice,
}

impl Pepper {
    /// The pepper of new hashes.
    ///
    /// # Errors
    /// If the id or the secret will not do.
    pub fn new(id: &str, secret: &[u8]) -> Result<Self, InvalidPepper> {
        Self { keys: Vec::new() }.with_older(id, secret)
    }

    /// A pepper of earlier days: hashes under it are still checked, and re-hashed when their owner signs in.
    ///
    /// # Errors
    /// If the id or the secret will not do.
    pub fn with_older(mut self, id: &str, secret: &[u8]) -> Result<Self, InvalidPepper> {
        let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(1..=32).contains(&id.len()) || !id.bytes().all(alphabet) {
            return Err(InvalidPepper::Id);
        }
        if secret.len() < MIN_SECRET {
            return Err(InvalidPepper::TooShort);
        }
        if self.knows(id) {
            return Err(InvalidPepper::Twice);
        }
        self.keys
            .push((id.into(), hmac::Key::new(hmac::HMAC_SHA256, secret)));
        Ok(self)
    }

    /// The id of the pepper of new hashes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.keys[0].0
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.key(id).is_some()
    }

    /// What is hashed in place of the password: 43 characters, so that bcrypt sees no NUL and nothing to cut.
    pub(super) fn mix(&self, id: &str, password: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let tag = hmac::sign(self.key(id)?, password);
        let text = STANDARD_NO_PAD.encode_to_string(tag.as_ref());
        Some(Zeroizing::new(text.into_bytes()))
    }

    fn key(&self, id: &str) -> Option<&hmac::Key> {
        let known = self.keys.iter().find(|(known, _)| **known == *id);
        known.map(|(_, key)| key)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|(id, _)| id))
            .finish()
    }
}
