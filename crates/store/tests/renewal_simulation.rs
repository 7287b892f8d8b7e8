//! Lost answers, races between tabs, crashes and thieves, at random, through the real store: nobody is signed out who
//! must not be, and no thief stays who must be found (`docs/design.md`, decision 2).
//!
//! A few hundred runs by default; 20,000 without and 5,000 with a thief when `LONG` is set.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod scratch;
mod simulation;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use simulation::{Ended, Row, Run, Server, Story};

/// Runs that many, with a seed each; how often each row of the table was met, and how they ended.
fn runs(number: u64, story: impl Fn(u64) -> Story) -> (BTreeMap<Row, u64>, BTreeMap<Ended, u64>) {
    let mut server = Server::new();
    let mut ends = BTreeMap::new();
    for seed in 0..number {
        let run = AssertUnwindSafe(|| Run::new(&mut server, seed, story(seed)).live());
        let ended = catch_unwind(run).unwrap_or_else(|_| panic!("in the run with seed {seed}"));
        *ends.entry(ended).or_default() += 1;
    }
    println!("{number} runs: {:?}, {ends:?}", server.rows);
    (server.rows, ends)
}

fn long() -> bool {
    std::env::var_os("LONG").is_some()
}

/// Fails if one was rare: fewer than `each` (in a thousand runs, as a rule).
fn assert_common<K: Ord + std::fmt::Debug>(
    counts: &BTreeMap<K, u64>,
    runs: u64,
    each: &[(K, u64)],
) {
    for (key, in_a_thousand) in each {
        let enough = (in_a_thousand * runs / 1000).max(1);
        let count = counts.get(key).copied().unwrap_or(0);
        assert!(
            count >= enough,
            "{key:?} occurred {count} times, not {enough}"
        );
    }
}

#[test]
fn the_owner_alone_is_never_signed_out() {
    let number = if long() { 20_000 } else { 400 };
    let (rows, ends) = runs(number, |seed| match seed % 20 {
        0 => Story::RolledBack,
        1 => Story::BadNetwork,
        2..=4 => Story::ChangesPassword,
        _ => Story::Alone,
    });
    assert_common(
        &rows,
        number,
        &[
            (Row::Rotated, 10_000),
            (Row::Held, 10_000),
            (Row::Retried, 3_000),
            (Row::Recovered, 500),
            (Row::Superseded, 20),
            (Row::Expired, 5),
            (Row::Ahead, 10),
        ],
    );
    assert!(!rows.contains_key(&Row::Reused), "without a thief");
    assert!(!rows.contains_key(&Row::Unknown));
    assert_common(
        &ends,
        number,
        &[
            (Ended::StillSignedIn, 800),
            (Ended::SixLost, 5),
            (Ended::LostAtChange, 10),
            (Ended::Ahead, 10),
        ],
    );
}

#[test]
fn a_thief_who_once_comes_late_is_found() {
    let number = if long() { 5_000 } else { 200 };
    let (rows, ends) = runs(number, |_| Story::Thief);
    assert_common(
        &rows,
        number,
        &[
            (Row::Rotated, 2_000),
            (Row::Held, 500),
            (Row::Retried, 500),
            (Row::Recovered, 500),
            (Row::Reused, 600),
        ],
    );
    assert_common(&ends, number, &[(Ended::ThiefFound, 600)]);
}
