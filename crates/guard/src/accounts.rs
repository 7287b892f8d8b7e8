//! Accounts that are remembered until something is heard of them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quick_cache::sync::Cache;

use crate::{Event, Revocation};

/// Accounts by user, named as in events, until something is heard of them: bounded in number, and
/// never older than the last event that was heard. What is remembered was good when it was asked
/// for; whether it is still good, revocations say.
pub struct Accounts<A> {
    remembered: Cache<Box<str>, Arc<A>>,
    /// Rises with whatever could make an answer that is on its way an old one.
    news: AtomicU64,
}

impl<A> Accounts<A> {
    /// Room for so many.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            remembered: Cache::new(capacity),
            news: AtomicU64::new(0),
        }
    }

    /// What is remembered of this user.
    #[must_use]
    pub fn get(&self, sub: &str) -> Option<Arc<A>> {
        self.remembered.get(sub)
    }

    /// The state of things: to be read before an account is asked for that shall be remembered.
    #[must_use]
    pub fn news(&self) -> u64 {
        self.news.load(Ordering::Acquire)
    }

    /// Remembers what was asked for when `news` was the state of things; if it has moved since, this
    /// may be old already, and nothing is remembered.
    pub fn remember(&self, sub: &str, account: &Arc<A>, news: u64) {
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
