//! Sessions.

use axum::Json;
use axum::extract::{Path, State};
use countersign_auth::model::id::SessionId;
use countersign_auth::model::session::SessionView;
use countersign_auth::visitor::Visitor;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Desk, Problem};

/// How many sessions were ended; `None` where nobody counted: everybody signs in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How many.
    pub ended: Option<u64>,
}

pub(super) async fn of_user(
    State(desk): State<Desk>,
    Path(who): Path<String>,
) -> Result<Json<Vec<SessionView>>, Problem> {
    let user = desk.user(&who).await?;
    Ok(Json(desk.auth.user_sessions(user.id).await?))
}

pub(super) async fn end(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<Ended>, Problem> {
    let session: SessionId = id
        .parse()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "invalid_id", error))?;
    if desk.auth.end_session(session, &Visitor::operator()).await? {
        Ok(Json(Ended { ended: Some(1) }))
    } else {
        let message = format_args!("there is no session {id}, or it has ended already");
        Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no_such_session",
            message,
        ))
    }
}

pub(super) async fn end_of_user(
    State(desk): State<Desk>,
    Path(who): Path<String>,
) -> Result<Json<Ended>, Problem> {
    let user = desk.user(&who).await?;
    let ended = desk
        .auth
        .end_user_sessions(user.id, &Visitor::operator())
        .await?;
    Ok(Json(Ended { ended: Some(ended) }))
}

/// One number for all of them: the issuer's epoch.
pub(super) async fn end_everybodys(State(desk): State<Desk>) -> Result<Json<Ended>, Problem> {
    desk.auth.end_everything(&Visitor::operator()).await?;
    Ok(Json(Ended { ended: None }))
}
