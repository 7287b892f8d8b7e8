//! Signing and verifying next to the bare primitive and to the usual crate. The three take turns in short batches, so
//! that whatever else the machine does meets all of them alike; a ratio is the median over pairs of neighbours.

mod contenders;

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_jose::Algorithm;

use crate::plan::Plan;
use crate::report::{Goal, Report};
use crate::stats::Runs;
use contenders::{Contender, Op, contenders};

const BATCH: Duration = Duration::from_millis(1);

/// Measures all four algorithms.
pub fn measure(plan: &Plan, report: &mut Report) {
    report.section("Tokens");
    report.say(&format!(
        "One thread; a token of ten claims. *Raw* is aws-lc-rs alone: key parsed once, the signature over the same \
         bytes, no base64, no JSON. *jsonwebtoken* is version 11 on the same aws-lc-rs, keys made once, issuer and \
         audience demanded. The three take turns in batches of {} ms, {} turns a run, {} runs.",
        BATCH.as_millis(),
        plan.turns,
        plan.runs
    ));
    for algorithm in [
        Algorithm::HS256,
        Algorithm::RS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
    ] {
        let [mut ours, mut raw, mut usual] = contenders(algorithm);
        race(
            plan,
            report,
            &format!("{} verify", algorithm.name()),
            [&mut ours, &mut raw, &mut usual].map(|c: &mut Contender| &mut c.verify),
            Some(if algorithm == Algorithm::HS256 {
                2.3
            } else {
                1.05
            }),
        );
        race(
            plan,
            report,
            &format!("{} sign", algorithm.name()),
            [&mut ours, &mut raw, &mut usual].map(|c| &mut c.sign),
            matches!(algorithm, Algorithm::RS256 | Algorithm::ES256).then_some(1.05),
        );
    }
}

/// Only our verification with HS256, over and over: for a profiler.
pub fn verify_alone(seconds: u64) {
    let [mut ours, ..] = contenders(Algorithm::HS256);
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        batch(&mut ours.verify, 1000);
    }
}

fn race(plan: &Plan, report: &mut Report, name: &str, mut ops: [&mut Op; 3], at_most: Option<f64>) {
    let sizes = ops.each_mut().map(|op| calibrate(op));
    let mut times: [Vec<f64>; 3] = Default::default();
    let (mut to_raw, mut to_usual) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let turns: Vec<[f64; 3]> = (0..plan.turns)
            .map(|turn| {
                let mut spent = [0.0; 3];
                for place in 0..3 {
                    let who = (turn + place) % 3;
                    spent[who] = batch(ops[who], sizes[who]);
                }
                spent
            })
            .collect();
        let middle =
            |of: &dyn Fn(&[f64; 3]) -> f64| Runs::new(turns.iter().map(of).collect()).median();
        for (who, times) in times.iter_mut().enumerate() {
            times.push(middle(&|spent| spent[who]));
        }
        to_raw.push(middle(&|spent| spent[0] / spent[1]));
        to_usual.push(middle(&|spent| spent[0] / spent[2]));
    }
    let [ours, raw, usual] = times.map(Runs::new);
    report.figure(&format!("{name}, countersign-jose"), &ours, "µs", None);
    report.figure(&format!("{name}, raw"), &raw, "µs", None);
    report.figure(&format!("{name}, jsonwebtoken"), &usual, "µs", None);
    report.figure(
        &format!("{name}, ratio to raw"),
        &Runs::new(to_raw),
        "×",
        at_most.map(Goal::AtMost),
    );
    report.figure(
        &format!("{name}, ratio to jsonwebtoken"),
        &Runs::new(to_usual),
        "×",
        Some(Goal::Below(1.0)),
    );
}

/// How many repetitions fill a batch.
fn calibrate(op: &mut Op) -> u32 {
    let mut size = 1;
    loop {
        let start = Instant::now();
        (0..size).for_each(|_| op());
        if start.elapsed() >= BATCH {
            return size;
        }
        size *= 2;
    }
}

/// Microseconds for each repetition.
fn batch(op: &mut Op, size: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..size {
        black_box(&mut *op)();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(size)
}
