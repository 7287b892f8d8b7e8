//! Where Countersign keeps things: SQLite or PostgreSQL, behind the two traits of `countersign-auth`.
//!
//! [`Sqlite`] and [`Postgres`] are each a [`Directory`](countersign_auth::directory::Directory) and a
//! [`Sessions`](countersign_auth::sessions::Sessions). What they promise is written on the traits and proved, for
//! every store of this crate, by one suite in `tests/conformance`.

mod ledger;
mod moving;
mod postgres;
mod profile;
mod redis;
mod registration;
mod schema;
mod sqlite;

pub use self::redis::{Concern, Redis, RedisError, SqlAndRedis};
pub use moving::{Caught, Move, MoveError, Progress, Since};
pub use postgres::{Bell, Bells, ConnectError, Postgres, PostgresOptions, PostgresStats};
pub use schema::{SchemaState, Verdict};
pub use sqlite::{
    BackupError, Contents, Freeze, Identity, OpenError, Sqlite, SqliteOptions, Stats, Watch,
    Written,
};
