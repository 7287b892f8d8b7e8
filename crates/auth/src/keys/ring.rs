//! The keys in memory: opened, parsed, and ready to use. Replaced as a whole when the stored ones change.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64_simd::URL_SAFE_NO_PAD;
use countersign_jose::{Algorithm, KeySet, SigningKey, VerifyingKey};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::env::Timestamp;
use crate::model::id::KeyId;
use crate::model::key::{KeyPurpose, KeyState, StoredKey};
use crate::refresh_token::RefreshKey;
use crate::seal::MasterKey;

/// Why the stored keys cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyringError {
    /// Sealed under another master key.
    #[error(
        "the key {kid} in the store cannot be opened: it was sealed under another master key. Give the server the master key that it had before, or remove the key (`countersign keys remove {kid}`)"
    )]
    Sealed {
        /// Which.
        kid: String,
    },
    /// Opened, but not a key that this version understands.
    #[error("the key {kid} in the store is damaged: {cause}")]
    Damaged {
        /// Which.
        kid: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// The published key set (RFC 7517 §5), ready to be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishedKeys {
    /// The JSON. Public keys only: no other kind can be put into it.
    pub json: String,
    /// A strong entity tag (RFC 9110 §8.8.3), quotes included.
    pub etag: String,
}

/// A key as operators see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyInfo {
    /// Its row; `None` for one that the operator brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<KeyId>,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its `kid`.
    pub kid: String,
    /// Its algorithm.
    pub algorithm: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made; `None` for one that the operator brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it came to its present state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether it gives way to another on its own. A secret from the environment does not.
    pub rotates: bool,
}

/// What signs where nothing else is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Leader<'a> {
    /// The operator's own key.
    Own(&'a Arc<SigningKey>),
    /// The active key of this algorithm.
    Stored(Algorithm),
}

/// The keys in use.
pub(crate) struct Ring {
    /// What signs where nothing else is asked for.
    pub(crate) signing: Arc<SigningKey>,
    /// What signs beside it, each with an algorithm of its own.
    beside: Vec<Arc<SigningKey>>,
    pub(crate) verifying: KeySet,
    pub(crate) published: Arc<PublishedKeys>,
    refresh: Vec<(KeyState, RefreshKey)>,
    /// Signs the refresh tokens of the style `stateless`, if any client has it.
    pub(crate) stateless: Option<SigningKey>,
    /// What those may be signed with. In no set that is published.
    pub(crate) stateless_all: KeySet,
    pub(crate) device: Zeroizing<Vec<u8>>,
    pub(crate) infos: Vec<KeyInfo>,
}

impl Ring {
    /// Opens the stored keys. `None` if an active key is missing.
    pub(crate) fn open(
        stored: &[StoredKey],
        leader: Leader<'_>,
        master: &MasterKey,
        rotates: bool,
    ) -> Result<Option<Self>, KeyringError> {
        let own = match leader {
            Leader::Own(own) => Some(own),
            Leader::Stored(_) => None,
        };
        let mut signing = own.cloned();
        let mut beside = Vec::new();
        let mut verifying: Vec<VerifyingKey> =
            own.map(|key| key.verifying_key()).into_iter().collect();
        let mut refresh = Vec::new();
        let (mut stateless, mut stateless_all) = (None, Vec::new());
        let mut device = None;
        let mut infos: Vec<KeyInfo> = own.map(|key| info_of_own(key)).into_iter().collect();
        for key in stored {
            infos.push(info_of(key, rotates));
            if key.state == KeyState::Removed {
                continue;
            }
            let secret = open_sealed(key, master)?;
            match key.purpose {
                KeyPurpose::Signing => {
                    let parsed = Arc::new(parse(key, &secret)?);
                    // A shared secret's set holds that secret alone: whoever has it must not be able to pass off a
                    // public key as another.
                    let shared = own.is_some_and(|own| own.algorithm().is_symmetric());
                    if shared || own.is_some_and(|own| own.kid() == Some(&key.kid)) {
                        continue;
                    }
                    verifying.push(parsed.verifying_key());
                    if key.state == KeyState::Active {
                        match leader {
                            Leader::Stored(algorithm) if algorithm == parsed.algorithm() => {
                                signing = Some(parsed);
                            }
                            _ => beside.push(parsed),
                        }
                    }
                }
                KeyPurpose::Refresh => {
                    refresh.push((key.state, RefreshKey::new(key.id, &secret)));
                }
                KeyPurpose::Stateless => {
                    let parsed = shared(key, &secret)?;
                    stateless_all.push(parsed.verifying_key());
                    if key.state == KeyState::Active {
                        stateless = Some(parsed);
                    }
                }
                KeyPurpose::Device if key.state == KeyState::Active => device = Some(secret),
                KeyPurpose::Device => {}
            }
        }
        // The active one first: nearly every token is its own.
        refresh.sort_by_key(|(state, _)| *state != KeyState::Active);
        let complete = refresh
            .first()
            .is_some_and(|(state, _)| *state == KeyState::Active);
        let (Some(signing), Some(device), true) = (signing, device, complete) else {
            return Ok(None);
        };
        let damaged = |cause: countersign_jose::KeyError| KeyringError::Damaged {
            kid: "set".to_owned(),
            cause: cause.to_string(),
        };
        let verifying = KeySet::new(verifying).map_err(damaged)?;
        let stateless_all = KeySet::new(stateless_all).map_err(damaged)?;
        Ok(Some(Self {
            published: Arc::new(PublishedKeys::of(&verifying)),
            signing,
            beside,
            verifying,
            refresh,
            stateless,
            stateless_all,
            device,
            infos,
        }))
    }

