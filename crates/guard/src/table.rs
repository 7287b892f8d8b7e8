//! Names, each with a mark and a time until which it matters; sharded, so that neither a growing
//! nor an expiring table of millions makes its readers wait.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use countersign_jose::UnixTime;
use foldhash::quality::RandomState;

/// A power of two; a shard of a million entries holds some sixteen thousand.
const SHARDS: usize = 64;

/// What is known by name. `M` is ordered by severity: of two marks for one name the greater holds,
/// so marks may come twice and in any order.
pub struct Table<M> {
    shards: Box<[RwLock<Shard<M>>]>,
    /// Other seeds than the maps have: within a shard all hashes of this one look alike.
    pick: RandomState,
}

struct Shard<M> {
    entries: HashMap<Box<str>, Entry<M>, RandomState>,
    /// No entry ends before this.
    earliest: UnixTime,
}

struct Entry<M> {
    mark: M,
    until: UnixTime,
}

impl<M: Ord + Copy> Table<M> {
    pub fn new() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::new())).collect();
        Self {
            shards,
            pick: RandomState::default(),
        }
    }

    /// The mark of `name`.
    pub fn get(&self, name: &str) -> Option<M> {
        read(self.shard(name))
            .entries
            .get(name)
            .map(|entry| entry.mark)
    }

    /// Marks `name`, until the later of `until` and what was said before.
    pub fn add(&self, name: &str, mark: M, until: UnixTime) {
        let mut shard = write(self.shard(name));
        shard.earliest = shard.earliest.min(until);
        if let Some(known) = shard.entries.get_mut(name) {
            known.mark = known.mark.max(mark);
            known.until = known.until.max(until);
        } else {
            shard.entries.insert(name.into(), Entry { mark, until });
        }
    }

    /// Forgets every name whose time is before `now`.
    pub fn expire(&self, now: UnixTime) {
        for shard in &self.shards {
            if read(shard).earliest < now {
                write(shard).expire(now);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| read(shard).entries.len())
            .sum()
    }

    fn shard(&self, name: &str) -> &RwLock<Shard<M>> {
        let hash = self.pick.hash_one(name);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the lowest bits matter"
        )]
        &self.shards[hash as usize % SHARDS]
    }
}

impl<M> Shard<M> {
    fn new() -> Self {
        Self {
            entries: HashMap::default(),
            earliest: UnixTime::from_secs(u64::MAX),
        }
    }

    fn expire(&mut self, now: UnixTime) {
        let mut earliest = UnixTime::from_secs(u64::MAX);
        self.entries.retain(|_, entry| {
            let keep = now <= entry.until;
            if keep {
                earliest = earliest.min(entry.until);
            }
            keep
        });
        self.earliest = earliest;
        // After a wave has passed, give its memory back; keep room for the next ripple.
        if self.entries.capacity() / 8 > self.entries.len() {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }
}

// A panic cannot leave a shard half changed: every change is one operation of the map.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
