//! How much a guard knows of what was revoked: of which moment, by whose clock.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use countersign_jose::UnixTime;

use super::Clock;

/// Clocks that differ by more are not corrected: a guard that would have to, refuses.
pub const MAX_SKEW: Duration = Duration::from_mins(5);

/// A guard whose last heartbeat is older is not connected.
const HEARTBEAT_AGE: Duration = Duration::from_secs(4);

/// Nor is one to whom a node says that it has not read the log for longer, or that hears so late.
const AS_OF: Duration = Duration::from_secs(1);

/// Of a clock that was never heard: whatever is added to it is 0.
const NEVER: i64 = i64::MIN;

/// Shared between whoever follows the feed and every check. Moments are milliseconds of the
/// monotonic clock, and one more, so that 0 is never.
pub struct Knowledge {
    /// Everything that was revoked before this moment is known.
    known_at: AtomicU64,
    /// When the last heartbeat came.
    heard_at: AtomicU64,
    /// Whether that one vouched for the present, and its stream still stands.
    is_current: AtomicBool,
    /// What the wall clock lacks, in milliseconds.
    skew: AtomicI64,
    /// By how much the issuer's clock was ahead of the monotonic one, in milliseconds; or [`NEVER`].
    issuer_time: AtomicI64,
}

/// What a node says of its knowledge, and its clock.
#[derive(Clone, Copy)]
pub struct Heartbeat {
    /// How old its last read of the log was when it said so.
    pub as_of: Duration,
    /// How long that was on its way.
    pub delay: Duration,
    /// Its wall clock, since 1970.
    pub now: Duration,
    /// When it came, by the monotonic clock.
    pub heard: Duration,
    /// When it came, by the wall clock.
    pub wall: Duration,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self {
            known_at: AtomicU64::new(0),
            heard_at: AtomicU64::new(0),
            is_current: AtomicBool::new(false),
            skew: AtomicI64::new(0),
            issuer_time: AtomicI64::new(NEVER),
        }
    }
}

impl Knowledge {
    /// Everything up to this heartbeat has been applied.
    pub fn vouch(&self, beat: Heartbeat) {
        let is_current = beat.as_of <= AS_OF && beat.delay <= AS_OF;
        if is_current {
            // What was long on its way would make the issuer's clock look slow.
            self.skew
                .store(difference(beat.now, beat.wall), Ordering::Relaxed);
            self.issuer_time
                .store(difference(beat.now, beat.heard), Ordering::Relaxed);
        }
        self.is_current.store(is_current, Ordering::Relaxed);
        self.heard_at.store(mark(beat.heard), Ordering::Relaxed);
        // What was once known stays known: an older heartbeat from another node takes nothing back.
        let age = beat.as_of + beat.delay;
        let known = mark(beat.heard.saturating_sub(age));
        self.known_at.fetch_max(known, Ordering::Release);
    }

    /// The stream is gone.
    pub fn disconnect(&self) {
        self.is_current.store(false, Ordering::Relaxed);
    }

    /// How old the knowledge is; `None` if there never was any.
    pub fn age(&self, clock: &dyn Clock) -> Option<Duration> {
        let known = self.known_at.load(Ordering::Acquire).checked_sub(1)?;
        Some(
            clock
                .monotonic()
                .saturating_sub(Duration::from_millis(known)),
        )
    }

    /// Whether a node vouches for the present, at this moment.
    pub fn is_connected(&self, clock: &dyn Clock) -> bool {
        let heard = self.heard_at.load(Ordering::Relaxed);
        let age = clock.monotonic().as_millis().saturating_add(1);
        self.is_current.load(Ordering::Relaxed)
            && heard > 0
            && age.saturating_sub(u128::from(heard)) <= HEARTBEAT_AGE.as_millis()
    }

    /// What has to be added to this machine's clock, in milliseconds.
    pub fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    /// The present by the corrected clock, or by the issuer's as the monotonic clock carries it on,
    /// whichever is later: a wall clock that is set back between two heartbeats makes no token valid
    /// again whose revocation [`issuer_now`](Self::issuer_now) had forgotten, and a monotonic one
    /// that slept with its machine makes none live longer.
    ///
    /// # Errors
    /// By how many milliseconds it is off, if that is more than [`MAX_SKEW`].
    pub fn now(&self, clock: &dyn Clock) -> Result<UnixTime, i64> {
        let skew = self.skew();
        if u128::from(skew.unsigned_abs()) > MAX_SKEW.as_millis() {
            return Err(skew);
        }
        let corrected = millis(clock.wall()).saturating_add_signed(skew);
        let now = corrected.max(self.carried_on(clock));
        Ok(UnixTime::from_secs(now / 1000))
    }

    /// The present by the issuer's own clock, whatever this machine's does in between; for
    /// forgetting, which cannot be taken back. `None` while nobody vouches.
    pub fn issuer_now(&self, clock: &dyn Clock) -> Option<UnixTime> {
        self.is_connected(clock)
            .then(|| UnixTime::from_secs(self.carried_on(clock) / 1000))
    }

    /// The issuer's clock as it was heard last, carried on by the monotonic one.
    fn carried_on(&self, clock: &dyn Clock) -> u64 {
        let ahead = self.issuer_time.load(Ordering::Relaxed);
        millis(clock.monotonic()).saturating_add_signed(ahead)
    }
}

fn mark(moment: Duration) -> u64 {
    millis(moment).saturating_add(1)
}

fn difference(one: Duration, other: Duration) -> i64 {
    let (one, other) = (millis(one), millis(other));
    let size = i64::try_from(one.abs_diff(other)).unwrap_or(i64::MAX);
    if one < other { -size } else { size }
}

pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How late heartbeats of one stream come, told by their own clock: bytes that were held up on
/// the way vouch for the past, not for the present.
#[derive(Default)]
pub struct Transit {
    /// Of the promptest so far: issuer's clock less ours.
    promptest: Option<i64>,
}

impl Transit {
    /// How much later than the promptest of the stream this one came.
    pub fn delay(&mut self, now: Duration, heard: Duration) -> Duration {
        let ahead = difference(now, heard);
        let promptest = self
            .promptest
            .map_or(ahead, |promptest| promptest.max(ahead));
        self.promptest = Some(promptest);
        Duration::from_millis(promptest.saturating_sub(ahead).unsigned_abs())
    }
}
