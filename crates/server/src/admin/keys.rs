//! Keys: what signs tokens, and what makes refresh tokens. Never the keys themselves.

use axum::Json;
use axum::extract::{Path, Query, State};
use countersign_auth::keys::KeyInfo;
use countersign_auth::model::named;
use countersign_auth::visitor::Visitor;
use countersign_jose::Algorithm;
use serde::Deserialize;

use super::{Desk, Problem};

pub(super) async fn list(State(desk): State<Desk>) -> Json<Vec<KeyInfo>> {
    Json(desk.auth.keys())
}

/// Which keys to change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Those that sign with it; by default all.
    #[serde(default, with = "named::optional")]
    algorithm: Option<Algorithm>,
}

pub(super) async fn rotate(
    State(desk): State<Desk>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<KeyInfo>>, Problem> {
    let operator = Visitor::operator();
    let keys = desk.auth.rotate_keys(which.algorithm, &operator).await?;
    Ok(Json(keys))
}

pub(super) async fn remove(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<KeyInfo>, Problem> {
    let removed = desk.auth.remove_key(&id, &Visitor::operator()).await?;
    Ok(Json(removed))
}
