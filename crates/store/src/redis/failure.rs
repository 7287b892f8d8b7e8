//! What Redis can fail with, as the two kinds of failure that callers tell apart.

use std::error::Error;

use countersign_auth::store::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a verb has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It cannot be reached, did not answer in time, or answered that it cannot.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// The directory in SQL failed.
    #[error(transparent)]
    Sql(#[from] StoreError),
    /// A change of password is between its two stores.
    #[error("the session's password is being changed: try again in a moment")]
    Changing,
    /// Something that is there is not what this version can have written.
    #[error("what Redis holds cannot be read: {0}")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// Something that is there is not what this version can have written.
    pub(super) fn damaged(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damaged(cause.into())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) => error,
            Failure::Redis(error) if !is_passing(&error) => Self::Broken(error.into()),
            Failure::Damaged(_) => Self::Broken(failure.into()),
            Failure::Redis(_) | Failure::Changing => Self::Unavailable(failure.into()),
        }
    }
}

/// The same call may well succeed later: the machine or the network is at fault, not what is stored or asked.
fn is_passing(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io | ErrorKind::AuthenticationFailed | ErrorKind::ClusterConnectionNotFound => {
            true
        }
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
        ),
        // Its memory or its disk is full, a script of somebody else's keeps it busy, its replicas are away.
        ErrorKind::Extension => {
            matches!(
                error.code(),
                Some("OOM" | "MISCONF" | "BUSY" | "NOREPLICAS")
            )
        }
        _ => false,
    }
}
