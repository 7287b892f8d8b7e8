//! Follows the feed of revocations: a snapshot, then everything that comes after it, with proof
//! that nothing is missing.
//!
//! 1. What a feed says is added to what is known, and nothing is ever taken back.
//! 2. A reader stands at a cursor only after a whole snapshot, and moves only by news that begin
//!    exactly there. Whatever does not fit (a gap, a smaller number, another incarnation, a text
//!    that cannot be read) ends the stream, and the next begins with a snapshot.
//! 3. A heartbeat vouches for the present only if it names the very cursor, and for a time as much
//!    earlier as the node's read of the log is old and the heartbeat was on its way.

mod sse;
mod wire;

use std::{sync::atomic::Ordering, time::Duration};

use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep, timeout_at};

use self::wire::{Beat, Complete, Cursor, Kind, News, Page, Snapshot};
use super::{
    Feed, Secret, ServiceToken,
    address::escape,
    discovery::{Unlearned, endpoint, status},
    http::{Asked, NoAnswer, get},
    knowledge::{Heartbeat, Transit},
    retry::Retry,
    service_token::NoToken,
    shared::{Issuer, Shared},
};
use crate::revocations::Ids;

/// How much a poll asks for at a time.
const PAGE: u32 = 1000;

/// Why a stream ended, or a poll gave nothing.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Token(#[from] NoToken),
    #[error(transparent)]
    Issuer(#[from] Unlearned),
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error("the stream broke off")]
    BrokenOff,
    #[error("the stream is silent")]
    Silent,
    /// The token is good no longer: the next may be.
    #[error("the service token is refused")]
    Unauthorized,
    /// Not a failure: the node stops, or this reader was too slow.
    #[error("the node said good-bye")]
    Bye,
    /// The next stream begins with a snapshot.
    #[error("something is missing or cannot be read ({0}): beginning anew")]
    Gap(&'static str),
}

/// Follows the feed of `issuer`, for ever.
pub(super) async fn follow(shared: &Shared, issuer: &Issuer, token: &ServiceToken) {
    let mut reader = Reader {
        shared,
        issuer,
        position: None,
        in_snapshot: false,
        transit: Transit::default(),
    };
    let mut retry = Retry::new(&shared.pace);
    let mut refused = false;
    loop {
        let begun = Instant::now();
        let ended = match issuer.feed {
            Feed::Stream => reader.stream(token).await,
            Feed::Poll { every } => reader.poll(token, every).await,
        };
        shared.knowledge.disconnect();
        if let Ended::Gap(_) = ended {
            reader.position = None;
        }
        // As when its key was removed: another token is worth trying at once.
        let was_refused = std::mem::replace(&mut refused, matches!(ended, Ended::Unauthorized));
        if refused && !was_refused {
            continue;
        }
        if !matches!(ended, Ended::Bye) {
            shared.trouble("feed", &ended);
        }
        if begun.elapsed() > shared.pace.silence {
            retry.reset();
        }
        sleep(retry.wait()).await;
    }
}

/// Where a reader stands.
struct Reader<'a> {
    shared: &'a Shared,
    issuer: &'a Issuer,
    /// Everything up to here has been applied.
    position: Option<Cursor>,
    /// A snapshot has begun in this stream, and is not complete.
    in_snapshot: bool,
    transit: Transit,
}

