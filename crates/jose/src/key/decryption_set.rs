//! Sets of keys that decrypt.

use std::collections::HashSet;
use std::sync::Arc;

use super::DecryptionKey;
use super::jwk::JwkSet;
use crate::{ContentEncryption, KeyError, KeyManagement, Refused};

/// The keys of one recipient (RFC 7517 §5). Key ids are unique.
///
/// A clone shares the keys. `Debug` shows algorithms and key ids alone.
#[derive(Clone, Debug)]
pub struct DecryptionKeySet(Arc<[DecryptionKey]>);

impl DecryptionKeySet {
    /// A set of these keys (RFC 7517 §5).
    ///
    /// # Errors
    /// [`KeyError::DuplicateKid`].
    pub fn new(keys: Vec<DecryptionKey>) -> Result<Self, KeyError> {
        let mut kids = HashSet::new();
        if keys
            .iter()
            .filter_map(DecryptionKey::kid)
            .all(|kid| kids.insert(kid))
        {
            Ok(Self(keys.into()))
        } else {
            Err(KeyError::DuplicateKid)
        }
    }

    /// A set of private keys and shared secrets (RFC 7517 §5), such as a configuration file holds.
    /// Nothing is left out: each must be usable.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKid`], or what is wrong with the first bad key.
    pub fn from_json(json: &[u8]) -> Result<Self, KeyError> {
        let set = JwkSet::parse(json)?;
        let keys = set
            .keys
            .iter()
            .map(|jwk| DecryptionKey::read_jwk(jwk, None));
        Self::new(keys.collect::<Result<_, _>>()?)
    }

    /// The key for a token that names these: by its id, or if it has none the only one for its
    /// algorithms (RFC 7516 §5.2, step 7).
    pub(crate) fn select(
        &self,
        kid: Option<&str>,
        alg: KeyManagement,
        enc: ContentEncryption,
    ) -> Result<&DecryptionKey, Refused> {
        if kid.is_some() {
            let key = self.iter().find(|key| key.kid() == kid);
            let key = key.ok_or(Refused::UnknownKey)?;
            return key.fits(alg, enc).map(|()| key);
        }
        let mut fitting = self.iter().filter(|key| key.fits(alg, enc).is_ok());
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refused::AmbiguousKey),
            (None, _) => Err(Refused::UnknownKey),
        }
    }

    /// The keys, in the order they were given (which means nothing: RFC 7517 §5.1).
    pub fn iter(&self) -> impl Iterator<Item = &DecryptionKey> {
        self.0.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key at all: then nothing can be decrypted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
