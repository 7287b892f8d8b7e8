//! `GET /v1/session`: whether a browser that holds a session is signed in, and as whom.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{App, Code, Credentials, Problem, ProblemBody, Profile};

/// The session that the cookie names. Times are seconds since 1970.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInBody {
    /// Whose it is.
    user: Profile,
    /// The session.
    session: LiveSessionBody,
}

/// How somebody is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveSession)]
struct LiveSessionBody {
    /// Its name in `/v1/me/sessions`, and the `sid` of what the services behind a proxy get.
    id: String,
    /// When it began.
    auth_time: u64,
    /// How its owner proved who they are (RFC 8176 §2).
    amr: Vec<String>,
    /// When it ends unless it is used before, or a little later: using it moves this in steps.
    idle_end: u64,
    /// When it ends whatever happens.
    absolute_end: u64,
}

/// Am I signed in?
///
/// For clients of the styles `session` and `gateway`, whose browsers hold nothing but a session's name, in a cookie. Asking
/// is a use: it keeps the session alive.
#[utoipa::path(
    get,
    path = "/v1/session",
    tag = "sign-in",
    security(("session_cookie" = [])),
    params(("client_id" = Option<String>, Query, description = "The application whose cookie counts; by default `default`")),
    responses(
        (status = 200, description = "Signed in", body = SignedInBody),
        (status = 401, description = "`no_session`, `session_expired`, `session_superseded`, `session_revoked`", body = ProblemBody),
        (status = 403, description = "`cross_site`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn show(
    State(app): State<App>,
    credentials: Credentials,
) -> Result<Json<SignedInBody>, Problem> {
    let client = credentials.client(&app)?;
    let live = credentials.session(&app, &client).await?.ok_or_else(|| {
        Problem::new(
            Code::NoSession,
            "there is no session cookie of this client: sign in",
        )
    })?;
    let session = live.session();
    Ok(Json(SignedInBody {
        user: live.user().clone().into(),
        session: LiveSessionBody {
            id: session.id.to_string(),
            auth_time: session.auth_time.unix().as_secs(),
            amr: session.amr.clone(),
            idle_end: session.idle_end.unix().as_secs(),
            absolute_end: session.absolute_end().unix().as_secs(),
        },
    }))
}
