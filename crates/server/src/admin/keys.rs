//! Keys: what signs tokens, and what makes refresh tokens. Never the keys themselves.

use axum::Json;
use axum::extract::{Path, State};
use countersign_auth::keys::KeyInfo;
use countersign_auth::visitor::Visitor;

use super::{Desk, Problem};

pub(super) async fn list(State(desk): State<Desk>) -> Json<Vec<KeyInfo>> {
    Json(desk.auth.keys())
}

pub(super) async fn rotate(State(desk): State<Desk>) -> Result<Json<Vec<KeyInfo>>, Problem> {
    Ok(Json(
        desk.auth.rotate_keys(None, &Visitor::operator()).await?,
    ))
}

pub(super) async fn remove(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<KeyInfo>, Problem> {
    let removed = desk.auth.remove_key(&id, &Visitor::operator()).await?;
    Ok(Json(removed))
}
