//! A service behind the layer, and how it is asked.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{any, get};
use countersign_guard::Guard;
use countersign_guard::axum::{Allowed, Caller, Demand, Denial, Protect, Requirement, WithAccount};
use countersign_guard::net::{Connected, Pace, WhenStale};
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt;

use crate::fixture::{Issuer, pace};

pub struct Service {
    pub issuer: Issuer,
    pub guard: Connected,
    router: Router,
}

/// What the service answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

struct Writer;

impl Demand for Writer {
    fn requirement() -> Requirement {
        Requirement::new()
            .scope("orders:read")
            .scope("orders:write")
    }
}

struct Clerk;

impl Demand for Clerk {
    fn requirement() -> Requirement {
        Requirement::new().role("clerk")
    }
}

struct Recent;

impl Demand for Recent {
    fn requirement() -> Requirement {
        Requirement::new().signed_in_within(Duration::from_mins(1))
    }
}

async fn who(caller: Caller) -> String {
    caller.sub.clone()
}

async fn maybe(caller: Option<Caller>) -> String {
    caller.map_or_else(|| "a visitor".to_owned(), |caller| caller.sub.clone())
}

async fn account(caller: Caller) -> Result<String, Denial> {
    let account = caller.account().await?.unwrap();
    Ok(account["name"].to_string())
}

async fn known(caller: WithAccount) -> String {
    format!("{} {}", caller.sub, caller.account()["name"])
}

async fn allowed<D: Demand>(caller: Allowed<D>) -> String {
    caller.jti.clone()
}

async fn offered(headers: HeaderMap) -> String {
    let offers = headers.get("sec-websocket-protocol");
    offers.map_or_else(String::new, |offers| offers.to_str().unwrap().to_owned())
}

fn routes() -> Router {
    Router::new()
        .route("/who", any(who))
        .route("/known", get(known))
        .route("/maybe", get(maybe))
        .route("/account", get(account))
        .route("/write", get(allowed::<Writer>))
        .route("/clerk", get(allowed::<Clerk>))
        .route("/recent", get(allowed::<Recent>))
        .route("/offered", get(offered))
        .nest("/nested", Router::new().route("/who", get(who)))
}

impl Service {
    pub async fn start(layer: impl FnOnce(Protect) -> Protect) -> Self {
        Self::at_pace(pace(), layer).await
    }

    pub async fn at_pace(pace: Pace, layer: impl FnOnce(Protect) -> Protect) -> Self {
        let issuer = Issuer::start().await;
        let options = issuer.options(WhenStale::refuse()).pace(pace);
        let guard = Guard::connect(options).await.unwrap();
        let router = routes().layer(layer(guard.protect()));
        Self {
            issuer,
            guard,
            router,
        }
    }

    /// The whole of it behind another layer.
    pub fn behind(mut self, layer: impl FnOnce(Protect) -> Protect) -> Self {
        self.router = self.router.layer(layer(self.guard.protect()));
        self
    }

    pub async fn plain() -> Self {
        Self::start(|protect| protect).await
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers).await
    }

    pub async fn with(&self, path: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.get(path, &[("authorization", &bearer)]).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        answer(self.router.clone(), method, path, headers).await
    }
}

/// A router that nobody protects.
pub async fn unprotected(path: &str) -> Answer {
    answer(routes(), "GET", path, &[]).await
}

async fn answer(router: Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 10_000).await.unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let (code, detail) = (&body["code"], &body["detail"]);
        assert!(detail.as_str().is_some_and(|text| text.contains(' ')));
        code.as_str().unwrap().to_owned()
    }

    /// Status, code, and challenge.
    #[track_caller]
    pub fn is(&self, status: u16, code: &str, challenge: &str) {
        assert_eq!(
            (
                self.status.as_u16(),
                self.code().as_str(),
                self.header("www-authenticate")
            ),
            (status, code, challenge)
        );
    }

    #[track_caller]
    pub fn says(&self, text: &str) {
        assert_eq!((self.status.as_u16(), self.text.as_str()), (200, text));
    }
}
