//! Passwords: what is accepted, how they are kept, and the threads that hash them.

use std::fmt;

use zeroize::Zeroizing;

/// A password as a person typed it. Never shown, never stored, wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password as stored: a PHC string (`$argon2id$…`), a bcrypt string (`$2b$…`), either under a pepper
/// (`{pepper-id}$…`).
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
