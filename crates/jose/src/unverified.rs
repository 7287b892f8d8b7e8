//! A token that nobody has checked yet.

use std::marker::PhantomData;

use crate::compact::Compact;
use crate::{Algorithm, Refused};

/// A token before verification (RFC 8725 §3.10). It shows what finding a key takes, and nothing
/// else: the payload cannot be read from it.
#[derive(Clone, Debug)]
pub struct Unverified<'t> {
    alg: Algorithm,
    kid: Option<Box<str>>,
    token: PhantomData<&'t str>,
}

impl<'t> Unverified<'t> {
    /// Looks at the shape and at the header of a token (RFC 7515 §4, §7.1). Of an encrypted one it
    /// shows nothing ([`Refused::Encrypted`]): verify that first, and see
    /// [`manual::rotation`](crate::manual::rotation).
    ///
    /// # Errors
    /// [`Refused`], for what would be refused before a key is looked for.
    pub fn parse(token: &'t str) -> Result<Self, Refused> {
        Compact::split(token)?.with_header(|header| {
            Ok(Self {
                alg: header.alg,
                kid: header.kid.map(Into::into),
                token: PhantomData,
            })
        })
    }

    /// The key id that the token claims (RFC 7515 §4.1.4). Anybody could have written it: compare
    /// it with known ids, and do nothing else with it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm that the token claims (RFC 7515 §4.1.1).
    #[must_use]
    pub fn alg(&self) -> Algorithm {
        self.alg
    }
}
