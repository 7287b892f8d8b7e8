//! CSRF, CORS, and the name of the host.

use countersign_auth::model::client::ClientKind;
use serde_json::json;

use crate::actors::{Browser, Phone};
use crate::server::{APP_ORIGIN, Options, PASSWORD, Server};
use crate::support::client::Request;

const EVIL: &str = "https://evil.example";

/// A renewal with alice's cookie, and whatever a page adds.
fn ride(alice: &Browser<'_>, headers: &[(&str, &str)]) -> Request {
    let cookie = format!("countersign-default={}", alice.refresh_token().unwrap());
    headers.iter().fold(
        Request::post("/v1/refresh").header("Cookie", &cookie),
        |request, (name, value)| request.header(name, value),
    )
}

#[tokio::test]
async fn an_unsafe_request_with_a_cookie_must_come_from_a_known_page() {
    let server = Server::start().await;
    server.allow_app_origin().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let own = server.issuer.clone();
    for (headers, status) in [
        (&[("Sec-Fetch-Site", "same-origin")][..], 200),
        (&[("Origin", APP_ORIGIN)], 200),
        (&[("Origin", own.as_str())], 200),
        (
            &[("Origin", APP_ORIGIN), ("Sec-Fetch-Site", "same-site")],
            200,
        ),
        (&[], 403),
        (&[("Sec-Fetch-Site", "none")], 403),
        (&[("Sec-Fetch-Site", "same-site")], 403),
        (&[("Sec-Fetch-Site", "cross-site")], 403),
        (&[("Origin", EVIL)], 403),
        (&[("Origin", EVIL), ("Sec-Fetch-Site", "cross-site")], 403),
        (&[("Origin", "null")], 403),
        (&[("Origin", "")], 403),
        (&[("Origin", "https://app.example.com.evil.example")], 403),
        (&[("Origin", "https://app.example.com:8443")], 403),
        (&[("Origin", "http://app.example.com")], 403),
        (&[("Origin", "https://APP.example.com")], 403),
        (&[("Origin", "https://app.example.com/")], 403),
        (&[("Origin", APP_ORIGIN), ("Origin", EVIL)], 403),
        (&[("Referer", "https://app.example.com/page")], 403),
    ] {
        let before = server.dump();
        let answer = server.send(ride(&alice, headers)).await;
        assert_eq!(
            answer.status,
            status,
            "{headers:?}: {}",
            answer.everything()
        );
        if status == 403 {
            assert_eq!(answer.code(), "cross_site", "{headers:?}");
            assert!(answer.header("set-cookie").is_none());
            assert_eq!(server.dump(), before, "{headers:?}");
        }
    }
}

#[tokio::test]
async fn every_unsafe_call_is_refused_from_a_foreign_page() {
    let server = Server::start().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let cookie = format!("countersign-default={}", alice.refresh_token().unwrap());
    for (method, path) in [
        ("POST", "/v1/register"),
        ("POST", "/v1/login"),
        ("POST", "/v1/refresh"),
        ("POST", "/v1/logout"),
        ("POST", "/v1/logout-all"),
        ("PATCH", "/v1/me"),
        ("POST", "/v1/me/password"),
        ("DELETE", "/v1/me/sessions"),
        ("DELETE", "/v1/me/sessions/x"),
    ] {
        let foreign = Request::new(method, path)
            .header("Cookie", &cookie)
            .header("Origin", EVIL)
            .bearer(&alice.access_token);
        server.send(foreign).await.refused(403, "cross_site");
        let silent = Request::new(method, path)
            .header("Cookie", &cookie)
            .bearer(&alice.access_token);
        server.send(silent).await.refused(403, "cross_site");
    }
}

#[tokio::test]
async fn login_csrf_a_foreign_page_cannot_sign_a_victim_in() {
    let server = Server::start().await;
    server.register("mallory@example.com").await;
    let form = json!({ "email": "mallory@example.com", "password": PASSWORD });
    let login = Request::post("/v1/login")
        .json(&form)
        .header("Origin", EVIL);
    let refused = server.send(login).await.refused(403, "cross_site");
    assert!(refused.header("set-cookie").is_none());
}

#[tokio::test]
async fn one_clients_page_cannot_use_another_clients_cookie() {
    let server = Server::start().await;
    server
        .put_client("shop", ClientKind::Browser, |client| {
            client.origins = vec!["https://shop.example.com".to_owned()];
        })
        .await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let cookie = format!("countersign-default={}", alice.refresh_token().unwrap());
    for path in ["/v1/refresh", "/v1/logout"] {
        let request = Request::post(path)
            .header("Cookie", &cookie)
            .header("Origin", "https://shop.example.com");
        server.send(request).await.refused(403, "cross_site");
    }
    assert!(alice.is_welcome().await);
}

