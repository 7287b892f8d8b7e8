//! A key of any kind: private or public, to sign with or to encrypt to.

use countersign_jose::{
    Algorithm, ContentEncryption, DecryptionKey, EncryptionKey, KeyError, KeyManagement, PublicJwk,
    SigningKey, VerifyingKey,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::cli::token::TokenError;
use crate::cli::token::key_file::{Form, KeyFile, algorithm, jwks_of};
use crate::cli::token::names::Purpose;
use crate::cli::token::unlock::Unlock;

/// A key of any kind. A shared secret is [`Signing`](Self::Signing) or [`Decryption`](Self::Decryption).
pub(super) enum AnyKey {
    Signing(SigningKey),
    Verifying(VerifyingKey),
    Decryption(DecryptionKey),
    Encryption(EncryptionKey),
}

/// What a file holds.
pub(super) enum Keys {
    One(AnyKey),
    Set(Vec<AnyKey>),
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum To {
    /// JSON Web Key (RFC 7517)
    Jwk,
    /// Text between BEGIN and END: PKCS#8, or SubjectPublicKeyInfo
    Pem,
    /// The same in bytes
    Der,
}

/// Purposes to try where a key does not say its own and it does not matter: all RSA keys look
/// alike, and so do all keys to agree with.
const WHATEVER: [Purpose; 2] = [
    Purpose::Signature(Algorithm::RS256),
    Purpose::Encryption(KeyManagement::EcdhEs),
];

impl Keys {
    /// Reads a file whose keys say what they are for, or of which it is said here.
    pub(super) fn read(
        file: &KeyFile,
        purpose: Option<Purpose>,
        unlock: &Unlock,
    ) -> Result<Self, TokenError> {
        let unlocked = match Form::of(file.bytes()) {
            Form::LockedJwk(text) => return AnyKey::unlock(file, text, purpose, unlock),
            other => Self::read_form(&other, file.bytes(), purpose),
        };
        unlocked.map_err(|error| file.unusable(error))
    }

    /// As `read`, where it does not matter what the keys are for.
    pub(super) fn read_for_whatever(
        file: &KeyFile,
        purpose: Option<Purpose>,
        unlock: &Unlock,
    ) -> Result<Self, TokenError> {
        let first = match Self::read(file, purpose, unlock) {
            Err(error) if purpose.is_none() => error,
            read => return read,
        };
        WHATEVER
            .into_iter()
            .find_map(|purpose| {
                let form = Form::of(file.bytes());
                Self::read_form(&form, file.bytes(), Some(purpose)).ok()
            })
            .ok_or(first)
    }

    fn read_form(
        form: &Form<'_>,
        bytes: &[u8],
        purpose: Option<Purpose>,
    ) -> Result<Self, KeyError> {
        let key = match form {
            Form::JwkSet => {
                let keys = jwks_of(bytes)?;
                let keys = keys.iter().map(|key| AnyKey::of_jwk(key, purpose));
                return Ok(Self::Set(keys.collect::<Result<_, _>>()?));
            }
            Form::Jwk => AnyKey::of_jwk(bytes, purpose)?,
            Form::Pem(text) => AnyKey::of_pem(text, purpose)?,
            Form::Der | Form::LockedJwk(_) => AnyKey::of_der(bytes, purpose)?,
        };
        Ok(Self::One(key))
    }
}

impl AnyKey {
    fn of_jwk(json: &[u8], purpose: Option<Purpose>) -> Result<Self, KeyError> {
        let outline: Outline = serde_json::from_slice(json).map_err(|_| KeyError::Json)?;
        let is_secret = outline.secret.is_some();
        match purpose {
            Some(Purpose::Signature(alg)) if is_secret => {
                SigningKey::from_jwk_for(alg, json).map(Self::Signing)
            }
            Some(Purpose::Signature(alg)) => {
                VerifyingKey::from_jwk_for(alg, json).map(Self::Verifying)
            }
            Some(Purpose::Encryption(alg)) if is_secret => {
                DecryptionKey::from_jwk_for(alg, json).map(Self::Decryption)
            }
            Some(Purpose::Encryption(alg)) => {
                EncryptionKey::from_jwk_for(alg, json).map(Self::Encryption)
            }
            None => match (outline.is_to_encrypt(), is_secret) {
                (false, true) => SigningKey::from_jwk(json).map(Self::Signing),
                (false, false) => VerifyingKey::from_jwk(json).map(Self::Verifying),
                (true, true) => DecryptionKey::from_jwk(json).map(Self::Decryption),
                (true, false) => EncryptionKey::from_jwk(json).map(Self::Encryption),
            },
        }
    }

    fn of_pem(text: &str, purpose: Option<Purpose>) -> Result<Self, KeyError> {
        let is_secret = text.contains("PRIVATE KEY-----");
        match purpose {
            Some(Purpose::Encryption(alg)) if is_secret => {
                DecryptionKey::from_pem(alg, text).map(Self::Decryption)
            }
            Some(Purpose::Encryption(alg)) => {
                EncryptionKey::from_pem(alg, text).map(Self::Encryption)
            }
            signature if is_secret => {
                let read = |alg| SigningKey::from_pem(alg, text).map(Self::Signing);
                algorithm(signature_of(signature), read)
            }
            signature => {
                let read = |alg| VerifyingKey::from_pem(alg, text).map(Self::Verifying);
                algorithm(signature_of(signature), read)
            }
        }
    }

    fn of_der(der: &[u8], purpose: Option<Purpose>) -> Result<Self, KeyError> {
        match purpose {
            Some(Purpose::Encryption(alg)) => DecryptionKey::from_der(alg, der)
                .map(Self::Decryption)
                .or_else(|_| EncryptionKey::from_der(alg, der).map(Self::Encryption)),
            signature => algorithm(signature_of(signature), |alg| {
                SigningKey::from_der(alg, der)
                    .map(Self::Signing)
                    .or_else(|_| VerifyingKey::from_der(alg, der).map(Self::Verifying))
            }),
        }
    }

    /// What it is for, only its inside says: so it is tried.
    fn unlock(
        file: &KeyFile,
        text: &str,
        purpose: Option<Purpose>,
        unlock: &Unlock,
    ) -> Result<Keys, TokenError> {
        let password = unlock.password()?;
        let password = password.expose().as_bytes();
        let key = match purpose {
            Some(Purpose::Signature(alg)) => {
                SigningKey::from_encrypted_jwk_for(alg, text, password).map(Self::Signing)
            }
            Some(Purpose::Encryption(alg)) => {
                DecryptionKey::from_encrypted_jwk_for(alg, text, password).map(Self::Decryption)
            }
            None => SigningKey::from_encrypted_jwk(text, password)
                .map(Self::Signing)
                .or_else(|error| match error {
                    KeyError::Locked(_) | KeyError::Rounds => Err(error),
                    _ => DecryptionKey::from_encrypted_jwk(text, password).map(Self::Decryption),
                }),
        };
        key.map(Keys::One).map_err(|error| file.unusable(error))
    }

    /// Whether nobody else may see it.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Signing(_) | Self::Decryption(_))
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Signing(key) => key.algorithm().name(),
            Self::Verifying(key) => key.algorithm().name(),
            Self::Decryption(key) => key.algorithm().name(),
            Self::Encryption(key) => key.algorithm().name(),
        }
    }

    pub(super) fn kid(&self) -> Option<&str> {
        match self {
            Self::Signing(key) => key.kid(),
            Self::Verifying(key) => key.kid(),
            Self::Decryption(key) => key.kid(),
            Self::Encryption(key) => key.kid(),
        }
    }

    pub(super) fn with_kid(self, kid: &str) -> Self {
        match self {
            Self::Signing(key) => Self::Signing(key.with_kid(kid)),
            Self::Verifying(key) => Self::Verifying(key.with_kid(kid)),
            Self::Decryption(key) => Self::Decryption(key.with_kid(kid)),
            Self::Encryption(key) => Self::Encryption(key.with_kid(kid)),
        }
    }

    /// The public half. A shared secret has none.
    pub(super) fn public(&self) -> Result<Self, KeyError> {
        let public = match self {
            Self::Signing(key) => Self::Verifying(key.verifying_key()),
            Self::Verifying(key) => Self::Verifying(key.clone()),
            Self::Decryption(key) => Self::Encryption(key.encryption_key()),
            Self::Encryption(key) => Self::Encryption(key.clone()),
        };
        match public.public_jwk() {
            Some(_) => Ok(public),
            None => Err(KeyError::NoSuchForm),
        }
    }

    fn public_jwk(&self) -> Option<PublicJwk> {
        match self {
            Self::Signing(key) => key.public_jwk(),
            Self::Verifying(key) => key.public_jwk(),
            Self::Decryption(key) => key.encryption_key().public_jwk(),
            Self::Encryption(key) => key.public_jwk(),
        }
    }

    pub(super) fn thumbprint(&self) -> Option<String> {
        match self {
            Self::Signing(key) => key.verifying_key().thumbprint(),
            Self::Verifying(key) => key.thumbprint(),
            Self::Decryption(key) => key.encryption_key().thumbprint(),
            Self::Encryption(key) => key.thumbprint(),
        }
    }

    /// The whole key, secret members included; a text ends with a line break.
    pub(super) fn write(&self, to: To) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match to {
            To::Jwk => Ok(with_line_break(&self.jwk()?)),
            To::Pem => Ok(with_line_break(&match self {
                Self::Signing(key) => key.to_pem()?,
                Self::Verifying(key) => Zeroizing::new(key.to_pem()?),
                Self::Decryption(key) => key.to_pem()?,
                Self::Encryption(key) => Zeroizing::new(key.to_pem()?),
            })),
            To::Der => match self {
                Self::Signing(key) => key.to_pkcs8_der(),
                Self::Verifying(key) => key.to_der().map(Zeroizing::new),
                Self::Decryption(key) => key.to_pkcs8_der(),
                Self::Encryption(key) => key.to_der().map(Zeroizing::new),
            },
        }
    }

    fn jwk(&self) -> Result<Zeroizing<String>, KeyError> {
        match self {
            Self::Signing(key) => key.to_jwk(),
            Self::Decryption(key) => key.to_jwk(),
            Self::Verifying(_) | Self::Encryption(_) => {
                let jwk = self.public_jwk().ok_or(KeyError::NoSuchForm)?;
                let json = serde_json::to_string(&jwk).map_err(|_| KeyError::Failed)?;
                Ok(Zeroizing::new(json))
            }
        }
    }
}

/// What of a JWK tells its kind.
#[derive(Deserialize)]
struct Outline {
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    #[serde(rename = "d", alias = "k", alias = "priv")]
    secret: Option<IgnoredAny>,
}

impl Outline {
    fn is_to_encrypt(&self) -> bool {
        let by_algorithm = self.alg.as_deref().is_some_and(|alg| {
            KeyManagement::from_name(alg).is_some() || ContentEncryption::from_name(alg).is_some()
        });
        by_algorithm
            || self.purpose.as_deref() == Some("enc")
            || self.crv.as_deref() == Some("X25519")
    }
}

fn signature_of(purpose: Option<Purpose>) -> Option<Algorithm> {
    match purpose {
        Some(Purpose::Signature(alg)) => Some(alg),
        _ => None,
    }
}

fn with_line_break(text: &str) -> Zeroizing<Vec<u8>> {
    let text = text.trim_end().as_bytes();
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    bytes.extend_from_slice(text);
    bytes.push(b'\n');
    bytes
}
