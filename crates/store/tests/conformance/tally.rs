//! What a store's suite came to: whoever is done last says it, in a row of a table.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::races::RACERS;

/// Counted for one store.
pub struct Tally {
    store: &'static str,
    cases: usize,
    passed: AtomicUsize,
    races: AtomicUsize,
    restarts: AtomicUsize,
}

tokio::task_local! {
    static TALLY: &'static Tally;
}

impl Tally {
    pub const fn new(store: &'static str, cases: usize) -> Self {
        Self {
            store,
            cases,
            passed: AtomicUsize::new(0),
            races: AtomicUsize::new(0),
            restarts: AtomicUsize::new(0),
        }
    }

    /// Runs a case, and counts what happens in it.
    pub async fn count(&'static self, case: impl Future<Output = ()>) {
        TALLY.scope(self, case).await;
        let passed = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if passed == self.cases {
            let (races, restarts) = (&self.races, &self.restarts);
            println!(
                "RESULT: | conformance | {:<23} | {passed} of {} cases | {} races of {RACERS} | {} restarts |",
                self.store,
                self.cases,
                races.load(Ordering::SeqCst),
                restarts.load(Ordering::SeqCst),
            );
        }
    }
}

/// A race was run.
pub fn raced() {
    // Cases are run one by one in other tests, too, where nobody counts.
    let _ = TALLY.try_with(|tally| tally.races.fetch_add(1, Ordering::SeqCst));
}

/// A store was stopped and started.
pub fn restarted() {
    let _ = TALLY.try_with(|tally| tally.restarts.fetch_add(1, Ordering::SeqCst));
}
