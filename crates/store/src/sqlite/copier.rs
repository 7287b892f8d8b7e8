//! The thread that copies the write-ahead log back into the file, beside the writer: a long copy must not make anybody
//! wait for the next commit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, MAIN_DB};

const RESTING: u8 = 0;
const COPYING: u8 = 1;
const COPIED: u8 = 2;

/// The way to the thread. When this is dropped, the thread has ended and its connection is closed.
pub(super) struct Copier {
    ask: Option<SyncSender<()>>,
    state: Arc<AtomicU8>,
    thread: Option<JoinHandle<()>>,
}

impl Copier {
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let (ask, asked) = mpsc::sync_channel(1);
        let state = Arc::new(AtomicU8::new(RESTING));
        let done = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name("store-copier".to_owned())
            .spawn(move || {
                while asked.recv().is_ok() {
                    copy_back(&connection, CheckpointMode::PASSIVE);
                    done.store(COPIED, Ordering::Release);
                }
            })?;
        Ok(Self {
            ask: Some(ask),
            state,
            thread: Some(thread),
        })
    }

    /// Begins a copy, unless one is under way or [`Copier::is_through`] has not been asked since.
    pub(super) fn begin(&self) {
        let begun =
            self.state
                .compare_exchange(RESTING, COPYING, Ordering::AcqRel, Ordering::Acquire);
        if let (Ok(_), Some(ask)) = (begun, &self.ask) {
            // The thread ends only when this is dropped.
            let _ = ask.send(());
        }
    }

    /// Whether a copy has come to its end since this was last asked.
    pub(super) fn is_through(&self) -> bool {
        self.state
            .compare_exchange(COPIED, RESTING, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Whether nothing is under way.
    pub(super) fn rests(&self) -> bool {
        self.state.load(Ordering::Acquire) == RESTING
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        drop(self.ask.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's copier ended in a panic");
        }
    }
}

/// Copies the write-ahead log into the file, as far as no reader needs it. A failure costs nothing but room: what is
/// committed is in the log.
pub(super) fn copy_back(connection: &Connection, mode: CheckpointMode) {
    if let Err(error) = connection.wal_checkpoint_v2(Some(MAIN_DB), mode) {
        tracing::warn!(%error, "the write-ahead log could not be copied back; it grows until it can");
    }
}
