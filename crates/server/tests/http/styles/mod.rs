//! Every style on every store that serves it, with a guard attached: one suite, whose table of results is printed.

mod people;
mod rows;
mod steps;
mod stores;

use std::fmt::Write as _;
use std::rc::Rc;

use countersign_auth::model::client::Style;
use tokio::task::{JoinSet, LocalSet, spawn_local};

use people::Cell;
use rows::{ROWS, Row};
use steps::{Outcome, Step};
use stores::Store;

/// What one style on one store came to, step by step; `None`: the step failed, and said how.
type Results = [Option<Outcome>; Step::ALL.len()];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_style_on_every_store() {
    let mut results = LocalSet::new().run_until(everything()).await;
    results.sort_by_key(|(place, _)| *place);
    let table = table(&results);
    for line in table.lines() {
        println!("RESULT: {line}");
    }
    let failed = results.iter().flat_map(|(_, steps)| steps);
    let failed = failed.filter(|outcome| outcome.is_none()).count();
    assert_eq!(failed, 0, "steps failed:\n{table}");
}

#[test]
fn no_style_is_left_out() {
    for style in Style::ALL {
        let row = ROWS.iter().find(|row| row.style == style);
        assert!(row.is_some(), "{} has no row", style.name());
    }
}

/// All of them at once: they mostly wait. Where each stands in the table, and what it came to.
async fn everything() -> Vec<((usize, usize), Results)> {
    let mut running = JoinSet::new();
    for (place, store) in Store::ALL.into_iter().enumerate() {
        for (number, row) in ROWS.iter().enumerate() {
            let place = (number, place);
            running.spawn_local(async move { (place, every_step(row, store).await) });
        }
    }
    running.join_all().await
}

/// One after the other, on one server, whose clock only goes on.
async fn every_step(row: &'static Row, store: Store) -> Results {
    let cell = Rc::new(Cell::begin(row, store).await);
    let mut results = Results::default();
    for (result, step) in results.iter_mut().zip(Step::ALL) {
        let cell = Rc::clone(&cell);
        let taken = spawn_local(async move { step.take(&cell).await }).await;
        if let Ok(Outcome::HasNone(says)) = taken {
            assert!(row.page.contains(says), "{}'s page: {says}", row.name);
        }
        if taken.is_err() {
            println!("{} on {}: {} failed", row.name, store.name(), step.name());
        }
        *result = taken.ok();
    }
    let cell = Rc::into_inner(cell).expect("every step is over");
    cell.end().await;
    results
}

/// For people: a line for each style and store, and what is meant where a style has no such step.
fn table(results: &[((usize, usize), Results)]) -> String {
    let mut table = format!("| {:<15} | {:<23} |", "style", "store");
    for step in Step::ALL {
        write!(table, " {:<6} |", step.name()).unwrap();
    }
    table.push('\n');
    let mut notes: Vec<(&str, &str)> = Vec::new();
    for ((row, place), steps) in results {
        let (row, store) = (&ROWS[*row], Store::ALL[*place]);
        write!(table, "| {:<15} | {:<23} |", row.name, store.name()).unwrap();
        for (step, outcome) in Step::ALL.into_iter().zip(steps) {
            let word = match outcome {
                None => "FAILED".to_owned(),
                Some(Outcome::Holds) => "ok".to_owned(),
                Some(Outcome::HasNone(says)) => {
                    let note = (row.style.name(), *says);
                    let known = notes.iter().position(|known| *known == note);
                    let number = known.unwrap_or_else(|| {
                        notes.push(note);
                        notes.len() - 1
                    });
                    format!("none {}", number + 1)
                }
            };
            let width = step.name().len().max(6);
            write!(table, " {word:<width$} |").unwrap();
        }
        table.push('\n');
    }
    for (number, (style, says)) in notes.iter().enumerate() {
        let number = number + 1;
        writeln!(table, "none {number}: docs/styles/{style}.md: {says}").unwrap();
    }
    table
}
