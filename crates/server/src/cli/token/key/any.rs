//! A key of any kind: private or public, to sign with or to encrypt to.

use countersign_jose::{Algorithm, KeyError, SigningKey, VerifyingKey};
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::super::TokenError;
use super::super::key_file::{Form, KeyFile, algorithm};
use super::super::members::Members;

/// A key of any kind.
pub(super) enum AnyKey {
    Signing(SigningKey),
    Verifying(VerifyingKey),
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum To {
    /// JSON Web Key (RFC 7517)
    Jwk,
    /// Text between BEGIN and END: PKCS#8, or SubjectPublicKeyInfo
    Pem,
    /// The same in bytes
    Der,
}

/// Whose algorithm is not said, and does not matter: that of every RSA key.
const ANY_RSA: Algorithm = Algorithm::RS256;

impl AnyKey {
    /// The keys of a file, and whether it is a set.
    pub(super) fn read(
        file: &KeyFile,
        alg: Option<Algorithm>,
    ) -> Result<(Vec<Self>, bool), KeyError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Members>,
        }
        let bytes = file.bytes();
        let one = match Form::of(bytes) {
            Form::JwkSet => {
                let set: Set = serde_json::from_slice(bytes).map_err(|_| KeyError::Json)?;
                let keys = set.keys.iter().map(|key| {
                    let json = serde_json::to_vec(key).map_err(|_| KeyError::Json)?;
                    Self::of_jwk(&Zeroizing::new(json), alg)
                });
                return Ok((keys.collect::<Result<_, _>>()?, true));
            }
            Form::Jwk => Self::of_jwk(bytes, alg)?,
            Form::Pem(text) if text.contains("PRIVATE KEY-----") => {
                Self::Signing(algorithm(alg, |alg| SigningKey::from_pem(alg, text))?)
            }
            Form::Pem(text) => {
                Self::Verifying(algorithm(alg, |alg| VerifyingKey::from_pem(alg, text))?)
            }
            Form::Der | Form::LockedJwk(_) => algorithm(alg, |alg| {
                let private = SigningKey::from_der(alg, bytes).map(Self::Signing);
                private.or_else(|_| VerifyingKey::from_der(alg, bytes).map(Self::Verifying))
            })?,
        };
        Ok((vec![one], false))
    }

    fn of_jwk(json: &[u8], alg: Option<Algorithm>) -> Result<Self, KeyError> {
        /// What makes a key private.
        #[derive(Deserialize)]
        struct Outline {
            #[serde(rename = "d", alias = "k", alias = "priv")]
            secret: Option<IgnoredAny>,
        }
        let outline: Outline = serde_json::from_slice(json).map_err(|_| KeyError::Json)?;
        match (outline.secret, alg) {
            (Some(_), None) => SigningKey::from_jwk(json).map(Self::Signing),
            (Some(_), Some(alg)) => SigningKey::from_jwk_for(alg, json).map(Self::Signing),
            (None, None) => VerifyingKey::from_jwk(json).map(Self::Verifying),
            (None, Some(alg)) => VerifyingKey::from_jwk_for(alg, json).map(Self::Verifying),
        }
    }

    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Signing(_))
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Signing(key) => key.algorithm().name(),
            Self::Verifying(key) => key.algorithm().name(),
        }
    }

    pub(super) fn kid(&self) -> Option<&str> {
        match self {
            Self::Signing(key) => key.kid(),
            Self::Verifying(key) => key.kid(),
        }
    }

    pub(super) fn with_kid(self, kid: &str) -> Self {
        match self {
            Self::Signing(key) => Self::Signing(key.with_kid(kid)),
            Self::Verifying(key) => Self::Verifying(key.with_kid(kid)),
        }
    }

    /// The public half. A shared secret has none.
    pub(super) fn public(&self) -> Result<Self, KeyError> {
        let key = match self {
            Self::Signing(key) => key.verifying_key(),
            Self::Verifying(key) => key.clone(),
        };
        if key.algorithm().is_symmetric() {
            return Err(KeyError::NoSuchForm);
        }
        Ok(Self::Verifying(key))
    }

    pub(super) fn thumbprint(&self) -> Option<String> {
        match self {
            Self::Signing(key) => key.verifying_key().thumbprint(),
            Self::Verifying(key) => key.thumbprint(),
        }
    }

    /// The whole key, secret members included, with a line break behind a text.
    pub(super) fn write(&self, to: To) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let text = match (self, to) {
            (Self::Signing(key), To::Jwk) => key.to_jwk()?,
            (Self::Signing(key), To::Pem) => key.to_pem()?,
            (Self::Signing(key), To::Der) => return key.to_pkcs8_der(),
            (Self::Verifying(key), To::Jwk) => {
                let jwk = key.public_jwk().ok_or(KeyError::NoSuchForm)?;
                let json = serde_json::to_string(&jwk).map_err(|_| KeyError::Failed)?;
                Zeroizing::new(json)
            }
            (Self::Verifying(key), To::Pem) => Zeroizing::new(key.to_pem()?),
            (Self::Verifying(key), To::Der) => return Ok(Zeroizing::new(key.to_der()?)),
        };
        let text = text.trim_end();
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 1));
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The keys of a file, for something to which the algorithm does not matter.
pub(super) fn read_whatever_algorithm(
    file: &KeyFile,
    alg: Option<Algorithm>,
) -> Result<(Vec<AnyKey>, bool), TokenError> {
    AnyKey::read(file, alg)
        .or_else(|error| match error {
            KeyError::AlgorithmNeeded if alg.is_none() => AnyKey::read(file, Some(ANY_RSA)),
            error => Err(error),
        })
        .map_err(|error| failed(file, error))
}

/// Why a file's keys cannot be taken.
pub(super) fn failed(file: &KeyFile, error: KeyError) -> TokenError {
    let hint = match error {
        KeyError::AlgorithmNeeded => "; say it: --alg",
        _ => "",
    };
    TokenError::Key {
        source_name: file.name(),
        error,
        hint,
    }
}
