//! `countersign-guard` and this server: what one takes back, the other refuses.

use std::sync::Arc;
use std::time::Duration;

use countersign_auth::Auth;
use countersign_auth::model::client::{ClientKind, Style};
use countersign_auth::model::id::UserId;
use countersign_auth::model::key::{KeyPurpose, KeyState};
use countersign_auth::settings::Audience;
use countersign_auth::visitor::Visitor;
use countersign_guard::Guard;
use countersign_guard::net::{Clock, Connected, Feed, Options, ServiceClient, WhenStale};
use countersign_jose::{DecryptionKey, DecryptionKeySet, KeyManagement};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::actors::{Browser, Service};
use crate::server::{self, BEGINNING, PASSWORD, Server, in_front_of};
use crate::support::client::Request;

/// Stands still, as the server's does.
struct Frozen;

impl Clock for Frozen {
    fn wall(&self) -> Duration {
        Duration::from_secs(BEGINNING)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// A service's clocks, which go with the server's.
pub struct Same(pub Arc<Auth>);

impl Clock for Same {
    fn wall(&self) -> Duration {
        self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.env().now().as_millis())
    }
}

/// Options of a service that checks tokens for the server itself.
pub async fn options(server: &Server) -> Options {
    options_for(server, &server.issuer).await
}

/// Options of a service that checks tokens for this audience.
pub async fn options_for(server: &Server, audience: &str) -> Options {
    let service = Service::registered(server, "orders", |client| {
        client.scope = Some("revocations accounts".to_owned());
        client.serves = Some(audience.to_owned());
    })
    .await;
    let client = ServiceClient::new("orders", service.secret);
    Options::new(&server.issuer, audience, client, WhenStale::refuse()).clock(Frozen)
}

pub async fn guard(options: Options) -> Connected {
    let guard = Guard::connect(options).await.unwrap();
    assert!(guard.knowing().connected, "{guard:?}");
    guard
}

pub async fn soon(guard: &Connected, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "never: {guard:?}"
        );
        sleep(Duration::from_millis(1)).await;
    }
}

/// The code with which the guard refuses the token, soon.
pub async fn refused(guard: &Connected, token: &str) -> &'static str {
    let begun = Instant::now();
    soon(guard, async || guard.check(token).await.is_err()).await;
    let code = guard.check(token).await.unwrap_err().code();
    println!("{code} after {:?}", begun.elapsed());
    code
}

#[tokio::test]
async fn a_guard_refuses_what_the_server_takes_back() {
    let poll = Feed::Poll {
        every: Duration::from_millis(50),
    };
    for (feed, hashed) in [
        (Feed::Stream, false),
        (Feed::Stream, true),
        (poll, false),
        (poll, true),
    ] {
        let server = Server::start().await;
        let options = options(&server).await.feed(feed);
        let options = if hashed {
            options.hashed_ids()
        } else {
            options
        };
        let guard = guard(options).await;
        let mut alice = Browser::signed_in(&server, "alice@example.com").await;
        let mut bob = Browser::signed_in(&server, "bob@example.com").await;
        let claims = guard.check(&alice.access_token).await.unwrap();
        guard.check(&bob.access_token).await.unwrap();

        alice.sign_out().await.expect(204);
        assert_eq!(
            refused(&guard, &alice.access_token).await,
            "session_revoked"
        );
        let before = bob.access_token.clone();
        bob.change_password("another good password")
            .await
            .expect(200);
        assert_eq!(refused(&guard, &before).await, "subject_revoked");
        guard.check(&bob.access_token).await.unwrap();

        alice
            .sign_in_with("alice@example.com", PASSWORD)
            .await
            .expect(200);
        let user: UserId = claims.sub.parse().unwrap();
        let operator = Visitor::operator();
        let auth = &server.auth;
        auth.set_user_enabled(user, false, &operator).await.unwrap();
        assert_eq!(
            refused(&guard, &alice.access_token).await,
            "subject_revoked"
        );
        // One token of bob's, then all that were issued to his client.
        bob.refresh().await.expect(200);
        let jti = guard.check(&bob.access_token).await.unwrap().jti.clone();
        auth.revoke_token(&jti, &operator).await.unwrap();
        assert_eq!(refused(&guard, &bob.access_token).await, "token_revoked");
        bob.sign_in_with("bob@example.com", "another good password")
            .await
            .expect(200);
        let claims = guard.check(&bob.access_token).await.unwrap();
        let client = claims.client_id.parse().unwrap();
        auth.cut_off_client(&client, &operator).await.unwrap();
        assert_eq!(refused(&guard, &bob.access_token).await, "client_revoked");
        let knowing = guard.knowing();
        assert!(
            knowing.connected && knowing.troubles.is_empty(),
            "{knowing:?}"
        );
    }
}