    /// The key that signs with this algorithm, if it is in use.
    pub(crate) fn signer(&self, algorithm: Algorithm) -> Option<&Arc<SigningKey>> {
        std::iter::once(&self.signing)
            .chain(&self.beside)
            .find(|key| key.algorithm() == algorithm)
    }

    /// Whether the other holds the same keys, in the same states and places.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.infos == other.infos && self.signing.kid() == other.signing.kid()
    }

    /// The key that makes refresh tokens.
    pub(crate) fn refresh_active(&self) -> &RefreshKey {
        &self.refresh[0].1
    }

    /// The keys that refresh tokens may bear.
    pub(crate) fn refresh_all(&self) -> impl Iterator<Item = &RefreshKey> {
        self.refresh.iter().map(|(_, key)| key)
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("infos", &self.infos)
            .finish_non_exhaustive()
    }
}

impl PublishedKeys {
    fn of(keys: &KeySet) -> Self {
        let json = keys.to_json();
        let hash = digest::digest(&digest::SHA256, json.as_bytes());
        let etag = format!(
            "\"{}\"",
            URL_SAFE_NO_PAD.encode_to_string(&hash.as_ref()[..12])
        );
        Self { json, etag }
    }
}

/// What a sealed key is bound to: it cannot be put into another row or serve another purpose.
pub(crate) fn context(purpose: KeyPurpose, kid: &str) -> String {
    let purpose = match purpose {
        KeyPurpose::Signing => "signing",
        KeyPurpose::Refresh => "refresh",
        KeyPurpose::Stateless => "stateless",
        KeyPurpose::Device => "device",
    };
    format!("countersign key 1 {purpose} {kid}")
}

fn open_sealed(key: &StoredKey, master: &MasterKey) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    master
        .open(&context(key.purpose, &key.kid), &key.sealed)
        .map_err(|_| KeyringError::Sealed {
            kid: key.kid.clone(),
        })
}

fn parse(key: &StoredKey, secret: &[u8]) -> Result<SigningKey, KeyringError> {
    let damaged = |cause: String| KeyringError::Damaged {
        kid: key.kid.clone(),
        cause,
    };
    let algorithm = Algorithm::from_name(&key.algorithm)
        .ok_or_else(|| damaged(format!("unknown algorithm {}", key.algorithm)))?;
    SigningKey::from_der(algorithm, secret)
        .map(|parsed| parsed.with_kid(&key.kid))
        .map_err(|cause| damaged(cause.to_string()))
}

/// A key that signs and verifies, and never leaves the server.
fn shared(key: &StoredKey, secret: &[u8]) -> Result<SigningKey, KeyringError> {
    SigningKey::hmac(Algorithm::HS256, secret, Some(&key.kid)).map_err(|cause| {
        KeyringError::Damaged {
            kid: key.kid.clone(),
            cause: cause.to_string(),
        }
    })
}

fn info_of_own(key: &SigningKey) -> KeyInfo {
    KeyInfo {
        id: None,
        purpose: KeyPurpose::Signing,
        kid: key.kid().unwrap_or_default().to_owned(),
        algorithm: key.algorithm().name().to_owned(),
        state: KeyState::Active,
        created_at: None,
        since: None,
        rotates: false,
    }
}

fn info_of(key: &StoredKey, rotates: bool) -> KeyInfo {
    KeyInfo {
        id: Some(key.id),
        purpose: key.purpose,
        kid: key.kid.clone(),
        algorithm: key.algorithm.clone(),
        state: key.state,
        created_at: Some(key.created_at),
        since: Some(key.since),
        rotates: rotates && key.purpose != KeyPurpose::Device,
    }
}
