//! Listening: a connection of its own, on which PostgreSQL says that something was revoked the moment it is committed.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_postgres::{AsyncMessage, Error};

use super::connect::Address;
use super::failure::Whole;

const LISTEN: &str = "LISTEN countersign_revocations";
/// How long after a lost connection the next is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// Rings when the revocation log may hold something new. It may ring for nothing, and while the connection is lost it
/// does not ring: whoever must hear in time looks now and then all the same.
#[derive(Debug)]
pub struct Bell(watch::Receiver<()>);

impl Bell {
    /// Waits until it has rung since the last time. What rings while nobody waits is not lost.
    pub async fn rung(&mut self) {
        if self.0.changed().await.is_err() {
            // The runtime is at its end.
            std::future::pending::<()>().await;
        }
    }
}

/// Listens until the bell is dropped.
pub(super) fn listen(address: Address) -> Bell {
    let (ringer, bell) = watch::channel(());
    tokio::spawn(async move {
        tokio::select! {
            () = ringer.closed() => {}
            () = keep_listening(&address, &ringer) => {}
        }
    });
    Bell(bell)
}

async fn keep_listening(address: &Address, bell: &watch::Sender<()>) {
    let mut silent = false;
    loop {
        let ended = listen_once(address, bell, &mut silent).await;
        // Said once for each time that it is lost, however often it is tried.
        if !silent {
            let error = ended.err().map(|error| Whole(&error).to_string());
            tracing::warn!(
                error,
                "PostgreSQL's notifications are lost; until they are back the log is only looked at now and then"
            );
            silent = true;
        }
        sleep(AGAIN).await;
    }
}

/// Until the connection is lost.
async fn listen_once(
    address: &Address,
    bell: &watch::Sender<()>,
    silent: &mut bool,
) -> Result<(), Error> {
    let (client, mut line) = address.dial().await?;
    let mut asked = pin!(client.batch_execute(LISTEN));
    let mut listens = false;
    loop {
        tokio::select! {
            answer = &mut asked, if !listens => {
                answer?;
                listens = true;
                if std::mem::take(silent) {
                    tracing::info!("PostgreSQL's notifications are back");
                }
                // Who knows what was said before.
                bell.send_replace(());
            }
            message = poll_fn(|context| line.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => {
                    bell.send_replace(());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
        }
    }
}