/// What was taken back before a guard connected.
#[tokio::test]
async fn a_guard_that_comes_later_knows_as_much() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    alice.sign_out().await.expect(204);
    let guard = guard(options(&server).await).await;
    let denied = guard.check(&alice.access_token).await.unwrap_err();
    assert_eq!(denied.code(), "session_revoked");
}

/// The emergency: every token under the key is refused, the guard's own included, and it goes on.
#[tokio::test]
async fn a_guard_outlives_a_removed_key() {
    let server = Server::start().await;
    let guard = guard(options(&server).await).await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    guard.check(&alice.access_token).await.unwrap();
    server.auth.upkeep().await.unwrap();
    let keys = server.auth.keys();
    let active = keys
        .iter()
        .find(|key| key.purpose == KeyPurpose::Signing && key.state == KeyState::Active);
    let kid = &active.unwrap().kid;
    let operator = Visitor::operator();
    server.auth.remove_key(kid, &operator).await.unwrap();
    assert_eq!(refused(&guard, &alice.access_token).await, "key_revoked");
    alice
        .sign_in_with("alice@example.com", PASSWORD)
        .await
        .expect(200);
    soon(&guard, async || {
        guard.check(&alice.access_token).await.is_ok() && guard.knowing().connected
    })
    .await;
    alice.sign_out().await.expect(204);
    assert_eq!(
        refused(&guard, &alice.access_token).await,
        "session_revoked"
    );
}

/// Services behind a proxy see no token but those that forward-auth makes, for an audience that no client has.
#[tokio::test]
async fn a_guard_behind_forward_auth_hears_what_ends_in_front() {
    for in_front in [None, Some("https://orders.example.com".to_owned())] {
        let mut options = in_front_of(BEHIND);
        options.http.forward_auth.audience.clone_from(&in_front);
        let server = Server::with(options).await;
        server
            .put_client("app", ClientKind::Browser, |client| {
                client.audience = in_front;
            })
            .await;
        let guard = of_a_service_behind(&server).await;
        server.register("alice@example.com").await;
        let mut alice = Browser::of_client(&server, "app");
        let handed_on = async |alice: &Browser<'_>| {
            let ask = Request::get("/v1/forward-auth").bearer(&alice.access_token);
            let answer = server.send(ask).await.expect(200);
            answer.header("x-auth-token").unwrap().to_owned()
        };

        alice.sign_in("alice@example.com").await.expect(200);
        let token = handed_on(&alice).await;
        guard.check(&token).await.unwrap();
        let sign_out = Request::post("/v1/logout").json(&json!({ "client_id": "app" }));
        alice.send(sign_out).await.expect(204);
        assert_eq!(refused(&guard, &token).await, "session_revoked");

        alice.sign_in("alice@example.com").await.expect(200);
        let token = handed_on(&alice).await;
        guard.check(&token).await.unwrap();
        let (app, operator) = ("app".parse().unwrap(), Visitor::operator());
        server.auth.cut_off_client(&app, &operator).await.unwrap();
        assert_eq!(refused(&guard, &token).await, "client_revoked");
    }
}

/// What services behind a proxy are called.
const BEHIND: &str = "https://behind.example.com";

/// The guard of one, whose clocks stand still.
async fn of_a_service_behind(server: &Server) -> Connected {
    let service = Service::registered(server, "behind", |client| {
        client.scope = Some("revocations".to_owned());
        client.serves = Some(BEHIND.to_owned());
    })
    .await;
    let client = ServiceClient::new("behind", service.secret);
    let options = Options::new(&server.issuer, BEHIND, client, WhenStale::refuse());
    guard(options.clock(Frozen)).await
}

