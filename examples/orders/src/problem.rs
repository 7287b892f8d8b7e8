//! What can go wrong, and what the wire hears of it.

use async_graphql::{ErrorExtensionValues, ServerError};

use crate::prices::NoPrice;

/// Why there is no answer. What it says is for whoever asked; the cause is for the log.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A visitor asks for what is somebody's.
    #[error("sign in first")]
    LoginRequired,
    /// There is none, or it is another's: nobody is told which.
    #[error("you have no order of this id")]
    NotFound,
    /// What was said cannot be meant.
    #[error("{field} {must}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        must: &'static str,
    },
    /// One key, two wishes.
    #[error("this key was used for another order: choose a new one for each order")]
    KeyReused,
    /// The price is not known.
    #[error(
        "the price cannot be had at this moment; nothing was ordered: try again with the same key"
    )]
    NoPrice(#[source] NoPrice),
    /// The orders cannot be read or written.
    #[error("the orders cannot be had at this moment: try again")]
    Store(#[source] rusqlite::Error),
}

impl From<NoPrice> for Problem {
    fn from(why: NoPrice) -> Self {
        match why {
            NoPrice::NotSold => Self::invalid("sku", "must be on the price list: this is not sold"),
            NoPrice::Unavailable(_) => Self::NoPrice(why),
        }
    }
}

impl Problem {
    /// This field must be something else.
    #[must_use]
    pub const fn invalid(field: &'static str, must: &'static str) -> Self {
        Self::Invalid { field, must }
    }

    /// A stable name, for programs.
    fn code(&self) -> &'static str {
        match self {
            Self::LoginRequired => "LOGIN_REQUIRED",
            Self::NotFound => "NOT_FOUND",
            Self::Invalid { .. } => "INVALID",
            Self::KeyReused => "KEY_REUSED",
            Self::NoPrice(_) => "PRICE_UNAVAILABLE",
            Self::Store(_) => "ORDERS_UNAVAILABLE",
        }
    }

    fn extensions(&self, sign_in: &str) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.code());
        match self {
            Self::LoginRequired => values.set("signIn", sign_in),
            Self::Invalid { field, .. } => values.set("field", *field),
            Self::NoPrice(_) | Self::Store(_) => values.set("retryable", true),
            Self::NotFound | Self::KeyReused => {}
        }
        values
    }

    /// A failure of ours is logged, here and once.
    fn log(&self) {
        match self {
            Self::NoPrice(cause) => tracing::warn!(?cause, "no price"),
            Self::Store(cause) => tracing::error!(%cause, "the orders cannot be had"),
            _ => {}
        }
    }
}

/// Says in each error which [`Problem`] it is. Whether a visitor has to sign in.
pub fn tell(errors: &mut [ServerError], sign_in: &str) -> bool {
    let mut must_sign_in = false;
    for error in errors {
        let Some(problem) = error.source::<Problem>() else {
            continue; // GraphQL's own: the question is at fault
        };
        problem.log();
        must_sign_in |= matches!(problem, Problem::LoginRequired);
        error.extensions = Some(problem.extensions(sign_in));
    }
    must_sign_in
}
