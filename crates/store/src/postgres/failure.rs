//! What PostgreSQL can fail with, as the two kinds of failure that callers tell apart.

use std::error::Error;
use std::fmt;

use countersign_auth::store::StoreError;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

/// Why a verb has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No connection could be had: nothing was asked.
    #[error("no connection to PostgreSQL: {}", Whole(.0))]
    NoConnection(#[source] tokio_postgres::Error),
    /// It answered that it cannot, or the connection was lost.
    #[error("PostgreSQL: {}", Whole(.0))]
    Sql(#[source] tokio_postgres::Error),
    /// The time was up before the answer came.
    #[error("PostgreSQL did not answer in time; whether it did what it was asked is not known")]
    TimedOut,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// Something that is there is not what this version can have written.
    #[error("what PostgreSQL holds cannot be read: {0}")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// Something that is there is not what this version can have written.
    pub(super) fn damaged(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damaged(cause.into())
    }

    /// What the server said, if it said anything.
    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Sql(error) | Self::NoConnection(error) => error.code(),
            _ => None,
        }
    }

    /// The server took the whole verb back because others were in its way: it may be asked again, whatever it is.
    pub(super) fn was_taken_back(&self) -> bool {
        self.code().is_some_and(|code| {
            *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED
        })
    }

    /// The same call may well succeed later: the machine or the network is at fault, not what is stored.
    fn is_passing(&self) -> bool {
        match self {
            Self::NoConnection(_) | Self::TimedOut | Self::Closed => true,
            Self::Damaged(_) => false,
            Self::Sql(error) => match error.code() {
                // Said by nobody: the connection was lost, unless a value could not be read or written.
                None => error.is_closed() || is_io(error),
                Some(code) => {
                    // Connection, resources, intervention, system (PostgreSQL's Appendix A), rolled back, locked,
                    // and a standby that has not been promoted yet.
                    ["08", "53", "57", "58", "40"]
                        .iter()
                        .any(|class| code.code().starts_with(class))
                        || *code == SqlState::LOCK_NOT_AVAILABLE
                        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
                }
            },
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        if failure.is_passing() {
            Self::Unavailable(failure.into())
        } else {
            Self::Broken(failure.into())
        }
    }
}

/// The row of a statement that gives exactly one.
pub(super) fn only(rows: Vec<Row>) -> Result<Row, Failure> {
    rows.into_iter()
        .next()
        .ok_or_else(|| Failure::damaged("a row is missing"))
}

/// An error with all that led to it: the client library says by itself only where it was.
pub(super) struct Whole<'a>(pub(super) &'a tokio_postgres::Error);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(deeper) = cause {
            write!(f, ": {deeper}")?;
            cause = deeper.source();
        }
        Ok(())
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error
        .source()
        .is_some_and(<dyn Error>::is::<std::io::Error>)
}
