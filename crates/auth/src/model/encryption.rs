//! To whom access tokens are encrypted: a registered public key, or the address of a key set that names it.

use std::fmt;

use countersign_jose::{ContentEncryption, EncryptionKey, KeyManagement};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::named::{self, Named};

/// The longest address of a key set, in bytes.
const MAX_ADDRESS: usize = 2048;
/// The members that hold the secret part of a JWK (RFC 7518 §6, RFC 8037 §2).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// To whom access tokens are encrypted, and how. Written as `jwk` or `jwks_uri`, with `alg` and `enc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct EncryptTo {
    /// Whose key.
    pub recipient: Recipient,
    /// What the key is used with (RFC 7518 §4.1); by default what it says itself.
    pub alg: Option<KeyManagement>,
    /// What the token is encrypted with (RFC 7518 §5.1).
    pub enc: ContentEncryption,
}

/// Who reads the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// Whoever has the private half of this key.
    Key(RegisteredKey),
    /// Whoever has the private half of the first key for encryption in the set at this address.
    Address(String),
}

/// A public key for encryption.
#[derive(Clone)]
pub struct RegisteredKey {
    jwk: String,
    key: EncryptionKey,
}

impl RegisteredKey {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &EncryptionKey {
        &self.key
    }
}

impl fmt::Debug for RegisteredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.jwk)
    }
}

impl PartialEq for RegisteredKey {
    fn eq(&self, other: &Self) -> bool {
        self.jwk == other.jwk
    }
}

impl Eq for RegisteredKey {}

/// Why nothing can be encrypted so. Nothing of the key is repeated: it may hold what is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEncryption {
    /// Neither or both.
    #[error("one of jwk and jwks_uri is needed: the reader's public key, or where its key set is")]
    Recipient,
    /// No JWK.
    #[error("jwk is not a JSON Web Key: an object, or its JSON in a text, expected")]
    Jwk,
    /// The private half, too.
    #[error(
        "jwk holds a private key or a secret: register the public half alone, and make a new pair, since others have \
         seen this one"
    )]
    Private,
    /// A key without its algorithm.
    #[error(
        "jwk does not say what it is used with: set alg, one of {}",
        asymmetric()
    )]
    NoAlgorithm,
    /// An unusable key.
    #[error("jwk cannot be used: {0}")]
    Key(countersign_jose::KeyError),
    /// An algorithm that does not do.
    #[error("{0} is not offered here: choose one of {offered}", offered = asymmetric())]
    Algorithm(&'static str),
    /// Not an address.
    #[error("jwks_uri is not an address: https://host/path expected")]
    Address,
}

/// The algorithms with a key pair, which are offered.
fn asymmetric() -> String {
    let offered = KeyManagement::ALL
        .into_iter()
        .filter(|alg| is_offered(*alg));
    let names: Vec<_> = offered.map(KeyManagement::name).collect();
    names.join(", ")
}

/// A secret would have to be shared with the reader and kept in the store; RSA-OAEP with SHA-1 is for reading alone.
fn is_offered(alg: KeyManagement) -> bool {
    !alg.is_symmetric() && alg != KeyManagement::RsaOaep
}

/// Whether a JWK holds more than a public key.
pub(crate) fn is_private(jwk: &serde_json::Map<String, Value>) -> bool {
    PRIVATE.iter().any(|member| jwk.contains_key(*member))
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwk: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(
        default,
        with = "named::optional",
        skip_serializing_if = "Option::is_none"
    )]
    alg: Option<KeyManagement>,
    #[serde(default = "default_enc", with = "named")]
    enc: ContentEncryption,
}

fn default_enc() -> ContentEncryption {
    ContentEncryption::A256GCM
}

impl TryFrom<Form> for EncryptTo {
    type Error = InvalidEncryption;

    fn try_from(form: Form) -> Result<Self, InvalidEncryption> {
        let Form {
            jwk,
            jwks_uri,
            alg,
            enc,
        } = form;
        if let Some(alg) = alg.filter(|alg| !is_offered(*alg)) {
            return Err(InvalidEncryption::Algorithm(alg.name()));
        }
        let recipient = match (jwk, jwks_uri) {
            (Some(jwk), None) => Recipient::Key(registered(jwk, alg)?),
            (None, Some(address)) => Recipient::Address(address_of(address)?),
            _ => return Err(InvalidEncryption::Recipient),
        };
        Ok(Self {
            recipient,
            alg,
            enc,
        })
    }
}

fn registered(jwk: Value, alg: Option<KeyManagement>) -> Result<RegisteredKey, InvalidEncryption> {
    let jwk = match jwk {
        Value::String(text) => serde_json::from_str(&text).map_err(|_| InvalidEncryption::Jwk)?,
        other => other,
    };
    let Value::Object(members) = jwk else {
        return Err(InvalidEncryption::Jwk);
    };
    if is_private(&members) {
        return Err(InvalidEncryption::Private);
    }
    if alg.is_none() && !members.contains_key("alg") {
        return Err(InvalidEncryption::NoAlgorithm);
    }
    let key = read(&members, alg).map_err(InvalidEncryption::Key)?;
    let alg = key.algorithm();
    if !is_offered(alg) {
        return Err(InvalidEncryption::Algorithm(alg.name()));
    }
    // As it is read, whatever else the text said.
    let public = key.public_jwk().ok_or(InvalidEncryption::Private)?;
    let jwk = serde_json::to_string(&public).map_err(|_| InvalidEncryption::Jwk)?;
    Ok(RegisteredKey { jwk, key })
}

/// Reads a public key, for the algorithm that is given, or else for the one that it names.
pub(crate) fn read(
    jwk: &serde_json::Map<String, Value>,
    alg: Option<KeyManagement>,
) -> Result<EncryptionKey, countersign_jose::KeyError> {
    let json = serde_json::to_vec(jwk).map_err(|_| countersign_jose::KeyError::Json)?;
    match alg {
        Some(alg) => EncryptionKey::from_jwk_for(alg, &json),
        None => EncryptionKey::from_jwk(&json),
    }
}

/// Whoever fetches it looks closer.
fn address_of(text: String) -> Result<String, InvalidEncryption> {
    let has_scheme = text.starts_with("https://") || text.starts_with("http://");
    if has_scheme && text.len() <= MAX_ADDRESS && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err(InvalidEncryption::Address)
    }
}

impl From<EncryptTo> for Form {
    fn from(to: EncryptTo) -> Self {
        let EncryptTo {
            recipient,
            alg,
            enc,
        } = to;
        let (jwk, jwks_uri) = match recipient {
            Recipient::Key(key) => (serde_json::from_str(&key.jwk).ok(), None),
            Recipient::Address(address) => (None, Some(address)),
        };
        Self {
            jwk,
            jwks_uri,
            alg,
            enc,
        }
    }
}

impl fmt::Display for EncryptTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.recipient {
            Recipient::Key(key) => {
                let kid = key.key.kid().unwrap_or_default();
                write!(f, "the key {kid} with {}", key.key.algorithm())?;
            }
            Recipient::Address(address) => {
                write!(f, "the key at {address}")?;
                if let Some(alg) = self.alg {
                    write!(f, " with {alg}")?;
                }
            }
        }
        write!(f, " and {}", self.enc)
    }
}

impl Named for KeyManagement {
    const WHAT: &'static str = "key management algorithm";

    fn name(self) -> &'static str {
        self.name()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }
}

impl Named for ContentEncryption {
    const WHAT: &'static str = "content encryption";

    fn name(self) -> &'static str {
        self.name()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }
}
