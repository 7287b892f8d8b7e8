//! `GET /gateway/{id}`: the question of forward-auth, for one application of the style `gateway`.
//!
//! In this order: 1. which application, by the address that the proxy was given, so that nothing in the caller's request
//! says it; 2. its session, by its cookie alone; 3. the rule against CSRF; 4. who it is, in headers, with a token for the
//! application.
//!
//! It is not below `/v1/`: who mounts that on the application's host, for its pages to sign in, does not hand its pages the
//! tokens of what is behind.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use countersign_auth::model::client::{Client, Style};

use super::forward_auth::{admit, identity, refused};
use crate::http::{App, Code, CookieKind, Cookies, Problem, ProblemBody};

/// What its addresses begin with.
pub(crate) const PATH: &str = "/gateway/";

/// May this request pass to this application?
///
/// For the proxy in front of an application whose client has the style `gateway`. The same under /gateway/{id}/ and whatever
/// follows, with any method, for proxies that add the path and keep the method.
#[utoipa::path(
    get,
    path = "/gateway/{id}",
    tag = "service",
    security(("session_cookie" = [])),
    params(("id" = String, Path, description = "The application, by its client_id")),
    responses(
        (status = 200, description = "It may; the headers of /v1/forward-auth say who makes it, and `X-Auth-Token` is for the client's audience"),
        (status = 302, description = "A browser without a good session: where to sign in, if that is configured"),
        (status = 400, description = "`unknown_client`: there is no such client of the style `gateway`", body = ProblemBody),
        (status = 401, description = "`no_session`, `session_expired`, `session_superseded`, `session_revoked`; `X-Auth-Sign-In` says where to \
            sign in, if that is configured", body = ProblemBody),
        (status = 403, description = "`several_tokens`, `cross_site`", body = ProblemBody),
        (status = 503, description = "`cannot_protect`, with `Retry-After`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn check(
    State(app): State<App>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Response {
    match passes(&app, &uri, &method, &headers).await {
        Ok(who) => (StatusCode::OK, who).into_response(),
        Err(problem) => refused(&app, &headers, problem),
    }
}

async fn passes(
    app: &App,
    uri: &Uri,
    method: &Method,
    headers: &HeaderMap,
) -> Result<HeaderMap, Problem> {
    // 1. Which application.
    let client = application(app, uri)?;

    // 2. Its session. With two, which of them counts would be for whoever planted one to say; and of a token beside it the
    // application might believe another thing.
    let cookies = Cookies::of(headers);
    let name = cookies
        .get(app.cookies(), CookieKind::Session, &client)
        .ok()
        .filter(|name| name.is_none() || !headers.contains_key(header::AUTHORIZATION))
        .ok_or_else(|| {
            Problem::new(
                Code::SeveralTokens,
                "send the cookie of one session, once, and no Authorization header",
            )
        })?
        .ok_or_else(|| {
            Problem::new(
                Code::NoSession,
                "there is no session cookie of this application: sign in",
            )
        })?;
    let live = app.auth().use_session(&client, name).await?;

    // 3. A cookie comes along whoever made the page.
    admit(app, Some(&client), method, headers)?;

    // 4. Who it is.
    identity(app, live.claims(), client.audience.as_deref()).await
}

/// The application that the address names. (Not by an extractor: that would want the caller's path to be UTF-8, too.)
fn application(app: &App, uri: &Uri) -> Result<Arc<Client>, Problem> {
    let rest = uri.path().strip_prefix(PATH).unwrap_or_default();
    let id = rest.split('/').next();
    let client = app.client(id)?;
    if client.style == Style::Gateway {
        Ok(client)
    } else {
        Err(Problem::new(
            Code::UnknownClient,
            "this client is not of the style gateway: what it has, /v1/forward-auth checks",
        ))
    }
}
