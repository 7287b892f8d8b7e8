//! A node's link to a store, which can be cut.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// What was sent and did not arrive is sent again for so long; then the connection is lost (`TCP_USER_TIMEOUT`, as the
/// server sets it towards PostgreSQL).
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// Hands on what comes to a port of this machine.
pub struct Relay {
    pub port: u16,
    whole: watch::Sender<bool>,
}

impl Relay {
    /// To a socket.
    pub async fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (whole, seen) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(link(near, socket.clone(), seen.clone()));
            }
        });
        Self { port, whole }
    }

    /// Nothing arrives any more, and nobody is told.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// What is still being sent arrives after all.
    pub fn heal(&self) {
        self.whole.send_replace(true);
    }
}

async fn link(mut near: TcpStream, socket: PathBuf, mut whole: watch::Receiver<bool>) {
    if whole.wait_for(|whole| *whole).await.is_err() {
        return;
    }
    let Ok(mut far) = UnixStream::connect(socket).await else {
        return;
    };
    let ((near_reads, near_writes), (far_reads, far_writes)) = (near.split(), far.split());
    tokio::select! {
        () = pass(near_reads, far_writes, whole.clone()) => {}
        () = pass(far_reads, near_writes, whole) => {}
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut whole: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        // What it gives back borrows from the channel, and must not outlive the waiting.
        let whole = async { whole.wait_for(|whole| *whole).await.is_ok() };
        let arrives = timeout(UNACKNOWLEDGED, whole).await;
        if arrives != Ok(true) || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
