//! Tokens whose signature has been checked: a pure function of token and key, so it is remembered.

use std::{num::NonZeroUsize, sync::Arc};

use countersign_jose::{UnixTime, Verified};
use foldhash::quality::RandomState;
use quick_cache::{UnitWeighter, sync::DefaultLifecycle};

use crate::{
    Claims,
    published::{Generation, Seen},
    revocations::Hashes,
};

/// Longer tokens are verified every time, so that no one can fill the memory with a few of them. Signed with ML-DSA-87
/// (RFC 9964) a token still fits, and signed with ML-DSA-65 also when it is encrypted.
const LONGEST: usize = 8192;

/// Verified tokens by their text, bounded in number.
///
/// Found by a hash with seeds of this process, then by comparing every byte. What is found was
/// verified once; its time and its revocations are the caller's to check, every time.
pub struct Cache {
    /// None where the owner wants no cache.
    entries: Option<Entries>,
}

type Entries = quick_cache::sync::Cache<Box<str>, Arc<Entry>, UnitWeighter, RandomState>;

/// A token that was verified.
pub struct Entry {
    pub verified: Verified<Claims>,
    /// What its revocations are looked up by.
    pub hashes: Hashes,
    /// The generation of the key set that it was verified by: no other has vouched for it.
    pub keys: Generation,
    /// When it was last found not to be revoked.
    pub clear: Seen,
}

impl Cache {
    /// Room for `capacity` tokens; 0 is no cache.
    pub fn new(capacity: usize) -> Self {
        let entries = NonZeroUsize::new(capacity).map(|capacity| {
            let (items, hasher) = (capacity.get(), RandomState::default());
            Entries::with(
                items,
                items as u64,
                UnitWeighter,
                hasher,
                DefaultLifecycle::default(),
            )
        });
        Self { entries }
    }

    /// The entry for exactly this text, if the key set of generation `keys` verified it.
    pub fn get(&self, token: &str, keys: Generation) -> Option<Arc<Entry>> {
        self.entries_for(token)?
            .get(token)
            .filter(|entry| entry.keys == keys)
    }

    pub fn insert(&self, token: &str, entry: &Arc<Entry>) {
        if let Some(entries) = self.entries_for(token) {
            entries.insert(token.into(), Arc::clone(entry));
        }
    }

    pub fn remove(&self, token: &str) {
        if let Some(entries) = self.entries_for(token) {
            entries.remove(token);
        }
    }

    /// Drops what is no longer valid at `now`.
    pub fn expire(&self, now: UnixTime, leeway: u64) {
        if let Some(entries) = &self.entries {
            entries.retain(|_, entry| entry.verified.check_time(now, leeway).is_ok());
        }
    }

    pub fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, Entries::len)
    }

    fn entries_for(&self, token: &str) -> Option<&Entries> {
        self.entries.as_ref().filter(|_| token.len() <= LONGEST)
    }
}
