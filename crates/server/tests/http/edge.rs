//! What every answer bears, and what the listener bears with.

use std::time::Duration;

use countersign::http::{ForwardedHeader, Peer, Settings, TrustedProxies, router};
use countersign::listen::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::actors::{Browser, Service};
use crate::server::{Options, Server};
use crate::support::client::{Request, exchange};

#[tokio::test]
async fn every_answer_bears_the_security_headers_and_an_id_of_its_own() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for (request, status) in [
        (Request::get("/livez"), 200),
        (Request::get("/readyz"), 200),
        (Request::get("/.well-known/jwks.json"), 200),
        (Request::get("/openapi.json"), 200),
        (Request::get("/nowhere"), 404),
        (Request::get("/v1/login"), 405),
        (Request::get("/v1/me"), 401),
        (Request::get("/livez").header("Host", "evil.example"), 421),
        (
            Request::post("/v1/login").header("Origin", "https://evil.example"),
            403,
        ),
    ] {
        let answer = server
            .send(request.header("X-Request-Id", "chosen-by-the-client"))
            .await
            .expect(status);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
        assert_eq!(
            answer.header("content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'")
        );
        let cacheable = answer.header("cache-control") == Some("public, max-age=300");
        let fixed = status == 200 && answer.body.len() > 20;
        assert_eq!(cacheable, fixed, "{}", answer.everything());
        if !cacheable {
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "not over plain HTTP"
        );
        ids.push(answer.header("x-request-id").unwrap().to_owned());
    }
    ids.sort();
    let before = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), before, "{ids:?}");
    assert!(!ids.contains(&"chosen-by-the-client".to_owned()));
}

#[tokio::test]
async fn head_is_get_without_a_body_and_405_says_what_is_allowed() {
    let server = Server::start().await;
    let get = server
        .send(Request::get("/.well-known/jwks.json"))
        .await
        .expect(200);
    let head = server
        .send(Request::new("HEAD", "/.well-known/jwks.json"))
        .await
        .expect(200);
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), get.header("content-length"));
    let refused = server
        .send(Request::new("PUT", "/v1/me"))
        .await
        .refused(405, "method_not_allowed");
    let allow = refused.header("allow").unwrap();
    assert!(allow.contains("GET") && allow.contains("PATCH"), "{allow}");
}

#[tokio::test]
async fn the_key_set_is_sent_again_only_when_it_changed() {
    let server = Server::start().await;
    let first = server
        .send(Request::get("/.well-known/jwks.json"))
        .await
        .expect(200);
    assert_eq!(
        first.header("content-type"),
        Some("application/jwk-set+json")
    );
    let etag = first.header("etag").unwrap().to_owned();
    let ask = |tag: &str| Request::get("/.well-known/jwks.json").header("If-None-Match", tag);
    for tag in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
        let same = server.send(ask(&tag)).await.expect(304);
        assert!(same.body.is_empty());
        assert_eq!(same.header("etag"), Some(etag.as_str()));
    }
    server.send(ask("\"other\"")).await.expect(200);

    server
        .auth
        .rotate_keys(None, &countersign_auth::visitor::Visitor::operator())
        .await
        .unwrap();
    let changed = server.send(ask(&etag)).await.expect(200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    assert_ne!(changed.body, first.body);
}

#[tokio::test]
async fn the_metadata_claims_only_what_works() {
    let server = Server::start().await;
    let answer = server
        .send(Request::get("/.well-known/oauth-authorization-server"))
        .await
        .expect(200);
    let metadata = answer.json();
    assert_eq!(metadata["issuer"], server.issuer);
    let jwks = metadata["jwks_uri"].as_str().unwrap();
    let path = jwks.strip_prefix(&server.issuer).unwrap();
    server.send(Request::get(path)).await.expect(200);
    assert_eq!(metadata["response_types_supported"], serde_json::json!([]));
    assert!(metadata.get("authorization_endpoint").is_none());

    // Every grant type with every way of proving who asks.
    let grants = ["client_credentials"];
    assert_eq!(metadata["grant_types_supported"], serde_json::json!(grants));
    let service = Service::registered(&server, "orders", |_| {}).await;
    for (endpoint, field, value) in [
        ("token", "grant_type", grants[0]),
        ("introspection", "token", "x"),
        ("revocation", "token", "x"),
    ] {
        let url = metadata[format!("{endpoint}_endpoint")].as_str().unwrap();
        let path = url.strip_prefix(&server.issuer).unwrap();
        let methods = [
            ("client_secret_basic", service.by_header(path)),
            ("client_secret_post", service.by_body(path)),
        ];
        for (_, form) in methods.clone() {
            let form = form.field(field, value);
            server.send(form.request()).await.expect(200);
        }
        assert_eq!(
            metadata[format!("{endpoint}_endpoint_auth_methods_supported")],
            serde_json::json!(methods.map(|(method, _)| method))
        );
    }
}

