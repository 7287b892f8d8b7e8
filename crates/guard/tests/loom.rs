//! Every interleaving of checks with a revocation or a replaced key set, by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p countersign-guard --release --test loom
//! --target-dir target/loom`; without the flag this file is empty.
//!
//! The protocol is the crate's own file, not a copy. Its mutants, each half of the rule turned
//! round, must be found out: a model that cannot fail proves nothing.
#![cfg(loom)]

use std::sync::atomic::Ordering::Relaxed;

use loom::{
    sync::{Arc, Mutex, atomic::AtomicU64},
    thread,
};
use published::{Generation, Good, Published, Seen};

#[path = "../src/published.rs"]
mod published;

/// What the guard keeps, made small: the revocations of one token, and that token's cache entry.
///
/// Changed and looked at without any order of its own, unlike the guard's tables with their locks:
/// whatever holds here is the protocol's doing.
struct Revoking {
    revoked: Published<AtomicU64>,
    entry: Seen,
}

impl Revoking {
    /// `Guard::check` on a hit.
    fn check(&self) -> Result<(), &'static str> {
        self.revoked.check(&self.entry, look)
    }

    /// `Guard::apply`.
    fn revoke(&self) {
        self.revoked.publish(|revoked| revoked.store(1, Relaxed));
    }
}

fn look(revoked: &AtomicU64) -> Result<Good, &'static str> {
    if revoked.load(Relaxed) == 1 {
        Err("revoked")
    } else {
        Ok(Good::UntilChanged)
    }
}

/// Two threads check while a third revokes; once it has returned, nobody accepts.
fn revoke_while_checking(check: fn(&Revoking) -> Result<(), &'static str>, revoke: fn(&Revoking)) {
    loom::model(move || {
        let guard = Arc::new(Revoking {
            revoked: Published::new(AtomicU64::new(0)),
            entry: Seen::never(),
        });
        let checking = Arc::clone(&guard);
        let checker = thread::spawn(move || check(&checking).is_ok());
        let revoking = Arc::clone(&guard);
        let revoker = thread::spawn(move || revoke(&revoking));
        let _ = check(&guard);
        revoker.join().unwrap();
        assert!(
            check(&guard).is_err(),
            "accepted after the revocation was published"
        );
        checker.join().unwrap();
        assert!(
            check(&guard).is_err(),
            "accepted again because of a late checker"
        );
    });
}

#[test]
fn after_a_revocation_is_published_nobody_accepts() {
    revoke_while_checking(Revoking::check, Revoking::revoke);
}

#[test]
#[should_panic(expected = "accepted")]
fn mutant_a_writer_that_raises_the_generation_first_is_found_out() {
    revoke_while_checking(Revoking::check, |guard| {
        guard.revoked.publish(|_| {});
        guard.revoked.read().1.store(1, Relaxed);
    });
}

#[test]
#[should_panic(expected = "accepted")]
fn mutant_a_reader_that_loads_the_generation_last_is_found_out() {
    revoke_while_checking(
        |guard| {
            let early = look(guard.revoked.read().1);
            guard.revoked.check(&guard.entry, |_| early)
        },
        Revoking::revoke,
    );
}

#[test]
#[should_panic(expected = "accepted")]
fn mutant_a_writer_that_does_not_raise_the_generation_is_found_out() {
    revoke_while_checking(Revoking::check, |guard| {
        guard.revoked.read().1.store(1, Relaxed);
    });
}

/// Two writers at once: the second finds everything in place, and must not return before a
/// reader can know.
#[test]
fn whichever_of_two_writers_returns_first_nobody_accepts() {
    loom::model(|| {
        let guard = Arc::new(Revoking {
            revoked: Published::new(AtomicU64::new(0)),
            entry: Seen::never(),
        });
        guard.check().unwrap();
        let other = Arc::clone(&guard);
        let other = thread::spawn(move || {
            other.revoke();
            assert!(
                other.check().is_err(),
                "accepted after the revocation was published"
            );
        });
        guard.revoke();
        assert!(
            guard.check().is_err(),
            "accepted after the revocation was published"
        );
        other.join().unwrap();
    });
}

/// A token that is revoked from a later time on: accepted for the moment, but never remembered.
#[test]
fn an_answer_for_now_is_not_remembered() {
    loom::model(|| {
        let published = Published::new(());
        let entry = Seen::never();
        published
            .check(&entry, |()| Ok::<_, ()>(Good::Now))
            .unwrap();
        published.check(&entry, |()| Err(())).unwrap_err();
    });
}

/// The key set and the cache, made small: a key is a number, and so is the one in the set.
struct Rekeying {
    trusted: Published<Mutex<u8>>,
    /// The cache: what verified the token, if anything did.
    slot: Mutex<Option<Generation>>,
}

impl Rekeying {
    /// `Guard::check` of a token under key 1: a hit, or verification and an insertion.
    fn check(&self) -> Result<(), &'static str> {
        let present = self.trusted.generation();
        if *self.slot.lock().unwrap() == Some(present) {
            return Ok(());
        }
        let (generation, trusted) = self.trusted.read();
        if *trusted.lock().unwrap() != 1 {
            return Err("unknown key");
        }
        *self.slot.lock().unwrap() = Some(generation);
        Ok(())
    }
}

fn rekey_while_checking(replace: fn(&Rekeying)) {
    loom::model(move || {
        let guard = Arc::new(Rekeying {
            trusted: Published::new(Mutex::new(1)),
            slot: Mutex::new(None),
        });
        let checking = Arc::clone(&guard);
        let checker = thread::spawn(move || checking.check().is_ok());
        let replacing = Arc::clone(&guard);
        let replacer = thread::spawn(move || replace(&replacing));
        replacer.join().unwrap();
        assert!(guard.check().is_err(), "accepted by a key that is gone");
        checker.join().unwrap();
        assert!(
            guard.check().is_err(),
            "accepted again because of a late checker"
        );
    });
}

#[test]
fn after_a_key_set_is_replaced_nobody_accepts_by_the_old_one() {
    rekey_while_checking(|guard| {
        guard
            .trusted
            .publish(|trusted| *trusted.lock().unwrap() = 2)
    });
}

#[test]
#[should_panic(expected = "accepted")]
fn mutant_a_key_set_that_is_announced_first_is_found_out() {
    rekey_while_checking(|guard| {
        guard.trusted.publish(|_| {});
        *guard.trusted.read().1.lock().unwrap() = 2;
    });
}
