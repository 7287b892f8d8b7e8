//! The clock that nodes share: the store's. Each node measures how far its own is from it, and tells the time by it.
//!
//! Between two measurements time passes by the machine's monotonic clock, which nobody sets. So a machine whose wall
//! clock is wrong, or is set while the server runs, tells the same time as all the others, and says so
//! ([`Clock::ahead`]).

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::Auth;
use crate::directory::Directory;
use crate::env::{Clock, Env, Timestamp};
use crate::store::StoreError;

/// How far a machine's clock may be from the store's before the node says that it is not ready.
pub const TOLERANCE: Duration = Duration::from_secs(1);
/// How many measurements a start takes: the first pays for the connection.
const AT_START: usize = 3;
/// How much two quartz clocks may drift apart, in millionths: far more than they do.
const DRIFT: u32 = 200;
/// What a time in whole milliseconds leaves open.
const ROUNDING: Duration = Duration::from_millis(1);

/// One look at the store's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it said.
    pub store: Timestamp,
    /// When it was asked, and when the answer was there, by the machine's monotonic clock ([`Clock::elapsed`]).
    pub asked: Duration,
    /// See there.
    pub answered: Duration,
}

impl Reading {
    /// What to add to the monotonic clock to tell the store's time: it said so half-way, give or take the half.
    fn base(self) -> (i64, Duration) {
        let half = self.answered.saturating_sub(self.asked) / 2;
        (
            millis(self.store) - whole_millis(self.asked + half),
            half + ROUNDING,
        )
    }
}

/// A machine's clock that follows the store's as soon as it has been measured.
pub struct SharedClock {
    machine: Arc<dyn Clock>,
    /// The store's time less the monotonic one, in milliseconds.
    base: AtomicI64,
    measured: Mutex<Option<Measured>>,
}

/// How well `base` is known.
#[derive(Clone, Copy)]
struct Measured {
    at: Duration,
    error: Duration,
}

const NEVER: i64 = i64::MIN;

impl SharedClock {
    /// Of a machine whose clock is this.
    #[must_use]
    pub fn new(machine: Arc<dyn Clock>) -> Self {
        Self {
            machine,
            base: AtomicI64::new(NEVER),
            measured: Mutex::new(None),
        }
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        match self.base.load(Ordering::Relaxed) {
            NEVER => self.machine.now(),
            base => {
                let now = base.saturating_add(whole_millis(self.machine.elapsed()));
                Timestamp::from_millis(u64::try_from(now).unwrap_or(0))
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }

    /// The best measurement counts, and the older it is the less; one that contradicts it shows that the store's clock
    /// was set, or is another machine's now.
    fn follow(&self, reading: Reading) {
        let (base, error) = reading.base();
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = *measured {
            let age = reading.answered.saturating_sub(former.at);
            let known = former.error + age * DRIFT / 1_000_000;
            let apart = self.base.load(Ordering::Relaxed).abs_diff(base);
            if error > known && Duration::from_millis(apart) <= error + known {
                return;
            }
        }
        *measured = Some(Measured {
            at: reading.answered,
            error,
        });
        self.base.store(base, Ordering::Relaxed);
    }

    fn ahead(&self) -> i64 {
        millis(self.machine.now()) - millis(self.now())
    }
}

fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn whole_millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// This machine's clock is too far from the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this machine's clock is {:.1} s {} that of the database: see to the time service (NTP) of both",
    Duration::from_millis(.millis.unsigned_abs()).as_secs_f64(),
    if *.millis > 0 { "ahead of" } else { "behind" }
)]
pub struct ClockApart {
    /// How many milliseconds it is ahead.
    pub millis: i64,
}

impl Auth {
    /// Looks at the store's clock, if it has one. To be called every few seconds.
    ///
    /// # Errors
    /// Storage failed; this node goes on by what it knows.
    pub async fn follow_clock(&self) -> Result<(), StoreError> {
        measure(&*self.directory, &self.env).await
    }

    /// How many milliseconds this machine's clock is ahead of the store's; 0 if it does not follow it.
    #[must_use]
    pub fn clock_ahead(&self) -> i64 {
        self.env.clock.ahead()
    }

