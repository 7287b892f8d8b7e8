//! Chores, done in small steps on a schedule that the server keeps.

use crate::Auth;
use crate::keys::{KeysError, Lifetimes};
use crate::store::StoreError;
use crate::visitor::by_server;

/// How many rows one step drops: it holds the store for a few milliseconds.
const STEP: u32 = 500;
/// How many steps one run takes at most; the rest waits for the next.
const STEPS: u32 = 20;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Rows of ended sessions that were dropped.
    pub sessions: u32,
    /// Rows of lapsed revocations and old audit lines that were dropped.
    pub directory: u32,
    /// Whether keys changed.
    pub keys_changed: bool,
}

impl Auth {
    /// Moves keys on, drops what has lapsed, takes up what other nodes changed. To be called every half minute or so.
    ///
    /// # Errors
    /// [`KeysError`]: storage failed, or a key cannot be opened. The rest of the chores waits for the next run.
    pub async fn upkeep(&self) -> Result<Upkeep, KeysError> {
        let now = self.env.now();
        let mut done = Upkeep::default();
        self.guard.expire(now.unix());
        self.limits.upkeep(now);
        self.clients.reload(&*self.directory).await?;
        done.keys_changed = self
            .keys
            .upkeep(self.lifetimes().await?, &by_server(now))
            .await?;
        if done.keys_changed {
            self.adopt_keys();
        }
        for _ in 0..STEPS {
            let dropped = self.sessions.sweep(now, STEP).await?;
            done.sessions += dropped;
            if dropped < STEP {
                break;
            }
        }
        let audit_before = now.minus(self.settings.audit_retention);
        for _ in 0..STEPS {
            let dropped = self.directory.sweep(now, audit_before, STEP).await?;
            done.directory += dropped;
            if dropped < STEP {
                break;
            }
        }
        Ok(done)
    }

    /// Applies what the revocation log holds now to this node's guard. To be called every second, and after every
    /// verb that takes something back.
    ///
    /// # Errors
    /// Storage failed; what was taken back is in the log, and the next call hears of it.
    pub async fn hear_revocations(&self) -> Result<(), StoreError> {
        self.follower.catch_up(self.env.now()).await
    }

    /// For how long tokens outlive the keys that made them.
    pub(crate) async fn lifetimes(&self) -> Result<Lifetimes, StoreError> {
        let access = self.clients.longest(|client| client.access_ttl) + crate::MAX_LEEWAY;
        Ok(Lifetimes {
            access: self.directory.event_lifetime(access).await?,
            refresh: self.clients.longest(|client| client.absolute_ttl),
        })
    }

    /// Gives the guard the keys of the ring.
    pub(crate) fn adopt_keys(&self) {
        self.guard.replace_keys(self.keys.ring().verifying.clone());
    }
}
