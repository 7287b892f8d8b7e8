//! Signing and verifying next to the bare primitive, to the bare parts and to the usual crate; encrypting next to
//! libraries of other languages; a guard's checks; how often memory is asked for; what a hostile token costs.

mod allocations;
mod checks;
mod claims;
mod contenders;
mod encryption;
mod hostile;
mod layer;
mod peer;
mod race;

use std::time::{Duration, Instant};

use countersign_jose::Algorithm;

use crate::plan::Plan;
use crate::report::{Goal, Report};
use contenders::Contenders;
use race::{BATCH, Rival, batch, race, turns};

pub use checks::measure as checks;
pub use contenders::{refresh_token, renewal, two_tokens};
pub use encryption::measure as encryption;
pub use hostile::measure as hostile;
pub use layer::{by_key, measure as layer};

/// Measures signing and verifying.
pub fn measure(plan: &Plan, report: &mut Report) {
    report.section("Tokens");
    report.say(&format!(
        "One thread; a token of ten claims. *Raw* is aws-lc-rs alone: key parsed once, the signature over the same \
         bytes, no base64, no JSON. *Parts* is what no verification can do without: that, the payload's base64, and \
         serde_json into the same type; the header is not looked at, nothing is compared, a claim that comes twice is \
         not noticed. So the distance from parts to raw is the price of handing out claims, and that from ours to \
         parts the price of all checks. *jsonwebtoken* is version 11 on the same aws-lc-rs, keys made once, issuer and \
         audience demanded. They take turns in batches of {} ms, {} turns a run, {} runs.",
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
        let verify = Goal::AtMost(if algorithm == Algorithm::HS256 {
            2.3
        } else {
            1.05
        });
        let sign = matches!(algorithm, Algorithm::RS256 | Algorithm::ES256);
        let mut all = Contenders::new(algorithm);
        let mut usual = all.usual.expect("jsonwebtoken has these");
        race(
            plan,
            report,
            &format!("{} verify", algorithm.name()),
            turns(&mut all.ours.verify),
            &mut [
                Rival::new("raw", &mut all.raw.verify, Some(verify)),
                Rival::new("parts", &mut all.parts, None),
                Rival::new("jsonwebtoken", &mut usual.verify, Some(Goal::Below(1.0))),
            ],
        );
        race(
            plan,
            report,
            &format!("{} sign", algorithm.name()),
            turns(&mut all.ours.sign),
            &mut [
                Rival::new("raw", &mut all.raw.sign, sign.then_some(Goal::AtMost(1.05))),
                Rival::new("jsonwebtoken", &mut usual.sign, Some(Goal::Below(1.0))),
            ],
        );
    }
    post_quantum(plan, report);
    allocations::print(report);
}

/// jsonwebtoken has none of them; ES256 shows what they cost instead.
fn post_quantum(plan: &Plan, report: &mut Report) {
    report.say(
        "ML-DSA (RFC 9964), with ours of ES256 in the same turns. Base64 and hashing of signatures of 2.4, 3.3 and \
         4.6 KB are part of ours and not of raw. Signing tries until a candidate fits, so that it takes a different \
         time for every token.",
    );
    for algorithm in [Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87] {
        let mut all = Contenders::new(algorithm);
        let mut es256 = Contenders::new(Algorithm::ES256).ours;
        let faster = (algorithm == Algorithm::MlDsa44).then_some(Goal::Below(1.0));
        race(
            plan,
            report,
            &format!("{} verify", algorithm.name()),
            turns(&mut all.ours.verify),
            &mut [
                Rival::new("raw", &mut all.raw.verify, Some(Goal::AtMost(1.1))),
                Rival::new("parts", &mut all.parts, None),
                Rival::new("ES256", &mut es256.verify, faster),
            ],
        );
        race(
            plan,
            report,
            &format!("{} sign", algorithm.name()),
            turns(&mut all.ours.sign),
            &mut [
                Rival::new("raw", &mut all.raw.sign, Some(Goal::AtMost(1.1))),
                Rival::new("ES256", &mut es256.sign, None),
            ],
        );
    }
}

/// Only our verification with HS256, over and over: for a profiler.
pub fn verify_alone(seconds: u64) {
    let mut ours = Contenders::new(Algorithm::HS256).ours;
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        batch(&mut ours.verify, 1000);
    }
}
