//! This node's ear on the revocation log: what is written there, its own guard refuses, and its readers are told.

use std::sync::Arc;

use countersign_guard::{Accounts, Event, Guard};
use tokio::sync::Mutex;

use crate::directory::Directory;
use crate::env::Env;
use crate::feed::Recent;
use crate::model::revocation::Cursor;
use crate::model::user::User;
use crate::store::StoreError;

/// How many events are read at a time.
const PAGE: u32 = 1000;

/// Reads the log into the guard, out of the memory of accounts, and into the memory that readers are served from.
pub(crate) struct Follower {
    directory: Arc<dyn Directory>,
    guard: Arc<Guard>,
    accounts: Arc<Accounts<User>>,
    env: Env,
    recent: Recent,
    cursor: Mutex<Option<Cursor>>,
}

impl Follower {
    pub(crate) fn new(
        directory: Arc<dyn Directory>,
        guard: Arc<Guard>,
        accounts: Arc<Accounts<User>>,
        env: Env,
    ) -> Self {
        Self {
            directory,
            guard,
            accounts,
            env,
            recent: Recent::new(),
            cursor: Mutex::new(None),
        }
    }

    /// What was heard last.
    pub(crate) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Applies all that the log holds now. When it returns, the guard refuses whatever was revoked before the call.
    pub(crate) async fn catch_up(&self) -> Result<(), StoreError> {
        let mut cursor = self.cursor.lock().await;
        loop {
            // Before the look: what is written while it is taken may not be in it.
            let looked = self.env.clock.elapsed();
            let now = self.env.now();
            let page = self.directory.revocations(*cursor, now, PAGE).await?;
            let events: Vec<Event> = page
                .entries
                .iter()
                .map(|entry| entry.event.clone())
                .collect();
            // The guard first: whoever reads that something is revoked, and asks here, is told the same.
            self.guard.apply(&events);
            if page.anew {
                self.accounts.forget_all();
            }
            self.accounts.hear(&events);
            *cursor = Some(page.cursor);
            let last = page.is_last();
            self.recent.heard(page, looked);
            if last {
                return Ok(());
            }
        }
    }
}
