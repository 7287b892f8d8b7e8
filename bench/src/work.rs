//! What the clients of the load generator do: ask the same thing again, renew, sign in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::load::{Answer, Work, request};

/// The same request again and again.
pub struct Same(pub Vec<u8>);

impl Work for Same {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        out.extend_from_slice(&self.0);
        Some(0)
    }

    fn answered(&mut self, _ticket: usize, _answer: &Answer<'_>) -> Option<Duration> {
        None
    }
}

/// Renewals, each of a different session that has rested for an interval, so that each is `Rotated`.
pub struct Renewals {
    /// The newest refresh token of each session.
    tokens: Vec<String>,
    /// Which session is next, and since when it rests; the longest rested first.
    rested: VecDeque<(usize, Option<Instant>)>,
    interval: Duration,
    seen: Seen,
    answer_size: usize,
}

/// What the answers to renewals said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// A new refresh token: rotated.
    pub new: u64,
    /// The same token again: held. There should be none.
    pub same: u64,
    /// No token.
    pub none: u64,
    /// How often no session had rested long enough, and a client stopped. There should be none.
    pub exhausted: u64,
}

/// The name of the default client's session cookie on loopback.
const SESSION_COOKIE: &str = "countersign-default.session";
/// The name of the default client's refresh cookie on loopback.
pub const REFRESH_COOKIE: &str = "countersign-default";

impl Renewals {
    /// Of these sessions, which rest already.
    pub fn new(tokens: Vec<String>, interval: Duration) -> Self {
        let rested = (0..tokens.len()).map(|i| (i, None)).collect();
        Self {
            tokens,
            rested,
            interval: interval + Duration::from_millis(50),
            seen: Seen::default(),
            answer_size: 0,
        }
    }

    /// The newest refresh tokens, or whatever else was handed out at the sign-ins.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// What was seen since the last call.
    pub fn take_seen(&mut self) -> Seen {
        std::mem::take(&mut self.seen)
    }

    /// Bytes of the last answer that brought a new token, head and body.
    pub fn answer_size(&self) -> usize {
        self.answer_size
    }

    /// How long until the next `count` sessions have rested.
    pub fn rest_of(&self, count: usize) -> Duration {
        let last = self
            .rested
            .get(count.min(self.rested.len()).saturating_sub(1));
        last.and_then(|(_, since)| *since)
            .map_or(Duration::ZERO, |since| {
                self.interval.saturating_sub(since.elapsed())
            })
    }
}

impl Work for Renewals {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let (session, since) = self.rested.pop_front()?;
        if since.is_some_and(|since| since.elapsed() < self.interval) {
            self.rested.push_front((session, since));
            self.seen.exhausted += 1;
            return None;
        }
        renewal(&self.tokens[session], out);
        Some(session)
    }

    fn answered(&mut self, session: usize, answer: &Answer<'_>) -> Option<Duration> {
        let held = &mut self.tokens[session];
        match answer.cookie(REFRESH_COOKIE) {
            Some(token) if answer.status == 200 && token != held => {
                self.seen.new += 1;
                self.answer_size = answer.len();
                held.clear();
                held.push_str(token);
            }
            Some(_) if answer.status == 200 => self.seen.same += 1,
            _ => self.seen.none += 1,
        }
        self.rested.push_back((session, Some(Instant::now())));
        None
    }

    fn withdrawn(&mut self, session: usize) {
        self.rested.push_front((session, None));
    }
}

/// Look-ups of sessions by their names, in turn.
pub struct Lookups {
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl Lookups {
    /// Of `most` of these sessions.
    pub fn new(names: &[String], most: usize) -> Self {
        let ask = |name: &String| {
            let cookie = format!("Cookie: {SESSION_COOKIE}={name}\r\n");
            let mut out = Vec::new();
            request("GET", "/v1/session", &cookie, "", &mut out);
            out
        };
        Self {
            requests: names.iter().take(most).map(ask).collect(),
            next: 0,
        }
    }
}

impl Work for Lookups {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let turn = self.next % self.requests.len();
        self.next = turn + 1;
        out.extend_from_slice(&self.requests[turn]);
        Some(turn)
    }

    fn answered(&mut self, _ticket: usize, _answer: &Answer<'_>) -> Option<Duration> {
        None
    }
}

/// The id of a seeded client.
pub fn app(number: u32) -> String {
    format!("app-{number:03}")
}

/// A renewal as a browser sends it.
fn renewal(token: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(
        b"POST /v1/refresh HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n",
    );
    out.extend_from_slice(b"Content-Type: application/json\r\nContent-Length: 2\r\nCookie: ");
    out.extend_from_slice(REFRESH_COOKIE.as_bytes());
    out.push(b'=');
    out.extend_from_slice(token.as_bytes());
    out.extend_from_slice(b"\r\n\r\n{}");
}

/// Sign-ins of many people with their right passwords.
pub struct SignIns {
    people: u32,
    next: u32,
    password: String,
    /// Answers 503 that said when to come back.
    pub told_to_retry: u64,
    /// Answers 503 that did not. There should be none.
    pub left_hanging: u64,
}

impl SignIns {
    /// Of the first `people` signers that were seeded.
    pub fn new(people: u32, password: &str) -> Self {
        Self {
            people,
            next: 0,
            password: password.to_owned(),
            told_to_retry: 0,
            left_hanging: 0,
        }
    }
}

/// How long a client that found the queue full waits in truth: far less than it was told, so that the queue stays full.
const IMPATIENCE: Duration = Duration::from_millis(20);

impl Work for SignIns {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let person = self.next % self.people;
        self.next = self.next.wrapping_add(1);
        sign_in(&signer(person), &self.password, out);
        Some(0)
    }

    fn answered(&mut self, _ticket: usize, answer: &Answer<'_>) -> Option<Duration> {
        if answer.status != 503 {
            return None;
        }
        if answer.field(b"retry-after").is_some() {
            self.told_to_retry += 1;
        } else {
            self.left_hanging += 1;
        }
        Some(IMPATIENCE)
    }
}

/// The address of a seeded person who is to sign in.
pub fn signer(number: u32) -> String {
    format!("signer-{number:07}@bench.example")
}

/// The address of a seeded person who has a session.
pub fn holder(number: u32) -> String {
    format!("holder-{number:07}@bench.example")
}

/// A sign-in to the default client.
pub fn sign_in(email: &str, password: &str, out: &mut Vec<u8>) {
    let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
    request(
        "POST",
        "/v1/login",
        "Sec-Fetch-Site: same-origin\r\n",
        &body,
        out,
    );
}
