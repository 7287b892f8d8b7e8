//! The server itself.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Desk;

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of what answers.
    pub version: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Its process.
    pub pid: u32,
}

pub(super) async fn show(State(desk): State<Desk>) -> Json<Status> {
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        issuer: desk.auth.settings().issuer.clone(),
        pid: std::process::id(),
    })
}
