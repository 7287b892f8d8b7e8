//! What a server has acknowledged, to be held against what its next life remembers.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::http::{Connection, Reply};
use crate::binary::{self, Server, run};

pub const PASSWORD: &str = "seven sentries at the gate";

/// A thing that was acknowledged.
enum Fact {
    Registered {
        email: String,
    },
    SignedIn {
        refresh_token: String,
    },
    SignedOut {
        refresh_token: String,
        access_token: String,
    },
}

/// How many facts of each kind were held against a later life.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    pub registrations: usize,
    pub sign_ins: usize,
    pub revocations: usize,
}

/// Somebody who registers, signs in and signs out all the time, and remembers what was acknowledged.
pub struct Ledger {
    stop: Arc<AtomicBool>,
    facts: Receiver<Fact>,
    writer: JoinHandle<()>,
    pending: Vec<Fact>,
    ended: Vec<(String, String)>,
    checked: Checked,
}

impl Ledger {
    /// Begins at once.
    pub fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, facts) = channel();
        let stopped = Arc::clone(&stop);
        let writer = thread::spawn(move || {
            let mut number = 0;
            while !stopped.load(Ordering::SeqCst) {
                // What breaks off was not acknowledged.
                drop(write(port, &stopped, &mut number, &sender));
                thread::sleep(Duration::from_millis(10));
            }
        });
        Self {
            stop,
            facts,
            writer,
            pending: Vec::new(),
            ended: Vec::new(),
            checked: Checked::default(),
        }
    }

    /// Waits until this life has acknowledged something of each kind.
    pub fn wait_for_some(&mut self) {
        let mut wanted = [true; 3];
        while wanted.contains(&true) {
            // Far longer than it takes.
            let fact = self.facts.recv_timeout(Duration::from_mins(1)).unwrap();
            wanted[match &fact {
                Fact::Registered { .. } => 0,
                Fact::SignedIn { .. } => 1,
                Fact::SignedOut { .. } => 2,
            }] = false;
            self.pending.push(fact);
        }
    }

    /// Called while the server is dead: what it acknowledged so far is what its next life must know.
    pub fn close_the_books(&mut self) {
        self.pending.extend(self.facts.try_iter());
    }

    /// Holds what earlier lives acknowledged against the one that runs now.
    pub fn check(&mut self, server: &Server, folder: &Path) {
        let known = emails(folder);
        let mut connection = server.connect();
        for fact in std::mem::take(&mut self.pending) {
            match fact {
                Fact::Registered { email } => {
                    assert!(
                        known.contains(&email),
                        "the registration of {email} is lost"
                    );
                    self.checked.registrations += 1;
                }
                Fact::SignedIn { refresh_token } => {
                    refresh(&mut connection, &refresh_token)
                        .unwrap()
                        .expect(200);
                    self.checked.sign_ins += 1;
                }
                Fact::SignedOut {
                    refresh_token,
                    access_token,
                } => {
                    self.ended.push((refresh_token, access_token));
                    self.checked.revocations += 1;
                }
            }
        }
        // These stay revoked through every later life.
        for (refresh_token, access_token) in &self.ended {
            refresh(&mut connection, refresh_token).unwrap().expect(401);
            me(&mut connection, access_token).unwrap().expect(401);
        }
    }

    /// Stops, and says how much was checked.
    pub fn finish(self) -> Checked {
        self.stop.store(true, Ordering::SeqCst);
        self.writer.join().unwrap();
        self.checked
    }
}

/// Registers, signs in twice, signs out once: again and again until the server breaks off.
fn write(port: u16, stop: &AtomicBool, number: &mut usize, facts: &Sender<Fact>) -> io::Result<()> {
    let mut connection = Connection::open(port, Duration::from_secs(10))?;
    while !stop.load(Ordering::SeqCst) {
        *number += 1;
        let email = format!("person-{number}@example.com");
        let person = json!({ "email": email, "password": PASSWORD });
        connection.post("/v1/register", &person)?.expect(201);
        drop(facts.send(Fact::Registered {
            email: email.clone(),
        }));

        let refresh_token = sign_in(&mut connection, &email)?.text("refresh_token");
        drop(facts.send(Fact::SignedIn { refresh_token }));

        let reply = sign_in(&mut connection, &email)?;
        let (refresh_token, access_token) =
            (reply.text("refresh_token"), reply.text("access_token"));
        let reply = connection.send("POST", "/v1/logout", Some(&access_token), None)?;
        reply.expect(204);
        drop(facts.send(Fact::SignedOut {
            refresh_token,
            access_token,
        }));
    }
    Ok(())
}

/// Signs in at the native client.
pub fn sign_in(connection: &mut Connection, email: &str) -> io::Result<Reply> {
    let credentials = json!({ "email": email, "password": PASSWORD, "client_id": "phone" });
    connection
        .post("/v1/login", &credentials)
        .map(|reply| reply.expect(200))
}

/// Renews at the native client.
pub fn refresh(connection: &mut Connection, token: &str) -> io::Result<Reply> {
    connection.post(
        "/v1/refresh",
        &json!({ "client_id": "phone", "refresh_token": token }),
    )
}

fn me(connection: &mut Connection, token: &str) -> io::Result<Reply> {
    connection.send("GET", "/v1/me", Some(token), None)
}

/// Every address that the server knows.
fn emails(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut after: Vec<String> = Vec::new();
    loop {
        let mut args = vec!["user", "list", "--json", "--limit", "500"];
        args.extend(after.iter().map(String::as_str));
        let page = binary::json(&run(folder, &args));
        let page = page.as_array().unwrap();
        let texts = |key: &'static str| {
            page.iter()
                .filter_map(move |user: &Value| user[key].as_str())
        };
        let Some(last) = texts("id").next_back() else {
            return all;
        };
        all.extend(texts("email").map(ToOwned::to_owned));
        after = vec!["--after".to_owned(), last.to_owned()];
    }
}
