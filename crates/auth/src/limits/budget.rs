//! Budgets by the generic cell rate algorithm: of each key, only the moment at which its budget will be whole again.

use std::hash::Hash;
use std::time::Duration;

use super::table::Table;
use super::{Budget, Limited};
use crate::env::Timestamp;

/// One budget for each key.
#[derive(Debug)]
pub(super) struct Budgets<K> {
    /// `None`: no limit.
    allowance: Option<Allowance>,
    /// When each key's budget is whole, in microseconds since the epoch.
    whole: Table<K, u64>,
}

/// A budget as the time that it takes to be there again, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    one: u64,
    all: u64,
}

impl Allowance {
    pub(super) fn of(budget: Option<Budget>) -> Option<Self> {
        let budget = budget?;
        let one = micros(budget.every).max(1);
        Some(Self {
            one,
            all: one.saturating_mul(u64::from(budget.burst.max(1))),
        })
    }

    /// The same in halves, for what can be given back half.
    pub(super) fn of_halves(budget: Option<Budget>) -> Option<Self> {
        Self::of(budget.map(Budget::doubled))
    }

    /// What so much of it takes.
    pub(super) fn cost(self, amount: u32) -> Duration {
        Duration::from_micros(self.one.saturating_mul(u64::from(amount)))
    }

    /// What all of it takes.
    pub(super) fn whole(self) -> Duration {
        Duration::from_micros(self.all)
    }
}

impl<K: Copy + Hash + Ord> Budgets<K> {
    pub(super) fn new(allowance: Option<Allowance>, keys: usize) -> Self {
        Self {
            allowance,
            whole: Table::new(keys),
        }
    }

    /// Whether `cost` could be taken.
    pub(super) fn ask(&self, key: K, cost: u32, now: Timestamp) -> Result<(), Limited> {
        self.after(key, cost, now).map(|_| ())
    }

    /// Takes `cost`, or nothing.
    pub(super) fn take(&mut self, key: K, cost: u32, now: Timestamp) -> Result<(), Limited> {
        if let Some(whole) = self.after(key, cost, now)? {
            self.set(key, whole);
        }
        Ok(())
    }

    /// Gives back `amount` that was taken before.
    pub(super) fn give_back(&mut self, key: K, amount: u32) {
        if let (Some(allowance), Some(whole)) = (self.allowance, self.whole.get(&key)) {
            self.set(key, whole.saturating_sub(u64::from(amount) * allowance.one));
        }
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        self.whole.expire(now);
    }

    pub(super) fn len(&self) -> usize {
        self.whole.len()
    }

    /// When the budget would be whole again after `cost` was taken.
    fn after(&self, key: K, cost: u32, now: Timestamp) -> Result<Option<u64>, Limited> {
        let Some(Allowance { one, all }) = self.allowance else {
            return Ok(None);
        };
        let now = now.as_millis().saturating_mul(1000);
        let whole = self.whole.get(&key).map_or(now, |whole| whole.max(now));
        let after = whole.saturating_add(u64::from(cost).saturating_mul(one));
        match after.saturating_sub(now.saturating_add(all)) {
            0 => Ok(Some(after)),
            over => Err(Limited {
                retry_after: Duration::from_millis(over.div_ceil(1000)),
            }),
        }
    }

    fn set(&mut self, key: K, whole: u64) {
        let rested = Timestamp::from_millis(whole.div_ceil(1000));
        self.whole.set(key, whole, rested);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
