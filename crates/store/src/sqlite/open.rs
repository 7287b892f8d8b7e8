//! Opening the file: one process at a time, the settings of every connection, the schema.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::gate;
use crate::schema::{Found, Known, SchemaState, Verdict};

/// How to open a database.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Whether a write is on the disk before it is answered. Anything but `true` is for tests that crash nothing.
    pub durable: bool,
    /// A measuring aid: added to each commit, as a slower disk would.
    pub commit_delay: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durable: true,
            commit_delay: Duration::ZERO,
        }
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open (or this one, a second time).
    #[error(
        "{} is in use by another process; stop it, or talk to it over its socket", path.display()
    )]
    InUse {
        /// The file that says so.
        path: PathBuf,
    },
    /// The file or its lock cannot be read or written.
    #[error("cannot open {}: {cause}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It was written by a newer version of this program.
    #[error(
        "{} has schema {found}; this version knows none above {known}, and cannot live with it: run the newer \
         version, or restore the backup from before the upgrade", path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// Another store has taken its place.
    #[error(
        "{} was moved to {to}: say so in `store.postgres`. Nothing that happened since is in this file", path.display()
    )]
    Moved {
        /// The database.
        path: PathBuf,
        /// Where to.
        to: String,
    },
    /// It is no database of this program, or it is damaged.
    #[error("{} cannot be used: {cause}", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        cause: rusqlite::Error,
    },
    /// Its schema could not be brought up to date; it is as it was.
    #[error("{} cannot be brought up to date: {cause}", path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Box<refinery::Error>,
    },
}

/// Held as long as the database is open.
pub(super) struct Lock {
    /// The operating system frees the lock with it, however the process ends.
    _file: File,
}

/// The file beside the database that says so.
pub(super) const LOCK: &str = "countersign.lock";

/// How long to wait for another connection of this process (a checkpoint for a reader, for one).
const BUSY: Duration = Duration::from_secs(5);
/// More than the number of different statements.
const STATEMENTS: usize = 128;

mod migrations {
    refinery::embed_migrations!("src/sqlite/schema");
}

/// Takes the lock, and opens the one connection that writes, its schema brought up to date.
pub(super) fn writer(
    path: &Path,
    options: &SqliteOptions,
) -> Result<(Connection, Lock), OpenError> {
    let sql = |cause| OpenError::Sql {
        path: path.to_owned(),
        cause,
    };
    let lock = lock(&path.with_file_name(LOCK))?;
    private(path).map_err(|cause| OpenError::Io {
        path: path.to_owned(),
        cause,
    })?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql)?;
    let synchronous = synchronous(options);
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = FAST;
             PRAGMA cache_size = -1024;"
        ))
        .map_err(sql)?;
    let moved = gate::moved_to(&connection).map_err(sql)?;
    if let Some(to) = moved {
        return Err(OpenError::Moved {
            path: path.to_owned(),
            to,
        });
    }
    migrate(path, &mut connection)?;
    Ok((connection, lock))
}

/// Opens the connection that copies the log back. The writer's must have been opened before.
pub(super) fn copier(path: &Path, options: &SqliteOptions) -> Result<Connection, OpenError> {
    let open = || {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let synchronous = synchronous(options);
        connection.execute_batch(&format!(
            "PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -64;"
        ))?;
        Ok(connection)
    };
    open().map_err(|cause| OpenError::Sql {
        path: path.to_owned(),
        cause,
    })
}

fn synchronous(options: &SqliteOptions) -> &'static str {
    if options.durable { "FULL" } else { "OFF" }
}

/// Opens a connection that only reads. The writer's must have been opened before.
pub(super) fn reader(path: &Path) -> Result<Connection, OpenError> {
    let open = || {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -256;")?;
        Ok(connection)
    };
    open().map_err(|cause| OpenError::Sql {
        path: path.to_owned(),
        cause,
    })
}

pub(super) fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection stays on one thread: SQLite need not lock it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan is made once, not anew for each value that is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

pub(super) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let error = |cause| OpenError::Io {
        path: path.to_owned(),
        cause,
    };
    let file = private(path).map_err(error)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(cause)) => Err(error(cause)),
    }
}

/// Opens a file, made if need be, that nobody but its owner can read. SQLite's own files take over its mode.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The same, of a file that is not there yet.
pub(super) fn private_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) fn migrate(path: &Path, connection: &mut Connection) -> Result<(), OpenError> {
    let sql = |cause| OpenError::Sql {
        path: path.to_owned(),
        cause,
    };
    if check(path, connection)?.verdict != Verdict::Behind {
        return Ok(());
    }
    let runner = runner();
    connection
        .pragma_update(None, "user_version", Known::of(&runner).oldest)
        .map_err(sql)?;
    runner
        .run(connection)
        .map_err(|cause| OpenError::Migration {
            path: path.to_owned(),
            cause: Box::new(cause),
        })?;
    Ok(())
}

/// How the schema stands to what this version knows; one with which it cannot live is an error.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<SchemaState, OpenError> {
    let state = state(connection).map_err(|cause| OpenError::Sql {
        path: path.to_owned(),
        cause,
    })?;
    if state.verdict == Verdict::Ahead {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: state.found,
            known: state.known,
        });
    }
    Ok(state)
}

/// How the schema stands to what this version knows.
pub(super) fn state(connection: &Connection) -> rusqlite::Result<SchemaState> {
    // The number in the file's header that is there for its users (SQLite's "PRAGMA user_version").
    let oldest = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let found = Found::new(schema_version(connection)?, oldest);
    Ok(Known::of(&runner()).compare(found))
}

fn runner() -> refinery::Runner {
    migrations::migrations::runner().set_grouped(true)
}

/// 0 for an empty file.
fn schema_version(connection: &Connection) -> rusqlite::Result<i32> {
    let exists: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    if exists.is_none() {
        return Ok(0);
    }
    connection.query_row(
        "SELECT coalesce(max(version), 0) FROM refinery_schema_history",
        [],
        |row| row.get(0),
    )
}
