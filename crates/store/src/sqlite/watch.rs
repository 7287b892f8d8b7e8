//! What is written while a store is moved, by the keys of the rows: of all that a copy of an earlier moment holds, only
//! these can differ.
//!
//! Triggers tell of each row that is added, changed or dropped. They are temporary ones of the connection that writes: in
//! no file, and gone with it. They are made when somebody first asks, and stay, for who is told then is nobody. Of what
//! was taken back they have told nevertheless: a row that is looked at in vain does no harm.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_auth::store::StoreError;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Result};
use serde::{Deserialize, Serialize};

use super::Sqlite;
use crate::moving::TABLES;

/// How many rows are noted at most: some 70 MB of the longest keys. Whoever needs more compares all there is.
const MOST: usize = 500_000;

/// As long as this is kept a store notes what is written to it, unless another watch has taken its place.
#[must_use]
pub struct Watch {
    log: Arc<Log>,
    name: u64,
}

impl Watch {
    /// By which [`Sqlite::written`] knows it.
    #[must_use]
    pub fn name(&self) -> u64 {
        self.name
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.log.with(|noted| {
            if noted.as_ref().is_some_and(|noted| noted.watch == self.name) {
                *noted = None;
            }
        });
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({})", self.name)
    }
}

/// The keys of rows, each as the text of a JSON array, by the names of their tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written(BTreeMap<String, HashSet<String>>);

impl Written {
    /// Those of one table.
    pub(crate) fn of(&self, table: &str) -> impl Iterator<Item = &str> {
        let keys = self.0.get(table).into_iter().flatten();
        keys.map(String::as_str)
    }

    /// Whether it was not there.
    fn add(&mut self, table: String, key: String) -> bool {
        self.0.entry(table).or_default().insert(key)
    }
}

/// Where the triggers tell it.
#[derive(Default)]
pub(super) struct Log(Mutex<Option<Noted>>);

struct Noted {
    watch: u64,
    /// Which changes by others this connection had seen when the watch began.
    version: i64,
    /// `None`: it was too much.
    written: Option<Written>,
    /// How much that is.
    rows: usize,
}

impl Log {
    fn begin(&self, watch: u64, version: i64) {
        let noted = Noted {
            watch,
            version,
            written: Some(Written::default()),
            rows: 0,
        };
        self.with(|current| *current = Some(noted));
    }

    fn note(&self, table: String, key: String) {
        self.with(|noted| {
            let Some(noted) = noted else { return };
            let Some(written) = &mut noted.written else {
                return;
            };
            if written.add(table, key) {
                noted.rows += 1;
            }
            if noted.rows > MOST {
                noted.written = None;
            }
        });
    }

    fn written(&self, watch: u64, version: i64) -> Option<Written> {
        self.with(|noted| {
            let noted = noted.as_ref()?;
            let is_all = noted.watch == watch && noted.version == version;
            noted.written.clone().filter(|_| is_all)
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Option<Noted>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sqlite {
    /// Notes the key of each row that is written from now on, under a name that no watch had, of this store's earlier
    /// openings neither. Whatever was written before is in every copy that is made after this has returned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn watch(&self, name: u64) -> Result<Watch, StoreError> {
        let log = Arc::clone(&self.0.log);
        let begun = self.0.writer.run(move |db| {
            for table in TABLES {
                db.execute_batch(&table.watch())?;
            }
            log.begin(name, version(db)?);
            Ok(Watch { log, name })
        });
        begun.await
    }

    /// What was written since that watch began. `None`: nobody knows, for it has ended, it was too much, or somebody
    /// else than this store wrote to the file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn written(&self, watch: u64) -> Result<Option<Written>, StoreError> {
        let log = Arc::clone(&self.0.log);
        let written = move |db: &Connection| Ok(log.written(watch, version(db)?));
        self.0.writer.run(written).await
    }
}

/// Gives the triggers somebody whom they can tell.
pub(super) fn listen(db: &Connection, log: Arc<Log>) -> Result<()> {
    db.create_scalar_function(
        "written",
        2,
        FunctionFlags::SQLITE_UTF8,
        move |told| -> Result<Option<i64>> {
            log.note(told.get(0)?, told.get(1)?);
            Ok(None)
        },
    )
}

/// Another number whenever another connection has written.
fn version(db: &Connection) -> Result<i64> {
    db.pragma_query_value(None, "data_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each table is watched, and each way to write to it.
    #[test]
    fn every_row_that_is_written_is_told() {
        let db = crate::sqlite::in_memory();
        db.execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; DELETE FROM issuer;",
        )
        .unwrap();
        let log = Arc::<Log>::default();
        listen(&db, Arc::clone(&log)).unwrap();
        for _ in 0..2 {
            for table in TABLES {
                db.execute_batch(&table.watch()).unwrap();
            }
        }
        for table in TABLES {
            let name = table.name;
            let columns: Vec<(String, String)> = db
                .prepare("SELECT name, type FROM pragma_table_info(?1)")
                .unwrap()
                .query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
                .collect::<Result<_>>()
                .unwrap();
            let values = |number: i64| {
                let values = columns.iter().map(|(column, kind)| match kind.as_str() {
                    _ if column == "one" => "1".to_owned(),
                    "INTEGER" => number.to_string(),
                    "BLOB" => format!("x'0{number}'"),
                    _ => format!("'{number}'"),
                });
                values.collect::<Vec<_>>().join(", ")
            };
            let names: Vec<_> = columns.iter().map(|(column, _)| column.as_str()).collect();
            let insert = format!("INSERT INTO {name} VALUES ({})", values(7));
            let (names, others) = (names.join(", "), values(8));
            let update = format!("UPDATE {name} SET ({names}) = (SELECT {others})");
            // Where the key moves, of both rows.
            let moved = if name == "issuer" { 1 } else { 2 };
            for (sql, keys) in [
                (insert, 1),
                (update, moved),
                (format!("DELETE FROM {name}"), 1),
            ] {
                log.begin(1, 0);
                assert_eq!(db.execute(&sql, []).unwrap(), 1, "{sql}");
                let written = log.written(1, 0).unwrap();
                assert_eq!(written.of(name).count(), keys, "{sql}: {written:?}");
            }
        }
    }

    #[test]
    fn too_much_is_not_kept() {
        let log = Log::default();
        log.begin(1, 0);
        for row in 0..MOST {
            log.note("users".to_owned(), row.to_string());
        }
        log.note("users".to_owned(), "0".to_owned());
        let written = log.written(1, 0).unwrap();
        assert_eq!(written.of("users").count(), MOST);
        log.note("grants".to_owned(), String::new());
        assert_eq!(log.written(1, 0), None);
        log.note("grants".to_owned(), String::new());
        assert_eq!(log.written(1, 0), None);
        log.begin(2, 0);
        assert_eq!(log.written(2, 0), Some(Written::default()));
    }
}
