//! Moving everything from the embedded store to PostgreSQL, while it is in use.
//!
//! The source is seen through copies of it, each of one moment. The first is put into the target row by row, and how far
//! that has come is written down in the same transaction as the rows; so it can be broken off anywhere. Of a later copy
//! only what differs from the one before is put, in one transaction; and at last what was written to the source since
//! that copy, while nothing more can be. That transaction ends when the source is marked as moved. Should whoever moves it
//! die just then, the source stays as it is, and the same can be put again.

mod difference;
mod error;
mod rows;
mod source;
mod tables;
mod target;

use std::collections::BTreeSet;
use std::path::Path;

use tokio_postgres::Client;

use crate::postgres::move_target;
use crate::{PostgresOptions, Written};
use difference::put_differences;
use rows::{Rows, Tally};
use source::{BATCH, count, each, open, open_beside, open_with};
use tables::Before;
use target::{Place, claim, close, is_under_way, put, same, tally};

pub use error::MoveError;
pub(crate) use tables::TABLES;

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
            let rows = || Rows::new(table.columns.iter());
            each(&db, &table.rows("main"), rows, async |rows| {
                sent.add(rows.tally());
                Ok(())
            })
            .await?;
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
