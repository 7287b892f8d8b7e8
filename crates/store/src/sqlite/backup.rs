//! A copy of the whole database as it is at one moment, and the way back from it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_auth::model::audit::Origin;
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::{again, open};
use crate::OpenError;

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The version of its schema.
    pub schema: i32,
    /// How many people.
    pub users: u64,
    /// How many applications.
    pub clients: u64,
}

/// Why a backup was not made, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database that was to be copied, or made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// There is a database where one was to be made.
    #[error(
        "{} is there already, and a restored store takes nobody's place: move what is called {}* out of the folder \
         and keep it until you are sure", path.display(), name(path)
    )]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// Its pages or rows contradict each other.
    #[error("{} is damaged ({what}): take another backup", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What was found first.
        what: String,
    },
    /// A database, perhaps, but none of ours.
    #[error("{} is no backup of a store of this program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A fault of this crate.
    #[error("the copy panicked")]
    Panicked,
}

/// How many pages are copied between two looks at whether somebody is in the way.
const PAGES: i32 = 4096;
/// How long to wait then. Nobody should be: the source is one snapshot, the target is ours.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) fn of_open(from: &Path, to: &Path) -> Result<(), BackupError> {
    make(&open::reader(from)?, from, to)
}

pub(super) fn of_closed(from: &Path, to: &Path) -> Result<(), BackupError> {
    let _lock = open::lock(&from.with_file_name(open::LOCK))?;
    // What a crash left in the write-ahead log is part of it, and reading that needs a file beside it.
    let source = open::connect(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql(from))?;
    make(&source, from, to)
}

pub(super) fn inspect(path: &Path) -> Result<Contents, BackupError> {
    // SQLite would take an empty file for a database, and a missing one for a riddle.
    fs::metadata(path).map_err(io(path))?;
    let db = open::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql(path))?;
    let foreign = |_| BackupError::Foreign {
        path: path.to_owned(),
    };
    let schema = open::state(&db).map_err(foreign)?.found;
    if schema == 0 {
        return Err(BackupError::Foreign {
            path: path.to_owned(),
        });
    }
    open::check(path, &db)?;
    let damaged = |what: String| BackupError::Damaged {
        path: path.to_owned(),
        what,
    };
    let verdict: String = db
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| damaged(error.to_string()))?;
    if verdict != "ok" {
        return Err(damaged(verdict));
    }
    let orphan = db
        .prepare("PRAGMA foreign_key_check")
        .and_then(|mut check| check.exists([]))
        .map_err(|error| damaged(error.to_string()))?;
    if orphan {
        return Err(damaged("rows refer to rows that are missing".to_owned()));
    }
    db.query_row(
        "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM clients)",
        [],
        |row| {
            Ok(Contents {
                schema,
                users: row.get::<_, i64>(0)?.unsigned_abs(),
                clients: row.get::<_, i64>(1)?.unsigned_abs(),
            })
        },
    )
    .map_err(foreign)
}

pub(super) fn restore(from: &Path, path: &Path, origin: &Origin) -> Result<Contents, BackupError> {
    // Held to the end: no server may make a database of its own meanwhile.
    let _lock = open::lock(&path.with_file_name(open::LOCK))?;
    // What a lost database left in its log would be written into the restored one.
    for place in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        if fs::symlink_metadata(&place).is_ok() {
            return Err(BackupError::Occupied { path: place });
        }
    }
    let contents = inspect(from)?;
    let draft = beside(path, ".restoring");
    // One that was broken off may have left it.
    discard(&draft);
    let made = (|| {
        let source = open::connect(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql(from))?;
        make(&source, from, &draft)?;
        let mut db =
            open::connect(&draft, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql(&draft))?;
        db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .map_err(sql(&draft))?;
        open::migrate(&draft, &mut db)?;
        let begun = db.transaction().and_then(|transaction| {
            again::begin(&transaction, origin)?;
            transaction.commit()
        });
        begun.map_err(sql(&draft))?;
        db.close().map_err(|(_, cause)| sql(&draft)(cause))?;
        fs::rename(&draft, path).map_err(io(path))?;
        sync_folder(path)
    })();
    if made.is_err() {
        discard(&draft);
    }
    made.map(|()| contents)
}

/// Copies into a new file, which is there whole or not at all.
fn make(source: &Connection, from: &Path, to: &Path) -> Result<(), BackupError> {
    let file = open::private_new(to).map_err(io(to))?;
    let copied = copy(source, to).map_err(sql(from)).and_then(|()| {
        file.sync_all().map_err(io(to))?;
        sync_folder(to)
    });
    if copied.is_err() {
        discard(to);
    }
    copied
}

fn copy(source: &Connection, to: &Path) -> rusqlite::Result<()> {
    // One snapshot from the first page to the last: else whatever is written meanwhile would begin the copy anew.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = open::connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    target.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -1024;")?;
    Backup::new(&snapshot, &mut target)?.run_to_completion(PAGES, PAUSE, None)?;
    // One file, and not one that wants others beside it.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    target.close().map_err(|(_, error)| error)
}

fn sync_folder(of: &Path) -> Result<(), BackupError> {
    let folder = match of.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io(folder))
}

/// Takes away a draft, and what SQLite may have put beside it.
fn discard(draft: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        drop(fs::remove_file(beside(draft, suffix)));
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name.into_owned()
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |cause| BackupError::Io { path, cause }
}

fn sql(path: &Path) -> impl FnOnce(rusqlite::Error) -> BackupError {
    let path = path.to_owned();
    move |cause| OpenError::Sql { path, cause }.into()
}
