//! What is measured against: a seeded server with its clients' state, and the bare peer beside it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::load::{Load, Span, closed, request};
use crate::process::{Bare, Server, Setting};
use crate::report::{Report, number};
use crate::seed::{Seed, master_key, seed, seed_beside_redis, seed_postgres};
use crate::stats::Runs;
use crate::tokens::refresh_token;
use crate::work::{Renewals, Same};

/// Clients time out after a second here, so a session has rested after 2.5 seconds instead of 20: fewer sessions suffice.
pub const REST: Duration = Duration::from_millis(2500);
/// Bytes of the head of the bare peer's answers.
const BARE_HEAD: usize = 112;

/// A seeded server, and the sessions that its clients hold.
pub struct Field {
    /// The server.
    pub server: Server,
    /// The sessions.
    pub renewals: Arc<Mutex<Renewals>>,
    before: BTreeMap<String, f64>,
}

impl Field {
    /// Seeds a store, and starts a server on it.
    pub fn new(data: &Path, holders: Seed, settings: &[Setting]) -> Result<Self, Box<dyn Error>> {
        let renewals = Renewals::new(seed(data, holders)?, REST);
        Ok(Self {
            server: start(data, settings)?,
            renewals: Arc::new(Mutex::new(renewals)),
            before: BTreeMap::new(),
        })
    }

    /// The same store and sessions under a server with other settings.
    pub fn restart(self, data: &Path, settings: &[Setting]) -> Result<Self, Box<dyn Error>> {
        Ok(self.stop()?.start(data, settings)?)
    }

    /// The sessions, while no server runs.
    pub fn stop(self) -> io::Result<Stopped> {
        self.server.stop()?;
        Ok(Stopped(self.renewals))
    }

    /// The sessions.
    pub fn renewals(&self) -> MutexGuard<'_, Renewals> {
        self.renewals.lock().expect("no panic")
    }

    /// Renewals by so many clients in a closed loop, begun when as many sessions as they may need have rested.
    pub fn renew(&self, span: Span, clients: usize) -> io::Result<Sample> {
        let most_per_ms = if clients == 1 { 4 } else { 25 };
        let millis =
            usize::try_from((span.warm_up + span.measured).as_millis()).unwrap_or(usize::MAX);
        let rest = self.renewals().rest_of(millis.saturating_mul(most_per_ms));
        thread::sleep(rest);
        let before = self.server.cpu();
        let load = closed(self.server.address, clients, span, &self.renewals)?;
        Ok(Sample::new(
            &load,
            self.server.cpu().saturating_sub(before),
            span,
        ))
    }

    /// From here on, answers and metrics are counted.
    pub fn begin_count(&mut self) -> io::Result<()> {
        self.before = self.server.metrics()?;
        self.renewals().take_seen();
        Ok(())
    }

    /// What was counted since: by the clients, and by the server.
    pub fn report_count(&self, report: &mut Report) -> io::Result<()> {
        let seen = self.renewals().take_seen();
        report.say(&format!(
            "Counted by the clients, warm-up included: {} answers with a new refresh token, {} with the same, {} with \
             none; {} times a client found no session rested.",
            seen.new, seen.same, seen.none, seen.exhausted
        ));
        let after = self.server.metrics()?;
        let told = ["renewal", "commit", "store", "refresh"];
        let lines: Vec<String> = after
            .iter()
            .filter(|(name, _)| {
                told.iter().any(|part| name.contains(part)) && !name.contains("_bucket")
            })
            .filter_map(|(name, value)| {
                let grown = value - self.before.get(name).copied().unwrap_or_default();
                (grown > 0.0).then(|| format!("- `{name}` {}", number(grown)))
            })
            .collect();
        report.say(&format!("By the server's metrics:\n\n{}", lines.join("\n")));
        Ok(())
    }
}

/// The sessions of a server that has stopped.
pub struct Stopped(Arc<Mutex<Renewals>>);

impl Stopped {
    /// Seeds a PostgreSQL database.
    pub fn on_postgres(address: &str, holders: Seed) -> Result<Self, Box<dyn Error>> {
        let renewals = Renewals::new(seed_postgres(address, holders)?, REST);
        Ok(Self(Arc::new(Mutex::new(renewals))))
    }

    /// Seeds a store in `data` whose sessions are in Redis.
    pub fn beside_redis(data: &Path, address: &str, holders: Seed) -> Result<Self, Box<dyn Error>> {
        let renewals = Renewals::new(seed_beside_redis(data, address, holders)?, REST);
        Ok(Self(Arc::new(Mutex::new(renewals))))
    }

