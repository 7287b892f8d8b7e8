//! A stream of server-sent events. It is pulled: an event is read and written out when the connection can take it, and
//! between two of them a reader is a place in the log, whose newest part is in one memory for all readers.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use countersign_auth::feed::News;
use countersign_auth::model::revocation::Cursor;
use countersign_guard::{Claims, Verified};
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{Place, View};
use crate::http::{App, Bearer};
use crate::listen::Stopping;

/// The most events in one message: all that is held for a reader.
const BATCH: u32 = 64;

/// Why a stream ended of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The node stops.
    Stopping,
    /// It fell behind what is remembered.
    Slow,
    /// Its token is good no longer.
    Token,
    /// A new incarnation of the log began.
    Anew,
    /// The log cannot be read.
    Unavailable,
}

impl Ended {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::Slow => "slow",
            Self::Token => "token",
            Self::Anew => "anew",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Who reads: what they bear, and whose it was when the stream began.
pub(crate) struct Ear {
    pub(crate) bearer: Bearer,
    pub(crate) token: Verified<Claims>,
}

/// A stream that goes on after a cursor, or begins with a snapshot.
pub(crate) fn open(
    app: App,
    ear: Ear,
    view: View,
    after: Option<Cursor>,
    stopping: Option<Stopping>,
    place: Place,
) -> Body {
    let mut heartbeat = interval(app.settings().feed.heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let phase = match after {
        None => Phase::Snapshot { at: None, to: None },
        Some(cursor) => Phase::Tail {
            told: cursor,
            seen: cursor,
            caught_up: false,
        },
    };
    let reader = Reader {
        bell: app.auth().feed_bell(),
        app,
        ear,
        end: None,
        view,
        phase,
        heartbeat,
        beat: false,
        stopping,
        _place: place,
    };
    Body::new(Stream {
        step: Some(Box::pin(reader.next())),
    })
}

/// The body: a step is under way, or it is over.
struct Stream {
    step: Option<Step>,
}

type Step = Pin<Box<dyn Future<Output = Option<(Bytes, Reader)>> + Send>>;

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(step) = &mut self.step else {
            return Poll::Ready(None);
        };
        let next = ready!(step.as_mut().poll(context));
        self.step = None;
        Poll::Ready(next.map(|(message, reader)| {
            self.step = Some(Box::pin(reader.next()));
            Ok(Frame::data(message))
        }))
    }
}

struct Reader {
    app: App,
    /// Asked before every message: a stream does not outlive its token.
    ear: Ear,
    /// The number of the event that took its token back, once one did.
    end: Option<u64>,
    view: View,
    phase: Phase,
    heartbeat: Interval,
    /// A heartbeat is due.
    beat: bool,
    bell: watch::Receiver<Cursor>,
    stopping: Option<Stopping>,
    _place: Place,
}

enum Phase {
    /// All that matters, a page at a time, from the log.
    Snapshot {
        /// What was read; at first nothing.
        at: Option<Cursor>,
        /// Where the log ended when the first page was read.
        to: Option<u64>,
    },
    /// What follows.
    Tail {
        /// Where the reader stands, as it was told.
        told: Cursor,
        /// What was read. What the view does not show is told with what it shows, or before the next heartbeat.
        seen: Cursor,
        /// Whether it ever had everything. Before that it reads the log; afterwards it keeps up, or goes.
        caught_up: bool,
    },
    Over,
}

