//! The one layer around every route: who calls, whether they may, and what every answer bears.
//!
//! In this order: 1. the caller's address; 2. the request's id; 3. plain HTTP beyond loopback; 4. `Host`; 5. the rule
//! against CSRF, and preflights (what a proxy asks about another request is past both); 6. the route, within its time; then, on the way out, 7. headers, 8. metrics and the
//! log line. One layer, and one allocation for all of it: most answers here take microseconds.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use tower::{Layer, Service};

use super::address::Peer;
use super::app::App;
use super::code::Code;
use super::cookies::Cookies;
use super::origin::{self, Site};
use super::problem::Problem;
use super::visit::ClientAddress;
use crate::pages::{self, Onlooker};
use crate::routes::{forward_auth, gateway};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts an [`Edge`] around each route.
#[derive(Clone)]
pub(crate) struct EdgeLayer(pub(crate) App);

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, route: S) -> Edge<S> {
        Edge {
            app: self.0.clone(),
            route,
        }
    }
}

/// A route with everything around it.
#[derive(Clone)]
pub(crate) struct Edge<S> {
    app: App,
    route: S,
}

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.route.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let passage = Passage::begin(&self.app, &request);
        let limit = self.app.settings().request_timeout;
        let answer = match passage.admit(&request) {
            Ok(Admitted::Preflight) => Err(origin::preflight()),
            Ok(Admitted::Request) => {
                request
                    .extensions_mut()
                    .insert(ClientAddress(passage.address));
                Ok(self.route.call(request))
            }
            Err(problem) => Err(problem.into_response()),
        };
        Box::pin(async move {
            let response = match answer {
                Ok(route) => in_time(limit, unwound(route)).await,
                Err(response) => response,
            };
            Ok(passage.end(response))
        })
    }
}

/// A request on its way through.
struct Passage {
    app: App,
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
    id: Option<HeaderValue>,
    address: Option<IpAddr>,
    /// Whether it came over loopback or from a trusted proxy.
    local: bool,
    /// The origin of the page that asks, if it may read the answer.
    listed_origin: Option<HeaderValue>,
    /// The person who looks at what comes, if one does.
    reader: Option<Onlooker>,
}

enum Admitted {
    Request,
    Preflight,
}

impl Passage {
    fn begin(app: &App, request: &Request) -> Self {
        let headers = request.headers();
        let proxies = &app.settings().proxies;
        let peer = request.extensions().get().and_then(|Peer(peer)| *peer);
        let trusted = peer.is_some_and(|peer| proxies.trusts(peer.ip()));
        Self {
            app: app.clone(),
            started: monotonic(),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            id: request_id(app, headers, trusted),
            address: peer.map(|peer| proxies.client(peer.ip(), headers)),
            local: trusted || peer.is_none_or(|peer| peer.ip().to_canonical().is_loopback()),
            listed_origin: listed_origin(app, headers),
            reader: Onlooker::of(request),
        }
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("none", MatchedPath::as_str)
    }

    /// What must hold before any route is asked.
    fn admit(&self, request: &Request) -> Result<Admitted, Problem> {
        let (app, settings) = (&self.app, self.app.settings());
        // Probes come straight from the platform, and their answers say nothing.
        let probe = matches!(self.route(), "/livez" | "/readyz");
        if !(settings.tls || settings.loopback || self.local || probe) {
            return Err(Problem::new(
                Code::PlainHttp,
                "this listener is for the trusted proxy in front: call the server by its https address",
            ));
        }
        // What a proxy asks about another request: it changes nothing whatever its method, the rule is its own to apply,
        // and a preflight's good answer would say that the other request is welcome. `Host` may be the other request's,
        // too (Envoy keeps it). A page that gets here under a name of its own (DNS rebinding) gains nothing: what is
        // answered depends on the token alone, and under that name a browser sends no cookie of another.
        let route = self.route();
        if route.starts_with(forward_auth::PATH) || route.starts_with(gateway::PATH) {
            return Ok(Admitted::Request);
        }
        let headers = request.headers();
        app.own_name().check_host(request.uri(), headers)?;
        let preflight = origin::is_preflight(&self.method, headers);
        if self.method.is_safe() && !preflight {
            return Ok(Admitted::Request);
        }
        Site::of(headers).admit(Cookies::of(headers).any(), |page| {
            origin::listed(app.auth(), app.own_name(), page)
        })?;
        Ok(if preflight {
            Admitted::Preflight
        } else {
            Admitted::Request
        })
    }

    /// A page for a person, headers, metrics and the log line.
    fn end(self, mut response: Response) -> Response {
        if let Some(problem) = response.extensions_mut().remove::<Problem>()
            && let Some(reader) = &self.reader
        {
            let id = self.id.as_ref().and_then(|id| id.to_str().ok());
            pages::show_problem(&self.app, reader, &problem, id, &mut response);
        }
        let took = monotonic().duration_since(self.started);
        let status = response.status();
        self.app.metrics().request(self.route(), status, took);
        tracing::info!(
            target: "countersign::request",
            method = self.method.as_str(),
            route = self.route(),
            status = status.as_u16(),
            ms = took.as_secs_f64() * 1e3,
            id = self.id.as_ref().and_then(|id| id.to_str().ok()),
            address = self.address.map(tracing::field::display),
        );
        dress(
            &self.app,
            response.headers_mut(),
            self.listed_origin,
            self.id,
        );
        response
    }
}

/// The route's answer; a panic is a 500, and its message is the log's ([`crate::telemetry`]).
async fn unwound<R: IntoResponse>(route: impl Future<Output = Result<R, Infallible>>) -> Response {
    let mut route = pin!(route);
    // The future is not polled again after a panic, so nothing half-done is seen.
    let polled = std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| route.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(answer))) => Poll::Ready(Some(answer)),
            Err(_) => Poll::Ready(None),
        }
    });
    match polled.await {
        Some(answer) => answer.into_response(),
        None => Problem::new(Code::Internal, "a defect in the server: its log says more")
            .into_response(),
    }
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
    id: Option<HeaderValue>,
) {
    const FIXED: [(HeaderName, HeaderValue); 3] = [
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
        (header::VARY, HeaderValue::from_static("origin")),
    ];
    // What brings a policy of its own is one of the server's pages, and nobody else's to read.
    let is_page = headers.contains_key(header::CONTENT_SECURITY_POLICY);
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
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
    if let Some(origin) = listed_origin.filter(|_| !is_page) {
        origin::allow(headers, origin);
    }
    if let Some(id) = id {
        headers.insert(X_REQUEST_ID, id);
    }
}

/// Ours; or the proxy's, if it looks like one: it ends up in logs.
fn request_id(app: &App, headers: &HeaderMap, trusted: bool) -> Option<HeaderValue> {
    let sane = |id: &&HeaderValue| {
        (8..=64).contains(&id.len())
            && id
                .as_bytes()
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    let given = headers.get(X_REQUEST_ID).filter(|_| trusted).filter(sane);
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
