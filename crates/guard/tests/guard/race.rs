//! Real threads: checks of the same tokens while they are revoked and their keys replaced.
//!
//! What every interleaving may do is in `tests/loom.rs`; this runs the whole guard, cache and tables
//! included, on the machine's own memory.

use std::{
    slice,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::{self, ScopedJoinHandle},
};

use countersign_guard::{Claims, Guard, Revocation};
use countersign_jose::SigningKey;

use crate::issuer::{at, claims, event, guard, issue, key, key_set};

const CHECKERS: usize = 4;
const ROUNDS: usize = 100;

/// One thing that is taken back, and whether the one who did so has been told that it is done.
struct Round {
    token: String,
    done: AtomicBool,
}

impl Round {
    fn new(token: String) -> Self {
        Self {
            token,
            done: AtomicBool::new(false),
        }
    }
}

/// Threads check each round's token all the time, while `take_back` takes back one after another.
/// A check that begins after `take_back` has returned must refuse. Every round goes on until some
/// were accepted before, and again until some were refused after; prints how many.
fn race(what: &str, guard: &Guard, rounds: &[Round], code: &str, take_back: impl Fn(usize)) {
    let (accepted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let current = AtomicU64::new(0);
    thread::scope(|scope| {
        let check = || {
            loop {
                let present = current.load(Ordering::Acquire);
                let Some(round) = usize::try_from(present).ok().and_then(|n| rounds.get(n)) else {
                    break;
                };
                let done = round.done.load(Ordering::Acquire);
                match guard.check(&round.token, at(0)) {
                    Ok(_) if done => panic!("{what}: accepted after it was taken back"),
                    Ok(_) => accepted.fetch_add(1, Ordering::Relaxed),
                    Err(refusal) => {
                        assert_eq!(refusal.code(), code);
                        refused.fetch_add(u64::from(done), Ordering::Relaxed)
                    }
                };
            }
        };
        let checkers: Vec<_> = (0..CHECKERS).map(|_| scope.spawn(check)).collect();
        let wait_for = |counter: &AtomicU64| {
            let before = counter.load(Ordering::Relaxed);
            while counter.load(Ordering::Relaxed) < before + CHECKERS as u64 {
                if checkers.iter().any(ScopedJoinHandle::is_finished) {
                    current.store(u64::MAX, Ordering::Release); // the others may go
                    panic!("{what}: a checker gave up");
                }
                thread::yield_now();
            }
        };
        for (n, round) in rounds.iter().enumerate() {
            wait_for(&accepted);
            take_back(n);
            round.done.store(true, Ordering::Release);
            wait_for(&refused);
            current.fetch_add(1, Ordering::Release);
        }
    });
    println!("{what}: {accepted:?} accepted before, {refused:?} refused after");
}

fn tokens(key: &SigningKey) -> Vec<Round> {
    let token = |n| {
        let sid = Some(format!("s{n}"));
        issue(
            key,
            &Claims {
                sid,
                ..claims(&format!("t{n}"))
            },
        )
    };
    (0..ROUNDS).map(|n| Round::new(token(n))).collect()
}

#[test]
fn nobody_accepts_a_token_after_its_session_has_ended() {
    let key = key("k1");
    let guard = guard(&[&key], 1000);
    race("sessions", &guard, &tokens(&key), "session_revoked", |n| {
        let ended = event(Revocation::Session {
            sid: format!("s{n}"),
        });
        guard.apply(slice::from_ref(&ended));
        guard.expire(at(0));
    });
    assert_eq!(guard.stats().sessions, ROUNDS);
}

#[test]
fn nobody_accepts_a_token_by_a_key_that_is_gone() {
    let keys: Vec<_> = (0..=ROUNDS).map(|n| key(&format!("k{n}"))).collect();
    let guard = guard(&keys.iter().collect::<Vec<_>>(), 1000);
    let rounds: Vec<_> = keys[..ROUNDS]
        .iter()
        .map(|k| Round::new(issue(k, &claims("t"))))
        .collect();
    race("keys", &guard, &rounds, "token_key_unknown", |n| {
        guard.replace_keys(key_set(&keys[n + 1..].iter().collect::<Vec<_>>()));
    });
}