    /// Whether this machine's clock is near enough to the store's. The node tells the right time all the same; but
    /// something is wrong with that machine, or with the database's, that people should see to.
    ///
    /// # Errors
    /// It is not.
    pub fn check_clock(&self) -> Result<(), ClockApart> {
        let millis = self.clock_ahead();
        if Duration::from_millis(millis.unsigned_abs()) > TOLERANCE {
            return Err(ClockApart { millis });
        }
        Ok(())
    }
}

/// Before anything is told the time.
pub(crate) async fn follow_from_the_start(
    directory: &dyn Directory,
    env: &Env,
) -> Result<(), StoreError> {
    for _ in 0..AT_START {
        measure(directory, env).await?;
    }
    Ok(())
}

async fn measure(directory: &dyn Directory, env: &Env) -> Result<(), StoreError> {
    let asked = env.clock.elapsed();
    let Some(store) = directory.clock().await? else {
        return Ok(());
    };
    env.clock.follow(Reading {
        store,
        asked,
        answered: env.clock.elapsed(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// A machine with a wall clock that can be set, and one that cannot.
    #[derive(Default)]
    struct Machine {
        wall: AtomicU64,
        elapsed: AtomicU64,
    }

    impl Machine {
        fn pass(&self, millis: u64) {
            self.wall.fetch_add(millis, Ordering::Relaxed);
            self.elapsed.fetch_add(millis, Ordering::Relaxed);
        }
    }

    impl Clock for Machine {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.wall.load(Ordering::Relaxed))
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.elapsed.load(Ordering::Relaxed))
        }
    }

    /// A machine at `wall`, ten seconds after it began.
    fn machine(wall: u64) -> (Arc<Machine>, SharedClock) {
        let machine = Arc::new(Machine {
            wall: AtomicU64::new(wall),
            elapsed: AtomicU64::new(10_000),
        });
        (machine.clone(), SharedClock::new(machine))
    }

    fn reading(store: u64, asked: u64, answered: u64) -> Reading {
        Reading {
            store: Timestamp::from_millis(store),
            asked: Duration::from_millis(asked),
            answered: Duration::from_millis(answered),
        }
    }

    #[test]
    fn it_tells_the_stores_time_by_half_the_round_trip_and_says_how_far_its_own_is_off() {
        let (machine, clock) = machine(520_000);
        assert_eq!((clock.now().as_millis(), clock.ahead()), (520_000, 0));
        machine.pass(100);
        // Asked at 10,000 and answered at 10,100: it was 500,000 there at 10,050.
        clock.follow(reading(500_000, 10_000, 10_100));
        assert_eq!((clock.now().as_millis(), clock.ahead()), (500_050, 20_050));
        machine.pass(1000);
        assert_eq!((clock.now().as_millis(), clock.ahead()), (501_050, 20_050));
        // Somebody sets the machine's clock: the time goes on as it did.
        machine.wall.store(490_000, Ordering::Relaxed);
        assert_eq!((clock.now().as_millis(), clock.ahead()), (501_050, -11_050));
    }

    #[test]
    fn a_slow_answer_does_not_spoil_what_a_quick_one_said() {
        let (machine, clock) = machine(500_000);
        clock.follow(reading(500_000, 10_000, 10_000));
        machine.pass(5000);
        // It took 400 ms there and nothing back: by halves that is 200 ms wrong.
        clock.follow(reading(505_000, 14_600, 15_000));
        assert_eq!(clock.now().as_millis(), 505_000);
        // As quick as the first, and newer.
        machine.pass(5000);
        clock.follow(reading(510_002, 20_000, 20_000));
        assert_eq!(clock.now().as_millis(), 510_002);
        // Hours later the drift alone may be more than a slow answer leaves open.
        machine.pass(3_600_000);
        clock.follow(reading(4_110_100, 3_619_900, 3_620_000));
        assert_eq!(clock.now().as_millis(), 4_110_150);
    }

    #[test]
    fn a_store_whose_clock_was_set_is_followed_at_once() {
        let (machine, clock) = machine(500_000);
        clock.follow(reading(500_000, 10_000, 10_000));
        machine.pass(5000);
        for (store, expected) in [(525_000, 525_200), (485_000, 485_200)] {
            clock.follow(reading(store, 14_600, 15_000));
            assert_eq!(clock.now().as_millis(), expected);
        }
    }
}
