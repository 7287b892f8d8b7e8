//! What is in a cookie, and how it is marked.

use countersign_auth::model::client::ClientKind;

use crate::actors::Browser;
use crate::server::{Options, Server};
use crate::support::client::{Answer, Request};

fn cookie<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let prefix = format!("{name}=");
    let cookies = answer.headers("set-cookie");
    let found = cookies.iter().find(|cookie| cookie.starts_with(&prefix));
    found.unwrap_or_else(|| panic!("no {name} in {cookies:?}"))
}

#[tokio::test]
async fn on_loopback_they_are_for_this_host_and_out_of_reach_of_scripts() {
    let server = Server::start().await;
    server.register("alice@example.com").await;
    let answer = Browser::new(&server)
        .sign_in("alice@example.com")
        .await
        .expect(200);
    let (_, attributes) = cookie(&answer, "countersign-default")
        .split_once("; ")
        .unwrap();
    assert_eq!(
        attributes,
        "Path=/; Max-Age=7776000; HttpOnly; SameSite=Strict"
    );
    let (_, attributes) = cookie(&answer, "countersign-default.device")
        .split_once("; ")
        .unwrap();
    assert_eq!(
        attributes,
        "Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict"
    );
}

#[tokio::test]
async fn over_https_they_cannot_be_planted() {
    let server = Server::with(Options {
        issuer: Some("https://auth.example.com".to_owned()),
        ..Options::default()
    })
    .await;
    server.register("alice@example.com").await;
    let answer = Browser::new(&server)
        .sign_in("alice@example.com")
        .await
        .expect(200);
    for name in [
        "__Host-countersign-default",
        "__Host-countersign-default.device",
    ] {
        let cookie = cookie(&answer, name);
        assert!(cookie.contains("; Path=/; "), "{cookie}");
        assert!(
            cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"),
            "{cookie}"
        );
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    // The name without the prefix means nothing there.
    let planted = Request::post("/v1/refresh")
        .header("Sec-Fetch-Site", "same-origin")
        .header("Cookie", "countersign-default=csr1_planted");
    server.send(planted).await.refused(401, "no_refresh_token");
}

#[tokio::test]
async fn two_applications_do_not_overwrite_each_other() {
    let server = Server::start().await;
    server.put_client("shop", ClientKind::Browser, |_| {}).await;
    server
        .put_client("shop-device", ClientKind::Browser, |_| {})
        .await;
    server.register("alice@example.com").await;

    let mut alice = Browser::new(&server);
    alice.sign_in("alice@example.com").await.expect(200);
    let mut shop = Browser::of_client(&server, "shop");
    shop.jar = alice.jar.clone();
    shop.sign_in("alice@example.com").await.expect(200);
    let mut third = Browser::of_client(&server, "shop-device");
    third.jar = shop.jar.clone();
    third.sign_in("alice@example.com").await.expect(200);
    assert_eq!(third.jar.len(), 6, "{:?}", third.jar.keys());

    // One jar, three sessions; each is renewed, and ended, by itself.
    server.rest();
    shop.jar = third.jar.clone();
    shop.refresh().await.expect(200);
    alice.jar = shop.jar.clone();
    alice.refresh().await.expect(200);
    alice.sign_out().await.expect(204);
    assert!(!alice.is_welcome().await);
    assert!(shop.is_welcome().await);
}

/// Cookies of a neighbour (another application of the host, or of a sibling that sets them for the whole domain) must
/// not keep anybody from their own.
#[tokio::test]
async fn other_peoples_cookies_do_no_harm() {
    let server = Server::start().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let token = alice.refresh_token().unwrap();
    for neighbours in ["theme=grün", "a", "=", "b=\"c;d", "countersign=x"] {
        let cookies = format!("{neighbours}; countersign-default={token}; {neighbours}");
        let refresh = Request::post("/v1/refresh")
            .header("Sec-Fetch-Site", "same-origin")
            .header("Cookie", &cookies);
        server.send(refresh).await.expect(200);
        // Nor from being asked where the page came from.
        let unsaid = Request::post("/v1/refresh").header("Cookie", &cookies);
        server.send(unsaid).await.refused(403, "cross_site");
    }
}

#[tokio::test]
async fn the_age_shrinks_towards_the_absolute_end() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    server.advance(std::time::Duration::from_hours(24));
    let answer = alice.refresh().await.expect(200);
    let cookie = cookie(&answer, "countersign-default");
    assert!(cookie.contains("; Max-Age=7689600; "), "{cookie}");
}
