//! Stored hashes: read, checked, made, and compared with what the settings ask for today.

use std::fmt;

use argon2::Params;
use zeroize::Zeroizing;

use super::argon::{self, ArgonHash};
use super::crypt::CryptHash;
use super::memory::HashMemory;
use super::{HashAlgorithm, PasswordSettings, Pepper, StoredPassword};

/// What checking one stored hash may cost at most. An import may bring hashes of any price; one that asks for 4 GiB must
/// not be paid by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashBounds {
    /// Most memory of one Argon2 hash, in KiB.
    pub memory_kib: u32,
    /// Most memory times passes of one Argon2 hash, in KiB.
    pub work_kib: u64,
    /// Highest cost of bcrypt.
    pub bcrypt_cost: u32,
}

impl Default for HashBounds {
    /// 256 MiB, four passes over them, and bcrypt's cost 15: one to two seconds of one core.
    fn default() -> Self {
        Self {
            memory_kib: 256 * 1024,
            work_kib: 1024 * 1024,
            bcrypt_cost: 15,
        }
    }
}

impl HashBounds {
    pub(super) fn allow_argon2(&self, memory_kib: u32, passes: u32, lanes: u32) -> bool {
        memory_kib <= self.memory_kib
            && u64::from(memory_kib) * u64::from(passes) <= self.work_kib
            && lanes <= 255
    }

    pub(super) fn allow_bcrypt(&self, cost: u32) -> bool {
        (4..=31).contains(&cost) && cost <= self.bcrypt_cost
    }
}

/// Why a stored hash cannot be checked. Its owner cannot sign in with a password; an operator should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableHash {
    /// Neither Argon2 nor bcrypt.
    #[error("the stored password is in no format that is known here")]
    UnknownFormat,
    /// Of a known format, but broken.
    #[error("the stored password is damaged")]
    Malformed,
    /// bcrypt's `$2x$`: made by an implementation that misread bytes above 127, and matched by many passwords.
    #[error("the stored password is of bcrypt's broken kind $2x$")]
    SignExtended,
    /// Over the bounds.
    #[error("checking the stored password would cost more than the bounds allow")]
    TooExpensive,
    /// Made under a pepper that this server was not given.
    #[error("the stored password is under a pepper that is not configured")]
    UnknownPepper,
}

/// The system has no memory to hash with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no memory to hash a password with")]
pub struct OutOfMemory;

/// A stored hash, read. It says what was made how, and can be compared with a password.
pub struct PasswordHash {
    pepper: Option<Box<str>>,
    scheme: Scheme,
}

enum Scheme {
    Argon2(ArgonHash),
    Bcrypt(CryptHash),
}

impl PasswordHash {
    /// Reads a stored hash.
    ///
    /// # Errors
    /// If it cannot be checked, or should not be.
    pub fn parse(
        stored: &StoredPassword,
        bounds: &HashBounds,
        pepper: Option<&Pepper>,
    ) -> Result<Self, UnreadableHash> {
        let text = stored.as_stored();
        let (id, text) = match text.strip_prefix('{') {
            Some(rest) => {
                let (id, text) = rest.split_once('}').ok_or(UnreadableHash::UnknownFormat)?;
                if !pepper.is_some_and(|pepper| pepper.knows(id)) {
                    return Err(UnreadableHash::UnknownPepper);
                }
                (Some(id.into()), text)
            }
            None => (None, text),
        };
        let body = text
            .strip_prefix('$')
            .ok_or(UnreadableHash::UnknownFormat)?;
        let scheme = if body.starts_with("argon2") {
            Scheme::Argon2(ArgonHash::parse(body, bounds)?)
        } else if let Some(rest) = body.strip_prefix("bcrypt-sha256$") {
            Scheme::Bcrypt(CryptHash::parse_sha256(rest, bounds)?)
        } else if body.starts_with('2') {
            Scheme::Bcrypt(CryptHash::parse(body, bounds)?)
        } else {
            return Err(UnreadableHash::UnknownFormat);
        };
        Ok(Self { pepper: id, scheme })
    }

