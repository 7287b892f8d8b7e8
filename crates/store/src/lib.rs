//! Where Countersign keeps things: SQLite, behind the two traits of `countersign-auth`.
//!
//! [`Sqlite`] is a [`Directory`](countersign_auth::directory::Directory) and a
//! [`Sessions`](countersign_auth::sessions::Sessions). What they promise is written on the traits and proved, for
//! every store of this crate, by one suite in `tests/conformance`.

mod sqlite;

pub use sqlite::{OpenError, Sqlite, SqliteOptions, Stats};
