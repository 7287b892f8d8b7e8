//! SQLite does what every store must.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conformance;
mod scratch;

use countersign_store::{Sqlite, SqliteOptions};
use scratch::Scratch;

conformance::suite!(crate::fresh);

async fn fresh() -> (Sqlite, Scratch) {
    let scratch = Scratch::new();
    let store = Sqlite::open(&scratch.database(), &SqliteOptions::default()).unwrap();
    (store, scratch)
}
