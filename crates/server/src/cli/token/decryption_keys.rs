//! The keys that tokens are decrypted with.

use std::path::Path;

use countersign_jose::{DecryptionKey, DecryptionKeySet, KeyError, KeyManagement};

use super::TokenError;
use super::key_file::{Form, KeyFile};
use super::unlock::Unlock;

/// Reads a set, or the one key, of whatever form.
pub(super) fn load(
    path: &Path,
    alg: Option<KeyManagement>,
    unlock: &Unlock,
) -> Result<DecryptionKeySet, TokenError> {
    let file = KeyFile::read(path)?;
    let bytes = file.bytes();
    let keys = match (Form::of(bytes), alg) {
        (Form::JwkSet, _) => DecryptionKeySet::from_json(bytes),
        (Form::Jwk, None) => one(DecryptionKey::from_jwk(bytes)),
        (Form::Jwk, Some(alg)) => one(DecryptionKey::from_jwk_for(alg, bytes)),
        (Form::LockedJwk(text), alg) => {
            let password = unlock.password()?;
            let password = password.expose().as_bytes();
            let key = match alg {
                None => DecryptionKey::from_encrypted_jwk(text, password),
                Some(alg) => DecryptionKey::from_encrypted_jwk_for(alg, text, password),
            };
            // It may be a set as well: what is inside tells.
            one(key).or_else(|error| {
                DecryptionKeySet::from_encrypted_json(text, password).map_err(|_| error)
            })
        }
        (Form::Pem(text), Some(alg)) => one(DecryptionKey::from_pem(alg, text)),
        (Form::Der, Some(alg)) => one(DecryptionKey::from_der(alg, bytes)),
        (Form::Pem(_) | Form::Der, None) => Err(KeyError::AlgorithmNeeded),
    };
    keys.map_err(|error| file.unusable(error))
}

fn one(key: Result<DecryptionKey, KeyError>) -> Result<DecryptionKeySet, KeyError> {
    DecryptionKeySet::new(vec![key?])
}
