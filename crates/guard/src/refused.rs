//! Why a token was not accepted.

/// Why [`Guard::check`](crate::Guard::check) did not accept a token.
///
/// The message is meant for logs and for developers. What a caller may learn is the
/// [`code`](Self::code) at most.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// It is no valid token of this issuer for this audience at this time.
    #[error(transparent)]
    Token(#[from] countersign_jose::Refused),
    /// It was valid, and has been taken back.
    #[error(transparent)]
    Revoked(#[from] Cause),
}

/// Which kind of revocation took a token back; where several did, the most general of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Cause {
    /// Everybody has to sign in again: its issuer epoch is too low.
    #[error("everybody has to sign in again: the token's issuer epoch is below the current one")]
    All,
    /// The key it was signed with is not trusted any more.
    #[error("the key that signed the token has been revoked: sign in again")]
    Key,
    /// All tokens of its client up to now were taken back: its client epoch is too low.
    #[error("the client's tokens have been revoked: sign in again")]
    Client,
    /// All tokens of its user up to now were taken back: its subject epoch is too low.
    #[error("the user's tokens have been revoked: sign in again")]
    Subject,
    /// Its session has ended.
    #[error("the session has ended: sign in again")]
    Session,
    /// It has been exchanged for its successor, or taken back by itself.
    #[error("the token has been revoked: use its successor, or sign in again")]
    Token,
}

impl Refused {
    /// A stable name in `snake_case`, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(refused) => refused.code(),
            Self::Revoked(cause) => cause.code(),
        }
    }
}

impl Cause {
    /// A stable name in `snake_case`, for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::All => "all_revoked",
            Self::Key => "key_revoked",
            Self::Client => "client_revoked",
            Self::Subject => "subject_revoked",
            Self::Session => "session_revoked",
            Self::Token => "token_revoked",
        }
    }
}
