//! The streams of one HTTP/2 connection: whether any is open, and since when none is.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::timeout;

/// How many are open.
#[derive(Clone)]
pub(crate) struct Streams(Arc<watch::Sender<usize>>);

impl Streams {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// One more, until this is dropped.
    pub(crate) fn open(&self) -> Open {
        self.0.send_modify(|open| *open += 1);
        Open(self.clone())
    }

    /// Until none has been open for so long.
    pub(crate) async fn rest(&self, time: Duration) {
        let mut open = self.0.subscribe();
        loop {
            // The sender is here: neither can fail.
            drop(open.wait_for(|open| *open == 0).await);
            if timeout(time, open.changed()).await.is_err() {
                return;
            }
        }
    }
}

/// A stream that is open.
pub(crate) struct Open(Streams);

impl Open {
    /// The stream is open until this body has been sent.
    pub(crate) fn until_the_end_of(self, body: Body) -> Body {
        Body::new(body.map_frame(move |frame| {
            let _still = &self;
            frame
        }))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open -= 1);
    }
}
