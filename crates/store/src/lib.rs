//! Where Countersign keeps things: SQLite or PostgreSQL, behind the two traits of `countersign-auth`.
//!
//! [`Sqlite`] and [`Postgres`] are each a [`Directory`](countersign_auth::directory::Directory) and a
//! [`Sessions`](countersign_auth::sessions::Sessions). What they promise is written on the traits and proved, for
//! every store of this crate, by one suite in `tests/conformance`.

mod postgres;
mod profile;
mod sqlite;

pub use postgres::{Bell, ConnectError, Postgres, PostgresOptions, PostgresStats};
pub use sqlite::{OpenError, Sqlite, SqliteOptions, Stats};
