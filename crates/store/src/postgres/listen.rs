//! Listening: a connection of its own, on which PostgreSQL says that something was revoked, or a client registered, the
//! moment it is committed.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_postgres::{AsyncMessage, Error};

use super::connect::Address;
use super::failure::Whole;

const LISTEN: &str = "LISTEN countersign_revocations; LISTEN countersign_clients";
/// What is said when a client was added or changed.
const CLIENTS: &str = "countersign_clients";
/// Says so: a word without content.
pub(super) const SAY_CLIENTS: &str = "SELECT pg_notify('countersign_clients', '')";
/// How long after a lost connection the next is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// What rings when a node has done something.
#[derive(Debug)]
pub struct Bells {
    /// The revocation log may hold something new.
    pub revocations: Bell,
    /// A client may have been added or changed.
    pub clients: Bell,
}

/// May ring for nothing, and while the connection is lost it does not ring: whoever must hear in time looks now and then
/// all the same.
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

struct Ringers {
    revocations: watch::Sender<()>,
    clients: watch::Sender<()>,
}

impl Ringers {
    fn ring(&self, channel: &str) {
        let ringer = if channel == CLIENTS {
            &self.clients
        } else {
            &self.revocations
        };
        ringer.send_replace(());
    }

    fn ring_all(&self) {
        self.revocations.send_replace(());
        self.clients.send_replace(());
    }

    async fn closed(&self) {
        self.revocations.closed().await;
        self.clients.closed().await;
    }
}

/// Listens until the bells are dropped.
pub(super) fn listen(address: Address) -> Bells {
    let ((revocations, revoked), (clients, registered)) = (watch::channel(()), watch::channel(()));
    let ringers = Ringers {
        revocations,
        clients,
    };
    tokio::spawn(async move {
        tokio::select! {
            () = ringers.closed() => {}
            () = keep_listening(&address, &ringers) => {}
        }
    });
    Bells {
        revocations: Bell(revoked),
        clients: Bell(registered),
    }
}

async fn keep_listening(address: &Address, bells: &Ringers) {
    let mut silent = false;
    loop {
        let ended = listen_once(address, bells, &mut silent).await;
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
async fn listen_once(address: &Address, bells: &Ringers, silent: &mut bool) -> Result<(), Error> {
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
                bells.ring_all();
            }
            message = poll_fn(|context| line.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(said))) => bells.ring(said.channel()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
        }
    }
}
