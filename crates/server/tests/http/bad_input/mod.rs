//! Everything that can be wrong with a request: each has its status, its code, a message that helps, and leaves the
//! data as it was.

mod accounts;
mod oauth;
mod paths;
mod registrations;
mod renewals;
mod shapes;
mod sign_ins;
mod tokens;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::http::Code;
use countersign_auth::limits::LimitSettings;
use countersign_auth::model::client::ClientKind;
use countersign_auth::visitor::Visitor;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::json;

use crate::actors::{Browser, Service};
use crate::server::{Options, PASSWORD, Server};
use crate::support::client::{Answer, Request};

/// What no answer may repeat.
const SECRET: &str = "a-secret-that-no-answer-repeats";

/// A request and how it is refused.
struct Case {
    name: &'static str,
    code: Code,
    /// What the message must hold to be of help.
    hint: &'static str,
    request: Request,
}

impl Case {
    fn new(name: &'static str, code: Code, hint: &'static str, request: Request) -> Self {
        Self {
            name,
            code,
            hint,
            request,
        }
    }

    #[track_caller]
    fn check(&self, answer: &Answer) {
        let path = self.request.path();
        let what = format!("{}: {path}: {}", self.name, answer.everything());
        let status = self.code.status().as_u16();
        assert_eq!(
            (answer.status, answer.code()),
            (status, self.code.name().to_owned()),
            "{what}"
        );
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{what}");
        assert_eq!(problem["title"], self.code.title(), "{what}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.len() > 10 && detail.contains(self.hint), "{what}");
        assert!(!answer.everything().contains(SECRET), "{what}");
        let challenged = answer.header("www-authenticate").is_some();
        let challenging = status == 401 || self.code == Code::DuplicateCredentials;
        assert_eq!(challenged, challenging, "{what}");
        assert!(answer.header("set-cookie").is_none(), "{what}");
    }
}

#[tokio::test]
async fn every_mistake_is_told_and_changes_nothing() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let server = Server::with(Options {
        own_key: Some(key.clone()),
        ..Options::default()
    })
    .await;
    server.put_client("phone", ClientKind::Native, |_| {}).await;
    let closed = server.put_client("closed", ClientKind::Browser, |client| {
        client.enabled = false;
    });
    closed.await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    server.register("bob@example.com").await;
    let bob = server.user("bob@example.com").await;
    let operator = Visitor::operator();
    server
        .auth
        .set_user_enabled(bob.id, false, &operator)
        .await
        .unwrap();
    let elsewhere = Server::start().await;
    let foreign = Browser::signed_in(&elsewhere, "alice@example.com")
        .await
        .access_token;

    let now = server.auth.env().now().unix().as_secs();
    let mut cases = shapes::cases();
    cases.extend(paths::cases());
    cases.extend(registrations::cases());
    cases.extend(sign_ins::cases());
    cases.extend(renewals::cases(&alice));
    cases.extend(accounts::cases(&alice));
    cases.extend(tokens::cases(&alice.access_token, &foreign));
    cases.extend(tokens::well_signed(&alice.access_token, &key, now));

    let before = server.dump();
    let mut codes = BTreeSet::new();
    for case in &cases {
        case.check(&server.send(case.request.clone()).await);
        assert_eq!(server.dump(), before, "{}", case.name);
        codes.insert(case.code.name());
    }
    let orders = Service::registered(&server, "orders", |client| {
        client.scope = Some("prices:read".to_owned());
    })
    .await;
    let before = server.dump();
    let mistakes = oauth::mistakes(&orders);
    for mistake in &mistakes {
        mistake.check(&server.send(mistake.request.clone()).await);
        assert_eq!(server.dump(), before, "{}", mistake.name);
    }
    println!("{} mistakes in forms", mistakes.len());
    println!("{} cases, {} codes", cases.len(), codes.len());
    assert!(
        cases.len() >= 170 && codes.len() >= 32,
        "{} {}",
        cases.len(),
        codes.len()
    );
}

#[tokio::test]
async fn an_expired_token_says_since_when() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    server.advance(Duration::from_secs(1000));
    let refused = alice
        .call(Request::get("/v1/me"))
        .await
        .refused(401, "token_expired");
    let problem = refused.json();
    assert!(
        problem["detail"].as_str().unwrap().contains("700 s ago"),
        "{problem}"
    );
    let challenge = refused.header("www-authenticate").unwrap();
    let told = r#"Bearer realm="countersign", error="invalid_token", error_description=""#;
    assert!(challenge.starts_with(told), "{challenge}");
}

#[tokio::test]
async fn closed_registration_says_whom_to_ask() {
    let server = Server::with(Options {
        settings: Box::new(|settings| settings.registration = false),
        ..Options::default()
    })
    .await;
    let form = json!({ "email": "carol@example.com", "password": PASSWORD });
    let answer = server.send(Request::post("/v1/register").json(&form)).await;
    answer.refused(403, "registration_closed");
    assert_eq!(server.count("users"), 0);
}

#[tokio::test]
async fn who_guesses_is_told_when_to_come_again() {
    let server = Server::with(Options {
        settings: Box::new(|settings| settings.limits = LimitSettings::default()),
        ..Options::default()
    })
    .await;
    server.register("alice@example.com").await;
    let guess = Request::post("/v1/login")
        .json(&json!({ "email": "alice@example.com", "password": SECRET }));
    let mut last = server.send(guess.clone()).await;
    for _ in 0..100 {
        if last.status == 429 {
            break;
        }
        last = server.send(guess.clone()).await;
    }
    let refused = last.refused(429, "too_many_requests");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    server.advance(Duration::from_secs(wait));
    server.send(guess).await.refused(401, "invalid_credentials");
}
