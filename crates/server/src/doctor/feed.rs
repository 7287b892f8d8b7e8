//! The revocation feed: whether it arrives as it is sent, and how long a revocation takes from the request to a reader.
//!
//! For this a service's secret is needed. It is shown to the issuer alone, and only where that calls itself as it was asked:
//! the service gets two tokens, follows the feed with the one, and takes the other back.

use std::time::Duration;

use countersign_auth::env::Env;
use countersign_auth::model::id::ClientId;
use countersign_jose::Unverified;
use http::header;
use serde_json::Value;
use tokio::time::timeout;

use super::ask::{Asker, Question, Unanswered, quoted};
use super::finding::Finding;
use crate::config::Secret;
use crate::fetch::Answer;

const CHECK: &str = "feed";
/// What is promised to a reader that is connected, in milliseconds (docs/feed.md).
const PROMISED: u128 = 1000;
/// Two heartbeats and some.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long a snapshot may take.
const SNAPSHOT: Duration = Duration::from_secs(20);
/// The most of one event that is kept. What is longer is passed over: neither a heartbeat nor one revocation is.
const LONGEST_EVENT: usize = 64 * 1024;

/// A service client that may follow the feed.
pub struct Service {
    /// Its `client_id`.
    pub id: ClientId,
    /// Its secret.
    pub secret: Secret,
}

/// What was found, and the name of the key that signed the service's token.
pub(super) struct Heard {
    pub(super) finding: Finding,
    pub(super) kid: Option<String>,
}

impl From<Finding> for Heard {
    fn from(finding: Finding) -> Self {
        Self { finding, kid: None }
    }
}

pub(super) async fn examine(asker: &Asker, service: &Service, env: &Env) -> Heard {
    let tokens = [token(asker, service).await, token(asker, service).await];
    let [ear, victim] = match tokens {
        [Ok(ear), Ok(victim)] => [ear, victim],
        [Err(finding), _] | [_, Err(finding)] => return finding.into(),
    };
    let (Ok(header), Some(jti)) = (Unverified::parse(&ear), claim(&victim, "jti")) else {
        return not_checked(
            "the service's token is not a signed one: its audience has them encrypted",
        )
        .into();
    };
    let kid = header.kid().map(str::to_owned);
    let finding = match follow(asker, service, &ear, &victim, &jti, env).await {
        Ok(took) => judge(took),
        Err(finding) => finding,
    };
    Heard { finding, kid }
}

fn judge(took: Duration) -> Finding {
    let took = took.as_millis();
    let what = format!("a revocation was heard {took} ms after it was asked for");
    if took <= PROMISED {
        return Finding::good(CHECK, what);
    }
    Finding::warning(
        CHECK,
        what,
        format!("services accept for so long what was taken back; {PROMISED} ms is promised"),
        "in the proxy: proxy_buffering off; and no compression for text/event-stream; store.notify = \"on\" where nodes share a \
         database",
    )
}

/// Two of these: an ear and a victim.
async fn token(asker: &Asker, service: &Service) -> Result<String, Finding> {
    let question = service.prove(asker.post("/oauth/token"));
    let reply = question
        .form("grant_type=client_credentials&scope=revocations")
        .send()
        .await;
    let reply = reply.map_err(|error| unanswered(&error))?;
    let body = reply.json();
    if let Some(token) = body.get("access_token").and_then(Value::as_str) {
        return Ok(token.to_owned());
    }
    let id = &service.id;
    Err(match body.get("error").and_then(Value::as_str) {
        Some("invalid_client") => {
            not_checked(&format!("the server does not take this secret for {id}'s"))
        }
        Some("invalid_scope") => not_checked(&format!(
            "{id} may not follow it: scope = \"revocations\" in its [[client]]"
        )),
        Some(other) => not_checked(&format!("{id} gets no token: {}", quoted(other))),
        None => not_checked(&format!("/oauth/token answers {}", reply.status.as_u16())),
    })
}

/// How long it took to hear that the victim was taken back.
async fn follow(
    asker: &Asker,
    service: &Service,
    ear: &str,
    victim: &str,
    jti: &str,
    env: &Env,
) -> Result<Duration, Finding> {
    // 1. To be connected: a heartbeat tells so, as soon as there is nothing else to tell.
    let question = asker
        .get("/v1/revocations/stream")
        .header(header::AUTHORIZATION, &format!("Bearer {ear}"))
        .header(header::ACCEPT, "text/event-stream");
    let answer = match timeout(PATIENCE, question.begin()).await {
        Ok(answer) => answer.map_err(|error| unanswered(&error))?,
        Err(_) => return Err(held_back()),
    };
    if answer.status() != 200 {
        let status = answer.status().as_u16();
        return Err(not_checked(&format!("the stream answers {status}")));
    }
    let mut events = Events::of(answer);
    let connected = async {
        // Whatever comes: that it comes is what is waited for first.
        let first = timeout(PATIENCE, events.next()).await;
        let mut event = first.map_err(|_| held_back())??;
        while event.name != "heartbeat" {
            event = events.next().await?;
        }
        Ok::<_, Finding>(())
    };
    let in_time = timeout(SNAPSHOT, connected).await;
    in_time.map_err(|_| not_checked("its snapshot did not end in time"))??;

    // 2. One is taken back. The clock that nobody sets counts.
    let started = env.clock.elapsed();
    let question = service.prove(asker.post("/oauth/revoke"));
    let revoked = question.form(&format!("token={victim}")).send();
    let heard = async {
        loop {
            let event = events.next().await?;
            if event.name == "revocations" && event.tells_of(jti) {
                return Ok::<_, Finding>(env.clock.elapsed().saturating_sub(started));
            }
        }
    };
    let both = async {
        let (revoked, heard) = tokio::join!(revoked, timeout(PATIENCE, heard));
        let reply = revoked.map_err(|error| unanswered(&error))?;
        if reply.status != 200 {
            let status = reply.status.as_u16();
            return Err(not_checked(&format!("/oauth/revoke answers {status}")));
        }
        heard.map_err(|_| {
            Finding::error(
                CHECK,
                format!("a revocation was not heard within {} s", PATIENCE.as_secs()),
                "services accept what was taken back",
                "in the proxy: proxy_buffering off; for /v1/revocations/stream",
            )
        })?
    };
    both.await
}

