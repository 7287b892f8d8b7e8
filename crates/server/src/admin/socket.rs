//! The Unix socket of a running server: mode 0600 in a folder of mode 0700, and only for its own user and root.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// The socket's name in the data folder.
pub const NAME: &str = "countersign.sock";

/// How long a caller may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a socket that cannot accept (no file descriptors left) is left alone.
const PAUSE: Duration = Duration::from_millis(100);

/// Where the socket of this data folder is.
#[must_use]
pub fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}

/// An open socket.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
}

impl AdminSocket {
    /// Opens the socket of this data folder. Whoever calls holds the store's lock, so a socket that is there
    /// already was left behind by a server that was killed.
    ///
    /// # Errors
    /// If it cannot be made; a path over 107 bytes cannot name a socket.
    pub fn open(data: &Path) -> io::Result<Self> {
        let path = path(data);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        // Who we are is what a socket between us and ourselves says.
        let (own, _) = UnixStream::pair()?;
        let owner = own.peer_cred()?.uid();
        Ok(Self {
            listener,
            path,
            owner,
        })
    }

    /// Answers until `stop` is true, then finishes what is under way and takes the socket away.
    pub async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the administration socket cannot accept");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            if !self.may_speak(&stream) {
                continue;
            }
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(
                    TokioIo::new(stream),
                    TowerToHyperService::new(router.clone()),
                );
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection of the administration socket broke off");
                }
            });
        }
        drop(self.listener);
        graceful.shutdown().await;
        // Nobody is harmed by one that stays: the next start takes it away.
        drop(std::fs::remove_file(&self.path));
    }

    /// The server's own user and root. The file's mode says the same; this holds even where a mode does not.
    fn may_speak(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == 0 || peer.uid() == self.owner => true,
            Ok(peer) => {
                tracing::warn!(
                    uid = peer.uid(),
                    "another user tried the administration socket"
                );
                false
            }
            Err(error) => {
                tracing::warn!(%error, "a caller of the administration socket has no name");
                false
            }
        }
    }
}
