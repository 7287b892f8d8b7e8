//! SQLite as a store for one process: one thread writes, a few read.

mod again;
mod audit;
mod backup;
mod batch;
mod clients;
mod columns;
mod copier;
mod directory;
mod failure;
mod gate;
mod grants;
mod joining;
mod keys;
mod ledger;
mod log;
mod open;
mod readers;
mod renewal;
mod secrets;
mod sessions;
mod spent;
mod users;
mod watch;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Origin;
use countersign_auth::model::grant::{Grant, HandleHash};
use countersign_auth::model::id::{SessionId, UserId};
use countersign_auth::model::session::{Session, SessionView};
use countersign_auth::sessions::{
    ChangePassword, Join, Joining, Open, PasswordChange, Presented, Rotate, Sessions, Touch,
    Touched,
};
use countersign_auth::store::StoreError;
use rusqlite::{Connection, Result};

pub use backup::{BackupError, Contents};
pub use gate::{Freeze, Identity};
pub use open::{OpenError, SqliteOptions};
pub use watch::{Watch, Written};
pub use writer::Stats;

use crate::schema::SchemaState;

use copier::Copier;
use gate::Gate;
use readers::Readers;
use renewal::{Presentation, Use};
use watch::Log;
use writer::Writer;

/// How many threads read.
const READERS: usize = 2;

/// A database file, open. Clones are the same one; it is closed with the last of them, or by [`Sqlite::close`].
#[derive(Clone)]
pub struct Sqlite(Arc<Threads>);

struct Threads {
    // Dropped in this order: the writer copies the log back when nobody reads any more.
    readers: Readers,
    writer: Writer,
    path: PathBuf,
    gate: Arc<Gate>,
    log: Arc<Log>,
}

impl Sqlite {
    /// Opens the database at `path`, made if need be, and brings its schema up to date. Until it is closed, no other
    /// process can open it: a file `countersign.lock` beside it is locked.
    ///
    /// # Errors
    /// [`OpenError`] says why not, and what helps.
    pub fn open(path: &Path, options: &SqliteOptions) -> Result<Self, OpenError> {
        let thread = |cause: io::Error| OpenError::Io {
            path: path.to_owned(),
            cause,
        };
        let (connection, lock) = open::writer(path, options)?;
        let log = Arc::<Log>::default();
        watch::listen(&connection, Arc::clone(&log)).map_err(|cause| OpenError::Sql {
            path: path.to_owned(),
            cause,
        })?;
        let connections = (0..READERS)
            .map(|_| open::reader(path))
            .collect::<Result<_, _>>()?;
        let copier = Copier::start(open::copier(path, options)?).map_err(thread)?;
        let writer =
            Writer::start(connection, copier, lock, options.commit_delay).map_err(thread)?;
        let readers = Readers::start(connections).map_err(thread)?;
        let path = path.to_owned();
        Ok(Self(Arc::new(Threads {
            readers,
            writer,
            path,
            gate: Arc::default(),
            log,
        })))
    }

