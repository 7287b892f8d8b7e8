//! What SQLite can fail with, as the two kinds of failure that callers tell apart.

use std::error::Error;
use std::sync::Arc;

use countersign_auth::store::StoreError;
use rusqlite::{Error as SqlError, ErrorCode};

/// The kind of one job's failure.
pub(super) fn store_error(error: SqlError) -> StoreError {
    let passing = passing(&error);
    kind(passing, Box::new(error))
}

/// The kind of a failure that a whole batch shares.
pub(super) fn shared_store_error(error: &Arc<SqlError>) -> StoreError {
    kind(passing(error), Box::new(Arc::clone(error)))
}

/// The store has been closed, or stopped.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

/// More waits than can be done in good time.
pub(super) fn overloaded() -> StoreError {
    StoreError::Unavailable("too many reads or writes are waiting".into())
}

/// A fault of this crate, confined to the job that met it.
pub(super) fn panicked() -> StoreError {
    StoreError::Broken("a job panicked; it was taken back".into())
}

fn kind(passing: bool, cause: Box<dyn Error + Send + Sync>) -> StoreError {
    if passing {
        StoreError::Unavailable(cause)
    } else {
        StoreError::Broken(cause)
    }
}

/// Whether the same call may well succeed later: the machine is at fault, not the file.
fn passing(error: &SqlError) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OperationInterrupted
                | ErrorCode::OperationAborted
        )
    )
}
