//! How often somebody may ask: a budget for each, by the generic cell rate algorithm. In memory, so
//! each process counts by itself.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use foldhash::quality::RandomState;

use crate::Claims;

const SHARDS: usize = 16;

/// So many budgets are kept in each shard that are not whole.
const LARGEST: usize = 16 * 1024;

/// A budget for each token, user or client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    each: Each,
    requests: u32,
    within: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Each {
    Token,
    User,
    Client,
}

impl RateLimit {
    /// So many requests within this time, for each token (`jti`). They may come all at once; each
    /// comes back evenly.
    #[must_use]
    pub const fn per_token(requests: u32, within: Duration) -> Self {
        Self::new(Each::Token, requests, within)
    }

    /// The same for each user (`sub`).
    #[must_use]
    pub const fn per_user(requests: u32, within: Duration) -> Self {
        Self::new(Each::User, requests, within)
    }

    /// The same for each client (`client_id`).
    #[must_use]
    pub const fn per_client(requests: u32, within: Duration) -> Self {
        Self::new(Each::Client, requests, within)
    }

    const fn new(each: Each, requests: u32, within: Duration) -> Self {
        Self {
            each,
            requests,
            within,
        }
    }
}

/// What is left of a budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Left {
    pub limit: u32,
    pub remaining: u64,
    /// Until it is whole again.
    pub reset: Duration,
    /// How long to wait for the next, if this one was too many.
    pub wait: Option<Duration>,
}

/// Of everybody, when their budget is whole: nanoseconds of the monotonic clock.
pub(super) struct Budgets {
    limit: RateLimit,
    one: u64,
    all: u64,
    hasher: RandomState,
    /// By hash, seeded by this process: nobody can choose to share with another.
    shards: Vec<Mutex<HashMap<u64, u64>>>,
}

impl Budgets {
    pub fn new(limit: RateLimit) -> Self {
        let requests = limit.requests.max(1);
        let one = (nanos(limit.within) / u64::from(requests)).max(1);
        Self {
            limit,
            one,
            all: one.saturating_mul(u64::from(requests)),
            hasher: RandomState::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Takes one, if there is one.
    pub fn take(&self, claims: &Claims, now: Duration) -> Left {
        let name = match self.limit.each {
            Each::Token => &claims.jti,
            Each::User => &claims.sub,
            Each::Client => &claims.client_id,
        };
        let now = nanos(now);
        let key = self.hasher.hash_one(name);
        let shard = &self.shards[usize::try_from(key % SHARDS as u64).unwrap_or(0)];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = shard.get(&key).map_or(now, |whole| (*whole).max(now));
        let after = whole.saturating_add(self.one);
        let over = after.saturating_sub(now.saturating_add(self.all));
        let (whole, wait) = if over > 0 {
            (whole, Some(Duration::from_nanos(over)))
        } else {
            make_room(&mut shard, now);
            shard.insert(key, after);
            (after, None)
        };
        let owed = whole - now;
        Left {
            limit: self.limit.requests.max(1),
            remaining: self.all.saturating_sub(owed) / self.one,
            reset: Duration::from_nanos(owed),
            wait,
        }
    }
}

/// Budgets that are whole need no memory. If all of them are in use, one of them is forgotten.
fn make_room(shard: &mut HashMap<u64, u64>, now: u64) {
    if shard.len() < LARGEST {
        return;
    }
    shard.retain(|_, whole| *whole > now);
    if shard.len() >= LARGEST
        && let Some(key) = shard.keys().next().copied()
    {
        shard.remove(&key);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
