//! Asking the issuer about one token (RFC 7662), and what it says of accounts, remembered.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::StatusCode;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{
    Denied,
    address::escape,
    discovery::{Unlearned, unreadable},
    http::post,
    service_token::{as_client, refusal},
    shared::Issuer,
};
use crate::{Event, Revocation};

/// So many accounts are remembered.
const ACCOUNTS: usize = 10_000;

/// An account as its issuer tells it: name, address, roles, attributes.
pub type Account = Map<String, Value>;

/// Accounts by user, named as in events, until something is heard of them.
pub(super) struct Accounts {
    remembered: Cache<Box<str>, Arc<Account>>,
    /// Rises with whatever could make an answer that is on its way an old one.
    news: AtomicU64,
}

impl Accounts {
    pub fn new() -> Self {
        Self {
            remembered: Cache::new(ACCOUNTS),
            news: AtomicU64::new(0),
        }
    }

    pub fn get(&self, sub: &str) -> Option<Arc<Account>> {
        self.remembered.get(sub)
    }

    pub fn news(&self) -> u64 {
        self.news.load(Ordering::Acquire)
    }

    /// Remembers what was asked for when `news` was the state of things.
    pub fn remember(&self, sub: &str, account: &Arc<Account>, news: u64) {
        self.remembered.insert(sub.into(), Arc::clone(account));
        // Whoever changes something raises the number first, and forgets after.
        if self.news() != news {
            self.remembered.remove(sub);
        }
    }

    /// Forgets those of whom something was heard.
    pub fn hear(&self, events: &[Event]) {
        for event in events {
            match &event.kind {
                Revocation::Changed { sub } | Revocation::Subject { sub, .. } => {
                    self.news.fetch_add(1, Ordering::AcqRel);
                    self.remembered.remove(sub.as_str());
                }
                Revocation::All { .. } => self.forget_all(),
                _ => {}
            }
        }
    }

    /// Something may have been missed.
    pub fn forget_all(&self) {
        self.news.fetch_add(1, Ordering::AcqRel);
        self.remembered.clear();
    }
}

/// What the issuer says of this token.
///
/// # Errors
/// [`Denied::Inactive`] if it is not good, [`Denied::Unanswered`] if that cannot be known.
pub(super) async fn ask(issuer: &Issuer, token: &str) -> Result<Map<String, Value>, Denied> {
    let Ok(_place) = issuer.asking.try_acquire() else {
        return Err(Denied::Unanswered);
    };
    // Whoever waits here waits for a caller of their own.
    let patience = issuer.pace.patience;
    let Ok(answer) = timeout(patience, introspect(issuer, token)).await else {
        return Err(Denied::Unanswered);
    };
    match answer {
        Ok(answer) if answer.get("active") == Some(&Value::Bool(true)) => Ok(answer),
        Ok(_) => Err(Denied::Inactive),
        Err(error) => {
            tracing::warn!(%error, "the issuer could not be asked about a token");
            Err(Denied::Unanswered)
        }
    }
}

async fn introspect(issuer: &Issuer, token: &str) -> Result<Map<String, Value>, Unlearned> {
    const WHAT: &str = "introspection";
    let endpoints = issuer.endpoints().await?;
    let address = endpoints
        .introspection
        .as_ref()
        .ok_or(Unlearned::NotOffered("introspection_endpoint"))?;
    let form = format!("token_type_hint=access_token&token={}", escape(token));
    let answer = issuer
        .client
        .ask(address, as_client(post(address, form), &issuer.service))
        .await?;
    if answer.status != StatusCode::OK {
        return Err(refusal(WHAT, &answer));
    }
    serde_json::from_slice(&answer.body).map_err(|error| unreadable(WHAT, &error))
}