impl Reader {
    /// The next message; `None` when the stream is over.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if matches!(self.phase, Phase::Over) {
            return None;
        }
        let message = match self.message().await {
            Ok(message) => message,
            Err(ended) => {
                self.phase = Phase::Over;
                self.app.metrics().stream_ended(ended);
                event("bye", None, &json!({ "reason": ended.word() }))
            }
        };
        Some((Bytes::from(message), self))
    }

    async fn message(&mut self) -> Result<String, Ended> {
        loop {
            if self.stopping.as_ref().is_some_and(Stopping::is_so) {
                return Err(Ended::Stopping);
            }
            let message = match self.phase {
                Phase::Snapshot { at, to } => {
                    if self.is_refused() {
                        return Err(Ended::Token);
                    }
                    Some(self.snapshot(at, to).await?)
                }
                Phase::Tail {
                    told,
                    seen,
                    caught_up,
                } => self.tail(told, seen, caught_up).await?,
                Phase::Over => None,
            };
            if let Some(message) = message {
                return Ok(message);
            }
        }
    }

    fn is_refused(&self) -> bool {
        self.ear.bearer.check(&self.app).is_err()
    }

    /// The number of the last event that this reader may hear of, who has `seen` so much.
    ///
    /// That is any, while its token is good; then it is the event that took the token back. A guard has to know of a
    /// key that was removed before it comes back with a token under another, and who is cut off learns nothing from
    /// hearing so. Only one who kept up is told: of no other is it certain that there is little to tell.
    fn last(&mut self, seen: Cursor, caught_up: bool) -> Result<u64, Ended> {
        if self.end.is_none() {
            if !self.is_refused() {
                return Ok(u64::MAX);
            }
            let end = self.app.auth().feed_end(&self.ear.token, seen);
            self.end = end.filter(|_| caught_up);
        }
        let end = self.end.filter(|end| *end > seen.sequence);
        end.ok_or(Ended::Token)
    }

    /// A page of the snapshot, and after the last one the cursor to go on from.
    async fn snapshot(&mut self, at: Option<Cursor>, to: Option<u64>) -> Result<String, Ended> {
        let page = self.app.auth().feed_page(at, BATCH).await;
        let page = page.map_err(|_| Ended::Unavailable)?;
        if page.anew && at.is_some() {
            return Err(Ended::Anew);
        }
        let to = to.unwrap_or(page.head.sequence);
        let events = self.view.events(&page.entries);
        let mut message = if events.is_empty() {
            // A comment: what concerns others is passed over, but the reader is not to take that for silence.
            String::from(":\n\n")
        } else {
            event("snapshot", None, &json!({ "events": events }))
        };
        let cursor = page.cursor;
        self.phase = if cursor.sequence < to {
            Phase::Snapshot {
                at: Some(cursor),
                to: Some(to),
            }
        } else {
            let complete = json!({ "cursor": cursor.to_string() });
            message += &event("snapshot-complete", Some(cursor), &complete);
            Phase::Tail {
                told: cursor,
                seen: cursor,
                caught_up: false,
            }
        };
        Ok(message)
    }

    /// What is new, or a heartbeat; `None` after a wait, or after what the view does not show.
    async fn tail(
        &mut self,
        told: Cursor,
        mut seen: Cursor,
        mut caught_up: bool,
    ) -> Result<Option<String>, Ended> {
        // In this order: whatever is news to a reader, this node's own guard knew before.
        let news = self.app.auth().feed_news(seen, BATCH as usize);
        let last = self.last(seen, caught_up)?;
        let mut events = Vec::new();
        let page;
        let remembered;
        match news {
            News::Nothing { as_of } if self.beat => {
                self.beat = false;
                return Ok(Some(self.beat(told, as_of)));
            }
            News::Nothing { .. } => {
                caught_up = true;
                self.wait().await;
            }
            News::Entries { entries, to } => {
                remembered = entries;
                let told = remembered.iter().map(Arc::as_ref);
                events = self
                    .view
                    .events(told.filter(|entry| entry.sequence <= last));
                seen.sequence = to.min(last);
            }
            News::Forgotten if caught_up => return Err(Ended::Slow),
            News::Forgotten | News::Elsewhere => {
                let read = self.app.auth().feed_page(Some(seen), BATCH).await;
                page = read.map_err(|_| Ended::Unavailable)?;
                if page.anew {
                    return Err(Ended::Anew);
                }
                events = self.view.events(&page.entries);
                seen = page.cursor;
            }
        }
        // A heartbeat names the reader's place, so it is told of it first.
        let silent = events.is_empty() && !(self.beat && told != seen);
        self.phase = Phase::Tail {
            told: if silent { told } else { seen },
            seen,
            caught_up,
        };
        if silent {
            return Ok(None);
        }
        let data = json!({ "after": told.sequence, "to": seen.sequence, "events": events });
        Ok(Some(event("revocations", Some(seen), &data)))
    }

    fn beat(&self, cursor: Cursor, as_of: std::time::Duration) -> String {
        let data = json!({
            "cursor": cursor.to_string(),
            "as_of": u64::try_from(as_of.as_millis()).unwrap_or(u64::MAX),
            "now": self.app.auth().env().now().as_millis(),
        });
        event("heartbeat", None, &data)
    }

    /// Until there is something to do.
    async fn wait(&mut self) {
        let stopping = async {
            match &mut self.stopping {
                Some(stopping) => stopping.wait().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // In this order: one who is never without news has its heartbeats all the same.
            biased;
            () = stopping => {}
            _ = self.heartbeat.tick() => self.beat = true,
            // Its other end is in `Auth`, which this holds.
            _ = self.bell.changed() => {}
        }
    }
}

/// A server-sent event (HTML Living Standard §9.2). JSON has no line breaks of its own.
fn event(name: &str, id: Option<Cursor>, data: &serde_json::Value) -> String {
    let mut text = format!("event: {name}\n");
    if let Some(id) = id {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "id: {id}");
    }
    let _ = write!(text, "data: {data}\n\n");
    text
}
