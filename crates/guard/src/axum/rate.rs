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

/// A full shard is looked through for whole ones once in so many nanoseconds, and not for everybody
/// who comes.
const SWEEP: u64 = 1_000_000_000;

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
pub struct Left {
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
    shards: Vec<Mutex<Shard>>,
}

#[derive(Default)]
struct Shard {
    /// By hash, seeded by this process: nobody can choose to share with another.
    budgets: HashMap<u64, u64>,
    next_sweep: u64,
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
        let known = shard.budgets.get(&key).copied();
        let whole = known.map_or(now, |whole| whole.max(now));
        let after = whole.saturating_add(self.one);
        let over = after.saturating_sub(now.saturating_add(self.all));
        let (whole, wait) = if over > 0 {
            (whole, Some(Duration::from_nanos(over)))
        } else {
            if known.is_none() {
                shard.make_room(now);
            }
            shard.budgets.insert(key, after);
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

impl Shard {
    /// Budgets that are whole need no memory. If all of them are in use, one of them is forgotten.
    fn make_room(&mut self, now: u64) {
        if self.budgets.len() >= LARGEST && now >= self.next_sweep {
            self.next_sweep = now.saturating_add(SWEEP);
            self.budgets.retain(|_, whole| *whole > now);
        }
        if self.budgets.len() >= LARGEST
            && let Some(key) = self.budgets.keys().next().copied()
        {
            self.budgets.remove(&key);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Epochs;

    fn claims(jti: u32) -> Claims {
        Claims {
            iss: String::new(),
            sub: String::new(),
            aud: String::new(),
            exp: 0,
            iat: 0,
            jti: jti.to_string(),
            client_id: String::new(),
            sid: None,
            auth_time: None,
            amr: Vec::new(),
            scope: None,
            epochs: Epochs::default(),
            extra: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_full_shard_is_looked_through_once_in_a_second() {
        let budgets = Budgets::new(RateLimit::per_token(2, Duration::from_millis(1200)));
        let len = || {
            let len = |shard: &Mutex<Shard>| shard.lock().unwrap().budgets.len();
            budgets.shards.iter().map(len).sum::<usize>()
        };
        let most = SHARDS * LARGEST;
        let many = u32::try_from(most + most / 10).unwrap();
        for jti in 0..many {
            budgets.take(&claims(jti), Duration::ZERO);
        }
        assert_eq!(len(), most);
        // Whoever has a budget needs no room, and costs nobody theirs.
        let left = budgets.take(&claims(many - 1), Duration::ZERO);
        assert_eq!((left.remaining, left.wait, len()), (0, None, most));
        // The others are whole again; it is not time to look yet.
        budgets.take(&claims(many), Duration::from_millis(700));
        assert_eq!(len(), most);
        budgets.take(&claims(many + 1), Duration::from_secs(1));
        assert!(len() <= most - LARGEST + 2, "{}", len());
    }
}
