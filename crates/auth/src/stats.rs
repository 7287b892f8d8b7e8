//! What the server is doing, in numbers, for metrics and readiness.

use crate::Auth;
use crate::password::HasherStats;

/// What the server is doing.
#[derive(Clone, Debug)]
pub struct Stats {
    /// The hashing threads.
    pub hasher: HasherStats,
    /// What this node's guard remembers.
    pub guard: countersign_guard::Stats,
    /// How many attempts this node had to count by itself because the shared count did not answer. `None`: there is
    /// none.
    pub counted_alone: Option<u64>,
}

impl Auth {
    /// What the server is doing now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            hasher: self.hasher.stats(),
            guard: self.guard.stats(),
            counted_alone: self.limits.counted_alone(),
        }
    }

    /// Ends the hashing threads. To be called when no request is in flight any more; blocks as long as one hash takes.
    pub fn stop(&self) {
        self.hasher.stop();
    }
}
