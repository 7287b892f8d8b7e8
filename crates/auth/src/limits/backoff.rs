//! Growing waits: of each key, how often it has failed, and until when it must wait.

use std::hash::Hash;
use std::time::Duration;

use super::table::Table;
use super::{Backoff, Limited};
use crate::env::Timestamp;

/// One count of failures for each key.
#[derive(Debug)]
pub(super) struct Backoffs<K> {
    /// `None`: no limit.
    backoff: Option<Backoff>,
    failures: Table<K, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    wait_until: Timestamp,
    forget_at: Timestamp,
}

impl<K: Copy + Hash + Ord> Backoffs<K> {
    pub(super) fn new(backoff: Option<Backoff>, keys: usize) -> Self {
        Self {
            backoff,
            failures: Table::new(keys),
        }
    }

    /// Whether an attempt would be let through.
    pub(super) fn ask(&self, key: K, now: Timestamp) -> Result<(), Limited> {
        let wait = self
            .remembered(key, now)
            .map_or(Duration::ZERO, |failures| failures.wait_until.since(now));
        if wait.is_zero() {
            Ok(())
        } else {
            Err(Limited { retry_after: wait })
        }
    }

    /// Lets an attempt through, and counts it as a failure.
    pub(super) fn admit(&mut self, key: K, now: Timestamp) -> Result<(), Limited> {
        self.ask(key, now)?;
        let Some(backoff) = self.backoff else {
            return Ok(());
        };
        let before = self.remembered(key, now);
        let count = before
            .map_or(0, |failures| failures.count)
            .saturating_add(1);
        let wait_until = now.plus(backoff.wait_after(count));
        self.set(key, count, wait_until, backoff);
        Ok(())
    }

    /// Takes one failure back, which was let through at `then`.
    pub(super) fn undo(&mut self, key: K, then: Timestamp) {
        if let (Some(backoff), Some(failures)) = (self.backoff, self.failures.get(&key)) {
            // It was let through, so that nothing was to be waited for then. What a later one has to wait for stays.
            let its_own = then.plus(backoff.wait_after(failures.count));
            let wait_until = if failures.wait_until == its_own {
                then
            } else {
                failures.wait_until
            };
            self.set(key, failures.count.saturating_sub(1), wait_until, backoff);
        }
    }

    /// Forgets all failures.
    pub(super) fn forget(&mut self, key: K) {
        self.failures.remove(&key);
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        self.failures.expire(now);
    }

    pub(super) fn len(&self) -> usize {
        self.failures.len()
    }

    fn remembered(&self, key: K, now: Timestamp) -> Option<Failures> {
        let failures = self.failures.get(&key);
        failures.filter(|failures| now < failures.forget_at)
    }

    fn set(&mut self, key: K, count: u32, wait_until: Timestamp, backoff: Backoff) {
        let failures = Failures {
            count,
            wait_until,
            forget_at: wait_until.plus(backoff.forget),
        };
        self.failures.set(key, failures, failures.forget_at);
    }
}

impl Backoff {
    /// How long to wait after so many failures.
    fn wait_after(&self, count: u32) -> Duration {
        let Some(doublings) = count.checked_sub(self.free.max(1)) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}