    /// Does what waits, copies the write-ahead log back, closes the file and frees its lock. Whatever is asked of it
    /// or of its clones afterwards is [`StoreError::Unavailable`]. Closing twice is no mistake.
    ///
    /// # Errors
    /// [`StoreError`] if the file could not be closed; nothing that was answered is lost by that.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.readers.close().await;
        self.0.writer.close().await
    }

    /// How the schema of the database at `path` stands to the one that this version knows. Nothing is changed, and it
    /// may be open elsewhere. `None`: there is no such file.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn schema(path: &Path) -> Result<Option<SchemaState>, OpenError> {
        if !path.exists() {
            return Ok(None);
        }
        let state = open::reader(path)?;
        let state = open::state(&state).map_err(|cause| OpenError::Sql {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Some(state))
    }

    /// Copies the whole database, as it is at one moment, into a new file, while reads and writes go on. The file is
    /// complete in itself, and on the disk when this returns.
    ///
    /// # Errors
    /// [`BackupError`]; then there is no such file.
    pub async fn back_up(&self, to: &Path) -> Result<(), BackupError> {
        let (from, to) = (self.0.path.clone(), to.to_owned());
        let copied = tokio::task::spawn_blocking(move || backup::of_open(&from, &to));
        copied.await.unwrap_or(Err(BackupError::Panicked))
    }

    /// The same of a database that nobody has open, whatever the version of its schema.
    ///
    /// # Errors
    /// [`BackupError`]; [`OpenError::InUse`] within it if somebody has.
    pub fn back_up_closed(from: &Path, to: &Path) -> Result<(), BackupError> {
        backup::of_closed(from, to)
    }

    /// What a backup holds, if it is whole, and of a schema that this version knows.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn inspect(backup: &Path) -> Result<Contents, BackupError> {
        backup::inspect(backup)
    }

    /// Makes a database of a backup, at a place where there is none, so that nothing returns which was ended since the
    /// backup was made: see [`begin_again`](countersign_auth::directory::Directory::begin_again). It is there whole, or
    /// not at all; the backup stays as it is.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn restore(backup: &Path, to: &Path, origin: &Origin) -> Result<Contents, BackupError> {
        backup::restore(backup, to, origin)
    }

    /// How much has been written, in how many commits.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.writer.stats()
    }

    async fn write<T, F>(&self, verb: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let gate = Arc::clone(&self.0.gate);
        // Looked at by the thread that writes, in its order: what came before the gate was closed is done, and what
        // came after is not.
        let guarded = move |db: &Connection| gate.pass().and_then(|()| verb(db));
        self.0.writer.run(guarded).await
    }

    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.0.readers.run(read).await
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Sessions for Sqlite {
    async fn open(
        &self,
        session: Session,
        grant: Grant,
        origin: &Origin,
    ) -> Result<Open, StoreError> {
        let origin = origin.clone();
        self.write(move |db| sessions::open(db, session, grant, &origin))
            .await
    }

    async fn rotate(
        &self,
        presented: Presented<'_>,
        origin: &Origin,
    ) -> Result<Rotate, StoreError> {
        let presented = Presentation::new(presented, origin);
        self.write(move |db| renewal::rotate(db, &presented)).await
    }

    /// A snapshot says it, where there is nothing to write. Else the writer does all of it, whatever the snapshot said.
    async fn touch(&self, touched: Touched<'_>, now: Timestamp) -> Result<Touch, StoreError> {
        let used = Use::new(touched, now);
        let looking = used.clone();
        match self.read(move |db| renewal::look(db, &looking)).await? {
            Some(touch) => Ok(touch),
            None => self.write(move |db| renewal::touch(db, &used)).await,
        }
    }

    async fn join(&self, joining: Joining, origin: &Origin) -> Result<Join, StoreError> {
        let origin = origin.clone();
        self.write(move |db| joining::join(db, joining, &origin))
            .await
    }

    async fn end(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let origin = origin.clone();
        self.write(move |db| sessions::end_one(db, session, owner, &origin))
            .await
    }

    async fn end_of_grant(
        &self,
        handle: HandleHash,
        absolute_end: Timestamp,
        origin: &Origin,
    ) -> Result<Option<SessionId>, StoreError> {
        let origin = origin.clone();
        self.write(move |db| sessions::end_of_grant(db, handle, absolute_end, &origin))
            .await
    }

    async fn end_all_of_user(
        &self,
        user: UserId,
        but: Option<SessionId>,
        origin: &Origin,
    ) -> Result<u64, StoreError> {
        let origin = origin.clone();
        self.write(move |db| sessions::end_all(db, user, but, &origin))
            .await
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionView>, StoreError> {
        self.read(move |db| sessions::of_user(db, user, now)).await
    }

    async fn change_password(
        &self,
        change: PasswordChange,
        origin: &Origin,
    ) -> Result<ChangePassword, StoreError> {
        let origin = origin.clone();
        self.write(move |db| sessions::change_password(db, change, &origin))
            .await
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.write(move |db| sessions::sweep(db, now, limit)).await
    }
}

/// A fresh schema, to be looked at.
#[cfg(test)]
pub(crate) fn in_memory() -> Connection {
    let mut db = Connection::open_in_memory().unwrap_or_else(|error| panic!("{error}"));
    open::migrate(Path::new("memory"), &mut db).unwrap_or_else(|error| panic!("{error}"));
    db
}