impl Reader<'_> {
    /// Reads one stream to its end.
    async fn stream(&mut self, token: &ServiceToken) -> Ended {
        match self.try_stream(token).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn try_stream(
        &mut self,
        token: &ServiceToken,
    ) -> Result<std::convert::Infallible, Ended> {
        let path = format!("/v1/revocations/stream?{}", self.view());
        let address = self.address(&path)?;
        let secret = token.get().await?;
        let mut asked = bearing(get(&address, "text/event-stream"), &secret);
        if let Some(cursor) = &self.position
            && let Ok(cursor) = HeaderValue::from_str(&cursor.to_string())
        {
            asked.headers_mut().insert("last-event-id", cursor);
        }
        let opened = self.issuer.client.open(&address, asked).await?;
        granted(opened.answer.status(), token, &secret)?;
        let is_stream = opened
            .answer
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if !is_stream {
            return Err(Ended::Gap("not a stream of events"));
        }
        self.shared.connections.fetch_add(1, Ordering::Relaxed);
        self.in_snapshot = false;
        self.transit = Transit::default();

        let mut opened = opened;
        let body = opened.answer.body_mut();
        let mut events = sse::Reader::default();
        let silence = self.shared.pace.silence;
        let mut deadline = Instant::now() + silence;
        loop {
            let frame = timeout_at(deadline, body.frame())
                .await
                .map_err(|_| Ended::Silent)?
                .ok_or(Ended::BrokenOff)?
                .map_err(|_| Ended::BrokenOff)?;
            let Some(bytes) = frame.data_ref() else {
                continue;
            };
            // A snapshot may be long, and what of it concerns others is not sent.
            if self.position.is_none() {
                deadline = Instant::now() + silence;
            }
            let messages = events
                .read(bytes)
                .map_err(|sse::Unreadable| Ended::Gap("an event"))?;
            for message in messages {
                if self.take(&message)? == Sign::OfLife {
                    deadline = Instant::now() + silence;
                }
            }
        }
    }

    /// Takes one event of a stream in.
    fn take(&mut self, message: &sse::Message) -> Result<Sign, Ended> {
        match message.event.as_str() {
            "snapshot" => {
                let Snapshot { events } = read(&message.data, "a snapshot")?;
                self.position = None;
                self.in_snapshot = true;
                self.apply(&events);
                Ok(Sign::OfLife)
            }
            "snapshot-complete" => {
                let Complete { cursor } = read(&message.data, "the end of a snapshot")?;
                self.complete(cursor);
                Ok(Sign::OfLife)
            }
            "revocations" => {
                let news: News = read(&message.data, "revocations")?;
                let position = self
                    .position
                    .as_mut()
                    .ok_or(Ended::Gap("revocations before a whole snapshot"))?;
                // Before anything is said of its place: a fact is a fact.
                self.shared.apply(Some(&self.issuer.keys), &news.events);
                if news.after != position.sequence || news.to < news.after {
                    return Err(Ended::Gap("revocations that do not follow"));
                }
                position.sequence = news.to;
                if message.id != position.to_string() {
                    return Err(Ended::Gap("revocations under another number"));
                }
                Ok(Sign::OfNothing)
            }
            "heartbeat" => {
                let beat: Beat = read(&message.data, "a heartbeat")?;
                if self.in_snapshot || self.position.as_ref() != Some(&beat.cursor) {
                    return Err(Ended::Gap("a heartbeat from another place"));
                }
                let heard = self.shared.clock.monotonic();
                let now = Duration::from_millis(beat.now);
                let delay = self.transit.delay(now, heard);
                if delay > self.shared.pace.silence {
                    // Held up, or the issuer's clock was set back: a new stream tells.
                    return Err(Ended::Silent);
                }
                self.vouch(beat.as_of, delay, now, heard);
                Ok(Sign::OfLife)
            }
            "bye" => Err(Ended::Bye),
            // Of later versions.
            _ => Ok(Sign::OfNothing),
        }
    }

    /// Asks again and again.
    async fn poll(&mut self, token: &ServiceToken, every: Duration) -> Ended {
        self.shared.connections.fetch_add(1, Ordering::Relaxed);
        loop {
            if let Err(ended) = self.catch_up(token).await {
                return ended;
            }
            sleep(every).await;
        }
    }

    /// Asks until there is no more.
    async fn catch_up(&mut self, token: &ServiceToken) -> Result<(), Ended> {
        let mut next: Option<String> = None;
        loop {
            let place = match (&next, &self.position) {
                (Some(next), _) => format!("&after={}", escape(next)),
                (None, Some(cursor)) => format!("&after={}", escape(&cursor.to_string())),
                (None, None) => String::new(),
            };
            let path = format!("/v1/revocations?{}&limit={PAGE}{place}", self.view());
            let address = self.address(&path)?;
            let secret = token.get().await?;
            // What a poll says is as old as the question: it could have been answered at once.
            let heard = self.shared.clock.monotonic();
            let asked = bearing(get(&address, "application/json"), &secret);
            let answer = self.issuer.client.ask(&address, asked).await?;
            granted(answer.status, token, &secret)?;
            let page: Page =
                serde_json::from_slice(&answer.body).map_err(|_| Ended::Gap("a page"))?;
            if page.ids != self.issuer.ids {
                return Err(Ended::Gap("identifiers written in another way"));
            }
            if page.kind == Kind::Snapshot && !self.in_snapshot {
                self.position = None;
                self.in_snapshot = true;
            }
            self.apply(&page.events);
            match (page.kind, page.cursor) {
                (Kind::Tail, Some(cursor)) => self.advance(cursor)?,
                (Kind::Snapshot, Some(cursor)) => self.complete(cursor),
                (Kind::Snapshot, None) if page.more && page.next.is_some() => {}
                _ => return Err(Ended::Gap("a page without a cursor")),
            }
            // A snapshot is as old as its first page: what came meanwhile is asked for next.
            if page.kind == Kind::Tail && !page.more {
                let now = Duration::from_millis(page.now);
                self.vouch(page.as_of, Duration::ZERO, now, heard);
                return Ok(());
            }
            next = page.next;
        }
    }

    /// A tail begins where this reader stands.
    fn advance(&mut self, cursor: Cursor) -> Result<(), Ended> {
        let fits = self.position.as_ref().is_some_and(|position| {
            position.incarnation == cursor.incarnation && position.sequence <= cursor.sequence
        });
        if !fits {
            return Err(Ended::Gap("a tail that does not follow"));
        }
        self.position = Some(cursor);
        Ok(())
    }

    fn complete(&mut self, cursor: Cursor) {
        self.position = Some(cursor);
        self.in_snapshot = false;
        // A snapshot says what is revoked, not what changed meanwhile.
        self.shared.accounts.forget_all();
    }

    fn apply(&self, events: &[crate::Event]) {
        self.shared.apply(Some(&self.issuer.keys), events);
    }

    fn vouch(&self, as_of: u64, delay: Duration, now: Duration, heard: Duration) {
        // The wall clock at the moment that counts as the heartbeat's.
        let since = self.shared.clock.monotonic().saturating_sub(heard);
        let wall = self.shared.clock.wall().saturating_sub(since);
        self.shared.knowledge.vouch(Heartbeat {
            as_of: Duration::from_millis(as_of),
            delay,
            now,
            heard,
            wall,
        });
        self.shared.well("feed");
        self.shared
            .has_heard
            .send_if_modified(|has| !std::mem::replace(has, true));
    }

    /// What is asked for: for whom, and how it is to be written.
    fn view(&self) -> String {
        let ids = match self.issuer.ids {
            Ids::Plain => "plain",
            Ids::Hashed => "hashed",
        };
        format!("audience={}&ids={ids}", escape(&self.issuer.audience))
    }

    fn address(&self, path: &str) -> Result<super::address::Address, Unlearned> {
        let address = format!("{}{path}", self.issuer.name);
        endpoint(&self.issuer.client, "issuer", &address)
    }
}

/// What an event says of the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// It goes on as it should.
    OfLife,
    OfNothing,
}

/// Whether the feed is given; a token that was refused is not shown again.
fn granted(answer: StatusCode, token: &ServiceToken, secret: &Secret) -> Result<(), Ended> {
    if answer == StatusCode::UNAUTHORIZED {
        token.reject(secret);
        return Err(Ended::Unauthorized);
    }
    if answer == StatusCode::OK {
        return Ok(());
    }
    Err(status("feed", answer).into())
}

fn read<'t, T: serde::Deserialize<'t>>(data: &'t str, what: &'static str) -> Result<T, Ended> {
    serde_json::from_str(data).map_err(|_| Ended::Gap(what))
}

fn bearing(mut asked: Asked, token: &Secret) -> Asked {
    if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.reveal())) {
        value.set_sensitive(true);
        asked.headers_mut().insert(header::AUTHORIZATION, value);
    }
    asked
}
