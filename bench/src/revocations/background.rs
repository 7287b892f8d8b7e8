//! What else the server does meanwhile: renewals at a steady rate, and now and then a sign-out.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::causes::with_cookie;
use crate::field::REST;
use crate::load::{Answer, Load, Span, Work, open};
use crate::report::number;
use crate::stats::per_second;
use crate::work::Renewals;

/// Requests a second.
pub const RATE: u32 = 500;
/// Every so many-th of them is a sign-out.
pub const SIGN_OUT_EVERY: u64 = 25;
/// Of so many sessions one is there to be signed out of.
const SIGN_OUTS: usize = 4;
/// Longer than anything takes here.
const LONG: Duration = Duration::from_mins(30);

/// It goes on until it is ended.
pub struct Background {
    work: Arc<Mutex<Mixed>>,
    since: Instant,
    running: JoinHandle<io::Result<Load>>,
}

impl Background {
    /// Renews some of these sessions, and ends the others.
    pub fn begin(address: SocketAddr, mut sessions: Vec<String>) -> Self {
        let sign_outs = sessions.split_off(sessions.len() - sessions.len() / SIGN_OUTS);
        let work = Arc::new(Mutex::new(Mixed {
            renewals: Renewals::new(sessions, REST),
            sign_outs,
            requests: 0,
            is_over: false,
        }));
        let span = Span {
            warm_up: Duration::ZERO,
            measured: LONG,
        };
        let running = {
            let work = Arc::clone(&work);
            thread::spawn(move || open(address, RATE, span, &work))
        };
        Self {
            work,
            since: Instant::now(),
            running,
        }
    }

    /// Ends it. In a sentence, what was done.
    pub fn end(self) -> io::Result<String> {
        self.work.lock().expect("no panic").is_over = true;
        let elapsed = self.since.elapsed();
        let load = self.running.join().expect("no panic")?;
        let statuses: Vec<String> = load
            .statuses
            .iter()
            .map(|(status, count)| format!("{status}: {count}"))
            .collect();
        Ok(format!(
            "In the background {} requests a second were answered, p99 {} ms, by status: {}.",
            number(per_second(load.latencies.len(), elapsed)),
            number(load.latencies.percentile_ms(99.0)),
            statuses.join(", ")
        ))
    }
}

struct Mixed {
    renewals: Renewals,
    /// Refresh tokens of sessions to be ended.
    sign_outs: Vec<String>,
    requests: u64,
    is_over: bool,
}

/// What a sign-out is known by; renewals are by their session.
const SIGN_OUT: usize = usize::MAX;

impl Work for Mixed {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        if self.is_over {
            return None;
        }
        self.requests += 1;
        if self.requests.is_multiple_of(SIGN_OUT_EVERY)
            && let Some(refresh) = self.sign_outs.pop()
        {
            out.extend(with_cookie("/v1/logout", "default", &refresh));
            return Some(SIGN_OUT);
        }
        self.renewals.next(out)
    }

    fn answered(&mut self, ticket: usize, answer: &Answer<'_>) -> Option<Duration> {
        if ticket == SIGN_OUT {
            None
        } else {
            self.renewals.answered(ticket, answer)
        }
    }
}
