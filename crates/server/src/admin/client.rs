//! The client side: over the socket of a running server, or the same router in this process.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::{Body, Bytes};
use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tower::ServiceExt;

use super::{Problem, socket};

/// Somebody to ask.
pub enum Admin {
    /// A running server, through its socket.
    Socket(PathBuf),
    /// This process, which holds the store.
    Here(Router),
}

/// An answer that is being kept.
pub struct Line {
    _body: Body,
}

/// Why an answer did not come, or was a refusal.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Understood, and not done.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The server is there, but this user may not speak to it.
    #[error("{} belongs to another user: run this as the server's user or as root", .0.display())]
    Forbidden(PathBuf),
    /// The connection broke off. What was asked may have happened.
    #[error("the server broke off: {0}")]
    Broken(String),
    /// What came cannot be kept.
    #[error("what the server sent cannot be written: {0}")]
    Write(io::Error),
    /// The answer is not one that this version understands.
    #[error(
        "the server's answer is not understood ({0}): are the command and the server of one version?"
    )]
    Strange(String),
}

/// Whether a server listens on the socket of this data folder.
///
/// # Errors
/// [`CallError::Forbidden`] if one may, but not to this user.
pub async fn find_server(data: &Path) -> Result<Option<Admin>, CallError> {
    let path = socket::path(data);
    match UnixStream::connect(&path).await {
        Ok(_) => Ok(Some(Admin::Socket(path))),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(CallError::Forbidden(path))
        }
        // No socket, or nobody behind it any more.
        Err(_) => Ok(None),
    }
}

impl Admin {
    /// Asks for a file, and writes it; it is on the disk when this returns.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn download(&self, path: &str, mut to: File) -> Result<(), CallError> {
        let request = Request::builder()
            .uri(path)
            .header(header::HOST, "countersign")
            .body(Body::empty())
            .map_err(|error| CallError::Strange(error.to_string()))?;
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return read::<Value>(response).await.map(drop);
        }
        let broken = |error: &dyn std::error::Error| CallError::Broken(error.to_string());
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            // A connection that ends before what was announced has come is an error here.
            if let Ok(part) = frame.map_err(|error| broken(&error))?.into_data() {
                to.write_all(&part).map_err(CallError::Write)?;
            }
        }
        to.sync_all().map_err(CallError::Write)
    }

    /// Asks for something that lasts as long as the answer is kept; its first line.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn hold<T: DeserializeOwned>(&self, path: &str) -> Result<(Line, T), CallError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, "countersign")
            .body(Body::empty())
            .map_err(|error| CallError::Strange(error.to_string()))?;
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return Err(match read::<Value>(response).await {
                Err(error) => error,
                Ok(_) => CallError::Strange("no error".to_owned()),
            });
        }
        let mut body = response.into_body();
        let first = match body.frame().await {
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => return Err(CallError::Broken(error.to_string())),
            None => Bytes::new(),
        };
        let first = serde_json::from_slice(&first);
        let first = first.map_err(|error| CallError::Strange(error.to_string()))?;
        Ok((Line { _body: body }, first))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, CallError> {
        Ok(match self {
            Self::Here(router) => match router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Self::Socket(path) => over_socket(path, request).await?.map(Body::new),
        })
    }

    /// Asks, and reads the answer as a `T`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, CallError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "countersign");
        let body = match body {
            None => Body::empty(),
            Some(value) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(value.to_string())
            }
        };
        let request = request
            .body(body)
            .map_err(|error| CallError::Strange(error.to_string()))?;
        read(self.send(request).await?).await
    }
}

/// One request, one connection.
async fn over_socket(
    path: &Path,
    request: Request<Body>,
) -> Result<Response<hyper::body::Incoming>, CallError> {
    let broken = |error: &dyn std::error::Error| CallError::Broken(error.to_string());
    let stream = UnixStream::connect(path)
        .await
        .map_err(|error| broken(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    tokio::spawn(connection);
    sender
        .send_request(request)
        .await
        .map_err(|error| broken(&error))
}

async fn read<T: DeserializeOwned>(response: Response<Body>) -> Result<T, CallError> {
    let status = response.status();
    let bytes = response
        .into_body()
        .collect()
        .await
        .map_err(|error| CallError::Broken(error.to_string()))?
        .to_bytes();
    if status.is_success() {
        return serde_json::from_slice(&bytes)
            .map_err(|error| CallError::Strange(error.to_string()));
    }
    // A refusal by axum's extractors is a plain text.
    let problem = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&bytes);
        Problem::new(status, "bad_request", text)
    });
    Err(CallError::Refused(problem))
}

/// Text as one segment of a path (RFC 3986 §3.3).
#[must_use]
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend([b'%', hex(byte >> 4), hex(byte & 15)].map(char::from));
        }
    }
    out
}

fn hex(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(nibble & 15)]
}
