//! `POST /v1/logout` and `/v1/logout-all`: sign-out, here or everywhere.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
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
/// Ends the session of the refresh cookie and takes the cookie back; a cookie that means nothing any more is taken back
/// as well. Without a cookie, ends the session of the access token. Where both are sent, the cookie decides, and the
/// access token (which may have expired by now) is not looked at.
#[utoipa::path(
    post,
    path = "/v1/logout",
    tag = "sign-in",
    request_body(content = Option<LogoutBody>),
    security(("refresh_cookie" = []), ("bearer" = [])),
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
    if let Some(token) = visit.refresh_cookie(&app, &client)? {
        visit.admit(&app, &client)?;
        app.auth().logout(token, &visit.visitor()).await?;
    } else {
        let caller = bearer.check(&app)?;
        app.auth().end_session_of(&caller, &visit.visitor()).await?;
    }
    let cleared = app.cookies().clear(CookieKind::Refresh, &client.id);
    let cookie = cleared.map(|cookie| (header::SET_COOKIE, cookie));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie)))
}

/// Sign out everywhere
///
/// Ends all sessions of the caller, this one included.
#[utoipa::path(
    post,
    path = "/v1/logout-all",
    tag = "sign-in",
    security(("bearer" = [])),
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
    let cleared = client.and_then(|client| app.cookies().clear(CookieKind::Refresh, &client.id));
    let cookie = cleared.map(|cookie| (header::SET_COOKIE, cookie));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie)))
}
