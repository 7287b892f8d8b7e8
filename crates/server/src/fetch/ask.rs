//! One request and the beginning of its answer, whatever that is: for whoever looks at more than a document.

use std::net::{IpAddr, Ipv4Addr};

use http::request::Request;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::{FetchError, MAX_DOCUMENT, Policy, Url, reach, secure};

/// The largest head of an answer that is read.
const MAX_HEAD: usize = 64 * 1024;

/// An answer whose body is still to come. Its connection ends with it.
pub(crate) struct Answer {
    host: String,
    head: Parts,
    body: Incoming,
    local: IpAddr,
    /// Moves the bytes.
    _connection: JoinSet<()>,
}

/// Asks. How long that may take, the caller bounds.
pub(crate) async fn ask(
    url: &Url,
    policy: Policy,
    request: Request<Full<Bytes>>,
) -> Result<Answer, FetchError> {
    let stream = reach(url, policy).await?;
    let local = stream.local_addr().map(|address| address.ip());
    let answer = if url.is_secure() {
        exchange(url.host(), secure(url, stream).await?, request).await
    } else {
        exchange(url.host(), stream, request).await
    };
    Ok(Answer {
        local: local.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        ..answer?
    })
}

/// One request, one answer, one connection.
pub(crate) async fn exchange(
    host: &str,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, FetchError> {
    let http = |error| FetchError::Http {
        host: host.to_owned(),
        error,
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(http)?;
    let mut moving = JoinSet::new();
    // What becomes of it, the answer hears.
    moving.spawn(async move { drop(connection.await) });
    let (head, body) = sender
        .send_request(request)
        .await
        .map_err(http)?
        .into_parts();
    Ok(Answer {
        host: host.to_owned(),
        head,
        body,
        local: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _connection: moving,
    })
}

/// A `GET` for this address, to be changed.
pub(crate) fn request(url: &Url) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = url.path();
    let agent = concat!("countersign/", env!("CARGO_PKG_VERSION"));
    let headers = request.headers_mut();
    headers.insert(header::HOST, url.authority());
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    request
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// This machine's own address in the connection.
    pub(crate) fn local(&self) -> IpAddr {
        self.local
    }

    /// The next bytes of a body that may have no end; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let frame = self.body.frame().await.transpose();
            let frame = frame.map_err(|error| FetchError::Http {
                host: self.host.clone(),
                error,
            })?;
            match frame.map(hyper::body::Frame::into_data) {
                None => return Ok(None),
                Some(Ok(bytes)) => return Ok(Some(bytes)),
                // Trailers.
                Some(Err(_)) => {}
            }
        }
    }

    /// The whole body, if it is not too large.
    pub(crate) async fn document(self) -> Result<Bytes, FetchError> {
        let Self { host, body, .. } = self;
        match Limited::new(body, MAX_DOCUMENT).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) => Err(cut_off(host, error)),
        }
    }
}

fn cut_off(host: String, error: Box<dyn std::error::Error + Send + Sync>) -> FetchError {
    match error.downcast::<hyper::Error>() {
        Ok(error) => FetchError::Http {
            host,
            error: *error,
        },
        Err(other) => {
            debug_assert!(other.is::<LengthLimitError>(), "{other}");
            FetchError::TooLarge { host }
        }
    }
}
