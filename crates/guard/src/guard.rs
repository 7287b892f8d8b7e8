//! The straight line of a check: cache, time, keys, signature, revocations.

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_jose::{KeySet, UnixTime, Verified, Verifier};

use crate::{
    Claims, Event, Refused, Revocation,
    cache::{Cache, Entry},
    published::{Published, Seen},
    revocations::{Ids, Revocations},
};

/// Decides whether a token is trusted, now.
///
/// Share one between all threads: every method takes `&self`, and none waits for another for
/// longer than a few changes to a hash map take. Memory: about 1.5 KiB for each token of the cache
/// (the text and its claims; with the signatures of ML-DSA 4 to 8 KiB), and 120 bytes for each
/// revocation.
pub struct Guard {
    cache: Cache,
    verifier: Published<ArcSwap<Verifier>>,
    revocations: Published<Revocations>,
    /// Of the verifier, in seconds.
    leeway: u64,
}

/// How much a [`Guard`] remembers: tokens in its cache, and revocations by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Verified tokens in the cache.
    pub cached: usize,
    /// Sessions that have ended.
    pub sessions: usize,
    /// Single tokens that were, or soon will be, refused.
    pub tokens: usize,
    /// Users below whose epoch tokens are refused.
    pub subjects: usize,
    /// Clients below whose epoch tokens are refused.
    pub clients: usize,
    /// Keys that are not trusted any more.
    pub keys: usize,
}

impl Guard {
    /// Trusts what `verifier` accepts, until it is revoked; remembers the signatures of up to
    /// `cache_capacity` tokens (0: of none).
    #[must_use]
    pub fn new(verifier: Verifier, cache_capacity: usize) -> Self {
        Self::hearing(verifier, cache_capacity, Ids::Plain)
    }

    /// As [`new`](Self::new), for events whose ids were hashed, as a feed sends them on request: who
    /// holds a token finds its events in them, and who does not learns nothing of whom they concern.
    #[must_use]
    pub fn for_hashed_ids(verifier: Verifier, cache_capacity: usize) -> Self {
        Self::hearing(verifier, cache_capacity, Ids::Hashed)
    }

    pub(crate) fn hearing(verifier: Verifier, cache_capacity: usize, ids: Ids) -> Self {
        Self {
            cache: Cache::new(cache_capacity),
            leeway: verifier.leeway(),
            verifier: Published::new(ArcSwap::from_pointee(verifier)),
            revocations: Published::new(Revocations::new(ids)),
        }
    }

    /// Checks a token: its signature and claims, its time, and that nothing has revoked it.
    ///
    /// # Errors
    /// [`Refused::Token`] if it is no valid token at `now`, [`Refused::Revoked`] if it has been
    /// taken back.
    pub fn check(&self, token: &str, now: UnixTime) -> Result<Verified<Claims>, Refused> {
        self.check_and(token, now, |_| Ok(()))
    }

    /// As [`check`](Self::check), of a token that must please `more`, too.
    pub(crate) fn check_and<E: From<Refused>>(
        &self,
        token: &str,
        now: UnixTime,
        more: impl FnOnce(&Claims) -> Result<(), E>,
    ) -> Result<Verified<Claims>, E> {
        let cached = self.cache.get(token, self.verifier.generation());
        let is_new = cached.is_none();
        let entry = match cached {
            Some(entry) => self.still_valid(token, entry, now)?,
            None => self.verify(token, now)?,
        };
        self.revocations
            .check(&entry.clear, |known| {
                known.check(&entry.verified, &entry.hashes, now)
            })
            .map_err(Refused::from)?;
        more(&entry.verified)?;
        // No refused token enters the cache. What is revoked between the look and this is of a later
        // generation than the entry was found clear at.
        if is_new {
            self.cache.insert(token, &entry);
        }
        Ok(entry.verified.clone())
    }

    /// A hit: the signature was checked by the present keys, the time is checked again.
    fn still_valid(
        &self,
        token: &str,
        entry: Arc<Entry>,
        now: UnixTime,
    ) -> Result<Arc<Entry>, Refused> {
        match entry.verified.check_time(now, self.leeway) {
            Ok(()) => Ok(entry),
            Err(refused) => {
                self.cache.remove(token);
                Err(refused.into())
            }
        }
    }

    /// A miss, or a token that other keys verified: signature, claims and time.
    fn verify(&self, token: &str, now: UnixTime) -> Result<Arc<Entry>, Refused> {
        let (keys, current) = self.verifier.read();
        let verified = current.load().verify(token, now)?;
        let hashes = self.revocations.read().1.hashes(&verified);
        Ok(Arc::new(Entry {
            verified,
            hashes,
            keys,
            clear: Seen::never(),
        }))
    }

    /// Whether a token that was verified before is still good: its time, and that nothing has revoked
    /// it. For connections that stay open; keys that left the key set meanwhile are no reason.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_again(&self, verified: &Verified<Claims>, now: UnixTime) -> Result<(), Refused> {
        verified.check_time(now, self.leeway)?;
        let (_, known) = self.revocations.read();
        known.check(verified, &known.hashes(verified), now)?;
        Ok(())
    }

    /// Trusts these keys from now on, and no others: a token is verified anew at its next check,
    /// cached or not. When this returns, no check accepts a token by a key that is gone.
    ///
    /// Calls from several threads are the caller's to order: the last one holds.
    pub fn replace_keys(&self, keys: KeySet) {
        self.verifier.publish(|verifier| {
            let replaced = verifier.load().with_keys(keys);
            verifier.store(Arc::new(replaced));
        });
    }

    /// Adds events to what is known. When this returns, no check accepts a token that they
    /// refuse; [`Revocation::Token`] from its own time on.
    ///
    /// Events may come twice and in any order. [`Revocation::Changed`] means nothing here.
    pub fn apply(&self, events: &[Event]) {
        let refuses = |event: &Event| !matches!(event.kind, Revocation::Changed { .. });
        if events.iter().any(refuses) {
            self.revocations
                .publish(|known| events.iter().for_each(|event| known.add(event)));
        }
    }

    /// Forgets tokens that are no longer valid at `now`, and revocations that no valid token can
    /// be concerned by. Worth calling every few seconds: it walks over what is remembered.
    pub fn expire(&self, now: UnixTime) {
        self.cache.expire(now, self.leeway);
        // Nothing to publish: less is refused, of what no one can present any more.
        self.revocations.read().1.expire(now);
    }

    #[cfg(feature = "net")]
    pub(crate) fn verifier(&self) -> Arc<Verifier> {
        self.verifier.read().1.load_full()
    }

    #[cfg(feature = "net")]
    pub(crate) fn ids(&self) -> Ids {
        self.revocations.read().1.ids()
    }

    /// How much is remembered at this moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.revocations.read().1.stats(self.cache.len())
    }
}
