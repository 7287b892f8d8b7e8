//! The last part of a move: what is written is noted while somebody holds a line, then nothing is written while somebody
//! holds another, and then never again.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use countersign_auth::store::StoreError;
use countersign_store::Written;
use http::StatusCode;
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use tokio::time::{Interval, interval};

use super::{Desk, Problem};

/// How often the line is tried: whoever has died must not keep a server from its work.
const TRY: Duration = Duration::from_millis(500);
/// How often at most, while nothing is written: nor must whoever lives, and does not come to an end.
const TRIES: u32 = 240;

/// The first line of a watch: a line of JSON. What follows says nothing but that it goes on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Watched {
    /// By which it is asked what was written.
    pub watch: u64,
}

/// The first line of a freeze: a line of JSON. What follows says nothing but that it goes on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// By which the hand-over names it.
    pub freeze: u64,
}

/// Where the store has gone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// The freeze under which the last of it was copied.
    pub freeze: u64,
    /// For people, without secrets.
    pub to: String,
}

/// Whether that freeze had lasted, and the store is moved.
#[derive(Debug, Serialize, Deserialize)]
pub struct HandedOver {
    /// If not, the last part is to be copied again.
    pub done: bool,
}

impl Desk {
    /// What another start of this server has not given to anything, nor will.
    fn name(&self) -> u64 {
        u64::from_be_bytes(self.auth.env().random())
    }
}

/// What is written is noted as long as the answer is being read.
pub(super) async fn watch(State(desk): State<Desk>) -> Result<Response, Problem> {
    let store = &desk.embedded()?.store;
    let watch = store.watch(desk.name()).await?;
    let first = Watched {
        watch: watch.name(),
    };
    // It keeps nobody from anything, and its end frees what it noted.
    Ok(Line::answer(&first, u32::MAX, watch))
}

/// `null`, if that is not known.
pub(super) async fn written(
    State(desk): State<Desk>,
    Path(watch): Path<u64>,
) -> Result<Json<Option<Written>>, Problem> {
    let store = &desk.embedded()?.store;
    Ok(Json(store.written(watch).await?))
}

/// Nothing is written as long as the answer is being read.
pub(super) async fn freeze(State(desk): State<Desk>) -> Result<Response, Problem> {
    let store = &desk.embedded()?.store;
    let Some(freeze) = store.freeze(desk.name()).await? else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "frozen",
            "somebody else moves this store",
        ));
    };
    tracing::warn!("the store takes no writes while the last part of it is moved");
    let first = Frozen {
        freeze: freeze.name(),
    };
    Ok(Line::answer(&first, TRIES, freeze))
}

pub(super) async fn done(
    State(desk): State<Desk>,
    Json(hand_over): Json<HandOver>,
) -> Result<Json<HandedOver>, Problem> {
    let store = &desk.embedded()?.store;
    let at = desk.auth.env().now();
    let done = store.hand_over(hand_over.freeze, &hand_over.to, at).await;
    let done = done.map_err(|error: StoreError| Problem::from(error))?;
    if done {
        tracing::warn!(
            to = hand_over.to,
            "the store was moved: this server answers 503 until it is started with `store.postgres`"
        );
    }
    Ok(Json(HandedOver { done }))
}

/// An answer that lasts, and something that lasts as long.
struct Line<T> {
    first: Option<String>,
    tries: Interval,
    rest: u32,
    _kept: T,
}

impl<T: Send + Unpin + 'static> Line<T> {
    fn answer(first: &impl Serialize, rest: u32, kept: T) -> Response {
        let line = Self {
            first: serde_json::to_string(first).ok(),
            tries: interval(TRY),
            rest,
            _kept: kept,
        };
        Body::new(line).into_response()
    }
}

impl<T: Unpin> HttpBody for Line<T> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut text = match self.first.take() {
            Some(first) => first,
            None if self.rest == 0 => return Poll::Ready(None),
            None => {
                ready!(self.tries.poll_tick(context));
                self.rest -= 1;
                String::new()
            }
        };
        text.push('\n');
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}
