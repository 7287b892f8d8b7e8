//! Closing the store to writes while the last part of it is moved elsewhere, and for good when it has been.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_auth::env::Timestamp;
use countersign_auth::store::StoreError;
use rusqlite::{Connection, Error as SqlError, OptionalExtension, Result, ffi, params};

use super::{Sqlite, open};
use crate::OpenError;

/// Whether writes pass.
#[derive(Default)]
pub(super) struct Gate(Mutex<Closed>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Closed {
    #[default]
    No,
    /// By the freeze of this name.
    ForNow(u64),
    ForGood,
}

/// As long as this is kept nothing is written to a store, unless it ended otherwise.
pub struct Freeze {
    gate: Arc<Gate>,
    name: u64,
}

impl Freeze {
    /// By which [`Sqlite::hand_over`] knows that the store has not been written to since.
    #[must_use]
    pub fn name(&self) -> u64 {
        self.name
    }
}

impl Drop for Freeze {
    fn drop(&mut self) {
        self.gate.with(|closed| {
            if *closed == Closed::ForNow(self.name) {
                *closed = Closed::No;
            }
        });
    }
}

impl std::fmt::Debug for Freeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Freeze({})", self.name)
    }
}

/// Which store a file is, and where it has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The incarnation of its log.
    pub incarnation: i64,
    /// Where it was moved to, if it was.
    pub moved_to: Option<String>,
    /// Whether anybody has an account there.
    pub has_users: bool,
}

impl Gate {
    pub(super) fn pass(&self) -> Result<()> {
        if self.with(|closed| *closed) == Closed::No {
            return Ok(());
        }
        let read_only = ffi::Error::new(ffi::SQLITE_READONLY);
        let why = "the store is being moved elsewhere";
        Err(SqlError::SqliteFailure(read_only, Some(why.to_owned())))
    }

    /// `None`: it is closed already.
    fn close(self: &Arc<Self>, name: u64) -> Option<Freeze> {
        let was_open = self.with(|closed| {
            let was_open = *closed == Closed::No;
            if was_open {
                *closed = Closed::ForNow(name);
            }
            was_open
        });
        let gate = Arc::clone(self);
        was_open.then(|| Freeze { gate, name })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Closed) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sqlite {
    /// Lets nothing be written: [`StoreError::Unavailable`] is the answer to every verb, until the freeze is dropped.
    /// What was asked for before is done when this returns. The name is one that no freeze had, of this store's earlier
    /// openings neither. `None`: somebody else froze it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn freeze(&self, name: u64) -> Result<Option<Freeze>, StoreError> {
        let gate = Arc::clone(&self.0.gate);
        self.0.writer.run(move |_| Ok(gate.close(name))).await
    }

    /// Marks the store as moved, if it has not been written to since that freeze began, and closes it: it is never
    /// opened again. Whether it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hand_over(
        &self,
        freeze: u64,
        to: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (gate, to) = (Arc::clone(&self.0.gate), to.to_owned());
        let marked = self.0.writer.run(move |db| {
            let is_still_closed = gate.with(|closed| {
                let is_still_closed = *closed == Closed::ForNow(freeze);
                if is_still_closed {
                    // Before the mark: whatever becomes of that, nobody writes to what may be no store any more.
                    *closed = Closed::ForGood;
                }
                is_still_closed
            });
            if is_still_closed {
                mark(db, &to, at)?;
            }
            Ok(is_still_closed)
        });
        if !marked.await? {
            return Ok(false);
        }
        self.close().await?;
        Ok(true)
    }

    /// Which store the file at `path` is. It may be open elsewhere.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn identify(path: &Path) -> Result<Identity, OpenError> {
        let sql = |cause| OpenError::Sql {
            path: path.to_owned(),
            cause,
        };
        let db = open::reader(path)?;
        let incarnation = db
            .query_row("SELECT incarnation FROM issuer", [], |row| row.get(0))
            .map_err(sql)?;
        let has_users = db
            .query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))
            .map_err(sql)?;
        let moved_to = moved_to(&db).map_err(sql)?;
        Ok(Identity {
            incarnation,
            moved_to,
            has_users,
        })
    }
}

fn mark(db: &Connection, to: &str, at: Timestamp) -> Result<()> {
    db.execute_batch("CREATE TABLE moved (place TEXT NOT NULL, at INTEGER NOT NULL) STRICT")?;
    db.execute(
        "INSERT INTO moved VALUES (?1, ?2)",
        params![to, super::columns::millis(at)],
    )?;
    Ok(())
}

/// Where a store was moved to, if it was.
pub(super) fn moved_to(db: &Connection) -> Result<Option<String>> {
    let is_marked: Option<i64> = db
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = 'moved'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    match is_marked {
        None => Ok(None),
        Some(_) => db
            .query_row("SELECT place FROM moved", [], |row| row.get(0))
            .optional(),
    }
}
