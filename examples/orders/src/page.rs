//! The shop's page: plain files that are the same for everybody. Whose orders are shown in it, its script finds out.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

/// The client that people sign in to.
const CLIENT: &str = "shop";

/// The page and its files. People sign in at `issuer`, which serves the script for that, too.
pub fn routes(issuer: &str) -> Router {
    let html = include_str!("../page/index.html")
        .replace("{{issuer}}", issuer)
        .replace("{{client}}", CLIENT);
    // Scripts from here and from the issuer, requests to both, nothing inline, and in nobody's frame.
    let policy = format!(
        "default-src 'none'; script-src 'self' {issuer}; style-src 'self'; connect-src 'self' {issuer}; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page =
        move || async move { ([(CONTENT_SECURITY_POLICY, policy)], file("text/html", html)) };
    let script = || async { file("text/javascript", include_str!("../page/shop.js")) };
    let style = || async { file("text/css", include_str!("../page/shop.css")) };
    Router::new()
        .route("/", get(page))
        .route("/shop.js", get(script))
        .route("/shop.css", get(style))
}

fn file(kind: &str, text: impl IntoResponse) -> Response {
    let kind = format!("{kind}; charset=utf-8");
    let headers = [
        (CONTENT_TYPE, kind.as_str()),
        (CACHE_CONTROL, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
