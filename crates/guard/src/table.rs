//! Names, each with a mark and a time until which it matters; sharded, so that neither a growing
//! nor an expiring table of millions makes its readers wait.

use std::{
    hash::BuildHasher,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_jose::UnixTime;
use foldhash::quality::RandomState;
use hashbrown::{HashTable, hash_table};

/// A power of two; a shard of a million entries holds some sixteen thousand.
const SHARDS: usize = 64;

/// Hashes names, with seeds of this process: nobody outside can make names meet.
#[derive(Default)]
pub struct Hasher(RandomState);

/// The hash of a name.
#[derive(Clone, Copy)]
pub struct Hash(u64);

impl Hasher {
    pub fn hash(&self, name: &str) -> Hash {
        Hash(self.0.hash_one(name))
    }
}

impl Hash {
    /// Of bits that the map within the shard does not use: it takes the lowest and the highest.
    fn shard(self) -> usize {
        (self.0 >> 32) as usize % SHARDS
    }
}

/// What is known by name. `M` is ordered by severity: of two marks for one name the greater holds,
/// so marks may come twice and in any order.
///
/// Whoever looks a name up brings its hash, so that a name that is looked up again and again is
/// hashed once, and need not even be read unless something is found.
pub struct Table<M> {
    shards: Box<[RwLock<Shard<M>>]>,
    /// How many entries there are. A table that is empty, as most are, costs no lock.
    len: AtomicUsize,
}

struct Shard<M> {
    entries: HashTable<Entry<M>>,
    /// No entry ends before this.
    earliest: UnixTime,
}

struct Entry<M> {
    name: Box<str>,
    hash: Hash,
    mark: M,
    until: UnixTime,
}

impl<M: Ord + Copy> Table<M> {
    pub fn new() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::new())).collect();
        let len = AtomicUsize::new(0);
        Self { shards, len }
    }

    /// Where a name of this hash would be; nowhere while there is no name at all.
    pub fn open(&self, hash: Hash) -> Option<Open<'_, M>> {
        let shard = (self.len() > 0).then(|| read(&self.shards[hash.shard()]))?;
        Some(Open { hash, shard })
    }

    /// Marks `name`, until the later of `until` and what was said before.
    pub fn add(&self, hash: Hash, name: &str, mark: M, until: UnixTime) {
        let mut shard = write(&self.shards[hash.shard()]);
        shard.earliest = shard.earliest.min(until);
        let same_name = |entry: &Entry<M>| *entry.name == *name;
        match shard.entries.entry(hash.0, same_name, |entry| entry.hash.0) {
            hash_table::Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.mark = known.mark.max(mark);
                known.until = known.until.max(until);
            }
            hash_table::Entry::Vacant(room) => {
                let name = name.into();
                room.insert(Entry {
                    name,
                    hash,
                    mark,
                    until,
                });
                self.len.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Forgets every name whose time is before `now`.
    pub fn expire(&self, now: UnixTime) {
        for shard in &self.shards {
            if read(shard).earliest < now {
                let dropped = write(shard).expire(now);
                self.len.fetch_sub(dropped, Ordering::Relaxed);
            }
        }
    }

    // Relaxed: what was added before something was published is seen by whoever has seen that.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }
}

/// A place in a table that is held open. Opening waits for every load before it, looking for none: whoever looks in
/// several tables opens all of them first, and then waits for memory once instead of once for each.
pub struct Open<'t, M> {
    hash: Hash,
    shard: RwLockReadGuard<'t, Shard<M>>,
}

impl<M: Copy> Open<'_, M> {
    /// The mark of the name that `is_name` tells from others.
    pub fn mark(&self, is_name: impl Fn(&str) -> bool) -> Option<M> {
        self.shard
            .entries
            .find(self.hash.0, |entry| is_name(&entry.name))
            .map(|entry| entry.mark)
    }
}

impl<M> Shard<M> {
    fn new() -> Self {
        Self {
            entries: HashTable::new(),
            earliest: UnixTime::from_secs(u64::MAX),
        }
    }

    /// How many entries went.
    fn expire(&mut self, now: UnixTime) -> usize {
        let before = self.entries.len();
        let mut earliest = UnixTime::from_secs(u64::MAX);
        self.entries.retain(|entry| {
            let keep = now <= entry.until;
            if keep {
                earliest = earliest.min(entry.until);
            }
            keep
        });
        self.earliest = earliest;
        // After a wave has passed, give its memory back; keep room for the next ripple.
        if self.entries.capacity() / 8 > self.entries.len() {
            let room = self.entries.len() * 2;
            self.entries.shrink_to(room, |entry| entry.hash.0);
        }
        before - self.entries.len()
    }
}

// A panic cannot leave a shard half changed: every change is one operation of the map.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
