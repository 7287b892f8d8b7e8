//! The renewal table by itself: its rows as a table, and what holds however it is used.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::grant::Network;
use countersign_auth::rotation::{
    Generation, Generations, Interval, MAX_RECOVERIES, MAX_RETRIES, Move,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const HERE: Network = Network(1);
const ELSEWHERE: Network = Network(2);

/// Milliseconds after the state's `rotated_at`.
fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + millis)
}

/// `cur` 7 was made for `prev` 5 (6 was given up as lost) at 0 s, and handed out again at 10 s; 2 and below are superseded.
fn state() -> Generations {
    Generations {
        cur: 7,
        prev: Some(5),
        floor: 3,
        rotated_at: at(0),
        handed_at: at(10_000),
        retries: 2,
        recoveries: 1,
        network: HERE,
        strangers: 0,
        stranger_now: false,
    }
}

fn present(state: Generations, presented: Generation, millis: u64) -> Move {
    state.present(presented, at(millis), Interval::default(), HERE)
}

#[test]
fn the_interval_is_two_and_a_half_time_outs() {
    assert_eq!(Interval::default().duration(), Duration::from_secs(20));
    let short = Interval::of_client_timeout(Duration::from_millis(200));
    assert_eq!(short.duration(), Duration::from_millis(500));
}

#[test]
fn every_row() {
    let rotated = Move::Rotated(Generations {
        cur: 8,
        prev: Some(7),
        rotated_at: at(30_000),
        handed_at: at(30_000),
        retries: 0,
        recoveries: 0,
        ..state()
    });
    let retried = |millis| Move::Retried {
        state: Generations {
            handed_at: at(millis),
            retries: 3,
            ..state()
        },
        alarm: false,
    };
    let recovered = |millis| {
        Move::Recovered(Generations {
            cur: 8,
            prev: Some(5),
            rotated_at: at(millis),
            handed_at: at(millis),
            retries: 0,
            recoveries: 2,
            ..state()
        })
    };
    // An interval is 20 s; `cur` (7) was handed out at 10 s.
    for (presented, millis, expected) in [
        (7, 0, Move::Held),
        (7, 10_000, Move::Held),
        (7, 29_999, Move::Held),
        (7, 30_000, rotated),
        (5, 10_000, retried(10_000)),
        (5, 29_999, retried(29_999)),
        (5, 30_000, recovered(30_000)),
        (5, 9_000_000, recovered(9_000_000)),
        // Before it was handed out: a clock that was set back. What was handed out stays handed out.
        (5, 1_000, retried(10_000)),
        (2, 10_000, Move::Superseded),
        (0, 9_000_000, Move::Superseded),
        (8, 10_000, Move::Ahead),
        (u32::MAX, 9_000_000, Move::Ahead),
        // Spent, and skipped.
        (3, 10_000, Move::Reused),
        (4, 9_000_000, Move::Reused),
        (6, 10_000, Move::Reused),
        (6, 9_000_000, Move::Reused),
    ] {
        let meaning = present(state(), presented, millis);
        assert_eq!(meaning, expected, "{presented} at {millis} ms");
    }
}

#[test]
fn the_first_generation_has_none_before() {
    let first = Generations::first(at(0), HERE);
    assert_eq!(present(first, 0, 19_999), Move::Held);
    assert!(matches!(present(first, 0, 20_000), Move::Rotated(made) if made.cur == 1));
    assert_eq!(present(first, 1, 0), Move::Ahead);
}

#[test]
fn handing_out_again_does_not_go_on_for_ever() {
    let mut state = state();
    state.retries = 0;
    for seconds in (10..120).step_by(10) {
        let Move::Retried { state: next, .. } = present(state, 5, seconds * 1000) else {
            panic!("at {seconds} s");
        };
        assert_eq!(next.handed_at, at(seconds * 1000));
        state = next;
    }
    // The last time is six intervals after the rotation.
    let Move::Retried { state: last, .. } = present(state, 5, 120_000) else {
        panic!("at 120 s");
    };
    assert_eq!(last.handed_at, at(120_000));
    // Then nothing is handed out until that answer has arrived or never will.
    for millis in [120_001, 130_000, 139_999] {
        assert_eq!(present(last, 5, millis), Move::TooManyRetries);
    }
    assert!(matches!(present(last, 5, 140_000), Move::Recovered(_)));
    assert!(matches!(present(last, 7, 140_000), Move::Rotated(_)));
}