    /// Hashes a new password as the (checked) settings ask.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn make(
        password: &[u8],
        settings: &PasswordSettings,
        pepper: Option<&Pepper>,
        salt: [u8; argon::SALT],
        memory: &mut HashMemory,
    ) -> Result<Self, OutOfMemory> {
        let pepper_id = pepper.map(|pepper| pepper.id().into());
        let secret = mixed(password, pepper_id.as_deref(), pepper);
        let scheme = match settings.algorithm {
            HashAlgorithm::Argon2id {
                memory_kib,
                passes,
                lanes,
            } => {
                let params = params(memory_kib, passes, lanes);
                Scheme::Argon2(ArgonHash::make(&secret, params, salt, memory)?)
            }
            HashAlgorithm::Bcrypt { cost } => Scheme::Bcrypt(CryptHash::make(&secret, cost, salt)),
        };
        Ok(Self {
            pepper: pepper_id,
            scheme,
        })
    }

    /// A hash that nobody's password has, as the settings ask: comparing with it costs what comparing with a real one
    /// costs. `random` are unpredictable bytes.
    #[must_use]
    pub fn of_nobody(
        settings: &PasswordSettings,
        pepper: Option<&Pepper>,
        random: ([u8; argon::SALT], [u8; 32]),
    ) -> Self {
        let (salt, digest) = random;
        let scheme = match settings.algorithm {
            HashAlgorithm::Argon2id {
                memory_kib,
                passes,
                lanes,
            } => Scheme::Argon2(ArgonHash::with(
                params(memory_kib, passes, lanes),
                salt,
                digest,
            )),
            HashAlgorithm::Bcrypt { cost } => {
                Scheme::Bcrypt(CryptHash::with(cost, salt, &digest[..23]))
            }
        };
        Self {
            pepper: pepper.map(|pepper| pepper.id().into()),
            scheme,
        }
    }

    /// Whether `password` has this hash. Takes as long whether it has or not.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn matches(
        &self,
        password: &[u8],
        pepper: Option<&Pepper>,
        memory: &mut HashMemory,
    ) -> Result<bool, OutOfMemory> {
        let secret = mixed(password, self.pepper.as_deref(), pepper);
        match &self.scheme {
            Scheme::Argon2(hash) => hash.matches(&secret, memory),
            Scheme::Bcrypt(hash) => Ok(hash.matches(&secret)),
        }
    }

    /// Whether [`Self::make`] would make such a hash of `password` today; otherwise it should be made anew while the
    /// password is at hand.
    #[must_use]
    pub fn is_current(
        &self,
        password: &[u8],
        settings: &PasswordSettings,
        pepper: Option<&Pepper>,
    ) -> bool {
        self.pepper.as_deref() == pepper.map(Pepper::id)
            && match (&self.scheme, settings.algorithm) {
                (
                    Scheme::Argon2(hash),
                    HashAlgorithm::Argon2id {
                        memory_kib,
                        passes,
                        lanes,
                    },
                ) => hash.is_made_with(&params(memory_kib, passes, lanes)),
                (Scheme::Bcrypt(hash), HashAlgorithm::Bcrypt { cost }) => {
                    let secret = mixed(password, self.pepper.as_deref(), pepper);
                    hash.is_made_with(cost, &secret)
                }
                (Scheme::Argon2(_), HashAlgorithm::Bcrypt { .. })
                | (Scheme::Bcrypt(_), HashAlgorithm::Argon2id { .. }) => false,
            }
    }

    /// The text to store.
    #[must_use]
    pub fn to_stored(&self) -> StoredPassword {
        let scheme: &dyn fmt::Display = match &self.scheme {
            Scheme::Argon2(hash) => hash,
            Scheme::Bcrypt(hash) => hash,
        };
        StoredPassword::from_stored(match &self.pepper {
            Some(id) => format!("{{{id}}}{scheme}"),
            None => scheme.to_string(),
        })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What is hashed: the password, or the pepper's keyed hash of it.
fn mixed(password: &[u8], id: Option<&str>, pepper: Option<&Pepper>) -> Zeroizing<Vec<u8>> {
    let mixed = id.and_then(|id| pepper?.mix(id, password));
    mixed.unwrap_or_else(|| Zeroizing::new(password.to_vec()))
}

/// Settings are checked before anything is hashed, so that the defaults here are never reached.
fn params(memory_kib: u32, passes: u32, lanes: u32) -> Params {
    Params::new(memory_kib, passes, lanes, Some(argon::DIGEST)).unwrap_or_default()
}

/// A decimal number as such formats write it: digits, no sign, no leading zero.
pub(super) fn decimal(text: &str) -> Option<u32> {
    let canonical = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    canonical.then(|| text.parse().ok()).flatten()
}
