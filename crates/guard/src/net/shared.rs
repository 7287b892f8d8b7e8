//! What checks, and the tasks that keep them informed, have in common.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use super::{
    Clock, Denied, Feed, Pace, ServiceClient, WhenStale,
    discovery::{Endpoints, Unlearned, discover},
    http::Client,
    introspection::Account,
    key_set::Keys,
    knowledge::Knowledge,
};
use crate::{Accounts, Claims, Event, Guard, Revocation, UnixTime, Verified, revocations::Ids};

/// So many tokens are asked about at a time.
const ASKING: usize = 64;

/// So many accounts are remembered.
const ACCOUNTS: usize = 10_000;

/// How long addresses of endpoints are kept.
const ENDPOINTS: Duration = Duration::from_hours(1);

/// A guard, and what it knows.
pub(super) struct Shared {
    pub guard: Guard,
    pub clock: Arc<dyn Clock>,
    pub knowledge: Knowledge,
    pub when_stale: WhenStale,
    pub pace: Pace,
    pub accounts: Accounts<Account>,
    /// Rises whenever something was revoked.
    pub changed: watch::Sender<u64>,
    pub has_keys: watch::Sender<bool>,
    /// Whether the feed was once understood, up to the present.
    pub has_heard: watch::Sender<bool>,
    pub events: AtomicU64,
    pub connections: AtomicU64,
    pub asked: AtomicU64,
    /// What goes wrong at present, by what it is about.
    troubles: Mutex<Vec<(&'static str, String)>>,
}

/// Whom a guard asks.
pub(super) struct Issuer {
    pub client: Client,
    pub name: String,
    pub audience: String,
    pub service: ServiceClient,
    pub feed: Feed,
    pub ids: Ids,
    pub keys: Keys,
    pub asking: Semaphore,
    pub pace: Pace,
    endpoints: tokio::sync::Mutex<Option<(Arc<Endpoints>, Instant)>>,
    /// Rises when endpoints are to be asked for again.
    forgotten: AtomicU64,
    read: AtomicU64,
}

impl Issuer {
    pub fn new(
        client: Client,
        name: String,
        audience: String,
        service: ServiceClient,
        (feed, ids): (Feed, Ids),
        pace: Pace,
    ) -> Self {
        Self {
            client,
            name,
            audience,
            service,
            feed,
            ids,
            keys: Keys::new(),
            asking: Semaphore::new(ASKING),
            pace,
            endpoints: tokio::sync::Mutex::new(None),
            forgotten: AtomicU64::new(0),
            read: AtomicU64::new(0),
        }
    }

    /// Where the issuer is asked for what, as it said within the hour.
    pub async fn endpoints(&self) -> Result<Arc<Endpoints>, Unlearned> {
        let mut known = self.endpoints.lock().await;
        let forgotten = self.forgotten.load(Ordering::Relaxed);
        if let Some((endpoints, since)) = &*known
            && since.elapsed() < ENDPOINTS
            && self.read.load(Ordering::Relaxed) == forgotten
        {
            return Ok(Arc::clone(endpoints));
        }
        let endpoints = Arc::new(discover(&self.client, &self.name).await?);
        *known = Some((Arc::clone(&endpoints), Instant::now()));
        self.read.store(forgotten, Ordering::Relaxed);
        Ok(endpoints)
    }

    pub fn forget_endpoints(&self) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub fn new(guard: Guard, clock: Arc<dyn Clock>, when_stale: WhenStale, pace: Pace) -> Self {
        Self {
            guard,
            clock,
            knowledge: Knowledge::default(),
            when_stale,
            pace,
            accounts: Accounts::new(ACCOUNTS),
            changed: watch::Sender::new(0),
            has_keys: watch::Sender::new(false),
            has_heard: watch::Sender::new(false),
            events: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            troubles: Mutex::new(Vec::new()),
        }
    }

    pub fn now(&self) -> Result<UnixTime, Denied> {
        self.knowledge
            .now(&*self.clock)
            .map_err(|millis| Denied::ClockOff { millis })
    }

    /// What a token is worth by what is known here, however old that is.
    pub fn check(&self, token: &str) -> Result<Verified<Claims>, Denied> {
        self.guard.check_and(token, self.now()?, |claims| {
            if claims.extra.contains_key("cnf") {
                return Err(Denied::Bound);
            }
            Ok(())
        })
    }

    /// Whether what is known is new enough, by the owner's word.
    pub fn is_fresh(&self) -> Result<(), Option<Duration>> {
        let (WhenStale::Refuse { after } | WhenStale::AskTheIssuer { after }) = self.when_stale
        else {
            return Ok(());
        };
        match self.knowledge.age(&*self.clock) {
            Some(age) if age <= after => Ok(()),
            age => Err(age),
        }
    }

    /// Takes news in. When this returns, what they refuse is refused.
    pub fn apply(&self, keys: Option<&Keys>, events: &[Event]) {
        self.guard.apply(events);
        self.accounts.hear(events);
        self.events
            .fetch_add(events.len() as u64, Ordering::Relaxed);
        self.changed.send_modify(|changes| *changes += 1);
        let is_key = |event: &Event| matches!(event.kind, Revocation::Key { .. });
        if let Some(keys) = keys.filter(|_| events.iter().any(is_key)) {
            keys.refresh();
        }
    }

    /// Something goes wrong: said once, until it is another thing or over.
    pub fn trouble(&self, about: &'static str, error: &dyn std::error::Error) {
        let text = error.to_string();
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match troubles.iter_mut().find(|(known, _)| *known == about) {
            Some((_, known)) if *known == text => return,
            Some((_, known)) => known.clone_from(&text),
            None => troubles.push((about, text.clone())),
        }
        drop(troubles);
        tracing::warn!(about, error = text, "the issuer cannot be followed");
    }

    /// It is over.
    pub fn well(&self, about: &'static str) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let before = troubles.len();
        troubles.retain(|(known, _)| *known != about);
        if troubles.len() < before {
            tracing::info!(about, "the issuer can be followed again");
        }
    }

    /// What goes wrong at present.
    pub fn troubles(&self) -> Vec<String> {
        self.troubles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(about, text)| format!("{about}: {text}"))
            .collect()
    }
}