fn behind_a_proxy(proxy: &str) -> Options {
    Options {
        issuer: Some("https://auth.example.com".to_owned()),
        http: Settings {
            loopback: false,
            proxies: TrustedProxies {
                networks: vec![proxy.parse().unwrap()],
                header: ForwardedHeader::XForwardedFor,
            },
            ..Settings::default()
        },
        ..Options::default()
    }
}

#[tokio::test]
async fn a_trusted_proxy_says_who_calls_and_which_request_it_is() {
    let server = Server::with(behind_a_proxy("127.0.0.1")).await;
    server.register("alice@example.com").await;
    let form =
        serde_json::json!({ "email": "alice@example.com", "password": crate::server::PASSWORD });
    let login = Request::post("/v1/login")
        .json(&form)
        .header("X-Forwarded-For", "1.1.1.1, 203.0.113.9")
        .header("X-Request-Id", "proxy-7f3a");
    let answer = server.send(login).await.expect(200);
    assert_eq!(answer.header("x-request-id"), Some("proxy-7f3a"));
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let list = server
        .send(Request::get("/v1/me/sessions").bearer(&token))
        .await
        .expect(200);
    assert_eq!(list.json()["sessions"][0]["address"], "203.0.113.9");

    let strange = Request::get("/livez").header("X-Request-Id", "line\tbreak and more");
    let answer = server.send(strange).await.expect(200);
    assert_ne!(answer.header("x-request-id"), Some("line\tbreak and more"));
}

#[tokio::test]
async fn without_a_trusted_proxy_its_headers_mean_nothing() {
    let server = Server::start().await;
    server.register("alice@example.com").await;
    let form =
        serde_json::json!({ "email": "alice@example.com", "password": crate::server::PASSWORD });
    let login = Request::post("/v1/login")
        .json(&form)
        .header("X-Forwarded-For", "203.0.113.9");
    let token = server.send(login).await.expect(200).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let list = server
        .send(Request::get("/v1/me/sessions").bearer(&token))
        .await
        .expect(200);
    assert_eq!(list.json()["sessions"][0]["address"], "127.0.0.1");
}

#[tokio::test]
async fn plain_http_from_a_network_is_answered_only_to_the_proxy_and_to_probes() {
    let plain = Server::with(behind_a_proxy("10.0.0.0/8")).await;
    let mut tls = behind_a_proxy("10.0.0.0/8");
    tls.http.tls = true;
    let tls = Server::with(tls).await;
    for (server, peer, path, status) in [
        (&plain, "203.0.113.9:4711", "/.well-known/jwks.json", 403),
        (&plain, "203.0.113.9:4711", "/nowhere", 403),
        (&plain, "203.0.113.9:4711", "/livez", 200),
        (&plain, "203.0.113.9:4711", "/readyz", 200),
        (&plain, "10.1.2.3:4711", "/.well-known/jwks.json", 200),
        (&plain, "127.0.0.1:4711", "/.well-known/jwks.json", 200),
        (&tls, "203.0.113.9:4711", "/.well-known/jwks.json", 200),
    ] {
        let request = axum::extract::Request::get(path)
            .extension(Peer(Some(peer.parse().unwrap())))
            .body(axum::body::Body::empty());
        let answer = router(server.app.clone())
            .oneshot(request.unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status, "{peer} {path}");
    }
}

#[tokio::test]
async fn a_defect_is_a_500_that_tells_nothing_and_the_server_goes_on() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    server.exhaust_randomness(true);
    let answer = alice
        .sign_in("alice@example.com")
        .await
        .refused(500, "internal");
    assert!(
        !answer.everything().contains("randomness"),
        "{}",
        answer.everything()
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    server.exhaust_randomness(false);
    alice.sign_in("alice@example.com").await.expect(200);
}

