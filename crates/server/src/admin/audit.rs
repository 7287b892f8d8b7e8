//! The trail of what happened.

use axum::Json;
use axum::extract::{Query, State};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, AuditQuery, Happening};
use countersign_auth::model::id::UserId;
use serde::Deserialize;

use super::{Desk, Problem};

/// The most entries in one answer, and how many come if nobody says.
const MOST: u32 = 10_000;
const USUAL: u32 = 100;

/// Which entries to show: all conditions hold together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Concerning this user: an id (also of one who is deleted), an address or a username.
    user: Option<String>,
    what: Option<Happening>,
    /// Milliseconds since 1970.
    since: Option<Timestamp>,
    limit: Option<u32>,
}

pub(super) async fn list(
    State(desk): State<Desk>,
    Query(filter): Query<Filter>,
) -> Result<Json<Vec<AuditEntry>>, Problem> {
    let user = match filter.user {
        None => None,
        Some(who) => Some(match who.parse::<UserId>() {
            Ok(id) => id,
            Err(_) => desk.user(&who).await?.id,
        }),
    };
    let query = AuditQuery {
        user,
        what: filter.what,
        since: filter.since,
        limit: filter.limit.unwrap_or(USUAL).min(MOST),
    };
    Ok(Json(desk.auth.audit(query).await?))
}
