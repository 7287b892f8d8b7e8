//! How long to wait after failures.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use super::Pace;

/// Doubles, up to a bound; by chance up to a half less, so that guards that failed together do not
/// come back together.
pub(super) struct Retry {
    first: Duration,
    last: Duration,
    next: Duration,
}

impl Retry {
    pub fn new(pace: &Pace) -> Self {
        Self {
            first: pace.first_retry,
            last: pace.last_retry,
            next: pace.first_retry,
        }
    }

    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// How long to wait this time.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.last);
        jittered(wait)
    }
}

/// Between a half and the whole. Not a secret: the seeds of the standard library's maps will do.
pub(super) fn jittered(wait: Duration) -> Duration {
    let percent = RandomState::new().hash_one(()) % 51;
    wait * (50 + u32::try_from(percent).unwrap_or(0)) / 100
}
