//! `/v1/me/sessions`: where the caller is signed in, and ending it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_auth::model::id::SessionId;
use countersign_auth::model::session::SessionView;
use countersign_guard::Claims;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{App, Caller, Code, Problem, ProblemBody, Visit};

/// The caller's live sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// Latest use first.
    sessions: Vec<SessionBody>,
}

/// A session, as its owner sees it. Times are seconds since 1970.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Its name, and the `sid` of its access tokens.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// The applications that it is signed in to.
    clients: Vec<String>,
    /// When it began.
    auth_time: u64,
    /// How its owner proved who they are (RFC 8176 §2).
    amr: Vec<String>,
    /// When it was last renewed.
    last_used_at: u64,
    /// When it ends unless it is used before.
    idle_end: u64,
    /// When it ends whatever happens.
    absolute_end: u64,
    /// The device, as it named itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// The network address that it began from.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl SessionBody {
    fn new(session: SessionView, asking: &Claims) -> Self {
        let id = session.id.to_string();
        Self {
            current: asking.sid.as_deref() == Some(id.as_str()),
            id,
            clients: session.clients.iter().map(ToString::to_string).collect(),
            auth_time: session.auth_time.unix().as_secs(),
            amr: session.amr,
            last_used_at: session.last_used_at.unix().as_secs(),
            idle_end: session.idle_end.unix().as_secs(),
            absolute_end: session.absolute_end.unix().as_secs(),
            device: session.device,
            address: session.address,
        }
    }
}

/// List my sessions
#[utoipa::path(
    get,
    path = "/v1/me/sessions",
    tag = "account",
    security(("bearer" = []), ("session_cookie" = [])),
    responses(
        (status = 200, description = "The live sessions", body = Sessions),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(caller): Caller,
) -> Result<Json<Sessions>, Problem> {
    let sessions = app.auth().my_sessions(&caller).await?;
    let sessions = sessions
        .into_iter()
        .map(|session| SessionBody::new(session, &caller))
        .collect();
    Ok(Json(Sessions { sessions }))
}

/// End my other sessions
///
/// Where an application of this server keeps no sessions (the style `stateless`), it cannot end all but one: then it is
/// `sessions_not_kept`, and `/v1/logout-all` or a change of password does it.
#[utoipa::path(
    delete,
    path = "/v1/me/sessions",
    tag = "account",
    security(("bearer" = []), ("session_cookie" = [])),
    responses(
        (status = 204, description = "Only the session that asked is left"),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = 409, description = "`sessions_not_kept`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn end_others(
    State(app): State<App>,
    Caller(caller): Caller,
    visit: Visit,
) -> Result<StatusCode, Problem> {
    app.auth()
        .end_my_other_sessions(&caller, &visit.visitor())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one of my sessions
#[utoipa::path(
    delete,
    path = "/v1/me/sessions/{id}",
    tag = "account",
    security(("bearer" = []), ("session_cookie" = [])),
    params(("id" = String, Path, description = "The session's `id`")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 400, description = "`invalid_id`", body = ProblemBody),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = 404, description = "`no_such_session`; also for somebody else's", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn end_one(
    State(app): State<App>,
    Caller(caller): Caller,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id: SessionId = id.parse().map_err(|_| {
        Problem::new(
            Code::InvalidId,
            "a session's id is needed, as /v1/me/sessions lists it",
        )
    })?;
    app.auth()
        .end_my_session(&caller, id, &visit.visitor())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
