//! Moving everything from the embedded store to PostgreSQL, while it is in use.
//!
//! The source is seen through copies of it, each of one moment. The first is put into the target row by row, and how far
//! that has come is written down in the same transaction as the rows; so it can be broken off anywhere. Of a later copy
//! only what differs from the one before is put, in one transaction; and at last what was written to the source since
//! that copy, while nothing more can be. That transaction ends when the source is marked as moved. Should whoever moves it
//! die just then, the source stays as it is, and the same can be put again.

mod rows;
mod tables;

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use tokio_postgres::{Client, Transaction};

use crate::postgres::{ConnectError, Whole, move_target};
use crate::{PostgresOptions, Written};
use rows::{Rows, Tally};
use tables::{Before, Table};

pub(crate) use tables::TABLES;

/// Why a move does not go on.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The target.
    #[error("the target: {0}")]
    Connect(#[from] ConnectError),
    /// The target refused, or broke off.
    #[error("the target: {}", Whole(.0))]
    Target(#[from] tokio_postgres::Error),
    /// A copy of the source.
    #[error("the source: {0}")]
    Source(#[from] rusqlite::Error),
    /// Somebody works there already.
    #[error(
        "the target is in use: it holds {users} users, {keys} keys and {lines} lines of the audit trail. A store is moved \
         into an empty database only"
    )]
    NotEmpty {
        /// How many users.
        users: i64,
        /// How many keys.
        keys: i64,
        /// How long its trail is.
        lines: i64,
    },
    /// Another store was on its way there.
    #[error(
        "another store was being moved into the target, and that is not finished: go on with that one, or drop the schema \
         `countersign` there"
    )]
    Another,
    /// The source was marked as moved into it, and it is empty.
    #[error(
        "the store was moved into the target, which holds nothing of it any more: restore that database from its backup"
    )]
    Lost,
    /// What arrived is not what was sent.
    #[error(
        "{table}: what arrived is not what was sent ({sent} rows, {there} there); run it again"
    )]
    Differs {
        /// Which table.
        table: &'static str,
        /// How many rows.
        sent: i64,
        /// How many there are.
        there: i64,
    },
}

/// How far a move has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The table, by its name in PostgreSQL.
    pub table: &'static str,
    /// How many of its rows are there.
    pub done: u64,
    /// Of how many.
    pub of: u64,
}

/// What one step of catching up put and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caught {
    /// Rows that were added or changed.
    pub put: u64,
    /// Rows that were dropped.
    pub dropped: u64,
}

/// What of the source may differ from the copy that the target follows.
#[derive(Clone, Copy, Debug)]
pub enum Since<'a> {
    /// Whatever does. All of both is compared, which takes as long as there is much.
    Copy(&'a Path),
    /// What was written since before that copy was made.
    Written(&'a Written),
}

/// A move, begun or taken up again.
pub struct Move {
    client: Client,
    place: Place,
}

/// How far it has come: the copy, the number of tables that are done, and of rows of the next one.
struct Place {
    copy: String,
    tables: usize,
    rows: u64,
}

/// How many rows share a transaction.
const BATCH: usize = 4000;

impl std::fmt::Debug for Move {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Move")
            .field("copy", &self.place.copy)
            .finish_non_exhaustive()
    }
}

impl Move {
    /// Claims an empty database for the store of this incarnation, or takes up its move there.
    ///
    /// # Errors
    /// [`MoveError`].
    pub async fn begin(
        url: &str,
        options: &PostgresOptions,
        incarnation: i64,
    ) -> Result<Self, MoveError> {
        let client = move_target(url, options).await?;
        if !is_under_way(&client).await? {
            claim(&client, incarnation).await?;
        }
        let row = client
            .query_one("SELECT incarnation, copy, tables, rows FROM moving", &[])
            .await?;
        if row.try_get::<_, i64>(0)? != incarnation {
            return Err(MoveError::Another);
        }
        let place = Place {
            copy: row.try_get(1)?,
            tables: usize::try_from(row.try_get::<_, i64>(2)?).unwrap_or_default(),
            rows: row.try_get::<_, i64>(3)?.unsigned_abs(),
        };
        Ok(Self { client, place })
    }

    /// Which copy of the source the target follows. Empty: none yet.
    #[must_use]
    pub fn copy(&self) -> &str {
        &self.place.copy
    }

