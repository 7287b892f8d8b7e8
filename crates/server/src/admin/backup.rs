//! A copy of the embedded store, sent while the server goes on.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_store::Sqlite;
use http::{StatusCode, header};
use hyper::body::{Frame, SizeHint};

use super::{Desk, Problem};

/// The embedded store, and the folder where it is.
#[derive(Clone)]
pub struct Embedded {
    /// The store.
    pub store: Sqlite,
    /// The folder.
    pub data: PathBuf,
}

impl Desk {
    /// The store, if it is a file of this node's own.
    pub(super) fn embedded(&self) -> Result<&Embedded, Problem> {
        self.embedded.as_ref().ok_or_else(|| {
            Problem::new(
                StatusCode::CONFLICT,
                "not_embedded",
                "the store is PostgreSQL: it is backed up with pg_dump, and moved with PostgreSQL's own means \
                 (docs/operations.md)",
            )
        })
    }
}

/// Where a copy lies until it is being sent. It has no name any more then, and goes with whoever holds it.
const COPY: &str = "countersign.db.backup";
/// How much is read at once: what is sent lies in the system's memory, and takes no time to read.
const PART: usize = 64 * 1024;

pub(super) async fn download(State(desk): State<Desk>) -> Result<Response, Problem> {
    let embedded = desk.embedded()?;
    let failed = |error: &dyn std::fmt::Display| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "backup_failed",
            format_args!("no backup was made: {error}"),
        )
    };
    let copy = embedded.data.join(COPY);
    let _one_at_a_time = desk.one_copy_at_a_time.lock().await;
    // A server that was killed may have left it.
    drop(fs::remove_file(&copy));
    let made = embedded.store.back_up(&copy).await;
    made.map_err(|error| failed(&error))?;
    let open = File::open(&copy).and_then(|file| Ok((file.metadata()?.len(), file)));
    drop(fs::remove_file(&copy));
    let (length, file) = open.map_err(|error| failed(&error))?;
    let kind = [(header::CONTENT_TYPE, "application/vnd.sqlite3")];
    let rest = length;
    Ok((kind, Body::new(Sent { file, rest })).into_response())
}

/// A file as a body.
struct Sent {
    file: File,
    rest: u64,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest == 0 {
            return Poll::Ready(None);
        }
        let mut part = vec![0; PART];
        let read = match self.file.read(&mut part) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        Poll::Ready(Some(read.map(|read| {
            part.truncate(read);
            self.rest = self.rest.saturating_sub(read as u64);
            Frame::data(part.into())
        })))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest)
    }
}
