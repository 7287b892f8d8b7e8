//! Renewal chains: native clients that each go on with the last refresh token that they received.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;

use crate::binary::http::{Connection, Reply};

/// How long a client waits for an answer: the server was told the same.
pub const PATIENCE: Duration = Duration::from_millis(200);
/// 2.5 times as long.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// How long a client waits before it tries again a server that did not answer.
const BACK_OFF: Duration = Duration::from_millis(10);

/// What one chain saw.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Answers that came.
    pub answers: usize,
    /// Answers that brought another refresh token.
    pub moved: usize,
    /// Requests that were sent and never answered.
    pub unanswered: usize,
    /// Times that nobody was there.
    pub refused: usize,
}

struct Shared {
    port: u16,
    stop: AtomicBool,
    /// Which life of the server this is; counted up while it is dead.
    life: AtomicUsize,
}

struct Chain {
    /// The latest life in which this chain asked and was answered, plus one.
    answered_in: Arc<AtomicUsize>,
    thread: JoinHandle<Result<Tally, String>>,
}

/// All chains.
pub struct Chains {
    shared: Arc<Shared>,
    chains: Vec<Chain>,
}

impl Chains {
    /// One chain for each of these refresh tokens.
    pub fn start(port: u16, tokens: Vec<String>) -> Self {
        let shared = Arc::new(Shared {
            port,
            stop: AtomicBool::new(false),
            life: AtomicUsize::new(0),
        });
        let chains = tokens.into_iter().enumerate();
        let chains = chains
            .map(|(number, token)| Chain::start(&shared, number, token))
            .collect();
        Self { shared, chains }
    }

    /// Called while the server is dead: answers count for its next life from now on.
    pub fn next_life(&self) {
        self.shared.life.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until every chain was answered in this life of the server, and none has ended.
    pub fn wait_for_all(&self) {
        let life = self.shared.life.load(Ordering::SeqCst) + 1;
        // Far longer than it takes: a chain that is never answered is what this test is there to find.
        for _ in 0..6000 {
            let ended = self
                .chains
                .iter()
                .filter(|chain| chain.thread.is_finished())
                .count();
            let behind = self.behind(life);
            if behind == 0 || ended != 0 {
                return;
            }
            thread::sleep(BACK_OFF);
        }
        panic!("{} chains are not answered any more", self.behind(life));
    }

    fn behind(&self, life: usize) -> usize {
        let is_behind = |chain: &&Chain| chain.answered_in.load(Ordering::SeqCst) < life;
        self.chains.iter().filter(is_behind).count()
    }

    /// Ends all chains. What they saw together; no chain may have been signed out.
    pub fn finish(self) -> Tally {
        self.shared.stop.store(true, Ordering::SeqCst);
        let mut sum = Tally::default();
        let mut signed_out = Vec::new();
        for chain in self.chains {
            match chain.thread.join().unwrap() {
                Ok(tally) => {
                    sum.answers += tally.answers;
                    sum.moved += tally.moved;
                    sum.unanswered += tally.unanswered;
                    sum.refused += tally.refused;
                }
                Err(refusal) => signed_out.push(refusal),
            }
        }
        assert_eq!(signed_out, [""; 0], "chains were signed out");
        sum
    }
}

impl Chain {
    fn start(shared: &Arc<Shared>, number: usize, token: String) -> Self {
        let answered_in = Arc::new(AtomicUsize::new(0));
        let client = Client {
            shared: Arc::clone(shared),
            answered_in: Arc::clone(&answered_in),
            connection: None,
            tally: Tally::default(),
        };
        let thread = thread::spawn(move || client.renew(token, number));
        Self {
            answered_in,
            thread,
        }
    }
}

struct Client {
    shared: Arc<Shared>,
    answered_in: Arc<AtomicUsize>,
    connection: Option<Connection>,
    tally: Tally,
}

impl Client {
    /// Renews until it is told to stop, or is signed out.
    fn renew(mut self, mut token: String, number: usize) -> Result<Tally, String> {
        for round in 0.. {
            if self.shared.stop.load(Ordering::SeqCst) {
                break;
            }
            let life = self.shared.life.load(Ordering::SeqCst) + 1;
            match self.ask(&token) {
                Ok(reply) if reply.status == 200 => {
                    let next = reply.text("refresh_token");
                    self.tally.answers += 1;
                    self.tally.moved += usize::from(next != token);
                    token = next;
                    self.answered_in.fetch_max(life, Ordering::SeqCst);
                    thread::sleep(rest(number, round));
                }
                // It asked for the same answer too often while the machine was busy.
                Ok(reply) if reply.status == 429 => thread::sleep(BACK_OFF),
                Ok(reply) => return Err(format!("{} {}", reply.status, reply.body)),
                Err(_) => {
                    self.connection = None;
                    thread::sleep(BACK_OFF);
                }
            }
        }
        Ok(self.tally)
    }

    fn ask(&mut self, token: &str) -> io::Result<Reply> {
        let connection = if let Some(connection) = &mut self.connection {
            connection
        } else {
            let opened = Connection::open(self.shared.port, PATIENCE);
            self.tally.refused += usize::from(opened.is_err());
            self.connection.insert(opened?)
        };
        let body = json!({ "client_id": "phone", "refresh_token": token });
        let reply = connection.post("/v1/refresh", &body);
        self.tally.unanswered += usize::from(reply.is_err());
        reply
    }
}

/// Between four fifths and one and a half of the interval, so that now and then a token is presented too soon; each chain
/// and round its own, the same in every run.
fn rest(number: usize, round: usize) -> Duration {
    let mixed = (number * 31 + round * 17 + number * round) % 36;
    INTERVAL * u32::try_from(40 + mixed).unwrap() / 50
}
