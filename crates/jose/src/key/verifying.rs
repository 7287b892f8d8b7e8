//! Keys that verify.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::MAX_OUTPUT_LEN;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;

use super::confusion::is_key_text;
use super::jwk::{Jwk, KeyType, Operation};
use super::public::PublicNumbers;
use super::{PublicJwk, pem};
use crate::algorithm::Family;
use crate::{Algorithm, KeyError};

/// A key that verifies signatures of exactly one algorithm (RFC 8725 §3.1): a public key, or a
/// shared secret.
///
/// It is parsed once; a clone shares it. With an HMAC algorithm whoever has this key can also sign,
/// so it is as secret as the signing key: it has no public form, and `Debug` shows nothing of it.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    alg: Algorithm,
    kid: Option<Box<str>>,
    /// `,"kid":"…"` for a header, or nothing.
    kid_member: Box<str>,
    check: Check,
}

#[derive(Clone)]
enum Check {
    Mac(Arc<hmac::Key>),
    Public {
        parsed: ParsedPublicKey,
        numbers: PublicNumbers,
    },
}

impl VerifyingKey {
    /// A shared secret for one of the HMAC algorithms (RFC 7518 §3.2).
    ///
    /// # Errors
    /// [`KeyError::WrongAlgorithm`] if `alg` is not one of them, [`KeyError::SecretTooShort`] if
    /// the secret is shorter than its hash, [`KeyError::SecretIsAKey`] if it is the text of a key.
    pub fn hmac(alg: Algorithm, secret: &[u8], kid: Option<&str>) -> Result<Self, KeyError> {
        let Family::Hmac { mac, tag_len } = alg.family() else {
            return Err(KeyError::WrongAlgorithm(alg));
        };
        if secret.len() < *tag_len {
            return Err(KeyError::SecretTooShort { needed: *tag_len });
        }
        if is_key_text(secret) {
            return Err(KeyError::SecretIsAKey);
        }
        let key = hmac::Key::new(*mac, secret);
        Ok(Self::assemble(alg, kid, Check::Mac(Arc::new(key))))
    }

    /// The prepared HMAC key, which signs as well as it verifies.
    pub(super) fn mac(&self) -> Option<&Arc<hmac::Key>> {
        match &self.0.check {
            Check::Mac(key) => Some(key),
            Check::Public { .. } => None,
        }
    }

    /// A public key from a JWK (RFC 7517 §4); of a private one, the public half.
    ///
    /// The algorithm is what `alg` says, or what `crv` leaves no choice about. Without a `kid` the
    /// thumbprint becomes the key id.
    ///
    /// # Errors
    /// Whatever [`KeyError`] says about JWKs, their numbers and their use; for `kty` `oct`
    /// [`KeyError::SecretInPublicSet`]: a secret is taken by
    /// [`from_secret_jwk`](Self::from_secret_jwk), on purpose.
    pub fn from_jwk(json: &[u8]) -> Result<Self, KeyError> {
        Self::read_public_jwk(&Jwk::parse(json)?, None)
    }

    /// As [`from_jwk`](Self::from_jwk), for a key that does not name its algorithm (RFC 7517 §4.4),
    /// as many RSA keys do not.
    ///
    /// # Errors
    /// As [`from_jwk`](Self::from_jwk); [`KeyError::WrongAlgorithm`] if the key names another one.
    pub fn from_jwk_for(alg: Algorithm, json: &[u8]) -> Result<Self, KeyError> {
        Self::read_public_jwk(&Jwk::parse(json)?, Some(alg))
    }

    /// A shared secret from a JWK of `kty` `oct` (RFC 7518 §6.4). It must name its algorithm.
    ///
    /// # Errors
    /// As [`hmac`](Self::hmac), and whatever [`KeyError`] says about JWKs.
    pub fn from_secret_jwk(json: &[u8]) -> Result<Self, KeyError> {
        Self::read_secret_jwk(&Jwk::parse(json)?)
    }

    pub(super) fn read_public_jwk(
        jwk: &Jwk<'_>,
        given: Option<Algorithm>,
    ) -> Result<Self, KeyError> {
        if jwk.key_type()? == KeyType::Oct {
            return Err(KeyError::SecretInPublicSet);
        }
        jwk.permits(Operation::Verify)?;
        let alg = jwk.algorithm(given)?;
        Self::public(alg, jwk.kid()?, PublicNumbers::from_jwk(jwk)?)
    }

    pub(super) fn read_secret_jwk(jwk: &Jwk<'_>) -> Result<Self, KeyError> {
        jwk.permits(Operation::Verify)?;
        let alg = jwk.algorithm(None)?;
        if jwk.key_type()? != KeyType::Oct {
            return Err(KeyError::UnknownType);
        }
        Self::hmac(alg, &jwk.k.secret("k")?, jwk.kid()?)
    }

