//! How much is measured: everything in about half an hour, or a short version.

use std::time::Duration;

use crate::load::Span;

/// How long and how often.
pub struct Plan {
    /// A short version.
    pub quick: bool,
    /// Runs of each measurement; the report shows their median.
    pub runs: usize,
    /// Turns of each contender in a run of the token race.
    pub turns: usize,
    /// One run against a server.
    pub span: Span,
    /// One run of the storm.
    pub storm: Span,
    /// Revocations that every guard knows.
    pub revocations: u32,
    /// How often each cause of revocation is measured.
    pub takings: u32,
    /// Sessions of the small store.
    pub sessions: u32,
    /// Users and sessions of the large store.
    pub many: u32,
    /// Sessions that begin in the month on PostgreSQL.
    pub of_days: usize,
    /// Sign-ins whose times are compared, at the least cost of hashing.
    pub cheap_likeness: u32,
    /// Sign-ins whose times are compared, at the usual cost of hashing.
    pub likeness: u32,
    /// How long after the storm memory is looked at.
    pub rest: Duration,
}

impl Plan {
    /// The full version.
    pub fn full() -> Self {
        Self {
            quick: false,
            runs: 5,
            turns: 120,
            span: Span {
                warm_up: Duration::from_millis(300),
                measured: Duration::from_millis(1500),
            },
            storm: Span {
                warm_up: Duration::from_millis(500),
                measured: Duration::from_secs(5),
            },
            revocations: 1_000_000,
            takings: 100,
            sessions: 64_000,
            many: 1_000_000,
            of_days: 5_000_000,
            cheap_likeness: 10_000,
            likeness: 10_000,
            rest: Duration::from_mins(1),
        }
    }

    /// The short one: a look, not a figure to quote.
    pub fn quick() -> Self {
        Self {
            quick: true,
            runs: 3,
            turns: 20,
            span: Span {
                warm_up: Duration::from_millis(200),
                measured: Duration::from_millis(600),
            },
            storm: Span {
                warm_up: Duration::from_millis(500),
                measured: Duration::from_secs(2),
            },
            revocations: 100_000,
            takings: 10,
            sessions: 32_000,
            many: 100_000,
            of_days: 1_000_000,
            cheap_likeness: 4_000,
            likeness: 1_000,
            rest: Duration::from_secs(10),
        }
    }
}
