//! Files that hold keys, and which form they have.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use countersign_jose::{Algorithm, KeyError};
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::TokenError;
use super::members::Members;

/// More than any set of keys takes.
const MAX_FILE: usize = 1024 * 1024;

/// What a file holds, wiped when dropped.
pub(super) struct KeyFile {
    path: PathBuf,
    bytes: Zeroizing<Vec<u8>>,
}

impl KeyFile {
    /// Reads it; `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, TokenError> {
        let failed = |error| TokenError::File {
            path: path.to_owned(),
            error,
        };
        let bytes = if path == Path::new("-") {
            bounded(io::stdin().lock())
        } else {
            File::open(path).and_then(bounded)
        };
        Ok(Self {
            path: path.to_owned(),
            bytes: bytes.map_err(failed)?,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Why what it holds cannot be used.
    pub(super) fn unusable(&self, error: KeyError) -> TokenError {
        let hint = match error {
            KeyError::AlgorithmNeeded => "; say it: --alg",
            KeyError::Missing("d") => "; it is a public key, and a private one is needed",
            KeyError::Missing("k") => "; it is not a whole key",
            _ => "",
        };
        TokenError::Key {
            source_name: self.name(),
            error,
            hint,
        }
    }
}

fn bounded(file: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for an ordinary file at once, so that few copies of it are left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE {
        return Err(io::Error::other("larger than 1 MiB: that is no key"));
    }
    Ok(bytes)
}

/// How a key is written.
pub(super) enum Form<'b> {
    /// RFC 7517 §5.
    JwkSet,
    /// RFC 7517 §4.
    Jwk,
    /// A JWK under a password (RFC 7517 §7).
    LockedJwk(&'b str),
    /// RFC 7468.
    Pem(&'b str),
    /// Anything else.
    Der,
}

impl<'b> Form<'b> {
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        /// Whether there is a member `keys`.
        #[derive(Deserialize)]
        struct Set {
            #[expect(dead_code, reason = "that it is there, tells what this is")]
            keys: IgnoredAny,
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Self::Der;
        };
        if text.trim_start().starts_with('{') {
            return match serde_json::from_slice::<Set>(bytes) {
                Ok(_) => Self::JwkSet,
                Err(_) => Self::Jwk,
            };
        }
        if text.contains("-----BEGIN ") {
            return Self::Pem(text);
        }
        let text = text.trim();
        if text.starts_with("eyJ") && text.matches('.').count() == 4 {
            return Self::LockedJwk(text);
        }
        Self::Der
    }
}

/// Reads a key that does not name its algorithm: with the one that is said, or with the one that
/// its curve leaves no choice about.
pub(super) fn algorithm<K>(
    alg: Option<Algorithm>,
    read: impl Fn(Algorithm) -> Result<K, KeyError>,
) -> Result<K, KeyError> {
    const OF_CURVES: [Algorithm; 4] = [
        Algorithm::ES256,
        Algorithm::EdDSA,
        Algorithm::ES384,
        Algorithm::ES512,
    ];
    if let Some(alg) = alg {
        return read(alg);
    }
    let mut first = None;
    for alg in OF_CURVES {
        match read(alg) {
            Ok(key) => return Ok(key),
            Err(error) => first = first.or(Some(error)),
        }
    }
    if read(Algorithm::RS256).is_ok() {
        return Err(KeyError::AlgorithmNeeded);
    }
    Err(first.unwrap_or(KeyError::AlgorithmNeeded))
}

/// The keys of a set, each by itself.
pub(super) fn jwks_of(bytes: &[u8]) -> Result<Vec<Zeroizing<Vec<u8>>>, KeyError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Members>,
    }
    let set: Set = serde_json::from_slice(bytes).map_err(|_| KeyError::Json)?;
    let keys = set.keys.iter().map(|key| {
        let json = serde_json::to_vec(key).map_err(|_| KeyError::Json)?;
        Ok(Zeroizing::new(json))
    });
    keys.collect()
}
