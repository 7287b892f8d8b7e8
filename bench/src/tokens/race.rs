//! Operations that take turns in short batches, so that whatever else the machine does meets all of them alike; a ratio
//! is the median over turns, of neighbours.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::plan::Plan;
use crate::report::{Goal, Report};
use crate::stats::Runs;

/// How long a turn takes.
pub const BATCH: Duration = Duration::from_millis(1);

/// One operation, the same every time. Panics if it fails.
pub type Op = Box<dyn FnMut()>;

/// One turn: microseconds for each repetition.
pub type Turn<'a> = Box<dyn FnMut() -> f64 + 'a>;

/// Whom ours is compared with.
pub struct Rival<'a> {
    /// Who that is.
    pub name: &'a str,
    /// What it does in its turn.
    pub turn: Turn<'a>,
    /// What our time, divided by its, should be.
    pub goal: Option<Goal>,
}

impl<'a> Rival<'a> {
    /// One that is run here.
    pub fn new(name: &'a str, op: &'a mut Op, goal: Option<Goal>) -> Self {
        let turn = turns(op);
        Self { name, turn, goal }
    }
}

/// Turns of an operation of this process.
pub fn turns(op: &mut Op) -> Turn<'_> {
    let size = calibrate(op, BATCH);
    Box::new(move || batch(op, size))
}

/// Runs the race, and prints everybody's times and the ratios of ours to the others'.
pub fn race(
    plan: &Plan,
    report: &mut Report,
    name: &str,
    mut ours: Turn<'_>,
    rivals: &mut [Rival<'_>],
) {
    let lanes = rivals.len() + 1;
    let mut times = vec![Vec::new(); lanes];
    let mut ratios = vec![Vec::new(); lanes];
    for _ in 0..plan.runs {
        let turns: Vec<Vec<f64>> = (0..plan.turns)
            .map(|turn| {
                let mut spent = vec![0.0; lanes];
                for place in 0..lanes {
                    let who = (turn + place) % lanes;
                    spent[who] = match who.checked_sub(1) {
                        None => ours(),
                        Some(rival) => (rivals[rival].turn)(),
                    };
                }
                spent
            })
            .collect();
        for who in 0..lanes {
            let middle =
                |of: &dyn Fn(&Vec<f64>) -> f64| Runs::new(turns.iter().map(of).collect()).median();
            times[who].push(middle(&|spent| spent[who]));
            ratios[who].push(middle(&|spent| spent[0] / spent[who]));
        }
    }
    let names = ["ours"].into_iter();
    let names = names.chain(rivals.iter().map(|rival| rival.name));
    for (who, times) in names.zip(times) {
        report.figure(&format!("{name}, {who}"), &Runs::new(times), "µs", None);
    }
    for (rival, ratios) in rivals.iter().zip(ratios.into_iter().skip(1)) {
        let row = format!("{name}, ratio to {}", rival.name);
        report.figure(&row, &Runs::new(ratios), "×", rival.goal);
    }
}

/// How many repetitions take so long.
pub fn calibrate(op: &mut Op, long: Duration) -> u32 {
    let mut size = 1;
    loop {
        let start = Instant::now();
        (0..size).for_each(|_| op());
        if start.elapsed() >= long {
            return size;
        }
        size *= 2;
    }
}

/// Microseconds for each repetition.
pub fn batch(op: &mut Op, size: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..size {
        black_box(&mut *op)();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(size)
}
