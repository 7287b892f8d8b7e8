//! `GET` and `PATCH /v1/me`: the caller's account.

use axum::Json;
use axum::extract::State;
use countersign_auth::account::ProfileChange;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    App, Body, Caller, Credentials, Fields, FromFields, Problem, ProblemBody, Profile, Visit,
};

/// The caller's account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    user: Profile,
}

/// What to change: a field that is left out stays, `null` empties it (RFC 7396).
#[derive(ToSchema)]
#[schema(as = ProfileChange)]
#[expect(
    dead_code,
    reason = "for the OpenAPI document; read through FromFields"
)]
pub(crate) struct ProfileChangeBody {
    /// What to call them.
    name: Option<String>,
    /// A name to sign in with; unique.
    username: Option<String>,
}

impl FromFields for ProfileChange {
    fn from_fields(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            name: fields.change_of_text("name")?,
            username: fields.change_of_text("username")?,
        })
    }
}

/// Who am I?
#[utoipa::path(
    get,
    path = "/v1/me",
    tag = "account",
    security(("bearer" = []), ("session_cookie" = [])),
    responses(
        (status = 200, description = "The caller's account", body = Me),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Caller(caller): Caller,
) -> Result<Json<Me>, Problem> {
    let user = app.auth().me(&caller).await?.into();
    Ok(Json(Me { user }))
}

/// Change the profile
#[utoipa::path(
    patch,
    path = "/v1/me",
    tag = "account",
    security(("bearer" = []), ("session_cookie" = [])),
    request_body = ProfileChangeBody,
    responses(
        (status = 200, description = "The account as it is now", body = Me),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = 409, description = "`username_taken`", body = ProblemBody),
        (status = 422, description = "`invalid_name`, `invalid_username`", body = ProblemBody),
        (status = 429, description = "`too_many_requests`, with `Retry-After`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn change(
    State(app): State<App>,
    credentials: Credentials,
    // Before the body is read…
    Caller(_): Caller,
    visit: Visit,
    Body(change): Body<ProfileChange>,
) -> Result<Json<Me>, Problem> {
    // …and after it: it may have come slowly, and whoever was signed out meanwhile changes nothing.
    let caller = credentials.check(&app).await?;
    let changed = app
        .auth()
        .change_me(&caller, change, &visit.visitor())
        .await;
    let user = changed?.into();
    Ok(Json(Me { user }))
}