    /// Empties the target, to be filled from this copy.
    ///
    /// # Errors
    /// [`MoveError`].
    pub async fn start_over(&mut self, copy: &str) -> Result<(), MoveError> {
        let all: Vec<_> = TABLES
            .iter()
            .map(|table| table.name)
            .filter(|name| *name != "issuer")
            .collect();
        let moving = self.client.transaction().await?;
        moving
            .batch_execute(&format!("TRUNCATE {}", all.join(", ")))
            .await?;
        self.place = Place {
            copy: copy.to_owned(),
            tables: 0,
            rows: 0,
        };
        self.place.note(&moving).await?;
        Ok(moving.commit().await?)
    }

    /// Puts the rows of the copy that are not there yet.
    ///
    /// # Errors
    /// [`MoveError`].
    pub async fn fill(
        &mut self,
        copy: &Path,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<(), MoveError> {
        let db = open(copy)?;
        let mut days = BTreeSet::new();
        while let Some(table) = TABLES.get(self.place.tables) {
            let of = count(&db, table)?;
            let mut statement = db.prepare(&table.rows("main"))?;
            let mut source = statement.query([])?;
            // The copy does not change: in the order of the keys, a row keeps its number.
            for _ in 0..self.place.rows {
                source.next()?;
            }
            let mut batch = Rows::new(table.columns.iter());
            loop {
                let row = source.next()?;
                let is_last = row.is_none();
                if let Some(row) = row {
                    batch.push(row)?;
                }
                if batch.len() < BATCH && !is_last {
                    continue;
                }
                let moving = self.client.transaction().await?;
                put(&moving, table, &batch, &mut days).await?;
                self.place.rows += batch.len() as u64;
                let done = self.place.rows;
                if is_last {
                    self.place.tables += 1;
                    self.place.rows = 0;
                }
                self.place.note(&moving).await?;
                moving.commit().await?;
                batch = batch.next();
                tell(Progress {
                    table: table.name,
                    done,
                    of,
                });
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Compares number and sum of the rows of each table with those of the copy. How many rows there are.
    ///
    /// # Errors
    /// [`MoveError::Differs`], for one.
    pub async fn verify(&self, copy: &Path) -> Result<u64, MoveError> {
        let db = open(copy)?;
        let mut all = 0;
        for table in TABLES {
            let mut sent = Tally::default();
            let mut statement = db.prepare(&table.rows("main"))?;
            let mut source = statement.query([])?;
            let mut batch = Rows::new(table.columns.iter());
            while let Some(row) = source.next()? {
                batch.push(row)?;
                if batch.len() == BATCH {
                    sent.add(batch.tally());
                    batch = batch.next();
                }
            }
            sent.add(batch.tally());
            let row = self.client.query_one(&table.count_and_sum(), &[]).await?;
            same(table, sent, tally(&row))?;
            all += sent.rows.unsigned_abs();
        }
        Ok(all)
    }

    /// Puts and drops whatever differs between the copy that the target follows and a later one, which it follows then.
    /// All or nothing; what was put is compared by its number and sum, and whole tables by their number.
    ///
    /// # Errors
    /// [`MoveError`].
    pub async fn catch_up(
        &mut self,
        old: &Path,
        new: &Path,
        copy: &str,
    ) -> Result<Caught, MoveError> {
        let db = open_beside(new, old)?;
        let moving = self.client.transaction().await?;
        let caught = put_differences(&moving, &db, Before::Copy("old")).await?;
        let place = Place {
            copy: copy.to_owned(),
            ..self.place
        };
        place.note(&moving).await?;
        moving.commit().await?;
        self.place = place;
        Ok(caught)
    }

    /// Puts and drops whatever differs between the copy that the target follows and the source, to which nothing is
    /// written meanwhile, and then lets `mark` mark that as moved: from then on the target is the store. What was put is
    /// compared as in [`Move::catch_up`]. `None`: it could not be marked, for it may have been written to, and the target is
    /// as it was.
    ///
    /// # Errors
    /// [`MoveError`], and those of `mark`.
    pub async fn hand_over<E: From<MoveError>>(
        &mut self,
        since: Since<'_>,
        source: &Path,
        mark: impl AsyncFnOnce() -> Result<bool, E>,
    ) -> Result<Option<Caught>, E> {
        let (db, before) = match since {
            Since::Copy(copy) => (open_beside(source, copy), Before::Copy("old")),
            Since::Written(written) => (open_with(source, written), Before::Written),
        };
        let db = db.map_err(MoveError::from)?;
        let moving = self.client.transaction().await.map_err(MoveError::from)?;
        let caught = put_differences(&moving, &db, before).await?;
        close(&moving).await?;
        if !mark().await? {
            return Ok(None);
        }
        moving.commit().await.map_err(MoveError::from)?;
        Ok(Some(caught))
    }

    /// The end of a move whose source was marked as moved before: whoever did so came no further. What that holds is put
    /// again, by what differs from the copy, if that is there.
    ///
    /// # Errors
    /// [`MoveError`].
    pub async fn finish_after(
        &mut self,
        copy: &Path,
        source: &Path,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<(), MoveError> {
        if self.place.copy.is_empty() {
            return Err(MoveError::Lost);
        }
        if self.place.tables < TABLES.len() || !copy.exists() {
            self.start_over("the source").await?;
            self.fill(source, tell).await?;
        } else {
            let db = open_beside(source, copy)?;
            let moving = self.client.transaction().await?;
            put_differences(&moving, &db, Before::Copy("old")).await?;
            moving.commit().await?;
        }
        self.verify(source).await?;
        let moving = self.client.transaction().await?;
        close(&moving).await?;
        Ok(moving.commit().await?)
    }

    /// Tells the planner, which has not heard of anything that came.
    ///
    /// # Errors
    /// [`MoveError`].
    pub async fn analyze(&self) -> Result<(), MoveError> {
        Ok(self.client.batch_execute("ANALYZE").await?)
    }
}

impl Place {
    async fn note(&self, moving: &Transaction<'_>) -> Result<(), MoveError> {
        let tables = i64::try_from(self.tables).unwrap_or(i64::MAX);
        let rows = i64::try_from(self.rows).unwrap_or(i64::MAX);
        moving
            .execute(
                "UPDATE moving SET copy = $1, tables = $2, rows = $3",
                &[&self.copy, &tables, &rows],
            )
            .await?;
        Ok(())
    }
}

async fn is_under_way(client: &Client) -> Result<bool, MoveError> {
    let row = client
        .query_one("SELECT to_regclass('moving') IS NOT NULL", &[])
        .await?;
    Ok(row.try_get(0)?)
}

/// From here on no node works with the database until the move is finished.
async fn claim(client: &Client, incarnation: i64) -> Result<(), MoveError> {
    let there = client
        .query_one(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM keys), (SELECT count(*) FROM audit)",
            &[],
        )
        .await?;
    let [users, keys, lines] = [there.try_get(0)?, there.try_get(1)?, there.try_get(2)?];
    if [users, keys, lines] != [0, 0, 0] {
        return Err(MoveError::NotEmpty { users, keys, lines });
    }
    client
        .batch_execute(&format!(
            "CREATE TABLE moving (
                 one         boolean PRIMARY KEY CHECK (one),
                 incarnation bigint  NOT NULL,
                 copy        text    NOT NULL, -- '' before the first
                 tables      bigint  NOT NULL,
                 rows        bigint  NOT NULL
             );
             INSERT INTO moving VALUES (true, {incarnation}, '', 0, 0)"
        ))
        .await?;
    Ok(())
}

/// Puts and drops whatever differs between what was before and the source's `main`. What was put is compared by its number
/// and sum, and whole tables by their number.
async fn put_differences(
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

/// Lets the target's own numbers go on behind those that came, and the target be served.
async fn close(moving: &Transaction<'_>) -> Result<(), MoveError> {
    for table in TABLES {
        if let Some(column) = table.numbered {
            let name = table.name;
            moving
                .batch_execute(&format!(
                    "SELECT setval(pg_get_serial_sequence('{name}', '{column}'), max({column})) FROM {name}"
                ))
                .await?;
        }
    }
    Ok(moving.batch_execute("DROP TABLE moving").await?)
}

/// Puts rows, and compares what is there then with what was sent.
async fn put(
    moving: &Transaction<'_>,
    table: &'static Table,
    rows: &Rows<'_>,
    days: &mut BTreeSet<i64>,
) -> Result<(), MoveError> {
    if rows.is_empty() {
        return Ok(());
    }
    for end in rows.numbers("absolute_end").iter().flatten() {
        if days.insert(end / DAY) {
            moving.execute("SELECT make_day($1)", &[end]).await?;
        }
    }
    let row = moving.query_one(&table.put(), &rows.arrays()).await?;
    same(table, rows.tally(), tally(&row))
}

/// In milliseconds: how long a partition is.
const DAY: i64 = 86_400_000;

/// Hands over what a statement gives, some rows at a time.
async fn each<'t>(
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

fn same(table: &Table, sent: Tally, there: Option<Tally>) -> Result<(), MoveError> {
    if there == Some(sent) {
        return Ok(());
    }
    Err(MoveError::Differs {
        table: table.name,
        sent: sent.rows,
        there: there.map_or(0, |there| there.rows),
    })
}

fn tally(row: &tokio_postgres::Row) -> Option<Tally> {
    Some(Tally {
        rows: row.try_get(0).ok()?,
        sum: row.try_get::<_, String>(1).ok()?.parse().ok()?,
    })
}

fn count(db: &Connection, table: &Table) -> rusqlite::Result<u64> {
    let sql = format!(
        "SELECT count(*) FROM {}",
        table.from.replace("{db}", "main")
    );
    db.query_row(&sql, [], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
}

/// A copy or the source, with an earlier one beside it.
fn open_beside(new: &Path, old: &Path) -> rusqlite::Result<Connection> {
    let db = open(new)?;
    db.execute("ATTACH ?1 AS old", [old.to_string_lossy()])?;
    Ok(db)
}

/// The source, with the keys of the rows that were written to it.
fn open_with(source: &Path, written: &Written) -> rusqlite::Result<Connection> {
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

fn open(copy: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(copy, access)?;
    db.execute_batch(
        "PRAGMA cache_size = -65536; PRAGMA mmap_size = 1073741824; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(db)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Whoever adds a table or a column to the embedded store says here where it goes.
    #[test]
    fn every_column_is_moved() {
        let db = crate::sqlite::in_memory();
        let mut columns: BTreeMap<String, i64> = BTreeMap::new();
        let mut tables = db
            .prepare(
                "SELECT m.name, count(*) FROM sqlite_schema m, pragma_table_info(m.name)
                 WHERE m.type = 'table' AND m.name NOT IN ('refinery_schema_history', 'moved') GROUP BY m.name",
            )
            .unwrap();
        let mut rows = tables.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            columns.insert(row.get(0).unwrap(), row.get(1).unwrap());
        }
        for table in TABLES {
            db.prepare(&table.rows("main")).unwrap();
            let from = table.from.trim_start_matches("{db}.");
            let there = columns.remove(from).unwrap();
            // A session's own number stays behind: its id names it there.
            let own = i64::from(from == "sessions");
            let ends = |column: &&tables::Column| column.kind == tables::Kind::End;
            let computed = table.columns.iter().filter(ends).count();
            let moved = i64::try_from(table.columns.len() - computed).unwrap();
            assert_eq!(moved, there - own, "{from}");
        }
        assert!(columns.is_empty(), "nobody moves {columns:?}");
    }

    /// No table is sorted, or searched from its beginning for each row. The last part is short however much there is: what
    /// was written is all that is gone through.
    #[test]
    fn rows_are_found_by_their_keys() {
        let db = crate::sqlite::in_memory();
        for table in TABLES {
            db.execute_batch(&table.keys_of_written()).unwrap();
            for (sql, scan) in [
                (table.rows("main"), "SCAN "),
                (table.changed(Before::Copy("main"), "main"), "SCAN "),
                (table.gone(Before::Copy("main"), "main"), "SCAN "),
                (table.changed(Before::Written, "main"), "SCAN temp.written_"),
                (table.gone(Before::Written, "main"), "SCAN temp.written_"),
            ] {
                let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let steps = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
                let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
                let scans = steps.iter().filter(|step| step.starts_with("SCAN"));
                let scans: Vec<_> = scans.collect();
                assert_eq!(scans.len(), 1, "{sql}: {steps:?}");
                assert!(scans[0].starts_with(scan), "{sql}: {steps:?}");
                for word in ["TEMP B-TREE", "AUTOMATIC", "MATERIALIZE"] {
                    assert!(
                        !steps.iter().any(|step| step.contains(word)),
                        "{sql}: {steps:?}"
                    );
                }
            }
        }
    }
}