#[test]
fn counters_end_what_they_count() {
    let often = Generations {
        retries: MAX_RETRIES,
        ..state()
    };
    assert_eq!(present(often, 5, 10_000), Move::TooManyRetries);
    assert!(matches!(present(often, 5, 30_000), Move::Recovered(made) if made.retries == 0));
    let lost = Generations {
        recoveries: MAX_RECOVERIES,
        ..state()
    };
    assert_eq!(present(lost, 5, 30_000), Move::Lost);
    assert!(matches!(present(lost, 5, 29_999), Move::Retried { .. }));
    assert!(matches!(present(lost, 7, 30_000), Move::Rotated(made) if made.recoveries == 0));
}

#[test]
fn a_change_of_privilege_leaves_nothing_to_the_holder_of_an_older_token() {
    let made = state().supersede(at(50_000)).unwrap();
    assert_eq!((made.cur, made.prev, made.floor), (8, None, 8));
    assert_eq!((made.rotated_at, made.handed_at), (at(50_000), at(50_000)));
    assert_eq!((made.retries, made.recoveries), (0, 0));
    for presented in 0..8 {
        assert_eq!(present(made, presented, 50_001), Move::Superseded);
        assert_eq!(present(made, presented, 9_000_000), Move::Superseded);
    }
    assert_eq!(present(made, 8, 50_001), Move::Held);
}

#[test]
fn the_last_generation_ends_quietly() {
    let last = Generations {
        cur: u32::MAX,
        ..state()
    };
    assert_eq!(present(last, u32::MAX, 30_000), Move::Lost);
    assert_eq!(present(last, 5, 30_000), Move::Lost);
    assert_eq!(last.supersede(at(0)), None);
}

#[test]
fn strangers_in_three_generations_running_raise_an_alarm_each() {
    let interval = Interval::default();
    let mut state = Generations::first(at(0), HERE);
    let mut now = 0;
    let mut alarms = Vec::new();
    // In all but generation 4 the one before is retried from elsewhere, twice.
    for generation in 0..9 {
        now += 100_000;
        let Move::Rotated(next) = state.present(generation, at(now), interval, HERE) else {
            panic!("generation {generation}");
        };
        state = next;
        if generation != 4 {
            for _ in 0..2 {
                let retried = state.present(generation, at(now + 1), interval, ELSEWHERE);
                let Move::Retried { state: next, alarm } = retried else {
                    panic!("generation {generation}: {retried:?}");
                };
                state = next;
                if alarm {
                    alarms.push(generation);
                }
            }
        }
    }
    assert_eq!(alarms, [2, 3, 7, 8]);
}

/// One step of somebody: how much later (ms), how far below `cur` what they present is, from where.
fn step() -> impl Strategy<Value = (u64, i64, Network)> {
    let pause = prop_oneof![
        4 => 0..5_000_u64,
        3 => 5_000..25_000_u64,
        3 => 25_000..200_000_u64,
        1 => Just(10_000_000_u64),
    ];
    let back =
        prop_oneof![5 => Just(0_i64), 5 => Just(1), 2 => Just(2), 1 => 3..6_i64, 1 => -2..0_i64];
    let from = prop_oneof![3 => Just(HERE), 1 => Just(ELSEWHERE)];
    (pause, back, from)
}

