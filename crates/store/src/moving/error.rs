//! Why a move does not go on, in words for whoever runs it.

use crate::postgres::{ConnectError, Whole};

/// Why a move does not go on.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The target.
    #[error("the target: {0}")]
    Connect(#[from] ConnectError),
    /// The target refused, or broke off.
    #[error("the target: {}", Whole(.0))]
    Target(#[from] tokio_postgres::Error),
    /// A copy of the source.
    #[error("the source: {0}")]
    Source(#[from] rusqlite::Error),
    /// Somebody works there already.
    #[error(
        "the target is in use: it holds {users} users, {keys} keys and {lines} lines of the audit trail. A store is moved \
         into an empty database only"
    )]
    NotEmpty {
        /// How many users.
        users: i64,
        /// How many keys.
        keys: i64,
        /// How long its trail is.
        lines: i64,
    },
    /// Another store was on its way there.
    #[error(
        "another store was being moved into the target, and that is not finished: go on with that one, or drop the schema \
         `countersign` there"
    )]
    Another,
    /// The source was marked as moved into it, and it is empty.
    #[error(
        "the store was moved into the target, which holds nothing of it any more: restore that database from its backup"
    )]
    Lost,
    /// What arrived is not what was sent.
    #[error(
        "{table}: what arrived is not what was sent ({sent} rows, {there} there); run it again"
    )]
    Differs {
        /// Which table.
        table: &'static str,
        /// How many rows.
        sent: i64,
        /// How many there are.
        there: i64,
    },
}
