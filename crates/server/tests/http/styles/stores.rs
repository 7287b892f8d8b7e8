//! Where everything is kept. A new store is a new line.

use std::num::NonZeroUsize;
use std::sync::Arc;

use countersign_auth::directory::Directory;
use countersign_auth::sessions::Sessions;
use countersign_store::{Postgres, PostgresOptions, Redis, SqlAndRedis, Sqlite, SqliteOptions};

use crate::cluster::Cluster;
use crate::redis_server::RedisServer;
use crate::support::temp::TempDir;

/// What a server can work on.
#[derive(Clone, Copy, Debug)]
pub enum Store {
    Sqlite,
    Postgres,
    RedisBesideSqlite,
    RedisBesidePostgres,
}

impl Store {
    pub const ALL: [Self; 4] = [
        Self::Sqlite,
        Self::Postgres,
        Self::RedisBesideSqlite,
        Self::RedisBesidePostgres,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::RedisBesideSqlite => "Redis beside SQLite",
            Self::RedisBesidePostgres => "Redis beside PostgreSQL",
        }
    }

    /// A fresh one.
    pub async fn open(self) -> Place {
        let folder = TempDir::new();
        match self {
            Self::Sqlite => Place::of_one(sqlite(&folder), Keep::Folder(folder)),
            Self::Postgres => {
                let store = postgres().await;
                Place::of_one(store.clone(), Keep::Database(store))
            }
            Self::RedisBesideSqlite => {
                let (redis, server) = redis().await;
                let both = redis.beside_sqlite(sqlite(&folder));
                Place::of_two(both, vec![Keep::Server(server), Keep::Folder(folder)])
            }
            Self::RedisBesidePostgres => {
                let (redis, server) = redis().await;
                let store = postgres().await;
                let both = redis.beside_postgres(store.clone());
                Place::of_two(both, vec![Keep::Database(store), Keep::Server(server)])
            }
        }
    }
}

/// A store, and what has to stay for as long as it is used.
pub struct Place {
    pub directory: Arc<dyn Directory>,
    pub sessions: Arc<dyn Sessions>,
    _keep: Vec<Keep>,
}

impl Place {
    fn of_one(store: impl Directory + Sessions + Clone + 'static, keep: Keep) -> Self {
        Self {
            directory: Arc::new(store.clone()),
            sessions: Arc::new(store),
            _keep: vec![keep],
        }
    }

    fn of_two(store: SqlAndRedis, keep: Vec<Keep>) -> Self {
        Self {
            directory: Arc::new(store.clone()),
            sessions: Arc::new(store),
            _keep: keep,
        }
    }
}

#[expect(dead_code, reason = "what is kept is there to be dropped")]
enum Keep {
    Folder(TempDir),
    Database(Postgres),
    Server(RedisServer),
}

impl Drop for Keep {
    fn drop(&mut self) {
        if let Self::Database(store) = self {
            store.close();
        }
    }
}

fn sqlite(folder: &TempDir) -> Sqlite {
    let options = SqliteOptions {
        durable: false,
        ..SqliteOptions::default()
    };
    Sqlite::open(&folder.path().join("store.db"), &options).unwrap()
}

async fn postgres() -> Postgres {
    let database = tokio::task::spawn_blocking(|| Cluster::shared().database());
    let options = PostgresOptions {
        connections: NonZeroUsize::new(4).unwrap(),
        ..PostgresOptions::default()
    };
    Postgres::connect(&database.await.unwrap(), &options)
        .await
        .unwrap()
}

async fn redis() -> (Redis, RedisServer) {
    let server = tokio::task::spawn_blocking(|| RedisServer::with(&[]));
    let server = server.await.unwrap();
    let redis = Redis::connect(&server.url()).await.unwrap();
    (redis, server)
}
