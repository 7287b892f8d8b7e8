//! Why a connected guard did not accept a token.

use std::time::Duration;

use crate::Refused;

/// Why a token was not accepted: because of what it is, or because the guard cannot know.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Denied {
    /// It is not good, or it was taken back.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It is bound to a key (`cnf`; RFC 7800 §3.1), and a bearer proves nothing of that key.
    #[error("the token is bound to a key, whose proof cannot be checked here yet")]
    Bound,
    /// The issuer was asked, and it is not active (RFC 7662 §2.2).
    #[error("the issuer says that the token is not active: sign in again")]
    Inactive,
    /// The guard has not heard for too long what was revoked.
    #[error("{}; its owner chose to refuse then", how_stale(*.age))]
    Stale {
        /// How old its knowledge is; `None` if it never had any.
        age: Option<Duration>,
    },
    /// The issuer has to be asked, about the token or for its key, and does not answer.
    #[error("the issuer had to be asked about the token, or for its key, and does not answer")]
    Unanswered,
    /// This machine's clock and the issuer's differ too much to be corrected.
    #[error(
        "this machine's clock and the issuer's differ by {} s, and up to 300 are corrected: set the \
         clock that is wrong",
        .millis.unsigned_abs() / 1000
    )]
    ClockOff {
        /// What this machine's clock lacks, in milliseconds.
        millis: i64,
    },
}

fn how_stale(age: Option<Duration>) -> String {
    match age {
        None => "the guard has not heard yet what was revoked".to_owned(),
        Some(age) => format!(
            "the guard has not heard for {} s what was revoked",
            age.as_secs()
        ),
    }
}

impl Denied {
    /// A stable name in `snake_case`, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::Bound => "bound_to_a_key",
            Self::Inactive => "inactive",
            Self::Stale { .. } => "knowledge_too_old",
            Self::Unanswered => "issuer_unanswered",
            Self::ClockOff { .. } => "clock_off",
        }
    }

    /// Whether it is the guard that cannot know, rather than the token that is not good.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Bound | Self::Inactive => false,
            Self::Stale { .. } | Self::Unanswered | Self::ClockOff { .. } => true,
        }
    }
}
