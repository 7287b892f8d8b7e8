//! This node's ear on the revocation log: what is written there, its own guard refuses.

use std::sync::Arc;

use countersign_guard::Guard;
use tokio::sync::Mutex;

use crate::directory::Directory;
use crate::env::Timestamp;
use crate::model::revocation::{Cursor, LogPage};
use crate::store::StoreError;

/// How many events are read at a time.
const PAGE: u32 = 1000;

/// Reads the log into the guard.
pub(crate) struct Follower {
    directory: Arc<dyn Directory>,
    guard: Arc<Guard>,
    cursor: Mutex<Option<Cursor>>,
}

impl Follower {
    pub(crate) fn new(directory: Arc<dyn Directory>, guard: Arc<Guard>) -> Self {
        Self {
            directory,
            guard,
            cursor: Mutex::new(None),
        }
    }

    /// Applies all that the log holds now. When it returns, the guard refuses whatever was revoked before the call.
    pub(crate) async fn catch_up(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut cursor = self.cursor.lock().await;
        loop {
            let (events, next, last) = match self.directory.revocations(*cursor, now, PAGE).await? {
                LogPage::Snapshot { events, cursor } => (events, cursor, false),
                LogPage::Tail { events, cursor } => {
                    let last = events.len() < PAGE as usize;
                    (events, cursor, last)
                }
            };
            self.guard.apply(&events);
            *cursor = Some(next);
            if last {
                return Ok(());
            }
        }
    }
}
