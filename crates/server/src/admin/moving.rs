//! The last part of a move: nothing is written while somebody holds the line, and then never again.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_auth::store::StoreError;
use countersign_store::Freeze;
use http::StatusCode;
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use tokio::time::{Interval, interval};

use super::{Desk, Problem};

/// How often the line is tried: whoever has died must not keep a server from its work.
const TRY: Duration = Duration::from_millis(500);
/// How often at most: nor must whoever lives, and does not come to an end.
const TRIES: u32 = 240;

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

/// Nothing is written as long as the answer is being read.
pub(super) async fn freeze(State(desk): State<Desk>) -> Result<Response, Problem> {
    let store = &desk.embedded()?.store;
    let Some(freeze) = store.freeze().await? else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "frozen",
            "somebody else moves this store",
        ));
    };
    tracing::warn!("the store takes no writes while the last part of it is moved");
    let first = Frozen {
        freeze: freeze.number(),
    };
    let line = Line {
        first: serde_json::to_string(&first).ok(),
        tries: interval(TRY),
        rest: TRIES,
        _freeze: freeze,
    };
    Ok(Body::new(line).into_response())
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

struct Line {
    first: Option<String>,
    tries: Interval,
    rest: u32,
    _freeze: Freeze,
}

impl HttpBody for Line {
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
