//! What is moved: copies of the source, and at last the source itself, read and never written.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::MoveError;
use super::rows::Rows;
use super::tables::{TABLES, Table};
use crate::Written;

/// How many rows share a transaction.
pub(super) const BATCH: usize = 4000;

/// A copy or the source, with an earlier one beside it.
pub(super) fn open_beside(new: &Path, old: &Path) -> rusqlite::Result<Connection> {
    let db = open(new)?;
    db.execute("ATTACH ?1 AS old", [old.to_string_lossy()])?;
    Ok(db)
}

/// The source, with the keys of the rows that were written to it.
pub(super) fn open_with(source: &Path, written: &Written) -> rusqlite::Result<Connection> {
    let db = open(source)?;
    let all = db.unchecked_transaction()?;
    for table in TABLES {
        db.execute_batch(&table.keys_of_written())?;
        let mut put = db.prepare(&table.put_written())?;
        for key in written.of(table.name) {
            put.execute([key])?;
        }
    }
    all.commit()?;
    Ok(db)
}

pub(super) fn open(copy: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(copy, access)?;
    db.execute_batch(
        "PRAGMA cache_size = -65536; PRAGMA mmap_size = 1073741824; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(db)
}

pub(super) fn count(db: &Connection, table: &Table) -> rusqlite::Result<u64> {
    let sql = format!(
        "SELECT count(*) FROM {}",
        table.from.replace("{db}", "main")
    );
    db.query_row(&sql, [], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
}

/// Hands over what a statement gives, some rows at a time.
pub(super) async fn each<'t>(
    db: &Connection,
    sql: &str,
    empty: impl Fn() -> Rows<'t>,
    mut take: impl AsyncFnMut(Rows<'t>) -> Result<(), MoveError>,
) -> Result<(), MoveError> {
    let mut statement = db.prepare(sql)?;
    let mut source = statement.query([])?;
    let mut batch = empty();
    while let Some(row) = source.next()? {
        batch.push(row)?;
        if batch.len() == BATCH {
            take(std::mem::replace(&mut batch, empty())).await?;
        }
    }
    if batch.is_empty() {
        return Ok(());
    }
    take(batch).await
}
