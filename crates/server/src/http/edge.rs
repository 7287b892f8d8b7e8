//! The one layer around every route: who calls, whether they may, and what every answer bears.
//!
//! In this order: 1. the caller's address; 2. the request's id; 3. plain HTTP beyond loopback; 4. `Host`; 5. the rule
//! against CSRF, and preflights; 6. the route, within its time; then, on the way out, 7. headers, 8. metrics and the log line.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::address::Peer;
use super::app::App;
use super::code::Code;
use super::cookies::Cookies;
use super::origin::{self, Site};
use super::problem::Problem;
use super::visit::ClientAddress;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn edge(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = monotonic();
    let peer = request.extensions().get().and_then(|Peer(peer)| *peer);
    let proxied = peer.is_some_and(|peer| app.settings().proxies.trusts(peer.ip()));
    let address = peer.map(|peer| app.settings().proxies.client(peer.ip(), request.headers()));
    let id = request_id(&app, request.headers(), proxied);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);

    request.extensions_mut().insert(ClientAddress(address));
    let listed_origin = listed_origin(&app, request.headers());
    let local = proxied || peer.is_none_or(|peer| peer.ip().to_canonical().is_loopback());
    let mut response = match admit(&app, &request, local, route) {
        Err(problem) => problem.into_response(),
        Ok(()) if origin::is_preflight(&method, request.headers()) => origin::preflight(),
        Ok(()) => in_time(app.settings().request_timeout, next.run(request)).await,
    };

    dress(&app, response.headers_mut(), listed_origin, id.as_ref());
    let took = monotonic().duration_since(started);
    let status = response.status();
    app.metrics().request(route, status, took);
    tracing::info!(
        target: "countersign::request",
        method = method.as_str(),
        route,
        status = status.as_u16(),
        ms = took.as_secs_f64() * 1e3,
        id = id.as_ref().and_then(|id| id.to_str().ok()),
        address = address.map(tracing::field::display),
    );
    response
}

/// What must hold before any route is asked.
fn admit(app: &App, request: &Request, local: bool, route: &str) -> Result<(), Problem> {
    let settings = app.settings();
    // Probes come straight from the platform, and their answers say nothing.
    let probe = matches!(route, "/livez" | "/readyz");
    if !(settings.tls || settings.loopback || local || probe) {
        return Err(Problem::new(
            Code::PlainHttp,
            "this listener is for the trusted proxy in front: call the server by its https address",
        ));
    }
    let headers = request.headers();
    app.own_name().check_host(request.uri(), headers)?;
    let preflight = origin::is_preflight(request.method(), headers);
    if request.method().is_safe() && !preflight {
        return Ok(());
    }
    Site::of(headers).admit(Cookies::of(headers).any(), |page| {
        origin::listed(app.auth(), app.own_name(), page)
    })
}

async fn in_time(limit: Duration, route: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(limit, route).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            Code::Unavailable,
            "the server did not answer in time: try again",
        )
        .retry_after(Duration::from_secs(1))
        .into_response(),
    }
}

/// The origin of the page that asks, if it may read the answer.
fn listed_origin(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    origin::listed(app.auth(), app.own_name(), text).then(|| origin.clone())
}

/// The headers of every answer.
fn dress(
    app: &App,
    headers: &mut HeaderMap,
    listed_origin: Option<HeaderValue>,
    id: Option<&HeaderValue>,
) {
    const FIXED: [(HeaderName, HeaderValue); 4] = [
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        (header::VARY, HeaderValue::from_static("origin")),
    ];
    for (name, value) in FIXED {
        headers.insert(name, value);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if app.settings().tls {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    if let Some(origin) = listed_origin {
        origin::allow(headers, origin);
    }
    if let Some(id) = id {
        headers.insert(X_REQUEST_ID, id.clone());
    }
}

/// Ours; or the proxy's, if it looks like one: it ends up in logs.
fn request_id(app: &App, headers: &HeaderMap, proxied: bool) -> Option<HeaderValue> {
    let sane = |id: &&HeaderValue| {
        (8..=64).contains(&id.len())
            && id
                .as_bytes()
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    let given = headers.get(X_REQUEST_ID).filter(|_| proxied).filter(sane);
    given.cloned().or_else(|| app.next_request_id())
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a request took is for logs and metrics, and decides nothing"
)]
fn monotonic() -> Instant {
    Instant::now()
}

/// A path that is none of ours.
pub(crate) async fn not_found() -> Problem {
    Problem::new(Code::NotFound, "see /openapi.json for what there is")
}

/// A path of ours, asked for something that it does not do; axum adds `Allow`.
pub(crate) async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("this path does not answer to {method}: the Allow header says to what it does"),
    )
}

/// A route panicked: a defect. Its message went to the log through the panic hook.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::new(Code::Internal, "a defect in the server: its log says more").into_response()
}
