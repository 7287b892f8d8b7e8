//! Argon2 as a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<digest>`.

use argon2::{Algorithm, Argon2, Params, Version};
use base64_simd::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::hash::{HashBounds, OutOfMemory, UnreadableHash};
use super::memory::HashMemory;

/// Longest salt and digest, in bytes, that are read. PHC strings allow no more of a digest.
const MAX_PART: usize = 64;
/// Length of a new digest, in bytes.
pub(super) const DIGEST: usize = 32;
/// Length of a new salt, in bytes (RFC 9106 §3.1 recommends it).
pub(super) const SALT: usize = 16;

/// Everything that a PHC string of Argon2 says.
pub(super) struct ArgonHash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

impl ArgonHash {
    /// Reads a PHC string whose first `$` is gone. Decimal numbers without leading zeros, parameters in order, nothing
    /// besides them.
    pub(super) fn parse(text: &str, bounds: &HashBounds) -> Result<Self, UnreadableHash> {
        let mut parts = text.split('$');
        let mut next = || parts.next().ok_or(UnreadableHash::Malformed);
        let algorithm = match next()? {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return Err(UnreadableHash::UnknownFormat),
        };
        let (version, parameters) = match next()? {
            "v=19" => (Version::V0x13, next()?),
            "v=16" => (Version::V0x10, next()?),
            // The first strings of Argon2 did not name their version.
            parameters if parameters.starts_with("m=") => (Version::V0x10, parameters),
            _ => return Err(UnreadableHash::Malformed),
        };
        let (salt, digest) = (decode(next()?)?, decode(next()?)?);
        if next().is_ok() {
            return Err(UnreadableHash::Malformed);
        }
        let (memory, passes, lanes) = numbers(parameters).ok_or(UnreadableHash::Malformed)?;
        if !bounds.allow_argon2(memory, passes, lanes) {
            return Err(UnreadableHash::TooExpensive);
        }
        let params = Params::new(memory, passes, lanes, Some(digest.len()));
        let params = params.map_err(|_| UnreadableHash::Malformed)?;
        if salt.len() < argon2::MIN_SALT_LEN {
            return Err(UnreadableHash::Malformed);
        }
        Ok(Self {
            algorithm,
            version,
            params,
            salt,
            digest,
        })
    }

    /// Hashes a new password.
    pub(super) fn make(
        secret: &[u8],
        params: Params,
        salt: [u8; SALT],
        memory: &mut HashMemory,
    ) -> Result<Self, OutOfMemory> {
        let mut hash = Self::with(params, salt, [0; DIGEST]);
        hash.digest = hash.run(secret, memory)?;
        Ok(hash)
    }

    /// The hash with this salt and digest.
    pub(super) fn with(params: Params, salt: [u8; SALT], digest: [u8; DIGEST]) -> Self {
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params,
            salt: salt.into(),
            digest: digest.into(),
        }
    }

    /// Whether `secret` has this hash.
    pub(super) fn matches(
        &self,
        secret: &[u8],
        memory: &mut HashMemory,
    ) -> Result<bool, OutOfMemory> {
        let digest = self.run(secret, memory)?;
        Ok(digest.ct_eq(&self.digest).into())
    }

    /// Whether it is what [`Self::make`] would make with these parameters.
    pub(super) fn is_made_with(&self, params: &Params) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.params.m_cost() == params.m_cost()
            && self.params.t_cost() == params.t_cost()
            && self.params.p_cost() == params.p_cost()
            && self.digest.len() == DIGEST
            && self.salt.len() >= SALT
    }

    fn run(&self, secret: &[u8], memory: &mut HashMemory) -> Result<Vec<u8>, OutOfMemory> {
        let blocks = memory.blocks(self.params.block_count())?;
        let mut digest = vec![0; self.digest.len()];
        Argon2::new(self.algorithm, self.version, self.params.clone())
            .hash_password_into_with_memory(secret, &self.salt, &mut digest, blocks)
            // Of its errors only this one can happen: every length was checked when the hash was read or made.
            .map_err(|_| OutOfMemory)?;
        Ok(digest)
    }
}

impl std::fmt::Display for ArgonHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "${}$v={}$m={},t={},p={}${}${}",
            self.algorithm.as_str(),
            u32::from(self.version),
            self.params.m_cost(),
            self.params.t_cost(),
            self.params.p_cost(),
            STANDARD_NO_PAD.encode_to_string(&self.salt),
            STANDARD_NO_PAD.encode_to_string(&self.digest),
        )
    }
}

/// `m=…,t=…,p=…`.
fn numbers(parameters: &str) -> Option<(u32, u32, u32)> {
    let mut parts = parameters.split(',');
    let mut number = |name| super::hash::decimal(parts.next()?.strip_prefix(name)?);
    let numbers = (number("m=")?, number("t=")?, number("p=")?);
    parts.next().is_none().then_some(numbers)
}

fn decode(text: &str) -> Result<Vec<u8>, UnreadableHash> {
    let bytes = STANDARD_NO_PAD.decode_to_vec(text);
    let bytes = bytes.map_err(|_| UnreadableHash::Malformed)?;
    (bytes.len() <= MAX_PART)
        .then_some(bytes)
        .ok_or(UnreadableHash::Malformed)
}
