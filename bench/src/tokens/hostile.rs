//! What a hostile token costs whoever refuses it, beyond one operation of the key that it names.

mod encrypted;
mod forge;
mod headers;
mod insider;
mod signed;

use std::time::Duration;

use countersign_guard::Claims;

use self::insider::Less;
use super::claims::Nothing;
use super::race::{Op, batch, calibrate};
use crate::plan::Plan;
use crate::report::{Goal, Report};
use crate::stats::Runs;

/// How many of the worst are shown.
const SHOWN: usize = 5;

/// Of a race's turns: there are hundreds of these.
const FEWER: usize = 4;

const BATCH: Duration = Duration::from_micros(250);
const GOAL: f64 = 50.0;

/// A token that is refused.
pub struct Hostile {
    name: String,
    refuse: Op,
    /// One operation of the key that it names: genuine, and over as many bytes. None if no key is reached.
    of_key: Option<Op>,
}

/// What it costs to refuse it, in microseconds.
struct Cost {
    name: String,
    beyond: Runs,
    all: Runs,
}

/// Measures the whole catalogue.
pub fn measure(plan: &Plan, report: &mut Report) {
    report.section("Hostile tokens");
    report.say(
        "How long it takes to refuse a token that was made to be expensive, less one operation of the key that it names: \
         for a signature the bare primitive's verification of as many bytes, for encryption the decryption of a genuine \
         token of that length, and nothing if its header is refused before a key is looked at. The two take turns. \
         All are as long as a token may be, or what fits into its longest header.",
    );
    let strangers = [headers::all(), signed::all(), encrypted::all()];
    let strangers = strangers.into_iter().flatten().collect();
    let goal = Some(Goal::AtMost(GOAL));
    print(plan, report, "a stranger", strangers, goal);
    report.say(
        "Signed by a key that is trusted, and refused for what is inside, after the signature: by whoever holds the key, \
         or once was a good token. All of the payload is read, so that a claim that comes twice is noticed wherever it \
         stands: the time grows with the payload, and no faster. First by a verifier that keeps no claims, then by one \
         that keeps those of an access token, extra ones included, up to the moment when it is refused; last the same \
         less what it takes to read that payload into that type with no check at all, which is the floor.",
    );
    let unread = insider::all::<Nothing>(Less::Key);
    print(plan, report, "an insider, no claims kept", unread, goal);
    let kept = insider::all::<Claims>(Less::Key);
    print(plan, report, "an insider, a guard's claims", kept, goal);
    let unread = insider::all::<Nothing>(Less::KeyAndReading);
    let who = "an insider, no claims kept, and the bare reading";
    print(plan, report, who, unread, goal);
    let kept = insider::all::<Claims>(Less::KeyAndReading);
    let who = "an insider, a guard's claims, and the bare reading";
    print(plan, report, who, kept, goal);
}

fn print(plan: &Plan, report: &mut Report, who: &str, catalogue: Vec<Hostile>, goal: Option<Goal>) {
    let count = catalogue.len();
    let mut costs: Vec<Cost> = catalogue
        .into_iter()
        .map(|hostile| hostile.cost(plan))
        .collect();
    costs.sort_by(|a, b| b.beyond.median().total_cmp(&a.beyond.median()));
    report.say(&format!(
        "{count} kinds of token of {who}; the {SHOWN} that cost most beyond their key's operation:"
    ));
    for cost in costs.iter().take(SHOWN) {
        let row = format!("{} (in all {:.1} µs)", cost.name, cost.all.median());
        report.figure(&row, &cost.beyond, "µs", None);
    }
    if let Some(worst) = costs.first() {
        report.figure(
            &format!("refusing the worst of {who}, beyond its key's operation"),
            &worst.beyond,
            "µs",
            goal,
        );
    }
}

impl Hostile {
    fn cost(mut self, plan: &Plan) -> Cost {
        let size = calibrate(&mut self.refuse, BATCH);
        let mut of_key = self.of_key.map(|mut op| {
            let size = calibrate(&mut op, BATCH);
            move || batch(&mut op, size)
        });
        let (mut beyond, mut all) = (Vec::new(), Vec::new());
        for _ in 0..plan.runs {
            let turns: Vec<(f64, f64)> = (0..plan.turns.div_ceil(FEWER))
                .map(|_| {
                    let spent = batch(&mut self.refuse, size);
                    (spent, of_key.as_mut().map_or(0.0, |turn| turn()))
                })
                .collect();
            let middle = |of: &dyn Fn(&(f64, f64)) -> f64| {
                Runs::new(turns.iter().map(of).collect()).median()
            };
            beyond.push(middle(&|(spent, of_key)| spent - of_key));
            all.push(middle(&|(spent, _)| *spent));
        }
        Cost {
            name: self.name,
            beyond: Runs::new(beyond),
            all: Runs::new(all),
        }
    }
}
