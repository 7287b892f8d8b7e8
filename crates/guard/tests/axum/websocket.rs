//! A connection that stays open ends with its token.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use countersign_guard::axum::Caller;
use countersign_guard::net::WhenStale;
use tower::ServiceExt;

use crate::fixture::Issuer;

#[tokio::test]
async fn a_handler_that_waits_hears_the_end() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let held = |caller: Caller| async move { caller.watch().await.0.code() };
    let app = Router::new().route("/", get(held)).layer(guard.protect());
    let request = Request::get("/")
        .header("authorization", format!("Bearer {}", issuer.token("a")))
        .body(Body::empty())
        .unwrap();
    let answer = tokio::spawn(app.oneshot(request));
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!answer.is_finished());
    issuer.end_session_of("a");
    let answer = answer.await.unwrap().unwrap();
    let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
    assert_eq!(body, "session_revoked");
}
