//! Private keys that came encrypted under a password (RFC 7517 §7, RFC 7518 §4.8).
//!
//! PBES2 is here for this alone, and never for tokens: how long deriving takes is the sender's
//! choice, and whoever imports a key of their own is no stranger. It is bounded all the same.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use zeroize::Zeroizing;

use super::{DecryptionKey, DecryptionKeySet, SigningKey};
use crate::header::is_media_type;
use crate::jwe::algorithm::{KW128, KW256, KeyWrap};
use crate::jwe::content::ContentKey;
use crate::jwe::header::{Header, Parameters};
use crate::jwe::{self, Recipient, wrap};
use crate::{Algorithm, ContentEncryption, KeyError, KeyManagement, Refused};

/// Rounds that are accepted: fewer protect no password (RFC 7518 §4.8.1.2), and a million take
/// about a second (CVE-2022-36083, CVE-2023-52428).
const MIN_ROUNDS: u32 = 1_000;
const MAX_ROUNDS: u32 = 1_000_000;

impl SigningKey {
    /// A private JWK that is encrypted under a password (RFC 7517 §7): a compact JWE with
    /// `PBES2-HS256+A128KW` or `PBES2-HS512+A256KW` (RFC 7518 §4.8) and 1,000 to 1,000,000 rounds.
    ///
    /// It takes as long as the text says, up to about a second: for keys of one's own, and never
    /// for what strangers send.
    ///
    /// # Errors
    /// [`KeyError::Rounds`] for another `p2c`, before anything is derived; [`KeyError::Locked`] if
    /// it does not open; otherwise as [`from_jwk`](Self::from_jwk).
    pub fn from_encrypted_jwk(token: &str, password: &[u8]) -> Result<Self, KeyError> {
        Self::from_jwk(&unlock(token, password, "jwk+json")?)
    }

    /// As [`from_encrypted_jwk`](Self::from_encrypted_jwk), for a key that does not name its
    /// algorithm (RFC 7517 §4.4, §7).
    ///
    /// # Errors
    /// As [`from_encrypted_jwk`](Self::from_encrypted_jwk) and [`from_jwk_for`](Self::from_jwk_for).
    pub fn from_encrypted_jwk_for(
        alg: Algorithm,
        token: &str,
        password: &[u8],
    ) -> Result<Self, KeyError> {
        Self::from_jwk_for(alg, &unlock(token, password, "jwk+json")?)
    }
}

impl DecryptionKey {
    /// A private JWK, or one of a shared secret, that is encrypted under a password, as
    /// [`SigningKey::from_encrypted_jwk`] takes it (RFC 7517 §7, RFC 7518 §4.8).
    ///
    /// # Errors
    /// As [`SigningKey::from_encrypted_jwk`], and [`from_jwk`](Self::from_jwk).
    pub fn from_encrypted_jwk(token: &str, password: &[u8]) -> Result<Self, KeyError> {
        Self::from_jwk(&unlock(token, password, "jwk+json")?)
    }

    /// As [`from_encrypted_jwk`](Self::from_encrypted_jwk), for a key that does not name its
    /// algorithm (RFC 7517 §4.4, §7).
    ///
    /// # Errors
    /// As [`from_encrypted_jwk`](Self::from_encrypted_jwk) and [`from_jwk_for`](Self::from_jwk_for).
    pub fn from_encrypted_jwk_for(
        alg: KeyManagement,
        token: &str,
        password: &[u8],
    ) -> Result<Self, KeyError> {
        Self::from_jwk_for(alg, &unlock(token, password, "jwk+json")?)
    }
}

impl DecryptionKeySet {
    /// A set of keys that is encrypted under a password (RFC 7517 §7), as
    /// [`SigningKey::from_encrypted_jwk`] takes a single key.
    ///
    /// # Errors
    /// As [`SigningKey::from_encrypted_jwk`], and [`from_json`](Self::from_json).
    pub fn from_encrypted_json(token: &str, password: &[u8]) -> Result<Self, KeyError> {
        Self::from_json(&unlock(token, password, "jwk-set+json")?)
    }
}

/// What is inside, if it does not claim to be something else than this (RFC 7517 §7).
fn unlock(token: &str, password: &[u8], cty: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    jwe::open(token, |header| {
        let other = |found: &str| !is_media_type(found, cty);
        if header.cty.as_deref().is_some_and(other) {
            return Err(Refused::Payload);
        }
        Password::of(header, password)
    })
    .map_err(|why| match why {
        Refused::Parameter("p2c") => KeyError::Rounds,
        Refused::Payload => KeyError::Json,
        why => KeyError::Locked(why),
    })
}

/// A way from a password to a key (RFC 7518 §4.8).
struct Scheme {
    alg: &'static str,
    hash: pbkdf2::Algorithm,
    wrap: KeyWrap,
}

/// `PBES2-HS384+A192KW` is not among them: the cryptographic library has no such key wrap.
static SCHEMES: [Scheme; 2] = [
    Scheme {
        alg: "PBES2-HS256+A128KW",
        hash: PBKDF2_HMAC_SHA256,
        wrap: KW128,
    },
    Scheme {
        alg: "PBES2-HS512+A256KW",
        hash: PBKDF2_HMAC_SHA512,
        wrap: KW256,
    },
];

/// A password, and what a header says about deriving.
struct Password<'p> {
    text: &'p [u8],
    scheme: &'static Scheme,
    rounds: NonZeroU32,
    salt: Vec<u8>,
}

impl<'p> Password<'p> {
    fn of(header: &Header<'_>, password: &'p [u8]) -> Result<Self, Refused> {
        let scheme = SCHEMES.iter().find(|scheme| scheme.alg == header.alg);
        let scheme = scheme.ok_or(match &*header.alg {
            "PBES2-HS384+A192KW" => Refused::KeyWrap192,
            _ => Refused::UnknownAlgorithm,
        })?;
        let rounds = header.parameters.p2c.number();
        let rounds = rounds
            .and_then(|rounds| u32::try_from(rounds).ok())
            .filter(|rounds| (MIN_ROUNDS..=MAX_ROUNDS).contains(rounds))
            .and_then(NonZeroU32::new)
            .ok_or(Refused::Parameter("p2c"))?;
        // RFC 7518 §4.8.1.1: the name, a zero octet, and what the header has.
        let salt = header.parameters.salt()?;
        let salt = [scheme.alg.as_bytes(), &[0], &salt].concat();
        Ok(Self {
            text: password,
            scheme,
            rounds,
            salt,
        })
    }
}

impl Recipient for Password<'_> {
    fn encrypted_key_len(&self, enc: ContentEncryption) -> usize {
        enc.key_len() + wrap::WRAP_OVERHEAD
    }

    fn content_key(
        &self,
        enc: ContentEncryption,
        _: &Parameters<'_>,
        encrypted: &[u8],
    ) -> Result<ContentKey, Refused> {
        let mut secret = Zeroizing::new([0; KW256.len]);
        let secret = &mut secret[..self.scheme.wrap.len];
        pbkdf2::derive(self.scheme.hash, self.rounds, &self.salt, self.text, secret);
        let mut key = ContentKey::blank(enc);
        // Whoever types a password may know at once that it is wrong.
        wrap::unwrap(&self.scheme.wrap, secret, encrypted, key.as_mut())
            .map_err(|_| Refused::Decryption)?;
        Ok(key)
    }
}
