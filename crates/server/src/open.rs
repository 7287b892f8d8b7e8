//! From a configuration to a working [`Auth`] on its store: what the server and the command line have in common.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use countersign_auth::Auth;
use countersign_auth::directory::Directory;
use countersign_auth::env::Env;
use countersign_auth::keys::KeysError;
use countersign_auth::model::audit::{Actor, Origin};
use countersign_auth::model::key::{KeyState, StoredKey};
use countersign_auth::sessions::Sessions;
use countersign_auth::start::StartError;
use countersign_auth::store::StoreError;
use countersign_store::{Bells, ConnectError, Postgres, Redis, RedisError, Sqlite, SqliteOptions};

use crate::admin::{self, Embedded};
use crate::config::{Config, ConfigError, Secret};
use crate::master_key::{self, MasterKeyError, Source};

/// The database in the data folder.
pub const DATABASE: &str = "countersign.db";

/// Why the store could not be opened, or not be worked with.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made.
    #[error("the data folder {}: {cause}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Another process holds it.
    #[error(
        "{} is in use by another process: a server (stop it, or name another folder with --data), or something that \
         is about to end (try again)", data.display()
    )]
    Locked {
        /// The folder.
        data: PathBuf,
    },
    /// The database.
    #[error(transparent)]
    Database(countersign_store::OpenError),
    /// An embedded store is there, and a database is to be used.
    #[error(
        "store.postgres: names a database, and {} holds accounts of the embedded store, which would all be missed: take \
         them along with `countersign move`, or the file out of the data folder", file.display()
    )]
    TwoStores {
        /// The embedded one.
        file: PathBuf,
    },
    /// The shared database.
    #[error("store.postgres: {0}")]
    Postgres(#[from] ConnectError),
    /// The store of sessions beside it.
    #[error("store.redis: {0}")]
    Redis(#[from] RedisError),
    /// Nodes are connected that know what was before.
    #[error("nodes are connected to the database: stop all of them first")]
    Nodes,
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A secret of the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Keys, or the first reads.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenError {
    /// Whether it is the keys that cannot be opened with this master key.
    #[must_use]
    pub fn is_about_sealed_keys(&self) -> bool {
        matches!(
            self,
            Self::MasterKey(MasterKeyError::Lost(_))
                | Self::Start(StartError::Keys(KeysError::Ring(_)))
        )
    }
}

/// A store, open, and what works on it.
pub struct Opened {
    /// What the server does.
    pub auth: Arc<Auth>,
    /// The store itself.
    pub store: Store,
    /// Where its master key came from.
    pub master_key: Source,
}

impl Opened {
    /// Opens the data folder, made if need be, under its lock.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: &Config, issuer: &str) -> Result<Self, OpenError> {
        let data = config.data.as_path();
        let store = Store::open(config).await?;
        let redis = open_redis(config).await?;
        let (directory, sessions) = store.traits(redis.as_ref());
        let env = Env::system();
        let (master, source) = if let Some(secret) = &config.master_key {
            (master_key::given(secret)?, Source::Given)
        } else {
            let keys = directory.keys().await?;
            let nothing_is_sealed = keys.iter().all(|key| key.state == KeyState::Removed);
            let key = master_key::beside(data, nothing_is_sealed, &env)?;
            (key, Source::BesideTheData)
        };
        let auth = Auth::start(
            config.settings(issuer),
            config.secrets(master)?,
            directory,
            sessions,
            env,
        )
        .await?;
        Ok(Self {
            auth: Arc::new(auth),
            store,
            master_key: source,
        })
    }

    /// What operators may ask of it.
    pub fn desk(&self, data: &Path) -> Router {
        let embedded = self.store.file().map(|store| Embedded {
            store: store.clone(),
            data: data.to_owned(),
        });
        admin::router(self.auth.clone(), embedded)
    }

    /// Lets what waits be written, and gives the folder free.
    ///
    /// # Errors
    /// If the file cannot be closed; what was answered is safe all the same.
    pub async fn close(self) -> Result<(), OpenError> {
        let auth = self.auth;
        // A hash may still be running, for a caller who has gone.
        drop(tokio::task::spawn_blocking(move || auth.stop()).await);
        Ok(self.store.close().await?)
    }
}

/// Takes a key out of a store whose keys cannot be opened, because the master key is another one: the way on for whoever
/// lost it. `None`: no such key.
///
/// # Errors
/// [`OpenError`].
pub async fn remove_unopened_key(
    config: &Config,
    which: &str,
) -> Result<Option<StoredKey>, OpenError> {
    let store = Store::open(config).await?;
    let (directory, _) = store.traits(None);
    let keys = directory.keys().await?;
    let key = keys.into_iter().find(|key| {
        key.state != KeyState::Removed && (key.kid == which || key.id.to_string() == which)
    });
    if let Some(key) = &key {
        let origin = Origin {
            at: Env::system().now(),
            actor: Actor::Operator,
            address: None,
            agent: None,
        };
        directory.remove_key(key.id, &origin).await?;
    }
    store.close().await?;
    Ok(key)
}

/// Does what is owed to a store that was put back to an earlier state by other means than ours.
///
/// # Errors
/// [`OpenError`].
pub async fn begin_again(config: &Config, origin: &Origin) -> Result<(), OpenError> {
    let store = Store::open(config).await?;
    if let Store::Postgres(shared, _) = &store
        && shared.is_in_use().await?
    {
        return Err(OpenError::Nodes);
    }
    let (directory, _) = store.traits(None);
    directory.begin_again(origin).await?;
    Ok(store.close().await?)
}

/// Brings the store's schema up to date.
///
/// # Errors
/// [`OpenError`].
pub async fn bring_up_to_date(config: &Config) -> Result<(), OpenError> {
    Ok(Store::open(config).await?.close().await?)
}

/// Where everything is kept.
pub enum Store {
    /// In a file in the data folder, under its lock.
    Sqlite(Sqlite),
    /// In a database that others share. The folder, which holds this node's socket, is locked all the same.
    Postgres(Postgres, File),
}

impl Store {
    async fn open(config: &Config) -> Result<Self, OpenError> {
        make_folder(&config.data)?;
        match &config.store.postgres {
            None => open_file(config).map(Self::Sqlite),
            Some(address) => open_shared(config, address).await,
        }
    }

    /// The file, if that is where things are kept.
    #[must_use]
    pub fn file(&self) -> Option<&Sqlite> {
        match self {
            Self::Sqlite(store) => Some(store),
            Self::Postgres(..) => None,
        }
    }

    /// The database, if others share it.
    #[must_use]
    pub fn shared(&self) -> Option<&Postgres> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(store, _) => Some(store),
        }
    }

    /// What rings when another node does something, if there is such a thing.
    #[must_use]
    pub fn listen(&self) -> Option<Bells> {
        self.shared().and_then(Postgres::listen)
    }

    /// With sessions in Redis, if they are to be there.
    fn traits(&self, redis: Option<&Redis>) -> (Arc<dyn Directory>, Arc<dyn Sessions>) {
        let both = match (self, redis) {
            (Self::Sqlite(store), Some(redis)) => redis.beside_sqlite(store.clone()),
            (Self::Postgres(store, _), Some(redis)) => redis.beside_postgres(store.clone()),
            (Self::Sqlite(store), None) => {
                return (Arc::new(store.clone()), Arc::new(store.clone()));
            }
            (Self::Postgres(store, _), None) => {
                return (Arc::new(store.clone()), Arc::new(store.clone()));
            }
        };
        (Arc::new(both.clone()), Arc::new(both))
    }

    async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store, _lock) => {
                store.close();
                Ok(())
            }
        }
    }
}

