//! What the administration interface answers when it does not do what it was asked.

use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// A refusal. Operators see the cause, since they are the ones who can do something about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &str, message: impl fmt::Display) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            message: message.to_string(),
        }
    }

    pub(super) fn no_such_user(who: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no_such_user",
            format_args!("no user has the id, email address or username {who:?}"),
        )
    }

    pub(super) fn no_such_client(id: &str) -> Self {
        let message = format_args!("there is no client {id:?}");
        Self::new(StatusCode::NOT_FOUND, "no_such_client", message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}

pub(super) async fn no_such_route() -> Problem {
    let message = "there is no such route: are the command and the server of one version?";
    Problem::new(StatusCode::NOT_FOUND, "not_found", message)
}

pub(super) async fn no_such_method() -> Problem {
    let message = "this route does not do that: are the command and the server of one version?";
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}
