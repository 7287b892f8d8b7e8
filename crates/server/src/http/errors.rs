//! Where closed errors meet the wire: one exhaustive match for each. What a caller cannot cure is logged here, once,
//! and its text never leaves.

use std::fmt::Display;
use std::time::Duration;

use countersign_auth::account::{AccountError, PasswordError};
use countersign_auth::clock::ClockApart;
use countersign_auth::feed::FeedError;
use countersign_auth::issue::IssueError;
use countersign_auth::joining::JoinError;
use countersign_auth::live::SessionError;
use countersign_auth::login::LoginError;
use countersign_auth::password::{HashError, PasswordPolicyError};
use countersign_auth::protection::Unprotected;
use countersign_auth::refresh::RefreshError;
use countersign_auth::register::RegisterError;
use countersign_auth::store::StoreError;
use countersign_guard::Refused;

use super::code::Code;
use super::problem::Problem;

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        use countersign_jose::Refused as Token;
        let code = match &refused {
            Refused::Token(Token::Expired { .. }) => Code::TokenExpired,
            Refused::Token(_) => Code::TokenInvalid,
            Refused::Revoked(_) => Code::TokenRevoked,
        };
        // These messages repeat nothing of the token.
        told(code, &refused)
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        use RegisterError as E;
        match error {
            E::Closed => told(Code::RegistrationClosed, &error),
            E::Email(invalid) => told(Code::InvalidEmail, &invalid).field("email"),
            E::Username(invalid) => told(Code::InvalidUsername, &invalid).field("username"),
            E::Name(invalid) => told(Code::InvalidName, &invalid).field("name"),
            E::Password(policy) => Self::from(policy).field("password"),
            E::EmailTaken => told(Code::EmailTaken, &error).field("email"),
            E::UsernameTaken => told(Code::UsernameTaken, &error).field("username"),
            E::Limited { retry_after } => limited(&error, retry_after),
            // Only operators give roles.
            E::Role(_) => defect(&error),
            E::Hash(error) => error.into(),
            E::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        use LoginError as E;
        match error {
            E::InvalidCredentials => told(Code::InvalidCredentials, &error),
            E::Disabled => told(Code::AccountDisabled, &error),
            E::UnknownClient => told(Code::UnknownClient, &error).field("client_id"),
            E::ClientDisabled => told(Code::ClientDisabled, &error).field("client_id"),
            E::Service => told(Code::ServiceClient, &error).field("client_id"),
            E::Stale => told(Code::TryAgain, &error),
            E::Limited { retry_after } => limited(&error, retry_after),
            E::Hash(error) => error.into(),
            E::Issue(error) => error.into(),
            E::Store(error) => error.into(),
        }
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        use JoinError as E;
        match error {
            E::UnknownClient => told(Code::UnknownClient, &error).field("client_id"),
            E::ClientDisabled => told(Code::ClientDisabled, &error).field("client_id"),
            E::NotItsToGive | E::NeverJoins(_) | E::OtherTerms | E::Full | E::Over => {
                told(Code::TryAgain, &error)
            }
            E::Limited { retry_after } => limited(&error, retry_after),
            E::Issue(error) => error.into(),
            E::Store(error) => error.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        use RefreshError as E;
        match error {
            E::Invalid => told(Code::RefreshInvalid, &error),
            E::Expired => told(Code::RefreshExpired, &error),
            E::Reused => told(Code::RefreshReused, &error),
            E::Ahead => told(Code::RefreshAhead, &error),
            E::Superseded | E::Spent => told(Code::RefreshSuperseded, &error),
            E::Stale | E::Outdated => told(Code::SessionRevoked, &error),
            E::Limited { retry_after } => {
                told(Code::TooManyRetries, &error).retry_after(retry_after)
            }
            E::UnknownClient => told(Code::UnknownClient, &error).field("client_id"),
            E::NotRenewed => told(Code::NotRenewable, &error),
            E::Issue(error) => error.into(),
            E::Store(error) => error.into(),
        }
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        use SessionError as E;
        match error {
            E::Unknown => told(Code::NoSession, &error),
            E::Expired => told(Code::SessionExpired, &error),
            E::Superseded => told(Code::SessionSuperseded, &error),
            E::Stale => told(Code::SessionRevoked, &error),
            E::Issue(error) => error.into(),
            E::Verify(_) => defect(&error),
            E::Store(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        use AccountError as E;
        match error {
            E::NoSuchUser => told(Code::TokenRevoked, &error),
            E::NoSuchSession => told(Code::NoSuchSession, &error),
            E::SessionsNotKept => told(Code::SessionsNotKept, &error),
            E::Username(invalid) => told(Code::InvalidUsername, &invalid).field("username"),
            E::Name(invalid) => told(Code::InvalidName, &invalid).field("name"),
            E::UsernameTaken => told(Code::UsernameTaken, &error).field("username"),
            E::Limited { retry_after } => limited(&error, retry_after),
            E::Store(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        use PasswordError as E;
        match error {
            E::WrongPassword => told(Code::WrongPassword, &error).field("current_password"),
            E::Policy(policy) => Self::from(policy).field("new_password"),
            E::SessionOver => told(Code::SessionRevoked, &error),
            E::Limited { retry_after } => limited(&error, retry_after),
            E::Hash(error) => error.into(),
            E::Issue(error) => error.into(),
            E::Store(error) => error.into(),
        }
    }
}

impl From<PasswordPolicyError> for Problem {
    fn from(error: PasswordPolicyError) -> Self {
        use PasswordPolicyError as E;
        let code = match error {
            E::TooShort { .. } => Code::PasswordTooShort,
            E::TooLong { .. } => Code::PasswordTooLong,
            E::Common => Code::PasswordCommon,
            E::SameAsIdentifier => Code::PasswordIsIdentifier,
        };
        told(code, &error)
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy { retry_after } => told(Code::Busy, &error).retry_after(retry_after),
            HashError::Policy(policy) => policy.into(),
            HashError::Stopped => Self::new(Code::Unavailable, "the server is stopping")
                .retry_after(Duration::from_secs(1)),
        }
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Unprotected(Unprotected::NoEncryptionKey { .. }) => {
                tracing::error!(%error, "an access token was not made");
                Self::new(
                    Code::CannotProtect,
                    "the key of the service that reads the tokens is not known yet: try again",
                )
                .retry_after(Duration::from_secs(1))
            }
            IssueError::Unprotected(_) | IssueError::TooLong { .. } => {
                tracing::error!(%error, "an access token was not made");
                Self::new(
                    Code::CannotProtect,
                    "tokens for this client cannot be made now: the server's log says why",
                )
                .retry_after(Duration::from_secs(30))
            }
            IssueError::Sign(_) | IssueError::Encrypt(_) => defect(&error),
        }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::AheadAgain { retry_after } => {
                told(Code::Unavailable, &error).retry_after(retry_after)
            }
            FeedError::Store(error) => error.into(),
        }
    }
}

impl From<ClockApart> for Problem {
    fn from(apart: ClockApart) -> Self {
        told(Code::Unavailable, &apart).retry_after(Duration::from_secs(5))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::error!(%error, "the store does not answer");
                Self::new(Code::Unavailable, "the store does not answer: try again")
                    .retry_after(Duration::from_secs(1))
            }
            StoreError::Broken(_) => defect(&error),
        }
    }
}

impl Problem {
    /// Too many of something.
    pub(super) fn limited(error: &impl Display, retry_after: Duration) -> Self {
        limited(error, retry_after)
    }
}

/// What the error says itself is meant for callers.
fn told(code: Code, error: &impl Display) -> Problem {
    Problem::new(code, error.to_string())
}

fn limited(error: &impl Display, retry_after: Duration) -> Problem {
    told(Code::TooManyRequests, error).retry_after(retry_after)
}

/// What should not happen: all of it for the log, nothing for the caller.
fn defect(error: &impl Display) -> Problem {
    tracing::error!(%error, "a request failed");
    Problem::new(
        Code::Internal,
        "the server could not do this: its log says more",
    )
}