    /// A public key from PEM (RFC 7468 §2): `PUBLIC KEY` (`SubjectPublicKeyInfo`, §13) or
    /// `RSA PUBLIC KEY` (PKCS#1). The thumbprint becomes the key id.
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Der`], or what is wrong with the numbers.
    pub fn from_pem(alg: Algorithm, text: &str) -> Result<Self, KeyError> {
        Self::from_der(alg, &pem::public(text)?)
    }

    /// A public key from DER: `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7) or, for RSA, PKCS#1
    /// (RFC 8017 appendix A.1.1). The thumbprint becomes the key id.
    ///
    /// # Errors
    /// [`KeyError::Der`], [`KeyError::WrongAlgorithm`], or what is wrong with the numbers.
    pub fn from_der(alg: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        Self::public(alg, None, PublicNumbers::from_der(der)?)
    }

    pub(super) fn public(
        alg: Algorithm,
        kid: Option<&str>,
        numbers: PublicNumbers,
    ) -> Result<Self, KeyError> {
        let parsed = numbers.parse_for(alg)?;
        let thumbprint;
        let kid = if let Some(kid) = kid {
            kid
        } else {
            thumbprint = numbers.thumbprint();
            &thumbprint
        };
        Ok(Self::assemble(
            alg,
            Some(kid),
            Check::Public { parsed, numbers },
        ))
    }

    fn assemble(alg: Algorithm, kid: Option<&str>, check: Check) -> Self {
        let kid_member = kid.map(|kid| format!(",\"kid\":{}", serde_json::Value::from(kid)));
        Self(Arc::new(Inner {
            alg,
            kid: kid.map(Into::into),
            kid_member: kid_member.unwrap_or_default().into(),
            check,
        }))
    }

    /// The same key under another key id (RFC 7517 §4.5).
    #[must_use]
    pub fn with_kid(&self, kid: &str) -> Self {
        Self::assemble(self.0.alg, Some(kid), self.0.check.clone())
    }

    /// The one algorithm this key is for (RFC 7517 §4.4).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.0.alg
    }

    /// The key id (RFC 7517 §4.5); only shared secrets may have none.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// The public key as a JWK (RFC 7517 §4); `None` for a shared secret, which has no public form.
    #[must_use]
    pub fn public_jwk(&self) -> Option<PublicJwk> {
        match &self.0.check {
            Check::Public { numbers, .. } => {
                Some(numbers.to_jwk(self.0.alg.name(), "sig", self.kid()))
            }
            Check::Mac(_) => None,
        }
    }

    /// The SHA-256 thumbprint of RFC 7638, base64url; `None` for a shared secret, of which it
    /// would allow a guess to be checked (RFC 7638 §7).
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        match &self.0.check {
            Check::Public { numbers, .. } => Some(numbers.thumbprint()),
            Check::Mac(_) => None,
        }
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError::NoSuchForm`] for a shared secret.
    pub fn to_der(&self) -> Result<Vec<u8>, KeyError> {
        match &self.0.check {
            Check::Public { parsed, .. } => {
                let der: PublicKeyX509Der<'_> = parsed.as_der().map_err(|_| KeyError::Failed)?;
                Ok(der.as_ref().to_vec())
            }
            Check::Mac(_) => Err(KeyError::NoSuchForm),
        }
    }

    /// `SubjectPublicKeyInfo` as PEM (RFC 7468 §13).
    ///
    /// # Errors
    /// [`KeyError::NoSuchForm`] for a shared secret.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.to_der().map(|der| pem::encode_public(&der))
    }

    /// `,"kid":"…"` for a header, or nothing.
    pub(crate) fn kid_member(&self) -> &str {
        &self.0.kid_member
    }

    /// Whether the signature holds. MACs are compared in constant time; every signature must have
    /// exactly its algorithm's length (RFC 7518 §3.4, RFC 8017 §8.2.2, RFC 8032 §5.1.7, FIPS 204
    /// §3.6.2).
    pub(crate) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0.check {
            // As `hmac::verify` does, but for one copy of the whole state.
            Check::Mac(key) => hmac::sign_to_buffer(key, message, &mut [0; MAX_OUTPUT_LEN])
                .and_then(|mac| verify_slices_are_equal(mac, signature))
                .is_ok(),
            Check::Public { parsed, .. } => parsed.verify_sig(message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("alg", &self.0.alg)
            .field("kid", &self.0.kid)
            .finish_non_exhaustive()
    }
}
