//! The load generator: HTTP/1.1 over kept connections, as a closed loop and as an open one. The machine's few cores
//! are shared with the server under test, so it is kept lean: one thread, no allocation per request, no parser beyond
//! what an answer's frame needs. Every server is measured by this same generator.

mod closed;
mod open;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

pub use closed::closed;
pub use open::open;
pub use wire::{Answer, exchange, exchange_once, request};

use crate::stats::{Latencies, per_second};

/// What clients do.
pub trait Work: Send + 'static {
    /// Appends the next request to `out`, and gives a number by which its answer is told. `None`: there is nothing
    /// left to do, the client stops.
    fn next(&mut self, out: &mut Vec<u8>) -> Option<usize>;

    /// Takes an answer. A client that is told to wait does so before its next request.
    fn answered(&mut self, ticket: usize, answer: &Answer<'_>) -> Option<Duration>;

    /// Takes a request back that was made but not sent, since the run is over.
    fn withdrawn(&mut self, _ticket: usize) {}
}

/// How long a run lasts: first unmeasured, then measured.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Not measured: connections are opened, caches filled.
    pub warm_up: Duration,
    /// Measured.
    pub measured: Duration,
}

/// What a run found, warm-up excluded.
#[derive(Clone, Debug)]
pub struct Load {
    /// From the (intended) start of a request to the last byte of its answer.
    pub latencies: Latencies,
    /// How late requests were sent; of open loops only.
    pub lateness: Latencies,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// How long was measured.
    pub elapsed: Duration,
}

impl Load {
    /// Answers per second.
    pub fn rate(&self) -> f64 {
        per_second(self.latencies.len(), self.elapsed)
    }
}

/// What one client has recorded.
#[derive(Default)]
struct Record {
    latencies: Vec<u64>,
    lateness: Vec<u64>,
    statuses: BTreeMap<u16, u64>,
}

impl Record {
    fn merge(records: impl IntoIterator<Item = Self>, elapsed: Duration) -> Load {
        let mut whole = Self::default();
        for mut record in records {
            whole.latencies.append(&mut record.latencies);
            whole.lateness.append(&mut record.lateness);
            for (status, count) in record.statuses {
                *whole.statuses.entry(status).or_default() += count;
            }
        }
        Load {
            latencies: Latencies::new(whole.latencies),
            lateness: Latencies::new(whole.lateness),
            statuses: whole.statuses,
            elapsed,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
