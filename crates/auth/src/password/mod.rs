//! Passwords: what is accepted, how they are kept, and the threads that hash them.

mod argon;
mod common;
mod crypt;
pub mod hash;
pub mod hasher;
mod memory;
mod pepper;
mod policy;
mod settings;

use std::fmt;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroizing;

pub use hash::{HashBounds, PasswordHash, UnreadableHash};
pub use hasher::{HashError, Hasher, HasherError, HasherStats, Verdict};
pub use memory::HashMemory;
pub use pepper::{InvalidPepper, Pepper};
pub use policy::{MAX_LENGTH, PasswordPolicyError};
pub use settings::{HashAlgorithm, InvalidPasswordSettings, PasswordSettings};

/// Longest text that is looked at, in bytes: longer ones are refused before any work is done on them. Decomposed
/// letters shrink when they are normalised, so this is more than [`MAX_LENGTH`] characters need afterwards.
const MAX_RAW_BYTES: usize = 4 * 1024;

/// A password as a person typed it, in Unicode's composed form (NFC), so that two keyboards that spell one letter
/// differently agree. Never shown, never stored, wiped when dropped.
#[derive(Clone)]
pub struct Password {
    /// `None`: too long to be anybody's password.
    text: Option<Zeroizing<String>>,
}

impl Password {
    /// Takes the text over. A text of more than 256 characters or 4 KiB is wiped at once: such a password is refused by
    /// the policy, and matches nothing.
    #[must_use]
    pub fn new(text: String) -> Self {
        let typed = Zeroizing::new(text);
        if typed.len() > MAX_RAW_BYTES {
            return Self { text: None };
        }
        let text = if is_nfc(&typed) {
            typed
        } else {
            // Room for the longest possible result, so that growing leaves no copies behind.
            let mut composed = Zeroizing::new(String::with_capacity(3 * typed.len()));
            composed.extend(typed.nfc());
            composed
        };
        let fits = text.chars().count() <= MAX_LENGTH;
        Self {
            text: fits.then_some(text),
        }
    }

    /// The composed text, unless it is too long.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_ref().map(|text| text.as_str())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password as stored: a PHC string (`$argon2id$…`), a bcrypt string (`$2b$…`, `$bcrypt-sha256$…`), either under a
/// pepper (`{pepper-id}$…`).
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword(Zeroizing<String>);

impl StoredPassword {
    /// From what a store kept, or from an import.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for a store. Not for anything else.
    #[must_use]
    pub fn as_stored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredPassword(…)")
    }
}