fn open_file(config: &Config) -> Result<Sqlite, OpenError> {
    let options = SqliteOptions {
        commit_delay: config.store.commit_delay,
        ..SqliteOptions::default()
    };
    Sqlite::open(&config.data.join(DATABASE), &options).map_err(|error| match error {
        countersign_store::OpenError::InUse { .. } => OpenError::Locked {
            data: config.data.clone(),
        },
        error => OpenError::Database(error),
    })
}

async fn open_shared(config: &Config, address: &Secret) -> Result<Store, OpenError> {
    let lock = lock_folder(&config.data)?;
    let file = config.data.join(DATABASE);
    if file.exists() {
        let embedded = Sqlite::identify(&file).map_err(OpenError::Database)?;
        if embedded.has_users && embedded.moved_to.is_none() {
            return Err(OpenError::TwoStores { file });
        }
    }
    let store = Postgres::connect(address.expose(), &config.store.postgres_options()).await?;
    Ok(Store::Postgres(store, lock))
}

async fn open_redis(config: &Config) -> Result<Option<Redis>, OpenError> {
    let Some(address) = &config.store.redis else {
        return Ok(None);
    };
    let redis = Redis::connect(address.expose()).await?;
    for concern in redis.concerns() {
        tracing::warn!("{concern}");
    }
    Ok(Some(redis))
}

/// By the same file as the embedded store does.
fn lock_folder(data: &Path) -> Result<File, OpenError> {
    let failed = |cause| OpenError::Folder {
        path: data.to_owned(),
        cause,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(data.join("countersign.lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
            data: data.to_owned(),
        }),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// Makes the folder for nobody but its owner. One that is there keeps its mode; if others may look in, that is said.
///
/// # Errors
/// [`OpenError::Folder`].
pub fn make_folder(path: &Path) -> Result<(), OpenError> {
    let failed = |cause| OpenError::Folder {
        path: path.to_owned(),
        cause,
    };
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let mode = std::fs::metadata(path)
        .map_err(failed)?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        tracing::warn!(
            folder = %path.display(),
            mode = format_args!("{:o}", mode & 0o777),
            "others may look into the data folder: chmod 700 keeps them out"
        );
    }
    Ok(())
}
