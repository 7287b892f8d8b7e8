//! The accept loop: connections in, within limits, until the server stops; then what is under way is finished.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tower::ServiceExt;
use tower::util::Oneshot;

use crate::http::Peer;
use crate::patience::Patience;
use crate::streams::Streams;
use crate::tls::Tls;

/// Becomes true, or loses its sender, when the server stops.
pub type Shutdown = watch::Receiver<bool>;

/// Says to an answer without an end that the server stops; put into each request by the listener.
#[derive(Clone, Debug)]
pub struct Stopping(Shutdown);

impl Stopping {
    /// Whether it does.
    #[must_use]
    pub fn is_so(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Until it does.
    pub async fn wait(&mut self) {
        // Without a sender it is as good as said.
        drop(self.0.wait_for(|stop| *stop).await);
    }
}

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections there may be; further ones wait in the system's queue.
    pub connections: usize,
    /// How many bytes the head of a request may have, the line and all headers together.
    pub header_bytes: usize,
    /// How long a TLS handshake may take, and the head of a request: from the connection's last answer (or its
    /// beginning) to the head's last byte. So it is also how long a connection may rest.
    pub header_timeout: Duration,
    /// How long the other side may take nothing of what waits to be written to it. An answer that has nothing to say for
    /// a while is not meant.
    pub write_timeout: Duration,
    /// How long what is under way may take when the server stops.
    pub grace: Duration,
}

impl Default for Limits {
    /// 4096 connections, 16 KiB, half a minute to ask, 10 seconds to take, and 10 seconds at the end.
    fn default() -> Self {
        Self {
            connections: 4096,
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(10),
        }
    }
}

/// How long a listener that cannot accept (no file descriptors left) is left alone.
const PAUSE: Duration = Duration::from_millis(50);
/// Streams of one HTTP/2 connection at a time.
const STREAMS: u32 = 100;

/// Serves `router` on one listener until `shutdown`, and returns when the last request is answered, or the grace is over.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    limits: Limits,
    mut shutdown: Shutdown,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            _ = shutdown.wait_for(|stop| *stop) => break,
        };
        let (stream, peer, slot) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let connection = Connection {
            router: router.clone(),
            peer,
            limits,
            watcher: graceful.watcher(),
            stopping: Stopping(shutdown.clone()),
            _slot: slot,
        };
        let stream = Patience::new(stream, limits.write_timeout);
        let tls = tls.clone();
        tokio::spawn(async move {
            match tls {
                None => connection.speak_http1(stream).await,
                Some(tls) => connection.speak_tls(stream, &tls).await,
            }
        });
    }
    drop(listener);
    if timeout(limits.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Answers are small: each is to leave at once.
    stream.set_nodelay(true)?;
    Ok((stream, peer, slot))
}

struct Connection {
    router: Router,
    peer: SocketAddr,
    limits: Limits,
    watcher: Watcher,
    stopping: Stopping,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn speak_tls(self, stream: Patience<TcpStream>, tls: &Tls) {
        let handshake = timeout(self.limits.header_timeout, tls.accept(stream));
        match handshake.await {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                self.speak_http2(stream).await;
            }
            Ok(Ok(stream)) => self.speak_http1(stream).await,
            Ok(Err(error)) => {
                tracing::debug!(%error, peer = %self.peer, "a TLS handshake failed");
            }
            Err(_) => tracing::debug!(peer = %self.peer, "a TLS handshake took too long"),
        }
    }

    async fn speak_http1(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = answer(self.router, self.peer, self.stopping);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(self.limits.header_bytes.max(8192))
            .serve_connection(TokioIo::new(stream), service_fn(service));
        log_end(self.watcher.watch(connection).await, self.peer);
    }

    async fn speak_http2(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let streams = Streams::new();
        let answer = answer(self.router, self.peer, self.stopping.clone());
        let service = service_fn(|request| {
            let open = streams.open();
            let answer = answer(request);
            async move { Ok::<_, Infallible>(answer.await?.map(|body| open.until_the_end_of(body))) }
        });
        let header_bytes = u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(header_bytes)
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(self.limits.header_timeout)
            .keep_alive_timeout(self.limits.header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        // Whoever asks for nothing may answer every ping, and would hold a place for ever.
        let mut stopping = self.stopping;
        tokio::select! {
            ended = connection.as_mut() => return log_end(ended, self.peer),
            () = streams.rest(self.limits.header_timeout) => {}
            () = stopping.wait() => {}
        }
        connection.as_mut().graceful_shutdown();
        log_end(connection.await, self.peer);
        // The listener waits for whoever has one of these.
        drop(self.watcher);
    }
}

/// Marks each request with where it comes from, and with what says that the server stops.
fn answer(
    router: Router,
    peer: SocketAddr,
    stopping: Stopping,
) -> impl Fn(Request<Incoming>) -> Oneshot<Router, Request<Incoming>> {
    move |mut request| {
        request.extensions_mut().insert(Peer(Some(peer)));
        request.extensions_mut().insert(stopping.clone());
        router.clone().oneshot(request)
    }
}

/// Clients go away as they please: that is for those who look closely.
fn log_end(ended: Result<(), hyper::Error>, peer: SocketAddr) {
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}
