//! Where a connected guard has its time from. Time is an argument everywhere else.

use std::time::Duration;

use tokio::time::Instant;

/// The two clocks of a machine.
pub trait Clock: Send + Sync + 'static {
    /// Since 1970-01-01T00:00:00Z, as far as this machine knows. It may be wrong, and it may jump.
    fn wall(&self) -> Duration;

    /// Since some moment. It only goes forward, and never jumps: ages are measured by it.
    fn monotonic(&self) -> Duration;
}

/// This machine's clocks.
pub(super) struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Duration {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place from which a connected guard has the time"
        )]
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }
}