impl Service {
    fn prove<'a>(&self, question: Question<'a>) -> Question<'a> {
        // Neither has a character that a form would escape (RFC 6749 §2.3.1).
        let pair = format!("{}:{}", self.id, self.secret.expose());
        let pair = base64_simd::STANDARD.encode_to_string(pair);
        question.header(header::AUTHORIZATION, &format!("Basic {pair}"))
    }
}

/// Server-sent events, as they arrive.
struct Events {
    answer: Answer,
    read: Reading,
}

impl Events {
    fn of(answer: Answer) -> Self {
        Self {
            answer,
            read: Reading::default(),
        }
    }

    /// The next that is no comment.
    async fn next(&mut self) -> Result<Event, Finding> {
        loop {
            if let Some(event) = self.read.next() {
                return Ok(event);
            }
            match self.answer.piece().await {
                Ok(Some(piece)) => self.read.take_in(&piece),
                Ok(None) => return Err(not_checked("the stream ended early")),
                Err(error) => return Err(unanswered(&error.into())),
            }
        }
    }
}

/// What came and was not looked at yet: a piece, and less than one event.
#[derive(Default)]
struct Reading {
    bytes: Vec<u8>,
    /// Inside of an event that is longer than what is kept.
    passing_over: bool,
}

struct Event {
    name: String,
    data: String,
}

impl Reading {
    fn take_in(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    fn next(&mut self) -> Option<Event> {
        while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
            let whole: Vec<u8> = self.bytes.drain(..end + 2).collect();
            let is_cut = std::mem::take(&mut self.passing_over);
            if let Some(event) = Event::read(&whole).filter(|_| !is_cut) {
                return Some(event);
            }
        }
        if self.bytes.len() > LONGEST_EVENT {
            // The last byte may be half of the end.
            self.bytes.drain(..self.bytes.len() - 1);
            self.passing_over = true;
        }
        None
    }
}

impl Event {
    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        Some(Self {
            name: field("event: ")?.to_owned(),
            data: field("data: ").unwrap_or_default().to_owned(),
        })
    }

    fn tells_of(&self, jti: &str) -> bool {
        let data: Value = serde_json::from_str(&self.data).unwrap_or_default();
        let events = data.get("events").and_then(Value::as_array);
        events.is_some_and(|events| {
            let mut ids = events.iter().filter_map(|event| event.get("jti")?.as_str());
            ids.any(|id| id == jti)
        })
    }
}

/// A text among the claims of a token that we got for ourselves, and know to be ours.
fn claim(token: &str, name: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    Some(claims.get(name)?.as_str()?.to_owned())
}

fn held_back() -> Finding {
    Finding::error(
        CHECK,
        format!(
            "the stream of revocations is held back: nothing came within {} s, though the server says something every 2 s",
            PATIENCE.as_secs()
        ),
        "services know of no revocation: they refuse everything, or accept what was taken back, as they were told to",
        "in the proxy: proxy_buffering off; for /v1/revocations/stream (or take out proxy_ignore_headers X-Accel-Buffering;)",
    )
}

fn unanswered(error: &Unanswered) -> Finding {
    not_checked(&quoted(&error.to_string()))
}

pub(super) fn not_checked(why: &str) -> Finding {
    Finding::not_checked(CHECK, format!("how soon a revocation is heard: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_any_pieces() {
        let stream = ":\n\nevent: snapshot-complete\nid: a:1\ndata: {\"cursor\":\"a:1\"}\n\n\
            event: revocations\ndata: {\"events\":[{\"kind\":\"session\",\"sid\":\"t\"},{\"kind\":\"token\",\"jti\":\"t\"}]}\n\n\
            event: heartbeat\ndata: {}\n\n";
        for size in 1..stream.len() {
            let mut reading = Reading::default();
            let mut events = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                reading.take_in(piece);
                events.extend(std::iter::from_fn(|| reading.next()));
            }
            let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
            assert_eq!(names, ["snapshot-complete", "revocations", "heartbeat"]);
            let told = [&events[0], &events[1]].map(|event| event.tells_of("t"));
            assert_eq!(told, [false, true]);
            assert!(!events[1].tells_of("u"));
        }
    }

    #[test]
    fn an_event_without_an_end_is_not_kept() {
        let mut reading = Reading::default();
        reading.take_in(b"event: heartbeat\ndata: ");
        for _ in 0..1000 {
            reading.take_in(&[b'x'; 4096]);
            assert!(reading.next().is_none());
            assert!(reading.bytes.len() <= LONGEST_EVENT + 4096);
        }
        // What was cut is nobody's event; the next one is.
        reading.take_in(b"\n\nevent: bye\ndata: {}\n\n");
        assert_eq!(reading.next().unwrap().name, "bye");
    }
}
