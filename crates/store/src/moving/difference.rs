//! What changed since the target was last brought up to date, put there in one go.

use std::collections::BTreeSet;

use rusqlite::Connection;
use tokio_postgres::Transaction;

use super::rows::Rows;
use super::source::{count, each};
use super::tables::{Before, TABLES};
use super::target::put;
use super::{Caught, MoveError};

/// Puts and drops whatever differs between what was before and the source's `main`. What was put is compared by its number
/// and sum, and whole tables by their number.
pub(super) async fn put_differences(
    moving: &Transaction<'_>,
    db: &Connection,
    before: Before<'_>,
) -> Result<Caught, MoveError> {
    let mut caught = Caught::default();
    let mut days = BTreeSet::new();
    for table in TABLES.iter().rev() {
        let keys = || Rows::new(table.columns.iter().filter(|column| column.is_key));
        let sql = table.drop();
        each(db, &table.gone(before, "main"), keys, async |gone| {
            caught.dropped += moving.execute(&sql, &gone.arrays()).await?;
            Ok(())
        })
        .await?;
    }
    for table in TABLES {
        let changed = table.changed(before, "main");
        let rows = || Rows::new(table.columns.iter());
        if let Some(sql) = table.make_way {
            each(db, &changed, rows, async |rows| {
                if let Some(keys) = rows.keys() {
                    moving.execute(sql, &[keys]).await?;
                }
                Ok(())
            })
            .await?;
        }
        each(db, &changed, rows, async |rows| {
            put(moving, table, &rows, &mut days).await?;
            caught.put += rows.len() as u64;
            Ok(())
        })
        .await?;
        let sql = format!("SELECT count(*) FROM {}", table.name);
        let there: i64 = moving.query_one(&sql, &[]).await?.try_get(0)?;
        let sent = i64::try_from(count(db, table)?).unwrap_or(i64::MAX);
        if there != sent {
            return Err(MoveError::Differs {
                table: table.name,
                sent,
                there,
            });
        }
    }
    Ok(caught)
}
