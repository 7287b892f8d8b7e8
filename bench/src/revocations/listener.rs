//! A guard in a process of its own, as a service has it. Its parent names a token; it says when the token is accepted,
//! and then when it is refused.

use std::error::Error;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use countersign_guard::Guard;
use countersign_guard::net::{Connected, Denied, Options, Pace, ServiceClient, WhenStale};
use tokio::runtime::Runtime;

use super::causes::KEY_CODES;
use super::clock;

/// How often the token is checked: a refusal is noticed so much too late at the most, and ten guards that check this
/// often leave the machine to the others.
pub const BETWEEN_CHECKS: Duration = Duration::from_micros(500);
/// How long a guard may take to accept or to refuse.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects to the issuer as this client, whose secret is the first line of the input. Each line that follows is a
/// token. Says `connected` and how long that took, then for each token `accepted`, and later the code of its refusal
/// and the time of it; all times in nanoseconds.
pub fn listen(issuer: &str, client: &str) -> Result<(), Box<dyn Error>> {
    let mut lines = io::stdin().lines();
    let secret = lines.next().ok_or("no secret")??;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    // It comes back sooner than usual after a removed key, however many there were, so that the next can be measured.
    let pace = Pace {
        first_retry: Duration::from_millis(20),
        last_retry: Duration::from_millis(20),
        cool_down: Duration::from_millis(50),
        ..Pace::default()
    };
    let client = ServiceClient::new(client, secret);
    let options = Options::new(issuer, issuer, client, WhenStale::refuse()).pace(pace);
    let begun = Instant::now();
    let guard = runtime.block_on(Guard::connect(options))?;
    println!("connected {}", begun.elapsed().as_nanos());
    let mut service = Service {
        runtime,
        guard,
        streams: 1,
        key_sets: 1,
    };
    for token in lines {
        let token = token?;
        service.accepts(&token)?;
        println!("accepted 0");
        let (code, at) = service.refuses(&token)?;
        println!("{code} {at}");
    }
    Ok(())
}

struct Service {
    runtime: Runtime,
    guard: Connected,
    /// How many streams it must have opened, and key sets fetched, to be informed.
    streams: u64,
    key_sets: u64,
}

impl Service {
    fn check(&self, token: &str) -> Result<(), Denied> {
        self.runtime.block_on(self.guard.check(token)).map(drop)
    }

    /// Waits until the token is accepted, by a guard that is informed.
    fn accepts(&mut self, token: &str) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let checked = self.check(token);
            let knowing = self.guard.knowing();
            let is_back = knowing.connected && knowing.connections >= self.streams;
            if checked.is_ok() && is_back && knowing.key_set_fetches >= self.key_sets {
                self.streams = knowing.connections;
                self.key_sets = knowing.key_set_fetches;
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("a guard does not accept: {checked:?}, {knowing:?}"));
            }
            thread::sleep(BETWEEN_CHECKS);
        }
    }

    /// The code of its refusal, and the time of it.
    fn refuses(&mut self, token: &str) -> Result<(&'static str, u64), String> {
        let begun = Instant::now();
        loop {
            if let Err(denied) = self.check(token) {
                let at = clock();
                let code = denied.code();
                if KEY_CODES.contains(&code) {
                    // Its own token was under that key, too: the stream ends, or has ended. And it asks for the new set.
                    self.streams += 1;
                    self.key_sets += 1;
                }
                return Ok((code, at));
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("a guard does not refuse: {:?}", self.guard));
            }
            thread::sleep(BETWEEN_CHECKS);
        }
    }
}
