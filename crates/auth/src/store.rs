//! What storage can fail with, whatever it is made of.

/// Storage failed; nothing of the verb that answers this has happened, as far as the store can tell.
/// The cause is for the log, never for a caller over the network.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or is too busy to answer in time. Try again.
    #[error("the store does not answer: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered with something that this version does not understand, or refused what was asked of it.
    #[error("the store is damaged or of another version: {0}")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}
