//! SQLite does what every store must.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conformance;
mod scratch;

use conformance::restarts::Restart;
use conformance::{World, at};
use countersign_store::{Sqlite, SqliteOptions};
use scratch::Scratch;

conformance::suite!("SQLite", crate::fresh, crate::fresh);

async fn fresh() -> (Sqlite, Scratch) {
    let scratch = Scratch::new();
    let store = Sqlite::open(&scratch.database(), &SqliteOptions::default()).unwrap();
    (store, scratch)
}

/// What a kill leaves is the business of `sqlite_file.rs`.
impl Restart<Sqlite> for Scratch {
    async fn stop(&self, store: &Sqlite) {
        store.close().await.unwrap();
    }

    async fn start(&self, store: Sqlite) -> Sqlite {
        drop(store);
        Sqlite::open(&self.database(), &SqliteOptions::default()).unwrap()
    }
}

/// Disabling raises an epoch, which would be enough; but what somebody disabled by hand is disabled as well.
#[tokio::test]
async fn disabled_by_hand() {
    let (store, scratch) = fresh().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let by_hand = rusqlite::Connection::open(scratch.database()).unwrap();
    for table in ["users", "clients"] {
        for (enabled, expected) in [(0, "Stale"), (1, "Held")] {
            let sql = format!("UPDATE {table} SET enabled = {enabled}");
            by_hand.execute(&sql, []).unwrap();
            let answer = world.present(&ann, 0, at(0)).await;
            let answer = format!("{answer:?}");
            assert!(answer.starts_with(expected), "{table}: {answer}");
        }
    }
}
