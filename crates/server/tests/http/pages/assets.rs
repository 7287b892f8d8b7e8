//! What pages load: little, from here alone, and once.

use std::time::{Duration, Instant};

use axum::body::Body;
use countersign::http::router;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::person::Person;
use super::server;
use crate::support::client::{Answer, Request};

/// The addresses of what a page loads.
fn loaded(html: &str) -> Vec<String> {
    let attributes = html.split([' ', '>']);
    let mut loaded: Vec<String> = attributes
        .filter_map(|attribute| {
            attribute
                .strip_prefix("src=")
                .or(attribute.strip_prefix("href="))
        })
        .map(|address| address.trim_matches('"').to_owned())
        .filter(|address| address.starts_with("/assets/"))
        .collect();
    loaded.sort();
    loaded
}

async fn ask(server: &crate::server::Server, address: &str) -> Answer {
    server.send(Request::get(address)).await
}

#[tokio::test]
async fn the_sign_in_page_is_small_and_loads_from_here_alone() {
    let server = server().await;
    let mut alice = Person::new(&server);
    alice.open("/login?client_id=shop&state=s").await;
    let html = alice.page.text();
    let mut whole = html.len();
    let loaded = loaded(&html);
    assert_eq!(loaded.len(), 3, "style sheet, script, icon: {loaded:?}");
    for address in &loaded {
        let answer = ask(&server, address).await.expect(200);
        whole += answer.body.len();
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
        assert!(
            !answer
                .text()
                .replace("http://www.w3.org/2000/svg", "")
                .contains("://"),
            "{address}"
        );
    }
    println!(
        "RESULT: sign-in page: {whole} bytes in {} requests, uncompressed",
        loaded.len() + 1
    );
    assert!(whole < 30_000, "{whole}");
}

#[tokio::test]
async fn another_versions_name_is_answered_but_not_kept() {
    let server = server().await;
    let mut alice = Person::new(&server);
    alice.open("/login").await;
    let style = loaded(&alice.page.text())
        .into_iter()
        .find(|address| address.rsplit('.').next() == Some("css"))
        .unwrap();
    let now = ask(&server, &style).await.expect(200);
    assert_eq!(now.header("content-type"), Some("text/css; charset=utf-8"));
    let other = ask(&server, "/assets/style.0123456789abcdef.css")
        .await
        .expect(200);
    assert_eq!(other.body, now.body);
    assert_eq!(other.header("cache-control"), Some("no-cache"));
    for address in [
        "/assets/",
        "/assets/style.css",
        "/assets/x.0123456789abcdef.css",
        "/assets/style.0123456789abcdef.js",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/%00",
        "/assets/a/b",
    ] {
        ask(&server, address).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_picture_that_is_looked_at_by_itself_runs_nothing() {
    let server = server().await;
    let mut alice = Person::new(&server);
    alice.open("/login").await;
    let icon = loaded(&alice.page.text())
        .into_iter()
        .find(|address| address.rsplit('.').next() == Some("svg"))
        .unwrap();
    let icon = ask(&server, &icon).await.expect(200);
    let policy = icon.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("sandbox"),
        "{policy}"
    );
}

/// From the request to the whole answer, without the network.
#[tokio::test]
async fn the_sign_in_page_is_there_at_once() {
    const TIMES: usize = 200;
    let server = server().await;
    let routes = router(server.app.clone());
    let mut took = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let request = axum::extract::Request::get("/login?client_id=shop&state=s")
            .header("Host", "localhost")
            .header("Accept", "text/html")
            .header("Sec-Fetch-Site", "cross-site")
            .header("Sec-Fetch-Mode", "navigate");
        let begun = now();
        let answer = routes
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        took.push(now().duration_since(begun));
        assert!(body.len() > 1000);
    }
    took.sort();
    let [best, median] = [took[0], took[TIMES / 2]];
    println!(
        "RESULT: sign-in page: {median:.0?} of server time (median of {TIMES}, best {best:.0?}, this build unoptimised)"
    );
    // The best, since the machine may have other things to do.
    assert!(best < Duration::from_millis(5), "{best:?}");
}

#[expect(clippy::disallowed_methods, reason = "what is measured is time")]
fn now() -> Instant {
    Instant::now()
}