/// Behind a gateway they see those of the client's own audience, made for the holder of a session.
#[tokio::test]
async fn a_guard_behind_a_gateway_hears_what_ends_in_front() {
    let server = Server::start().await;
    server
        .put_client("app", ClientKind::Browser, |client| {
            client.style = Style::Gateway;
            client.audience = Some(BEHIND.to_owned());
        })
        .await;
    let guard = of_a_service_behind(&server).await;
    server.register("alice@example.com").await;
    let mut alice = Browser::of_client(&server, "app");
    let app = "app".parse().unwrap();
    for (end, told) in [("session", "session_revoked"), ("client", "client_revoked")] {
        alice.sign_in("alice@example.com").await.expect(200);
        let passed = alice.send(Request::get("/gateway/app")).await.expect(200);
        let token = passed.header("x-auth-token").unwrap();
        guard.check(token).await.unwrap();
        if end == "session" {
            let sign_out = Request::post("/v1/logout").json(&json!({ "client_id": "app" }));
            alice.send(sign_out).await.expect(204);
        } else {
            let operator = Visitor::operator();
            server.auth.cut_off_client(&app, &operator).await.unwrap();
        }
        assert_eq!(refused(&guard, token).await, told);
    }
}

/// The account behind a token, until it changes; and the service's own token, which has none.
#[tokio::test]
async fn a_guard_knows_accounts() {
    let server = Server::start().await;
    let guard = guard(options(&server).await).await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    for _ in 0..3 {
        let account = guard.account(&alice.access_token).await.unwrap().unwrap();
        assert_eq!(account["email"], "alice@example.com");
        assert!(!account.contains_key("name"), "{account:?}");
    }
    assert_eq!(guard.knowing().asked, 1);
    let name = json!({ "name": "Alice" });
    alice
        .call(Request::new("PATCH", "/v1/me").json(&name))
        .await
        .expect(200);
    soon(&guard, async || {
        let account = guard.account(&alice.access_token).await.unwrap().unwrap();
        account.get("name").is_some_and(|name| name == "Alice")
    })
    .await;
    let own = guard.service_token(&server.issuer, None).unwrap();
    let own = own.get().await.unwrap();
    assert_eq!(guard.check(own.reveal()).await.unwrap().sub, "orders");
    assert_eq!(guard.account(own.reveal()).await, Ok(None));
}

/// Tokens for this audience are encrypted to it, and the server is asked about what is inside.
#[tokio::test]
async fn a_guard_that_decrypts_knows_accounts_too() {
    const API: &str = "https://api.example";
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let to = json!({ "jwk": own.encryption_key().public_jwk().unwrap() });
    let audience = Audience {
        name: API.to_owned(),
        signing_algorithm: None,
        encrypt_to: Some(serde_json::from_value(to).unwrap()),
    };
    let server = Server::with(server::Options {
        settings: Box::new(|settings| settings.audiences = vec![audience]),
        ..server::Options::default()
    })
    .await;
    server.register("alice@example.com").await;
    server
        .put_client("desk", ClientKind::Native, |client| {
            client.audience = Some(API.to_owned());
        })
        .await;
    let form = json!({ "email": "alice@example.com", "password": PASSWORD, "client_id": "desk" });
    let signed_in = server.send(Request::post("/v1/login").json(&form)).await;
    let signed_in = signed_in.expect(200).json();
    let token = signed_in["access_token"].as_str().unwrap();

    let service = Service::registered(&server, "orders", |client| {
        client.scope = Some("revocations accounts".to_owned());
        client.serves = Some(API.to_owned());
    })
    .await;
    let client = ServiceClient::new("orders", service.secret);
    let options = Options::new(&server.issuer, API, client, WhenStale::refuse())
        .clock(Frozen)
        .encrypted_to(DecryptionKeySet::new(vec![own]).unwrap());
    let guard = guard(options).await;
    let account = guard.account(token).await.unwrap().unwrap();
    assert_eq!(account["email"], "alice@example.com");
}
