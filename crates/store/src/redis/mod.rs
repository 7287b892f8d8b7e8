//! Redis as the store of sessions, beside a directory in SQL. Each verb that decides something there is one script.
//!
//! # What is where
//! Redis holds sessions, their grants, and two indexes of them. Whatever must never be forgotten stays in SQL: users,
//! clients, epochs, the revocation log, and the ids of sessions that were ended. Every verb asks SQL where things stand
//! (one read by primary keys, without a lock), so no session is good that an epoch has left behind or that was ended,
//! whatever Redis remembers.
//!
//! # In which order
//! - `open`: the indexes, the session (pending), the epochs in SQL, the session stands, the audit line. A session
//!   that an epoch overtook is taken back; whoever cuts a user off takes back what is pending.
//! - `rotate`: whose grant it is, where SQL stands, then the decision in one script, by those numbers. An epoch that
//!   moves in between is no loss: the new token bears the old one.
//! - `join`: whose grant it is that vouches, where SQL stands, then the decision and the grant in one script, then the audit
//!   line; a grant whose line was not written is taken back. The grant has its session's epochs, and is named by it: so an
//!   epoch that moves in between reaches it, and whoever ends the session and meets a grant of a client that was not there
//!   when it was read tells everybody.
//! - what ends a session: SQL first, in one step (remembered until the absolute end, event, line), then Redis. Cut off
//!   in between, and however far back Redis is taken, SQL wins. Of simultaneous calls, SQL lets one.
//! - `change_password`: the session is marked as changing, the password and the epoch change in SQL, the session
//!   takes the new epoch. Cut off before the last step, the session is over, and the new password holds. While it
//!   is marked, a renewal that meets the new epoch is told to come back, not that it is over.
//!
//! # Keys
//! A session and its grants have the same absolute end, and both sides know it: it is their hash tag, so that they
//! are in one slot of a cluster, and sessions are spread over all slots. The index of a user's sessions and the queue by
//! which resting sessions are swept are hints in slots of their own, written before the session is: an entry without a
//! session is dropped by whoever meets it. Keys end by themselves, a day after the absolute end. That is measured from
//! the caller's `now`: no verb asks Redis for the time.
//!
//! What is counted of attempts is tagged by whose attempts they are (an address, an account, a user, a session): those of
//! one call are in one slot.

mod begin;
mod connect;
mod directory;
mod ending;
mod failure;
mod fields;
mod joining;
mod keys;
mod link;
mod memory;
mod password;
mod reading;
mod renewal;
mod scripts;
mod sessions;
mod sweep;
mod tallies;

use std::sync::Arc;

pub use connect::RedisError;
pub use memory::Concern;

use crate::ledger::Ledger;
use crate::{Postgres, Sqlite};
use link::Link;
use memory::Memory;

/// A Redis server or cluster, connected. Clones are the same one.
#[derive(Clone)]
pub struct Redis {
    link: Link,
    memory: Arc<Memory>,
    concerns: Arc<[Concern]>,
}

impl Redis {
    /// Connects to the server at `url` (`redis://`, `rediss://` for TLS, or `redis+unix://`, with user and password). A
    /// member of a cluster says so, and then the whole cluster is used. A connection that is lost is made anew.
    ///
    /// # Errors
    /// [`RedisError`] says why not, and what helps.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        let link = connect::connect(url).await?;
        let concerns = memory::concerns(&link).await;
        let memory = Memory::of(&link).await.map_err(RedisError::refused)?;
        Ok(Self {
            link,
            memory: Arc::new(memory),
            concerns: concerns.into(),
        })
    }

    /// Whether a server could be connected to at this address, as far as the address itself says.
    ///
    /// # Errors
    /// [`RedisError`] says why not, and what helps.
    pub fn check_address(url: &str) -> Result<(), RedisError> {
        connect::info(url).map(drop)
    }

    /// What its settings do to what it acknowledges; for the operator to hear at the start.
    #[must_use]
    pub fn concerns(&self) -> &[Concern] {
        &self.concerns
    }

    /// A store that keeps sessions here, and everything else in `sqlite`.
    #[must_use]
    pub fn beside_sqlite(&self, sqlite: Sqlite) -> SqlAndRedis {
        self.beside(Arc::new(sqlite))
    }

    /// A store that keeps sessions here, and everything else in `postgres`.
    #[must_use]
    pub fn beside_postgres(&self, postgres: Postgres) -> SqlAndRedis {
        self.beside(Arc::new(postgres))
    }

    fn beside(&self, sql: Arc<dyn Ledger>) -> SqlAndRedis {
        SqlAndRedis {
            sql,
            redis: self.clone(),
        }
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

/// A directory in SQL with its sessions in Redis. Clones are the same one.
#[derive(Clone)]
pub struct SqlAndRedis {
    sql: Arc<dyn Ledger>,
    redis: Redis,
}

impl std::fmt::Debug for SqlAndRedis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlAndRedis").finish_non_exhaustive()
    }
}
