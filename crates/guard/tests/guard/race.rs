//! Real threads: checks of the same tokens while they are revoked and their keys replaced.
//!
//! What every interleaving may do is in `tests/loom.rs`; this runs the whole guard, cache and tables
//! included, on the machine's own memory.

use std::{
    slice,
    sync::{
        OnceLock,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use countersign_guard::{Claims, Guard, Revocation};
use countersign_jose::SigningKey;

use crate::issuer::{at, claims, event, guard, issue, key, key_set};

const CHECKERS: u64 = 4;
const ROUNDS: usize = 100;

/// A token that is taken back, and how far that has come.
struct Round {
    token: String,
    stage: AtomicU8,
}

const GOOD: u8 = 0;
/// The call has begun: either answer is right.
const BEGUN: u8 = 1;
/// The call has returned.
const DONE: u8 = 2;

impl Round {
    fn new(token: String) -> Self {
        let stage = AtomicU8::new(GOOD);
        Self { token, stage }
    }
}

/// What all threads of a race share.
#[derive(Default)]
struct Race {
    round: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    /// The first wrong answer; ends the race.
    wrong: OnceLock<String>,
}

impl Race {
    /// Checks the token of the present round, until all are over.
    fn check(&self, guard: &Guard, rounds: &[Round], code: &str) {
        while let Some(round) = rounds.get(self.round.load(Ordering::Acquire)) {
            let before = round.stage.load(Ordering::Acquire);
            let answer = guard.check(&round.token, at(0));
            let after = round.stage.load(Ordering::Acquire);
            match answer {
                Ok(_) if before != DONE => self.accepted.fetch_add(1, Ordering::Relaxed),
                Err(refused) if after != GOOD && refused.code() == code => {
                    self.refused.fetch_add(1, Ordering::Relaxed)
                }
                answer => {
                    let said = answer.map(|_| "accepted");
                    let _ = self
                        .wrong
                        .set(format!("stages {before} to {after}: {said:?}"));
                    0
                }
            };
            if self.wrong.get().is_some() {
                break;
            }
        }
    }

    /// Waits until `counter` has risen by one for each checker.
    fn wait_for(&self, counter: &AtomicU64) {
        let enough = counter.load(Ordering::Relaxed) + CHECKERS;
        while counter.load(Ordering::Relaxed) < enough && self.wrong.get().is_none() {
            thread::yield_now();
        }
    }
}

/// Threads check each round's token all the time, while `take_back` takes back one after another.
/// A check that begins after `take_back` has returned must refuse. Every round goes on until some
/// were accepted before, and again until some were refused after; prints how many.
fn race(what: &str, guard: &Guard, rounds: &[Round], code: &str, take_back: impl Fn(usize)) {
    let race = Race::default();
    thread::scope(|scope| {
        for _ in 0..CHECKERS {
            scope.spawn(|| race.check(guard, rounds, code));
        }
        for (n, round) in rounds.iter().enumerate() {
            race.wait_for(&race.accepted);
            round.stage.store(BEGUN, Ordering::Release);
            take_back(n);
            round.stage.store(DONE, Ordering::Release);
            race.wait_for(&race.refused);
            race.round.fetch_add(1, Ordering::Release);
        }
    });
    let (accepted, refused) = (race.accepted.into_inner(), race.refused.into_inner());
    println!("{what}: {accepted} accepted before, {refused} refused after");
    assert_eq!(race.wrong.into_inner(), None);
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
