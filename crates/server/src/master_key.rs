//! The key that seals private keys at rest: given, or made beside the data.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use countersign_auth::env::Env;
use countersign_auth::seal::MasterKey;
use zeroize::Zeroizing;

use crate::config::Secret;

/// The file in the data folder.
pub const FILE: &str = "master.key";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Not a key.
    #[error(
        "not a master key: 64 hexadecimal digits expected, as `openssl rand -hex 32` makes them"
    )]
    Syntax,
    /// Nor is what the file holds.
    #[error("{} holds no master key: 64 hexadecimal digits expected", .0.display())]
    Damaged(PathBuf),
    /// The store holds keys that only the lost one opens.
    #[error(
        "{} is missing, and the store holds keys that were sealed under it: bring it back from a backup. If it is \
         lost for good, give a new one by COUNTERSIGN_MASTER_KEY_FILE and remove the keys that it does not open \
         (`countersign keys remove`): everybody signs in again", .0.display()
    )]
    Lost(PathBuf),
    /// The file cannot be read or made.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// Where the master key came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The configuration.
    Given,
    /// The data folder, where a stolen copy of the data holds it too.
    BesideTheData,
}

/// Reads what a configuration gave.
///
/// # Errors
/// [`MasterKeyError::Syntax`].
pub fn given(secret: &Secret) -> Result<MasterKey, MasterKeyError> {
    parse(secret.expose()).ok_or(MasterKeyError::Syntax)
}

/// Reads the one in the data folder. Where there is none and `may_make`, makes it; it is on the disk before this
/// returns, since what is sealed under it must never outlive it.
///
/// # Errors
/// [`MasterKeyError`].
pub fn beside(data: &Path, may_make: bool, env: &Env) -> Result<MasterKey, MasterKeyError> {
    let path = data.join(FILE);
    let failed = |cause| MasterKeyError::Io {
        path: path.clone(),
        cause,
    };
    match Secret::read(&path) {
        Ok(text) => parse(text.expose()).ok_or_else(|| MasterKeyError::Damaged(path.clone())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        Err(_) if !may_make => Err(MasterKeyError::Lost(path.clone())),
        Err(_) => {
            let bytes = Zeroizing::new(env.random());
            write(data, &path, &bytes).map_err(failed)?;
            Ok(MasterKey::new(&bytes))
        }
    }
}

fn write(data: &Path, path: &Path, bytes: &[u8; MasterKey::LEN]) -> io::Result<()> {
    let mut text = Zeroizing::new(String::with_capacity(2 * MasterKey::LEN + 1));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    File::open(data)?.sync_all()
}

/// 64 hexadecimal digits.
fn parse(text: &str) -> Option<MasterKey> {
    let mut bytes = Zeroizing::new([0; MasterKey::LEN]);
    let digits = text.trim().as_bytes();
    if digits.len() != 2 * MasterKey::LEN {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for &digit in pair {
            let digit = char::from(digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(digit).ok()?;
        }
    }
    Some(MasterKey::new(&bytes))
}
