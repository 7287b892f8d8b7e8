//! `/livez` and `/readyz`, for whatever watches over the process.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{App, Problem, ProblemBody};

/// It is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Is the process alive?
///
/// Restart it if not.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "health",
    responses((status = 200, description = "Yes", body = Health)),
)]
pub(crate) async fn livez() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Can it serve?
///
/// Send it no requests while not.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "Yes", body = Health),
        (status = 503, description = "`unavailable`: `detail` says why", body = ProblemBody),
    ),
)]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Json<Health>, Problem> {
    // What every renewal needs: the store answers, and its revocation log can be read.
    app.auth().hear_revocations().await?;
    // It tells the right time all the same. But something is wrong with this machine, or with the database's.
    app.auth().check_clock()?;
    Ok(Json(Health { status: "ok" }))
}
