//! How passwords are hashed and how long they must be: an operator's choice, checked once at start.

use std::num::NonZeroUsize;

use super::hash::HashBounds;

/// How new passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// Argon2id, version 1.3 (RFC 9106).
    Argon2id {
        /// Memory that one hash fills, in KiB.
        memory_kib: u32,
        /// How many times it is filled.
        passes: u32,
        /// Lanes; they are filled one after another, so more of them cost no less time.
        lanes: u32,
    },
    /// bcrypt. A password that it would cut (over 72 bytes, or with a NUL) is kept as `$bcrypt-sha256$` instead.
    Bcrypt {
        /// Logarithm (base 2) of the number of rounds.
        cost: u32,
    },
}

impl HashAlgorithm {
    /// The first choice of OWASP's password storage cheat sheet: Argon2id with 19 MiB, two passes, one lane.
    pub const ARGON2ID: Self = Self::Argon2id {
        memory_kib: 19 * 1024,
        passes: 2,
        lanes: 1,
    };

    /// bcrypt at a cost of 12: 4096 rounds.
    pub const BCRYPT: Self = Self::Bcrypt { cost: 12 };
}

/// What is asked of passwords, and what hashing them may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// How new passwords are hashed, and old ones re-hashed at the next sign-in.
    pub algorithm: HashAlgorithm,
    /// Fewest characters of a new password.
    pub min_length: usize,
    /// Hashing threads; by default one for each core.
    pub threads: Option<NonZeroUsize>,
    /// How many hashes may wait for a thread before the next caller is told to come back; by default 32 for each thread.
    pub queue: Option<NonZeroUsize>,
    /// What checking a stored hash may cost at most; dearer ones (an import) are refused.
    pub bounds: HashBounds,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            algorithm: HashAlgorithm::ARGON2ID,
            min_length: 8,
            threads: None,
            queue: None,
            bounds: HashBounds::default(),
        }
    }
}

impl PasswordSettings {
    /// The profile of NIST SP 800-63B-4 §3.1.1.2 for passwords that are the only factor: 15 characters at least.
    #[must_use]
    pub fn nist() -> Self {
        Self {
            min_length: 15,
            ..Self::default()
        }
    }

    /// Whether these settings can be worked with.
    ///
    /// # Errors
    /// What is wrong, and how to cure it.
    pub fn validate(&self) -> Result<(), InvalidPasswordSettings> {
        if !(8..=64).contains(&self.min_length) {
            return Err(InvalidPasswordSettings::MinLength);
        }
        match self.algorithm {
            HashAlgorithm::Argon2id {
                memory_kib,
                passes,
                lanes,
            } => {
                // RFC 9106 §3.1: at least eight blocks for each lane.
                if !(1..=255).contains(&lanes) || memory_kib / 8 < lanes || passes == 0 {
                    return Err(InvalidPasswordSettings::Argon2);
                }
                if !self.bounds.allow_argon2(memory_kib, passes, lanes) {
                    return Err(InvalidPasswordSettings::Argon2Bounds);
                }
            }
            HashAlgorithm::Bcrypt { cost } => {
                if !self.bounds.allow_bcrypt(cost) {
                    return Err(InvalidPasswordSettings::Bcrypt);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(cores, NonZeroUsize::get)
    }

    pub(crate) fn queue_length(&self) -> usize {
        self.queue
            .map_or_else(|| 32 * self.thread_count(), NonZeroUsize::get)
    }
}

/// Settings that cannot be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPasswordSettings {
    /// The shortest password is out of range.
    #[error("the minimum length of passwords must be between 8 and 64 characters")]
    MinLength,
    /// The parameters of Argon2 contradict each other.
    #[error(
        "argon2id needs at least 1 pass, 1 to 255 lanes, and at least 8 KiB of memory for each lane"
    )]
    Argon2,
    /// This server would refuse to check the hashes that it makes.
    #[error(
        "argon2id asks for more memory, or more memory times passes, than the bounds for stored hashes allow: \
         lower it, or raise the bounds"
    )]
    Argon2Bounds,
    /// The cost of bcrypt is out of range.
    #[error(
        "the cost of bcrypt must be at least 4 and within the bounds for stored hashes (12 is usual)"
    )]
    Bcrypt,
}
