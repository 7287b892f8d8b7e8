//! How much, how long, how many at once: what a request may take, and what it is told beyond.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use countersign::http::Settings;
use countersign_auth::limits::{Budget, LimitSettings};
use countersign_auth::model::client::ClientKind;
use countersign_auth::password::HashAlgorithm;
use serde_json::json;

use crate::actors::{Browser, Phone};
use crate::server::{Options, PASSWORD, Server};
use crate::support::client::Request;

/// A storm of registrations: those who find the queue for hashing full are told when to come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_a_503_that_says_when_to_come_again() {
    let server = Server::with(Options {
        settings: Box::new(|settings| {
            settings.passwords.algorithm = HashAlgorithm::Argon2id {
                memory_kib: 19 * 1024,
                passes: 8,
                lanes: 1,
            };
            settings.passwords.threads = NonZeroUsize::new(1);
            settings.passwords.queue = NonZeroUsize::new(1);
        }),
        ..Options::default()
    });
    let server = Arc::new(server.await);
    let mut storm = tokio::task::JoinSet::new();
    for number in 0..20 {
        let server = server.clone();
        storm.spawn(async move {
            let form = json!({ "email": format!("{number}@example.com"), "password": PASSWORD });
            server.send(Request::post("/v1/register").json(&form)).await
        });
    }
    let (mut registered, mut refused) = (0, 0);
    for answer in storm.join_all().await {
        if answer.status == 201 {
            registered += 1;
            continue;
        }
        refused += 1;
        let answer = answer.refused(503, "busy");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    println!("{registered} registered, {refused} told to come again");
    assert!(registered >= 1 && refused >= 1);
    assert_eq!(server.count("users"), registered);
    // Others are served meanwhile and after: nobody waits for hashing but who asked for it.
    server.send(Request::get("/livez")).await.expect(200);
}

#[tokio::test]
async fn registrations_renewals_and_changes_of_password_are_limited_by_429() {
    let server = Server::with(Options {
        settings: Box::new(|settings| {
            let one = Some(Budget {
                burst: 1,
                every: Duration::from_mins(1),
            });
            settings.limits = LimitSettings {
                registration: one,
                refresh: one,
                ..LimitSettings::default()
            };
        }),
        ..Options::default()
    })
    .await;
    let wait = |answer: crate::support::client::Answer| -> u64 {
        answer.header("retry-after").unwrap().parse().unwrap()
    };
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let form = json!({ "email": "bob@example.com", "password": PASSWORD });
    let second = server.send(Request::post("/v1/register").json(&form)).await;
    assert_eq!(wait(second.refused(429, "too_many_requests")), 60);
    assert_eq!(server.count("users"), 1);

    server.put_client("phone", ClientKind::Native, |_| {}).await;
    let mut phone = Phone::signed_in(&server, "alice@example.com").await;
    phone.refresh().await.expect(200);
    let second = phone.refresh().await.refused(429, "too_many_retries");
    assert_eq!(wait(second), 60);
    assert!(phone.is_welcome().await, "it costs nobody the session");

    let mut alice = alice;
    let guess =
        json!({ "current_password": "a wrong guess", "new_password": "eight blue kettles" });
    let guess = || Request::post("/v1/me/password").json(&guess);
    for _ in 0..5 {
        alice.call(guess()).await.refused(403, "wrong_password");
    }
    let sixth = alice.call(guess()).await.refused(429, "too_many_requests");
    assert_eq!(wait(sixth), 1);
}

/// A body that does not come costs its sender the request, and nobody else anything.
#[tokio::test]
async fn a_request_has_its_time() {
    let server = Server::with(Options {
        http: Settings {
            request_timeout: Duration::from_millis(100),
            ..Settings::default()
        },
        ..Options::default()
    })
    .await;
    let stuck = Request::post("/v1/login")
        .header("Content-Type", "application/json")
        .header("Content-Length", "100")
        .body(*b"{");
    let refused = server.send(stuck).await.refused(503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    server.send(Request::get("/livez")).await.expect(200);
}

/// One that does not say its length in advance is measured as it comes.
#[tokio::test]
async fn a_body_in_chunks_is_bounded_like_any_other() {
    let server = Server::start().await;
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for (chunks, code) in [(3, "malformed_json"), (5, "body_too_large")] {
        let body = format!("{}0\r\n\r\n", chunk.repeat(chunks));
        let request = Request::post("/v1/login")
            .header("Content-Type", "application/json")
            .header("Transfer-Encoding", "chunked")
            .body(body);
        assert_eq!(server.send(request).await.code(), code);
    }
}

/// Alive is the process; ready is what has its store.
#[tokio::test]
async fn without_its_store_a_server_is_alive_but_not_ready() {
    let server = Server::start().await;
    server.send(Request::get("/readyz")).await.expect(200);
    server.lose_store().await;
    server.send(Request::get("/livez")).await.expect(200);
    server
        .send(Request::get("/readyz"))
        .await
        .refused(503, "unavailable");
}