#[tokio::test]
async fn safe_methods_answer_anybody_but_only_listed_pages_may_read() {
    let server = Server::start().await;
    server.allow_app_origin().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    for (origin, readable) in [
        (APP_ORIGIN, true),
        ("https://app.example.com.evil.example", false),
        (EVIL, false),
        ("null", false),
    ] {
        let me = Request::get("/v1/me")
            .bearer(&alice.access_token)
            .header("Origin", origin);
        let answer = server.send(me).await.expect(200);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, readable.then_some(origin));
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            readable.then_some("true")
        );
        assert_eq!(
            answer.header("vary"),
            Some("origin"),
            "caches keep them apart"
        );
    }
}

#[tokio::test]
async fn preflights_are_answered_for_listed_pages_only() {
    let server = Server::start().await;
    server.allow_app_origin().await;
    let ask = |origin: &str| {
        Request::new("OPTIONS", "/v1/refresh")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type")
    };
    let yes = server.send(ask(APP_ORIGIN)).await.expect(204);
    assert_eq!(yes.header("access-control-allow-origin"), Some(APP_ORIGIN));
    assert_eq!(yes.header("access-control-allow-credentials"), Some("true"));
    assert!(
        yes.header("access-control-allow-headers")
            .unwrap()
            .contains("content-type")
    );
    let no = server.send(ask(EVIL)).await.refused(403, "cross_site");
    assert_eq!(no.header("access-control-allow-origin"), None);
    // A refusal can be read, too.
    let refused = Request::post("/v1/refresh").header("Origin", APP_ORIGIN);
    let refused = server.send(refused).await.refused(401, "no_refresh_token");
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some(APP_ORIGIN)
    );
}

#[tokio::test]
async fn on_loopback_only_local_names_are_answered() {
    let server = Server::start().await;
    let port = server.address.port();
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        "[::1]:8080".to_owned(),
        "LOCALHOST".to_owned(),
    ] {
        let request = Request::get("/livez").header("Host", &host);
        assert_eq!(server.send(request).await.status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "",
    ] {
        for path in ["/livez", "/v1/me", "/.well-known/jwks.json", "/nowhere"] {
            let request = Request::get(path).header("Host", host);
            server.send(request).await.refused(421, "wrong_host");
        }
    }
    let twice = Request::get("/livez")
        .header("Host", "localhost")
        .header("Host", "evil.example");
    assert_ne!(server.send(twice).await.status, 200);
    // The target names the authority: it wins over Host (RFC 9112 §3.2.2).
    let absolute = Request::get("http://evil.example/livez").header("Host", "localhost");
    server.send(absolute).await.refused(421, "wrong_host");
}

#[tokio::test]
async fn behind_its_public_name_a_server_on_loopback_answers_to_that_name() {
    let server = Server::with(Options {
        issuer: Some("https://auth.example.com".to_owned()),
        ..Options::default()
    })
    .await;
    let request = |host| Request::get("/livez").header("Host", host);
    server.send(request("auth.example.com")).await.expect(200);
    server
        .send(request("evil.example"))
        .await
        .refused(421, "wrong_host");
}

#[tokio::test]
async fn a_native_clients_tokens_never_reach_a_browser() {
    let server = Server::start().await;
    server.put_client("phone", ClientKind::Native, |_| {}).await;
    server.register("alice@example.com").await;
    let form = json!({ "email": "alice@example.com", "password": PASSWORD, "client_id": "phone" });
    let own = server.issuer.clone();
    let before = server.dump();
    for (name, value, code) in [
        ("Cookie", "theme=dark", "browser_request"),
        ("Origin", own.as_str(), "browser_request"),
        ("Origin", EVIL, "cross_site"),
        ("Sec-Fetch-Site", "same-origin", "browser_request"),
        ("Sec-Fetch-Mode", "cors", "browser_request"),
        ("Sec-Fetch-Dest", "empty", "browser_request"),
    ] {
        for path in ["/v1/login", "/v1/refresh"] {
            let form = match path {
                "/v1/login" => form.clone(),
                _ => json!({ "client_id": "phone", "refresh_token": "csr1_x" }),
            };
            let request = Request::post(path).json(&form).header(name, value);
            server.send(request).await.refused(403, code);
        }
    }
    assert_eq!(server.dump(), before);

    // A change of password answers with a refresh token, too.
    let phone = Phone::signed_in(&server, "alice@example.com").await;
    let form = json!({ "current_password": PASSWORD, "new_password": "eight blue kettles hum" });
    let request = Request::post("/v1/me/password")
        .json(&form)
        .bearer(&phone.access_token)
        .header("Sec-Fetch-Mode", "cors");
    server.send(request).await.refused(403, "browser_request");
}

#[tokio::test]
async fn a_browser_clients_token_is_never_taken_from_a_body() {
    let server = Server::start().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let form = json!({ "refresh_token": alice.refresh_token().unwrap() });
    server
        .send(Request::post("/v1/refresh").json(&form))
        .await
        .refused(400, "unknown_field");
}