#[test]
fn whatever_is_presented() {
    let seen = RefCell::new(BTreeMap::<&str, u32>::new());
    let mut runner = TestRunner::new_with_rng(
        Config {
            failure_persistence: None,
            ..Config::default()
        },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let walks = (
        prop::collection::vec(step(), 1..120),
        0..20_usize,
        prop::bool::weighted(0.2),
    );
    runner
        .run(&walks, |(steps, supersede_every, stubborn)| {
            let mut state = Generations::first(at(0), HERE);
            let mut now = 0;
            for (number, (pause, back, from)) in steps.into_iter().enumerate() {
                now += pause;
                if supersede_every > 3 && number % supersede_every == 3 {
                    state = state.supersede(at(now)).expect("far from the last");
                    continue;
                }
                let Ok(mut presented) = u32::try_from(i64::from(state.cur) - back) else {
                    continue;
                };
                if stubborn {
                    presented = state.prev.unwrap_or(presented);
                }
                let meaning = state.present(presented, at(now), Interval::default(), from);
                *seen.borrow_mut().entry(row(meaning)).or_default() += 1;
                state = check(state, presented, at(now), meaning)?;
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    let seen = seen.into_inner();
    println!("{seen:?}");
    for (name, enough) in [
        ("Rotated", 300),
        ("Held", 300),
        ("Retried", 300),
        ("Recovered", 300),
        ("Superseded", 100),
        ("Reused", 300),
        ("Ahead", 100),
        ("Lost", 20),
    ] {
        let times = seen.get(name).copied().unwrap_or(0);
        assert!(times >= enough, "{name} occurred {times} times");
    }
}

fn row(meaning: Move) -> &'static str {
    match meaning {
        Move::Rotated(_) => "Rotated",
        Move::Held => "Held",
        Move::Retried { .. } => "Retried",
        Move::TooManyRetries => "TooManyRetries",
        Move::Recovered(_) => "Recovered",
        Move::Lost => "Lost",
        Move::Superseded => "Superseded",
        Move::Reused => "Reused",
        Move::Ahead => "Ahead",
    }
}

/// What holds of every step; the state after it.
fn check(
    before: Generations,
    presented: Generation,
    now: Timestamp,
    meaning: Move,
) -> Result<Generations, TestCaseError> {
    let interval = Interval::default();
    let after = match meaning {
        Move::Rotated(after) => {
            prop_assert_eq!(presented, before.cur);
            prop_assert_eq!(after.prev, Some(before.cur));
            prop_assert_eq!(after.recoveries, 0);
            after
        }
        Move::Recovered(after) => {
            prop_assert_eq!(Some(presented), before.prev);
            prop_assert_eq!(after.prev, before.prev);
            prop_assert_eq!(after.recoveries, before.recoveries + 1);
            // What was skipped is poison at once, and for ever.
            let skipped = after.present(before.cur, now, interval, HERE);
            prop_assert_eq!(skipped, Move::Reused);
            after
        }
        Move::Retried { state: after, .. } => {
            prop_assert_eq!(Some(presented), before.prev);
            prop_assert_eq!((after.cur, after.prev), (before.cur, before.prev));
            prop_assert_eq!(after.rotated_at, before.rotated_at);
            // What is handed out is safe for an interval from that very moment, but not for ever.
            prop_assert_eq!(after.handed_at, now.max(before.handed_at));
            prop_assert!(now <= before.rotated_at.plus(interval.duration() * 6));
            after
        }
        Move::Held => {
            prop_assert_eq!(presented, before.cur);
            before
        }
        Move::Superseded => {
            prop_assert!(presented < before.floor);
            before
        }
        Move::TooManyRetries => {
            let longest = before.rotated_at.plus(interval.duration() * 6);
            prop_assert!(before.retries >= MAX_RETRIES || now > longest);
            before
        }
        Move::Ahead => {
            prop_assert!(presented > before.cur);
            return Ok(Generations::first(now, HERE));
        }
        Move::Reused => {
            prop_assert!(presented < before.cur && presented >= before.floor);
            prop_assert!(before.prev != Some(presented));
            return Ok(Generations::first(now, HERE));
        }
        Move::Lost => {
            prop_assert_eq!(before.recoveries, MAX_RECOVERIES);
            return Ok(Generations::first(now, HERE));
        }
    };
    // Nothing is handed out twice as if it were new, and nothing falls.
    if matches!(meaning, Move::Rotated(_) | Move::Recovered(_)) {
        prop_assert_eq!(after.cur, before.cur + 1);
        prop_assert_eq!((after.rotated_at, after.handed_at), (now, now));
        prop_assert_eq!(after.retries, 0);
    }
    prop_assert_eq!(after.floor, before.floor);
    prop_assert!(
        after
            .prev
            .is_none_or(|prev| prev < after.cur && prev >= after.floor)
    );
    prop_assert!(after.handed_at >= after.rotated_at);
    Ok(after)
}
