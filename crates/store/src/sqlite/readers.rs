//! A few threads that read, each on a connection of its own that cannot write. They see what is committed, and only
//! that: what a verb has answered, every later read sees.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use countersign_auth::store::StoreError;
use rusqlite::{Connection, Result};
use tokio::sync::oneshot;

use super::failure;

/// How many reads may wait. They are done well within a second.
const QUEUE: usize = 4096;

enum Message {
    Read(Box<dyn FnOnce(&mut Connection) + Send>),
    Close(oneshot::Sender<()>),
}

/// The way to the threads. When this is dropped, they have ended.
pub(super) struct Readers {
    queue: Sender<Message>,
    /// How many are in it.
    waiting: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(connections: Vec<Connection>) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let counter = Arc::new(AtomicUsize::new(0));
        let threads = connections
            .into_iter()
            .map(|connection| {
                let waiting = Arc::clone(&waiting);
                thread::Builder::new()
                    .name("store-reader".to_owned())
                    .spawn(move || read_until_closed(connection, &waiting))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            queue,
            waiting: counter,
            threads,
        })
    }

    /// Runs `read`, all of it on one snapshot.
    pub(super) async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(failure::overloaded());
        }
        let (caller, answer) = oneshot::channel();
        let waiting = Arc::clone(&self.waiting);
        let job = move |db: &mut Connection| {
            waiting.fetch_sub(1, Ordering::Relaxed);
            if caller.is_closed() {
                return;
            }
            let result = db.transaction().and_then(|snapshot| read(&snapshot));
            // Whoever asked may have gone.
            let _ = caller.send(result.map_err(failure::store_error));
        };
        match self.queue.send(Message::Read(Box::new(job))) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(failure::closed())),
            Err(_) => Err(failure::closed()),
        }
    }

    /// Answers what waits, and closes the connections. Later reads are refused.
    pub(super) async fn close(&self) {
        for closed in self.send_close() {
            // The sender is dropped with the connection; nothing is sent.
            let _ = closed.await;
        }
    }

    fn send_close(&self) -> Vec<oneshot::Receiver<()>> {
        let mut closed = Vec::new();
        for _ in &self.threads {
            let (reply, receiver) = oneshot::channel();
            // Fails if all have ended, and then nothing is left to be closed.
            let _ = self.queue.send(Message::Close(reply));
            closed.push(receiver);
        }
        closed
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.send_close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader of the store ended in a panic");
            }
        }
    }
}

fn read_until_closed(mut connection: Connection, waiting: &Mutex<Receiver<Message>>) {
    loop {
        let message = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match message {
            Ok(Message::Read(read)) => {
                // The caller hears of a panic by the loss of its answer; the thread goes on.
                if catch_unwind(AssertUnwindSafe(|| read(&mut connection))).is_err() {
                    tracing::error!("a read of the store panicked");
                }
            }
            Ok(Message::Close(reply)) => {
                drop(connection);
                drop(reply);
                return;
            }
            Err(_) => return,
        }
    }
}
