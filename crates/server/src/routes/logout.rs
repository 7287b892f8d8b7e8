//! `POST /v1/logout` and `/v1/logout-all`: sign-out, here or everywhere.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use countersign_auth::model::client::Client;
use utoipa::ToSchema;

use crate::http::{
    App, Bearer, Caller, CookieKind, Fields, FromFields, OptionalBody, Problem, ProblemBody, Visit,
};

/// Which application's session. May be left out.
#[derive(ToSchema)]
#[schema(as = Logout)]
pub(crate) struct LogoutBody {
    /// The application whose cookie says which session; by default `default`.
    client_id: Option<String>,
}

impl FromFields for LogoutBody {
    fn from_fields(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            client_id: fields.optional_text("client_id")?,
        })
    }
}

/// Sign out
///
/// Ends the session of the refresh or session cookie and takes the cookie back; one that means nothing any more is taken
/// back as well. Without a cookie, ends the session of the access token. Where both are sent, the cookie decides, and the
/// access token (which may have expired by now) is not looked at.
#[utoipa::path(
    post,
    path = "/v1/logout",
    tag = "sign-in",
    request_body(content = Option<LogoutBody>),
    security(("refresh_cookie" = []), ("session_cookie" = []), ("bearer" = [])),
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, description = "There is neither: `missing_token`; or `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = 403, description = "`cross_site`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn logout(
    State(app): State<App>,
    visit: Visit,
    bearer: Bearer,
    OptionalBody(form): OptionalBody<LogoutBody>,
) -> Result<impl IntoResponse, Problem> {
    let client = app.client(form.client_id.as_deref())?;
    let visitor = visit.visitor();
    if let Some(name) = visit.session_cookie(&app, &client)? {
        visit.admit(&app, &client)?;
        app.auth().end_named_session(name, &visitor).await?;
    } else if let Some(token) = visit.refresh_cookie(&app, &client)? {
        visit.admit(&app, &client)?;
        app.auth().logout(token, &visitor).await?;
    } else {
        let caller = bearer.check(&app)?;
        app.auth().end_session_of(&caller, &visitor).await?;
    }
    let cleared = cleared(&app, &client);
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cleared)))
}

/// Sign out everywhere
///
/// Ends all sessions of the caller, this one included.
#[utoipa::path(
    post,
    path = "/v1/logout-all",
    tag = "sign-in",
    security(("bearer" = []), ("session_cookie" = [])),
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn logout_all(
    State(app): State<App>,
    Caller(caller): Caller,
    visit: Visit,
) -> Result<impl IntoResponse, Problem> {
    app.auth().logout_all(&caller, &visit.visitor()).await?;
    let client = app.auth().client(Some(&caller.client_id));
    let cleared = client.and_then(|client| cleared(&app, &client));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cleared)))
}

/// Takes back the cookie by which this client's sessions go on.
fn cleared(app: &App, client: &Client) -> Option<(HeaderName, HeaderValue)> {
    let kind = if client.style.is_opaque() {
        CookieKind::Session
    } else {
        CookieKind::Refresh
    };
    let cookie = app.cookies().clear(kind, client)?;
    Some((header::SET_COOKIE, cookie))
}
