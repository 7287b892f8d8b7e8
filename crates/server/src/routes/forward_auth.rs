//! `GET /v1/forward-auth`: a proxy asks whether a request may pass, and who makes it.
//!
//! For nginx `auth_request`, Traefik `ForwardAuth` and Envoy `ext_authz`. 1. One token, from the header or the cookie;
//! 2. checked by this node's memory; 3. for a cookie, the rule against CSRF; 4. who it is, in headers. Nothing is renewed
//! and nothing changes: an answer to a proxy cannot reach a browser's cookie jar.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_guard::{Claims, Verified};

use crate::http::{App, Code, Problem, ProblemBody, RefusePages, Site, listed_for};

/// Where it is.
pub(crate) const PATH: &str = "/v1/forward-auth";

/// Whom the request is from. Every answer that lets pass has all of these, empty where there is nothing to say: so a
/// proxy that sets them takes away what the caller sent under the same names.
const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
const SESSION: HeaderName = HeaderName::from_static("x-auth-session");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// Where to sign in, on a refusal that is no redirect.
const SIGN_IN: HeaderName = HeaderName::from_static("x-auth-sign-in");
/// The method that the proxy asks about; it must set this itself.
const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");

/// May this request pass?
///
/// Asked by a proxy, with the headers of the request that it is about. The same under /v1/forward-auth/ and whatever
/// follows, with any method, for proxies that add the path and keep the method.
#[utoipa::path(
    get,
    path = "/v1/forward-auth",
    tag = "service",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It may; `X-Auth-Subject`, `X-Auth-Client`, `X-Auth-Session`, `X-Auth-Scope`, `X-Auth-Roles` and \
            `X-Auth-Token` say who makes it, each empty where there is nothing to say"),
        (status = 302, description = "A browser without a good token: where to sign in, if that is configured"),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`; `X-Auth-Sign-In` says where to sign in, if that is configured", body = ProblemBody),
        (status = 403, description = "`several_tokens`, `cross_site`", body = ProblemBody),
        (status = 503, description = "`cannot_protect`, with `Retry-After`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn check(State(app): State<App>, method: Method, headers: HeaderMap) -> Response {
    match passes(&app, &method, &headers) {
        Ok(who) => (StatusCode::OK, who).into_response(),
        Err(problem) => refused(&app, &headers, problem),
    }
}

fn passes(app: &App, method: &Method, headers: &HeaderMap) -> Result<HeaderMap, Problem> {
    let settings = &app.settings().forward_auth;
    let issuer = app.auth().settings().issuer.as_str();

    // 1. One token.
    let (token, by) = token_of(headers, settings.cookie.as_deref())?;

    // 2. A good one.
    let caller = app.auth().check_for(settings.audience(issuer), token)?;

    // 3. A cookie comes along whoever made the page, so an unsafe request must come from a page that may.
    if by == By::Cookie && !is_safe(method, headers) {
        let client = app.auth().client(Some(&caller.client_id));
        Site::of(headers).admit(true, |origin| {
            client.is_some_and(|client| listed_for(&client, app.own_name(), origin))
        })?;
    }

    // 4. Who it is.
    let internal = settings.internal_audience.as_deref();
    let internal = internal.map(|audience| app.auth().behind(&caller, audience));
    Ok(identity(&caller, internal.transpose()?.as_deref()))
}

/// How a token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Header,
    Cookie,
}

/// The one token of a request: with two, which of them counts would be for whoever planted one to say.
fn token_of<'a>(headers: &'a HeaderMap, cookie: Option<&str>) -> Result<(&'a str, By), Problem> {
    let lines = headers.get_all(header::AUTHORIZATION).iter();
    let from_header = lines.map(|line| (bearer(line), By::Header));
    let cookies = headers.get_all(header::COOKIE).iter();
    let from_cookie = cookies
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
        .filter(|(name, value)| Some(*name) == cookie && !value.is_empty())
        .map(|(_, value)| (Some(value), By::Cookie));
    let mut found = from_header.chain(from_cookie);
    let first = found.next();
    if found.next().is_some() {
        return Err(Problem::new(
            Code::SeveralTokens,
            "send one access token: in one Authorization header or in one cookie",
        ));
    }
    match first {
        Some((Some(token), by)) => Ok((token, by)),
        Some((None, _)) => Err(Problem::new(
            Code::TokenInvalid,
            "the Authorization header must read \"Bearer\" and a token",
        )),
        None => Err(Problem::new(
            Code::MissingToken,
            "send the access token as \"Authorization: Bearer …\"",
        )),
    }
}

fn bearer(line: &HeaderValue) -> Option<&str> {
    let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whether the request that it is about changes nothing. A proxy that keeps the method has said it; one that asks by GET
/// must say it in a header, and where none does, nothing is taken for safe.
fn is_safe(method: &Method, headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(METHOD).iter();
    let named = match (said.next(), said.next()) {
        (Some(named), None) => Method::from_bytes(named.as_bytes()).ok(),
        _ => None,
    };
    method.is_safe() && named.is_some_and(|named| named.is_safe())
}

/// All of the headers, whatever there is to say.
fn identity(caller: &Verified<Claims>, internal: Option<&str>) -> HeaderMap {
    let roles = caller.extra.get("roles").and_then(|roles| roles.as_array());
    let roles = roles.into_iter().flatten().filter_map(|role| role.as_str());
    let roles: Vec<String> = roles.map(escaped).collect();
    let scope = caller.scope.as_ref().map_or("", |scope| scope.as_str());
    let said = [
        (SUBJECT, caller.sub.as_str()),
        (CLIENT, &caller.client_id),
        (SESSION, caller.sid.as_deref().unwrap_or_default()),
        (SCOPE, scope),
        (ROLES, &roles.join(",")),
        (TOKEN, internal.unwrap_or_default()),
    ];
    said.into_iter()
        .map(|(name, value)| {
            // What is no header's value is not said; none of ours is such.
            let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
            (name, value)
        })
        .collect()
}

/// A role in a list with commas: whatever is not a letter, a digit or one of `-._~:/` is escaped (RFC 3986 §2.1).
fn escaped(role: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte);
    let each = role.bytes().map(|byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    each.collect()
}

/// The refusal, and where to sign in.
fn refused(app: &App, headers: &HeaderMap, problem: Problem) -> Response {
    let settings = &app.settings().forward_auth;
    let helps = problem.code().status() == StatusCode::UNAUTHORIZED;
    let address = settings.sign_in.as_deref().filter(|_| helps);
    let Some(Ok(sign_in)) = address.map(HeaderValue::from_str) else {
        return problem.into_response();
    };
    if settings.refuse_pages == RefusePages::Redirect && goes_to_a_page(headers) {
        return (StatusCode::FOUND, [(header::LOCATION, sign_in)]).into_response();
    }
    ([(SIGN_IN, sign_in)], problem).into_response()
}

/// Whether a browser asks on behalf of a person, who can sign in; a script could not follow.
fn goes_to_a_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => text("accept").is_some_and(|accept| accept.contains("text/html")),
    }
}