    /// Under a server on the same store.
    pub fn start(self, data: &Path, settings: &[Setting]) -> io::Result<Field> {
        Ok(Field {
            server: start(data, settings)?,
            renewals: self.0,
            before: BTreeMap::new(),
        })
    }
}

/// Starts a server on a seeded store, with the clients' time-out that makes for [`REST`].
pub fn start(data: &Path, settings: &[Setting]) -> io::Result<Server> {
    let mut all = vec![
        ("COUNTERSIGN_MASTER_KEY", master_key()),
        ("COUNTERSIGN_SESSIONS_CLIENT_TIMEOUT", "1s".to_owned()),
    ];
    all.extend_from_slice(settings);
    Server::start(data, &all)
}

/// A bare peer whose answers are `size` bytes long, and one run against it.
pub struct Peer {
    bare: Bare,
    ask: Arc<Mutex<Same>>,
}

impl Peer {
    /// Answers `POST`s with a small JSON body.
    pub fn post(size: usize) -> io::Result<Self> {
        Ok(Self::asked(Bare::start(body(size))?, a_post()))
    }

    /// The same, with a page on the disk before each answer.
    pub fn durable_post(size: usize, file: &Path) -> io::Result<Self> {
        Ok(Self::asked(Bare::durable(body(size), file)?, a_post()))
    }

    /// The same, with two tokens signed before each answer.
    pub fn signing(size: usize) -> io::Result<Self> {
        Ok(Self::asked(Bare::signing(body(size))?, a_post()))
    }

    /// Answers `POST`s with a refresh token by renewing that.
    pub fn renewing() -> io::Result<Self> {
        let mut ask = Vec::new();
        let head = format!(
            "Sec-Fetch-Site: same-origin\r\nCookie: refresh={}\r\n",
            refresh_token()
        );
        request("POST", "/", &head, "{}", &mut ask);
        Ok(Self::asked(Bare::renewing()?, ask))
    }

    /// Answers `GET`s.
    pub fn get(size: usize) -> io::Result<Self> {
        let mut ask = Vec::new();
        request("GET", "/", "", "", &mut ask);
        Ok(Self::asked(Bare::start(body(size))?, ask))
    }

    fn asked(bare: Bare, ask: Vec<u8>) -> Self {
        Self {
            bare,
            ask: Arc::new(Mutex::new(Same(ask))),
        }
    }

    /// One run.
    pub fn run(&self, span: Span, clients: usize) -> io::Result<Sample> {
        let before = self.bare.cpu();
        let load = closed(self.bare.address, clients, span, &self.ask)?;
        Ok(Sample::new(
            &load,
            self.bare.cpu().saturating_sub(before),
            span,
        ))
    }
}

/// How long the body is of a bare peer's answer of this size.
fn body(size: usize) -> usize {
    size.saturating_sub(BARE_HEAD)
}

fn a_post() -> Vec<u8> {
    let mut ask = Vec::new();
    let head = "Sec-Fetch-Site: same-origin\r\n";
    request("POST", "/", head, "{}", &mut ask);
    ask
}

/// What one run found.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Answers per second.
    pub rate: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// The server's processor time for each answer, in microseconds.
    pub cpu: f64,
    /// Answers that were not 200.
    pub others: u64,
}

impl Sample {
    /// Of a run during which the server used `cpu`.
    pub fn new(load: &Load, cpu: Duration, span: Span) -> Self {
        let whole = (span.warm_up + span.measured).as_secs_f64();
        let others = load.statuses.iter().filter(|(status, _)| **status != 200);
        Self {
            rate: load.rate(),
            p50: load.latencies.percentile_ms(50.0),
            p99: load.latencies.percentile_ms(99.0),
            cpu: cpu.as_secs_f64() * 1e6 / (load.rate() * whole),
            others: others.map(|(_, count)| count).sum(),
        }
    }
}

/// One value of each run.
pub fn runs(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> Runs {
    Runs::new(samples.iter().map(of).collect())
}

/// One value of each pair of runs that were made side by side.
pub fn pairs(a: &[Sample], b: &[Sample], of: impl Fn(&Sample, &Sample) -> f64) -> Runs {
    Runs::new(a.iter().zip(b).map(|(a, b)| of(a, b)).collect())
}
