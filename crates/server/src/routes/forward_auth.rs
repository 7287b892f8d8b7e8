//! `GET /v1/forward-auth`: a proxy asks whether a request may pass, and who makes it.
//!
//! For nginx `auth_request`, Traefik `ForwardAuth` and Envoy `ext_authz`. 1. One token, from the header or a cookie, or one
//! session; 2. checked by this node's memory, a session now and then by the store, which keeps it alive; 3. for a cookie,
//! the rule against CSRF; 4. who it is, in headers. No token is renewed: an answer to a proxy cannot reach a browser's
//! cookie jar.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_auth::model::client::{Client, Style};
use countersign_auth::model::user::User;
use countersign_guard::{Claims, Verified};

use crate::http::{
    App, Code, Cookies, Problem, ProblemBody, Profile, RefusePages, Site, listed_for,
};

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
const ACCOUNT: HeaderName = HeaderName::from_static("x-auth-account");

/// Where to sign in, on a refusal that is no redirect.
const SIGN_IN: HeaderName = HeaderName::from_static("x-auth-sign-in");
/// The method that the proxy asks about; it must set this itself.
const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
/// What a browser makes the request for.
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

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
        (status = 200, description = "It may; `X-Auth-Subject`, `X-Auth-Client`, `X-Auth-Session`, `X-Auth-Scope`, `X-Auth-Roles`, \
            `X-Auth-Token` and `X-Auth-Account` say who makes it, each empty where there is nothing to say"),
        (status = 302, description = "A browser without a good token: where to sign in, if that is configured"),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`; `no_session`, `session_expired`, \
            `session_superseded`, `session_revoked`; `X-Auth-Sign-In` says where to sign in, if that is configured", body = ProblemBody),
        (status = 403, description = "`several_tokens`, `cross_site`", body = ProblemBody),
        (status = 503, description = "`cannot_protect`, with `Retry-After`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn check(State(app): State<App>, method: Method, headers: HeaderMap) -> Response {
    match passes(&app, &method, &headers).await {
        Ok(who) => (StatusCode::OK, who).into_response(),
        Err(problem) => refused(&app, &headers, problem),
    }
}

async fn passes(app: &App, method: &Method, headers: &HeaderMap) -> Result<HeaderMap, Problem> {
    let settings = &app.settings().forward_auth;
    let issuer = app.auth().settings().issuer.as_str();
    let audience = settings.audience(issuer);

    // 1. One token, or one session.
    let cookies = Cookies::of(headers);
    let presented = presented(app, audience, headers, &cookies)?;

    // 2. A good one.
    let caller = match &presented {
        Presented::InHeader(token) | Presented::InCookie(token) => {
            let claims = app.auth().check_for(audience, token)?;
            app.auth().has_heard()?;
            claims
        }
        Presented::Session(client, name) => {
            let live = app.auth().use_session(client, name).await?;
            live.claims().clone()
        }
    };

    // 3. A cookie comes along whoever made the page; a header does not.
    if !matches!(presented, Presented::InHeader(_)) {
        let client = app.auth().client(Some(&caller.client_id));
        admit(app, client.as_deref(), method, headers)?;
    }

    // 4. Who it is.
    identity(app, &caller, settings.internal_audience.as_deref()).await
}

/// What a request bears.
enum Presented<'a> {
    /// An access token, in `Authorization`.
    InHeader(&'a str),
    /// An access token, in the cookie that is configured.
    InCookie(&'a str),
    /// A session's name, in the cookie of its client.
    Session(Arc<Client>, &'a str),
}

/// The one token or session of a request: with two, which of them counts would be for whoever planted one to say. A
/// session for another audience than the one that is checked here is none, so it stands in nobody's way; nor does that of
/// this server's own pages, which is for them alone.
fn presented<'a>(
    app: &App,
    audience: &str,
    headers: &'a HeaderMap,
    cookies: &'a Cookies,
) -> Result<Presented<'a>, Problem> {
    let access_cookie = app.settings().forward_auth.cookie.as_deref();
    let lines = headers.get_all(header::AUTHORIZATION).iter();
    let from_header = lines.map(|line| bearer(line).map(Presented::InHeader));
    let from_cookie = headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
        .filter(|(name, value)| Some(*name) == access_cookie && !value.is_empty())
        .map(|(_, value)| Some(Presented::InCookie(value)));
    // What a client's browsers held before it had another style is nothing.
    let issuer = app.auth().settings().issuer.as_str();
    let from_session = cookies
        .sessions(app.cookies())
        .filter_map(|(client, name)| {
            let client = app.auth().client(Some(client))?;
            let counts = client.style == Style::Session
                && !client.is_own()
                && client.audience.as_deref().unwrap_or(issuer) == audience;
            counts.then_some(Some(Presented::Session(client, name)))
        });
    let mut found = from_header.chain(from_cookie).chain(from_session);
    let first = found.next();
    if found.next().is_some() {
        return Err(Problem::new(
            Code::SeveralTokens,
            "send one access token, in one Authorization header or in one cookie; or the cookie of one session",
        ));
    }
    match first {
        Some(Some(presented)) => Ok(presented),
        Some(None) => Err(Problem::new(
            Code::TokenInvalid,
            "the Authorization header must read \"Bearer\" and a token",
        )),
        None => Err(Problem::new(
            Code::MissingToken,
            "send the access token as \"Authorization: Bearer …\", or the cookie of a session for the audience that is \
             checked here",
        )),
    }
}

fn bearer(line: &HeaderValue) -> Option<&str> {
    let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The rule against CSRF for what bears a cookie: unless it is safe, it must come from a page that may act for the client.
pub(super) fn admit(
    app: &App,
    client: Option<&Client>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    if is_safe(method, headers) {
        return Ok(());
    }
    Site::of(headers).admit(true, |origin| {
        client.is_some_and(|client| listed_for(client, app.own_name(), origin))
    })
}

/// Whether the request that it is about changes nothing. A proxy that keeps the method has said it; one that asks by GET
/// must say it in a header, and where none does, nothing is taken for safe. Nor is a GET that opens a WebSocket, behind
/// which anything may be sent; nor one whose page the browser names: it does so for sockets, however little the proxy shows
/// of them (RFC 6455 §4.1), and where the page could read the answer, but not for links.
fn is_safe(method: &Method, headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(METHOD).iter();
    let named = match (said.next(), said.next()) {
        (Some(named), None) => Method::from_bytes(named.as_bytes()).ok(),
        _ => None,
    };
    let names_its_page = headers.contains_key(header::ORIGIN);
    method.is_safe()
        && named.is_some_and(|named| named.is_safe())
        && !opens_a_socket(headers)
        && !names_its_page
}

/// Over HTTP/1.1 `Upgrade` and a key tell (RFC 6455 §4.1); over HTTP/2 there is neither, but the version all the same
/// (RFC 8441 §5). Browsers say it besides (Fetch Metadata §2.2).
fn opens_a_socket(headers: &HeaderMap) -> bool {
    let mode = headers.get(MODE).map(HeaderValue::as_bytes);
    let mut names = headers.keys().map(HeaderName::as_str);
    headers.contains_key(header::UPGRADE)
        || mode == Some(b"websocket")
        || names.any(|name| name.starts_with("sec-websocket-"))
}

/// All of the headers, whatever there is to say: with a token for the services behind, if they have an audience, and with
/// the account, if the client asks for that.
pub(super) async fn identity(
    app: &App,
    caller: &Verified<Claims>,
    behind: Option<&str>,
) -> Result<HeaderMap, Problem> {
    let client = app.auth().client(Some(&caller.client_id));
    let account = if client.is_some_and(|client| client.with_account) {
        let account = app.auth().account_of(caller).await?;
        in_ascii(&serde_json::to_string(&Profile::from(User::clone(&account))).unwrap_or_default())
    } else {
        String::new()
    };
    let token = behind.map(|audience| app.auth().behind(caller, audience));
    let token = token.transpose()?.unwrap_or_default();
    Ok(in_headers(caller, &token, &account))
}

fn in_headers(caller: &Verified<Claims>, token: &str, account: &str) -> HeaderMap {
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
        (TOKEN, token),
        (ACCOUNT, account),
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

/// JSON that is good in a header: whatever is not printable ASCII, which is in its texts alone, is escaped there
/// (RFC 8259 §7).
fn in_ascii(json: &str) -> String {
    json.chars().fold(String::new(), |mut out, char| {
        if matches!(char, ' '..='~') {
            out.push(char);
        } else {
            let units = &mut [0; 2];
            for unit in char.encode_utf16(units) {
                // Writing to a text does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        out
    })
}

/// The refusal, and where to sign in.
pub(super) fn refused(app: &App, headers: &HeaderMap, problem: Problem) -> Response {
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
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text(MODE) {
        Some(mode) => mode == "navigate",
        None => text(header::ACCEPT).is_some_and(|accept| accept.contains("text/html")),
    }
}
