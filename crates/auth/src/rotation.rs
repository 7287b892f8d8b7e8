//! The renewal table: what presenting one generation of a refresh token means. Pure; every store calls it inside
//! the one step that renews (`docs/design.md`, decision 2).

use std::time::Duration;

use crate::env::Timestamp;
use crate::model::grant::Network;

/// Which of a grant's refresh tokens: 0 is the one that the sign-in gave.
pub type Generation = u32;

/// The state of a grant's renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generations {
    /// The newest that was handed out.
    pub cur: Generation,
    /// The one before, which may be presented again as long as `cur` was not used.
    pub prev: Option<Generation>,
    /// Whatever is below was superseded by a change of privilege.
    pub floor: Generation,
    /// When `cur` was made.
    pub rotated_at: Timestamp,
    /// When `cur` was last handed out.
    pub handed_at: Timestamp,
    /// How often `cur` was handed out again for `prev`.
    pub retries: u8,
    /// How many times in a row `cur` was given up as lost.
    pub recoveries: u8,
    /// The network that made `cur`.
    pub network: Network,
    /// In how many generations running `prev` was retried from another network.
    pub strangers: u8,
    /// Whether that happened in this generation.
    pub stranger_now: bool,
}

/// The times by which the table measures: all follow from the time-out of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(Duration);

impl Interval {
    /// 2.5 times the longest that a client waits for an answer.
    #[must_use]
    pub fn of_client_timeout(timeout: Duration) -> Self {
        Self(timeout * 5 / 2)
    }

    /// How long it is.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Interval {
    /// For clients that wait 8 seconds.
    fn default() -> Self {
        Self::of_client_timeout(Duration::from_secs(8))
    }
}

/// How often one generation may be handed out again.
pub const MAX_RETRIES: u8 = 100;
/// How many lost answers in a row end a session.
pub const MAX_RECOVERIES: u8 = 5;
/// For how many intervals after a rotation its answer may be retried.
const RETRY_INTERVALS: u32 = 6;
/// In how many generations running a retry from elsewhere raises an alarm.
const STRANGER_ALARM: u8 = 3;

/// What presenting a generation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// `cur`, rested: a new generation. The state to store.
    Rotated(Generations),
    /// `cur`, sooner: the same again. Nothing to store.
    Held,
    /// `prev`, soon: `cur` again. The state to store; with an alarm if strangers keep retrying.
    Retried {
        /// The state to store.
        state: Generations,
        /// Retried from another network in several generations running.
        alarm: bool,
    },
    /// `prev`, too often or for too long: wait. Nothing to store, never an alarm.
    TooManyRetries,
    /// `prev`, late: `cur` was lost, and is poison from now on. The state to store.
    Recovered(Generations),
    /// Too many lost in a row: the session ends without an alarm.
    Lost,
    /// Below the floor: sign in again. Nothing to store.
    Superseded,
    /// Spent or skipped: theft.
    Reused,
    /// Newer than the store knows: the store lost writes.
    Ahead,
}

impl Generations {
    /// The state that a sign-in begins with.
    #[must_use]
    pub const fn first(now: Timestamp, network: Network) -> Self {
        Self {
            cur: 0,
            prev: None,
            floor: 0,
            rotated_at: now,
            handed_at: now,
            retries: 0,
            recoveries: 0,
            network,
            strangers: 0,
            stranger_now: false,
        }
    }

    /// What presenting `presented` at `now` means.
    #[must_use]
    pub fn present(
        &self,
        presented: Generation,
        now: Timestamp,
        interval: Interval,
        from: Network,
    ) -> Move {
        let soon = now.since(self.handed_at) < interval.0;
        if presented > self.cur {
            Move::Ahead
        } else if presented < self.floor {
            Move::Superseded
        } else if presented == self.cur {
            if soon {
                Move::Held
            } else {
                self.rotated(now, from)
            }
        } else if self.prev == Some(presented) {
            if soon {
                self.retried(now, interval, from)
            } else {
                self.recovered(now)
            }
        } else {
            Move::Reused
        }
    }

    /// The state after a change of privilege: no holder of an older token inherits it.
    /// `None` if the generations are used up.
    #[must_use]
    pub fn supersede(&self, now: Timestamp) -> Option<Self> {
        let cur = self.cur.checked_add(1)?;
        Some(Self {
            cur,
            prev: None,
            floor: cur,
            rotated_at: now,
            handed_at: now,
            retries: 0,
            recoveries: 0,
            ..*self
        })
    }

    fn rotated(&self, now: Timestamp, from: Network) -> Move {
        let Some(cur) = self.cur.checked_add(1) else {
            return Move::Lost;
        };
        Move::Rotated(Self {
            cur,
            prev: Some(self.cur),
            rotated_at: now,
            handed_at: now,
            retries: 0,
            recoveries: 0,
            network: from,
            strangers: if self.stranger_now { self.strangers } else { 0 },
            stranger_now: false,
            ..*self
        })
    }

    fn retried(&self, now: Timestamp, interval: Interval, from: Network) -> Move {
        // Whatever hands `cur` out keeps it from being given up as lost for a whole interval, so that the answer has
        // arrived, or never will, before `cur` can become poison. When that moment may not be put off any more,
        // nothing is handed out any more, either.
        let latest = self.rotated_at.plus(interval.0 * RETRY_INTERVALS);
        if self.retries >= MAX_RETRIES || now > latest {
            return Move::TooManyRetries;
        }
        let first_stranger = from != self.network && !self.stranger_now;
        let strangers = self.strangers.saturating_add(u8::from(first_stranger));
        Move::Retried {
            state: Self {
                handed_at: now.max(self.handed_at),
                retries: self.retries + 1,
                strangers,
                stranger_now: self.stranger_now || first_stranger,
                ..*self
            },
            alarm: first_stranger && strangers >= STRANGER_ALARM,
        }
    }

    fn recovered(&self, now: Timestamp) -> Move {
        if self.recoveries >= MAX_RECOVERIES {
            return Move::Lost;
        }
        let Some(cur) = self.cur.checked_add(1) else {
            return Move::Lost;
        };
        Move::Recovered(Self {
            cur,
            rotated_at: now,
            handed_at: now,
            retries: 0,
            recoveries: self.recoveries + 1,
            ..*self
        })
    }
}
