//! Sets of keys that verify.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::jwk::{JwkSet, KeyType};
use super::{PublicJwk, VerifyingKey};
use crate::{Algorithm, KeyError, Refused};

/// The keys of one issuer (RFC 7517 §5): public ones, or shared secrets, never both. Key ids are
/// unique.
///
/// A clone shares the keys.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Arc<[VerifyingKey]>,
    ignored: Arc<[KeyError]>,
}

impl KeySet {
    /// A set of these keys.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKid`], or [`KeyError::MixedSet`] if shared secrets stand beside public
    /// keys (RFC 8725 §2.1).
    pub fn new(keys: Vec<VerifyingKey>) -> Result<Self, KeyError> {
        Self::assemble(keys, Vec::new())
    }

    pub(crate) fn empty() -> Self {
        Self {
            keys: Arc::new([]),
            ignored: Arc::new([]),
        }
    }

    /// A published set of public keys (RFC 7517 §5), such as an issuer's `jwks_uri` shows.
    ///
    /// As the RFC asks, keys that cannot be used here are left out: unknown types, curves and
    /// algorithms, keys for encryption, weak and malformed ones, and RSA keys that name no `alg`
    /// ([`KeyError::AlgorithmNeeded`]): read those with [`VerifyingKey::from_jwk_for`], then
    /// [`new`](Self::new). [`ignored`](Self::ignored) says why; look there if the set is empty. Of
    /// private keys, which should not be there, the public half is read.
    ///
    /// # Errors
    /// [`KeyError::Json`] if it is not a key set, [`KeyError::SecretInPublicSet`] if it holds a
    /// shared secret, [`KeyError::DuplicateKid`].
    pub fn from_json(json: &[u8]) -> Result<Self, KeyError> {
        let set = JwkSet::parse(json)?;
        let mut keys = Vec::with_capacity(set.keys.len());
        let mut ignored = Vec::new();
        for jwk in &set.keys {
            match VerifyingKey::read_public_jwk(jwk, None) {
                Ok(key) => keys.push(key),
                Err(KeyError::SecretInPublicSet) => return Err(KeyError::SecretInPublicSet),
                Err(why) => ignored.push(why),
            }
        }
        Self::assemble(keys, ignored)
    }

    /// A set of shared secrets (RFC 7517 §5, RFC 7518 §6.4), such as a configuration file holds.
    /// Nothing is left out: each must be usable.
    ///
    /// # Errors
    /// [`KeyError::MixedSet`] if a key is not of `kty` `oct`, or what is wrong with the first bad
    /// key.
    pub fn from_secret_json(json: &[u8]) -> Result<Self, KeyError> {
        let set = JwkSet::parse(json)?;
        let keys = set.keys.iter().map(|jwk| match jwk.key_type()? {
            KeyType::Oct => VerifyingKey::read_secret_jwk(jwk),
            _ => Err(KeyError::MixedSet),
        });
        Self::new(keys.collect::<Result<_, _>>()?)
    }

    fn assemble(keys: Vec<VerifyingKey>, ignored: Vec<KeyError>) -> Result<Self, KeyError> {
        let secrets = keys
            .iter()
            .filter(|key| key.algorithm().is_symmetric())
            .count();
        if secrets != 0 && secrets != keys.len() {
            return Err(KeyError::MixedSet);
        }
        let mut kids = HashSet::new();
        if !keys
            .iter()
            .filter_map(VerifyingKey::kid)
            .all(|kid| kids.insert(kid))
        {
            return Err(KeyError::DuplicateKid);
        }
        Ok(Self {
            keys: keys.into(),
            ignored: ignored.into(),
        })
    }

    /// The key of this id and algorithm; without an id, the only key of the algorithm (RFC 7515
    /// §4.1.4, §6). `None` if there is none, or several.
    #[must_use]
    pub fn find(&self, kid: Option<&str>, alg: Algorithm) -> Option<&VerifyingKey> {
        self.select(kid, alg).ok()
    }

    /// As `find`, saying why there is none.
    pub(crate) fn select(
        &self,
        kid: Option<&str>,
        alg: Algorithm,
    ) -> Result<&VerifyingKey, Refused> {
        if kid.is_some() {
            let key = self.keys.iter().find(|key| key.kid() == kid);
            let key = key.ok_or(Refused::UnknownKey)?;
            if key.algorithm() == alg {
                return Ok(key);
            }
            return Err(Refused::WrongAlgorithm {
                key: key.algorithm(),
            });
        }
        let mut fitting = self.keys.iter().filter(|key| key.algorithm() == alg);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refused::AmbiguousKey),
            (None, _) => Err(Refused::UnknownKey),
        }
    }

    /// The public keys as a key set for publishing (RFC 7517 §5). A shared secret has no public
    /// form: a set of them is written as an empty one.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Published {
            keys: Vec<PublicJwk>,
        }
        let keys = self.iter().filter_map(VerifyingKey::public_jwk).collect();
        // Strings alone: this cannot fail, and an empty set would be the answer if it could.
        serde_json::to_string(&Published { keys }).unwrap_or_else(|_| r#"{"keys":[]}"#.to_owned())
    }

    /// The keys, in the order they were given (which means nothing: RFC 7517 §5.1).
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key at all: then every token is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Why keys of a published set were left out (RFC 7517 §5), one entry a key.
    #[must_use]
    pub fn ignored(&self) -> &[KeyError] {
        &self.ignored
    }
}
