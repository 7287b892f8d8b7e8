//! The keys that tokens are verified with: from a file, or from where an issuer publishes them.

use std::path::PathBuf;
use std::str::FromStr;

use countersign_jose::{Algorithm, KeyError, KeySet, SigningKey, VerifyingKey};
use serde::Deserialize;

use super::TokenError;
use super::key_file::{Form, KeyFile, algorithm, jwks_of};
use crate::fetch::{InvalidUrl, Policy, Url, fetch};

/// What `--keys` and its like say.
#[derive(Debug, clap::Args)]
#[group(id = "trusted", required = true, multiple = false)]
pub(super) struct KeySource {
    /// The issuer's public keys: a JWK set, a JWK or PEM, in a file or at an address
    /// (https, or http on this machine), such as https://auth.example.com/.well-known/jwks.json
    #[arg(long, value_name = "FILE|URL")]
    keys: Option<Place>,
    /// Shared secrets (HS256, HS384, HS512): a JWK set or a JWK of kty "oct"
    #[arg(long, value_name = "FILE")]
    secret_keys: Option<PathBuf>,
}

/// Where public keys are.
#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Url(Url),
}

impl FromStr for Place {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        if text.contains("://") {
            return text.parse().map(Self::Url);
        }
        Ok(Self::File(text.into()))
    }
}

impl KeySource {
    /// Reads them. `alg` is for keys that do not say their algorithm themselves.
    pub(super) fn load(&self, alg: Option<Algorithm>) -> Result<KeySet, TokenError> {
        match (&self.keys, &self.secret_keys) {
            (Some(Place::Url(url)), _) => {
                let document = get(url)?;
                public(&document, alg).map_err(|error| failed(url.to_string(), error, &document))
            }
            (Some(Place::File(path)), _) => {
                let file = KeyFile::read(path)?;
                public(file.bytes(), alg).map_err(|error| failed(file.name(), error, file.bytes()))
            }
            (None, Some(path)) => {
                let file = KeyFile::read(path)?;
                secret(file.bytes(), alg).map_err(|error| failed(file.name(), error, file.bytes()))
            }
            // The arguments say that one of them is there.
            (None, None) => Err(TokenError::Usage("--keys is needed".to_owned())),
        }
    }
}

/// The keys of an address.
fn get(url: &Url) -> Result<Vec<u8>, TokenError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(TokenError::Runtime)?;
    let answer = runtime.block_on(fetch(url, Policy::ANYWHERE));
    // A look-up of a name that takes long is not waited for.
    runtime.shutdown_background();
    let document = answer.map_err(|error| TokenError::Fetch {
        url: url.to_string(),
        error,
    })?;
    Ok(document.into())
}

/// A set, or the one key, of whatever form.
fn public(bytes: &[u8], alg: Option<Algorithm>) -> Result<KeySet, KeyError> {
    let one = match (Form::of(bytes), alg) {
        (Form::JwkSet, None) => return KeySet::from_json(bytes),
        (Form::JwkSet, Some(alg)) => return public_set(bytes, alg),
        (Form::Jwk, alg) => public_jwk(bytes, alg)?,
        (Form::Pem(text), alg) => algorithm(alg, |alg| {
            VerifyingKey::from_pem(alg, text).or_else(|error| {
                // Of a private key, the public half, as of a JWK.
                let private = SigningKey::from_pem(alg, text).map_err(|_| error)?;
                Ok(private.verifying_key())
            })
        })?,
        (Form::Der | Form::LockedJwk(_), alg) => {
            algorithm(alg, |alg| VerifyingKey::from_der(alg, bytes))?
        }
    };
    KeySet::new(vec![one])
}

/// As [`KeySet::from_json`], where a key that does not name its algorithm is for this one.
fn public_set(bytes: &[u8], alg: Algorithm) -> Result<KeySet, KeyError> {
    let mut keys = Vec::new();
    for jwk in jwks_of(bytes)? {
        match public_jwk(&jwk, None).or_else(|error| match error {
            KeyError::AlgorithmNeeded => public_jwk(&jwk, Some(alg)),
            error => Err(error),
        }) {
            Ok(key) => keys.push(key),
            Err(KeyError::SecretInPublicSet) => return Err(KeyError::SecretInPublicSet),
            Err(_) => {}
        }
    }
    KeySet::new(keys)
}

fn public_jwk(json: &[u8], alg: Option<Algorithm>) -> Result<VerifyingKey, KeyError> {
    match alg {
        Some(alg) => VerifyingKey::from_jwk_for(alg, json),
        None => VerifyingKey::from_jwk(json),
    }
}

fn secret(bytes: &[u8], alg: Option<Algorithm>) -> Result<KeySet, KeyError> {
    match (Form::of(bytes), alg) {
        (Form::JwkSet, None) => KeySet::from_secret_json(bytes),
        (Form::JwkSet, Some(alg)) => {
            let keys = jwks_of(bytes)?;
            let keys = keys.iter().map(|jwk| secret_jwk(jwk, Some(alg)));
            KeySet::new(keys.collect::<Result<_, _>>()?)
        }
        (_, alg) => KeySet::new(vec![secret_jwk(bytes, alg)?]),
    }
}

fn secret_jwk(json: &[u8], alg: Option<Algorithm>) -> Result<VerifyingKey, KeyError> {
    match (VerifyingKey::from_secret_jwk(json), alg) {
        (Err(KeyError::AlgorithmNeeded), Some(alg)) if alg.is_symmetric() => {
            Ok(SigningKey::from_jwk_for(alg, json)?.verifying_key())
        }
        (key, _) => key,
    }
}

fn failed(source_name: String, error: KeyError, bytes: &[u8]) -> TokenError {
    /// What an issuer's metadata names (RFC 8414 §2).
    #[derive(Deserialize)]
    struct Metadata {
        #[expect(dead_code, reason = "that it is there, tells what this is")]
        jwks_uri: String,
    }
    let hint = match error {
        KeyError::SecretInPublicSet => "; shared secrets are taken by --secret-keys",
        KeyError::MixedSet => "; public keys are taken by --keys",
        KeyError::AlgorithmNeeded => "; or say it here: --alg",
        KeyError::Json | KeyError::Missing("kty")
            if serde_json::from_slice::<Metadata>(bytes).is_ok() =>
        {
            "; this is an issuer's metadata: take the address that it gives as \"jwks_uri\""
        }
        KeyError::Pem if bytes.windows(17).any(|text| text == b"BEGIN CERTIFICATE") => {
            "; of a certificate, take the key: openssl x509 -pubkey -noout"
        }
        _ => "",
    };
    TokenError::Key {
        source_name,
        error,
        hint,
    }
}
