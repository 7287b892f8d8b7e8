//! Texts that are worth stealing.

use std::{fmt, sync::Arc};

/// A secret or a token: neither shown nor written anywhere by accident.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The text, for whoever has to send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
