//! Chores, done in small steps on a schedule that the server keeps.

use std::sync::PoisonError;

use crate::Auth;
use crate::clients::Clients;
use crate::directory::Directory;
use crate::keys::{KeysError, Needs};
use crate::model::audit::Origin;
use crate::model::client::{Client, Style};
use crate::settings::Settings;
use crate::store::StoreError;
use crate::style::{self, STALENESS};
use crate::visitor::by_server;

/// How many rows one step drops: it holds the store for a few milliseconds.
const STEP: u32 = 500;
/// How many steps one run takes at most; the rest waits for the next.
const STEPS: u32 = 20;

/// How many spent ids the log is told of at once.
const TOLD: u32 = 1000;

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
        self.limits.own().upkeep(now);
        self.clients.reload(&*self.directory).await?;
        let needs = self.needs().await?;
        done.keys_changed = self.keys.upkeep(&needs, &by_server(now)).await?;
        if done.keys_changed {
            self.adopt_keys();
        }
        // Also where no client slides any more.
        self.directory.tell_spent(TOLD).await?;
        // Its tokens may outlive a session that rested too long: until they cannot, it can be ended, and is kept.
        let sessions_before = now.minus(needs.access);
        for _ in 0..STEPS {
            let dropped = self.sessions.sweep(sessions_before, STEP).await?;
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

    /// Applies what the revocation log holds now to this node's guard, and tells the feed's readers. To be called a few
    /// times a second: the age of the last call is how far this node vouches for what it knows.
    ///
    /// # Errors
    /// Storage failed; what was taken back is in the log, and the next call hears of it.
    pub async fn hear_revocations(&self) -> Result<(), StoreError> {
        self.follower.catch_up().await
    }

    /// Whether this node knows what was taken back. One that has heard nothing for long cannot tell, and does not guess:
    /// whoever is told that a token or a session is good, out of its memory, is told so after this.
    ///
    /// # Errors
    /// The log could not be read for a minute.
    pub fn has_heard(&self) -> Result<(), StoreError> {
        let (_, heard) = self.feed_head();
        if heard > STALENESS {
            let cause = "the revocation log could not be read for a minute";
            return Err(StoreError::Unavailable(cause.into()));
        }
        Ok(())
    }

    /// Tells the revocation log of the tokens that were exchanged, from when on they are refused. To be called a few times a
    /// second, by nobody who listens as well: what cannot be written keeps no node from reading.
    ///
    /// # Errors
    /// Storage failed; the next call tells of them.
    pub async fn tell_spent(&self) -> Result<(), StoreError> {
        if self.clients.any(|client| client.style == Style::Sliding) {
            self.directory.tell_spent(TOLD).await?;
        }
        Ok(())
    }

    /// Whether this node can do what every renewal needs: its stores answer, and the revocation log can be read.
    ///
    /// # Errors
    /// A store does not answer.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.hear_revocations().await?;
        self.sessions.is_ready().await
    }

    /// [`Auth::hear_revocations`] after a verb of this node's own. The verb has happened, and its answer says so whatever comes of this;
    /// what cannot be heard now is heard with the next second.
    pub(crate) async fn hear_own(&self) {
        if let Err(error) = self.follower.catch_up().await {
            tracing::error!(%error, "what was just taken back is in the log, but could not be read from it; it is tried again");
        }
    }

    /// What tokens ask of keys now.
    pub(crate) async fn needs(&self) -> Result<Needs, StoreError> {
        needs(&self.settings, &*self.directory, &self.clients).await
    }

    /// Sees that there are the keys that this client asks for beside those that everybody needs.
    pub(crate) async fn tend_keys(
        &self,
        client: &Client,
        origin: &Origin,
    ) -> Result<(), KeysError> {
        let stateless = client.style == Style::Stateless;
        if client.signing_algorithm.is_none() && !stateless {
            return Ok(());
        }
        let mut needs = self.needs().await?;
        needs.algorithms.extend(client.signing_algorithm);
        needs.stateless |= stateless;
        if self.keys.upkeep(&needs, origin).await? {
            self.adopt_keys();
        }
        Ok(())
    }

    /// Gives the guard the keys of the ring. One at a time: else the one that looked first could be the one that comes
    /// last, and bring back a key that has been taken out.
    pub(crate) fn adopt_keys(&self) {
        let _one_at_a_time = self.adopting.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = self.keys.ring();
        self.guard.replace_keys(ring.verifying.clone());
        self.refresh_jwts.take_up(&ring);
    }
}

/// What tokens ask of keys, with these clients.
pub(crate) async fn needs(
    settings: &Settings,
    directory: &dyn Directory,
    clients: &Clients,
) -> Result<Needs, StoreError> {
    let lifetime = clients.longest(style::event_lifetime);
    let mut algorithms = settings.algorithms();
    algorithms.extend(
        clients
            .all()
            .iter()
            .filter_map(|client| client.signing_algorithm),
    );
    // What no ring can be made for is refused where it is asked for.
    algorithms.retain(|algorithm| !algorithm.is_symmetric());
    Ok(Needs {
        access: directory.event_lifetime(lifetime).await?,
        refresh: clients.longest(|client| client.absolute_ttl),
        algorithms,
        stateless: clients.any(|client| client.style == Style::Stateless),
    })
}