#[tokio::test]
async fn a_store_that_fails_tells_callers_nothing_of_itself() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    server.damage("ALTER TABLE passwords RENAME TO lost");
    let answer = alice.sign_in("alice@example.com").await;
    let answer = answer.refused(500, "internal").everything();
    assert!(!answer.contains("no such table"), "{answer}");

    server.lose_store().await;
    let answer = alice.sign_in("alice@example.com").await;
    let answer = answer.refused(503, "unavailable");
    assert!(answer.header("retry-after").is_some());
    let answer = answer.everything();
    assert!(!answer.contains("is closed"), "{answer}");
}

#[tokio::test]
async fn heads_that_are_too_large_or_no_http_are_refused_and_the_server_goes_on() {
    let server = Server::start().await;
    let large = Request::get("/livez").header("X-Large", &"x".repeat(40_000));
    assert_eq!(server.send(large).await.status, 431);
    let long = Request::get(&format!("/{}", "x".repeat(40_000)));
    assert!([414, 431].contains(&server.send(long).await.status));
    let many = (0..200).fold(Request::get("/livez"), |request, i| {
        request.header(&format!("X-{i}"), "x")
    });
    assert_eq!(server.send(many).await.status, 431);
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        b"\r\n\r\n\r\nnonsense\r\n\r\n",
    ] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let answer = exchange(stream, bytes).await;
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(bytes));
    }
    server.send(Request::get("/livez")).await.expect(200);
}

#[tokio::test]
async fn whoever_sends_slowly_or_nothing_is_cut_off() {
    let server = Server::with(Options {
        limits: Limits {
            header_timeout: Duration::from_millis(100),
            ..Limits::default()
        },
        ..Options::default()
    })
    .await;
    for begun in [&b""[..], b"GET /livez HTTP/1.1\r\nHost: local"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        // Ends only when the server closes.
        let _ = stream.read_to_end(&mut rest).await;
    }
}

#[tokio::test]
async fn there_are_only_so_many_connections() {
    let server = Server::with(Options {
        limits: Limits {
            connections: 1,
            ..Limits::default()
        },
        ..Options::default()
    })
    .await;
    let ask = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut answer = [0; 4096];
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(ask).await.unwrap();
    assert!(first.read(&mut answer).await.unwrap() > 0);

    // The system has taken the second's request; the server, which goes on answering, has not.
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(ask).await.unwrap();
    for _ in 0..100 {
        first.write_all(ask).await.unwrap();
        assert!(first.read(&mut answer).await.unwrap() > 0);
    }
    let unanswered = second.try_read(&mut answer).unwrap_err();
    assert_eq!(unanswered.kind(), std::io::ErrorKind::WouldBlock);

    // It is served when there is a place.
    drop(first);
    let length = second.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way() {
    let server = Server::start().await;
    server.register("alice@example.com").await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let form =
        serde_json::json!({ "email": "alice@example.com", "password": crate::server::PASSWORD });
    let bytes = Request::post("/v1/login").json(&form).bytes(server.address);
    let (head, tail) = bytes.split_at(bytes.len() - 10);
    slow.write_all(head).await.unwrap();
    // Its head has arrived when another connection, made later, has been answered.
    server.send(Request::get("/livez")).await.expect(200);

    let mut stopping = tokio::spawn(server.stop());
    let early = timeout(Duration::from_millis(100), &mut stopping).await;
    assert!(early.is_err(), "it stopped with a request under way");
    let answer = exchange(slow, tail).await;
    assert_eq!(answer.status, 200, "{}", answer.everything());
    stopping.await.unwrap();
}

#[tokio::test]
async fn operators_see_what_happens_on_a_listener_of_their_own() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    alice.refresh().await.expect(200);
    server.rest();
    alice.refresh().await.expect(200);
    alice.call(Request::get("/v1/me")).await.expect(200);
    server
        .send(Request::get("/metrics"))
        .await
        .refused(404, "not_found");

    let text = server.metrics().await;
    for line in [
        "countersign_sign_ins_total{outcome=\"complete\"} 1",
        "countersign_renewals_total{outcome=\"held\"} 1",
        "countersign_renewals_total{outcome=\"rotated\"} 1",
        "countersign_http_request_duration_seconds_count{route=\"/v1/me\",status=\"2xx\"} 1",
        "countersign_http_request_duration_seconds_count{route=\"none\",status=\"4xx\"} 1",
        "countersign_hashing_refused_total 0",
        "countersign_guard_entries{kind=\"sessions\"} 0",
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line:?} in\n{text}");
    }
}
