//! What services learn about tokens, and which they take back: `POST /oauth/introspect`, `/oauth/revoke`.

use std::time::Duration;

use countersign_auth::model::client::{ClaimSource, ClientKind};
use countersign_auth::visitor::Visitor;
use countersign_jose::{DecryptionKey, KeyManagement};
use serde_json::{Value, json};

use crate::actors::{Browser, Phone, Service};
use crate::server::Server;
use crate::support::client::Answer;

const ORDERS: &str = "https://orders.example.com";
const OTHER: &str = "https://other.example.com";

/// A server with the service `orders`, and an application whose tokens are for it.
async fn server() -> Server {
    let server = Server::start().await;
    server
        .put_client("phone", ClientKind::Native, |client| {
            client.audience = Some(ORDERS.to_owned());
            client.scope = Some("orders:read".to_owned());
        })
        .await;
    server
}

async fn orders<'a>(server: &'a Server, scope: Option<&str>) -> Service<'a> {
    Service::registered(server, "orders", |client| {
        client.serves = Some(ORDERS.to_owned());
        client.scope = scope.map(str::to_owned);
    })
    .await
}

async fn phone(server: &Server) -> Phone<'_> {
    server.register("alice@example.com").await;
    Phone::signed_in(server, "alice@example.com").await
}

async fn ask(server: &Server, service: &Service<'_>, token: &str) -> Value {
    let form = service.by_header("/oauth/introspect").field("token", token);
    let answer = server.send(form.request()).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

async fn revoke(server: &Server, service: &Service<'_>, token: &str) -> Answer {
    let form = service.by_header("/oauth/revoke").field("token", token);
    server.send(form.request()).await
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[tokio::test]
async fn a_service_learns_what_a_token_for_it_is_worth() {
    let server = server().await;
    let orders = orders(&server, None).await;
    let phone = phone(&server).await;
    let known = ask(&server, &orders, &phone.access_token).await;
    let now = server.auth.env().now().unix().as_secs();
    let expected = json!({
        "active": true, "token_type": "Bearer", "iss": server.issuer, "aud": ORDERS, "sub": known["sub"],
        "client_id": "phone", "scope": "orders:read", "iat": now, "exp": now + 300, "jti": known["jti"],
        "sid": known["sid"], "auth_time": now, "amr": ["pwd"], "epochs": [0, 0, 0],
    });
    assert_eq!(known, expected, "and nothing about the account");
    // An access token that has expired is good for nothing.
    server.advance(Duration::from_secs(400));
    assert_eq!(ask(&server, &orders, &phone.access_token).await, inactive());
}

/// A node that could not read the log for a minute does not know what was taken back since, and does not guess.
#[tokio::test]
async fn of_what_a_node_has_not_heard_it_says_nothing() {
    let server = server().await;
    let orders = orders(&server, None).await;
    let phone = phone(&server).await;
    let form = || orders.by_header("/oauth/introspect");
    let about = |token: &str| form().field("token", token).request();
    server.advance(Duration::from_mins(1));
    let told = server.send(about(&phone.access_token)).await.expect(200);
    assert_eq!(told.json()["active"], true);
    server.advance(Duration::from_secs(1));
    let told = server.send(about(&phone.access_token)).await.expect(503);
    assert_eq!(told.json()["error"], "temporarily_unavailable");
    assert!(told.header("retry-after").is_some());
    // What is no token is none, whatever was heard.
    let told = server.send(about("x")).await.expect(200);
    assert_eq!(told.json(), inactive());
    server.auth.hear_revocations().await.unwrap();
    server.send(about(&phone.access_token)).await.expect(200);
}

#[tokio::test]
async fn it_learns_nothing_of_what_is_not_its_business() {
    let server = server().await;
    let orders = orders(&server, Some("accounts")).await;
    let phone = phone(&server).await;
    let other = Service::registered(&server, "other", |client| {
        client.serves = Some(OTHER.to_owned());
        // It may call the service that the token is for, and is not that service.
        client.audience = Some(ORDERS.to_owned());
        client.scope = Some("accounts".to_owned());
    })
    .await;
    let nothing = Service::registered(&server, "nothing", |_| {}).await;
    let bob = Browser::signed_in(&server, "bob@example.com").await;
    for (service, token) in [
        (&other, &*phone.access_token),
        (&nothing, &phone.access_token),
        (&nothing, &bob.access_token),
        (&orders, &bob.access_token),
        (&orders, &phone.refresh_token),
        (&orders, "x"),
        (&orders, &"x".repeat(9000)),
    ] {
        assert_eq!(
            ask(&server, service, token).await,
            inactive(),
            "{}",
            service.id
        );
    }
    assert_eq!(
        ask(&server, &orders, &phone.access_token).await["active"],
        true
    );
}

#[tokio::test]
async fn the_account_is_for_those_who_may_know_it() {
    let server = server().await;
    let orders = orders(&server, Some("revocations accounts")).await;
    let phone = phone(&server).await;
    let known = ask(&server, &orders, &phone.access_token).await;
    assert_eq!(known["account"]["email"], "alice@example.com");
    assert_eq!(known["account"]["roles"], json!([]));
    assert_eq!(known["account"]["id"], known["sub"]);
    assert!(!known.to_string().contains("password"), "{known}");
    // A service has none.
    let caller = Service::registered(&server, "caller", |client| {
        client.audience = Some(ORDERS.to_owned());
    })
    .await;
    let known = ask(&server, &orders, &caller.token().await).await;
    assert_eq!(
        (&known["active"], &known["sub"]),
        (&json!(true), &json!("caller"))
    );
    assert!(known.get("account").is_none(), "{known}");
}

#[tokio::test]
async fn what_was_taken_back_is_not_active() {
    let server = server().await;
    let orders = orders(&server, None).await;
    let phone = phone(&server).await;
    let user = server.user("alice@example.com").await;
    let operator = Visitor::operator();
    assert_eq!(
        ask(&server, &orders, &phone.access_token).await["active"],
        true
    );
    server
        .auth
        .set_user_enabled(user.id, false, &operator)
        .await
        .unwrap();
    assert_eq!(ask(&server, &orders, &phone.access_token).await, inactive());
}

#[tokio::test]
async fn a_service_takes_tokens_back() {
    let server = server().await;
    let orders = orders(&server, None).await;
    let phone = phone(&server).await;
    let other = Phone::signed_in(&server, "alice@example.com").await;

    // That one token, for the audience that it serves: the session goes on.
    let done = revoke(&server, &orders, &phone.access_token)
        .await
        .expect(200);
    assert_eq!(
        (done.header("cache-control"), done.body.len()),
        (Some("no-store"), 0)
    );
    assert_eq!(ask(&server, &orders, &phone.access_token).await, inactive());
    assert_eq!(
        ask(&server, &orders, &other.access_token).await["active"],
        true
    );
    let renewed = phone.present(&phone.refresh_token).await.expect(200).json();
    let renewed = renewed["access_token"].as_str().unwrap();
    assert_eq!(ask(&server, &orders, renewed).await["active"], true);

    // A refresh token: the session, with all that was issued from it.
    revoke(&server, &orders, &phone.refresh_token)
        .await
        .expect(200);
    assert_eq!(ask(&server, &orders, renewed).await, inactive());
    phone
        .present(&phone.refresh_token)
        .await
        .refused(401, "refresh_invalid");
    assert_eq!(
        ask(&server, &orders, &other.access_token).await["active"],
        true
    );

    // Its own.
    let own = orders.token().await;
    assert!(server.auth.check(&own).is_ok());
    revoke(&server, &orders, &own).await.expect(200);
    assert!(server.auth.check(&own).is_err());
}

#[tokio::test]
async fn it_takes_back_nobody_elses() {
    let server = server().await;
    let orders = orders(&server, None).await;
    let phone = phone(&server).await;
    let bob = Browser::signed_in(&server, "bob@example.com").await;
    let caller = Service::registered(&server, "caller", |client| {
        client.audience = Some(ORDERS.to_owned());
    })
    .await;
    let elsewhere = Service::registered(&server, "elsewhere", |client| {
        client.audience = Some(OTHER.to_owned());
    })
    .await;
    let elsewhere = elsewhere.token().await;
    let before = server.dump();
    // Of an audience that it may call, and that it is not; of the issuer's account interface; of one that it has nothing
    // to do with.
    for (service, token) in [
        (&caller, &phone.access_token),
        (&orders, &bob.access_token),
        (&caller, &bob.access_token),
        (&orders, &elsewhere),
        (&caller, &elsewhere),
    ] {
        revoke(&server, service, token)
            .await
            .oauth_refused(400, "unauthorized_client");
    }
    // What is good for nothing is no error.
    let other = Server::start().await;
    let foreign = Browser::signed_in(&other, "bob@example.com").await;
    for token in [
        "x",
        "csr1_x",
        &foreign.access_token,
        &bob.access_token[..40],
    ] {
        revoke(&server, &orders, token).await.expect(200);
    }
    assert_eq!(server.dump(), before);
    assert_eq!(
        ask(&server, &orders, &phone.access_token).await["active"],
        true
    );
    assert!(server.auth.check(&bob.access_token).is_ok());
    assert!(server.auth.check_for(OTHER, &elsewhere).is_ok());
    // So is what was good once.
    server.advance(Duration::from_secs(400));
    for token in [&bob.access_token, &elsewhere] {
        revoke(&server, &orders, token).await.expect(200);
    }
    assert_eq!(server.dump(), before);
}

/// Its audiences may have changed since.
#[tokio::test]
async fn it_takes_its_own_back_whatever_they_are_for() {
    let server = server().await;
    let caller = Service::registered(&server, "caller", |client| {
        client.audience = Some(ORDERS.to_owned());
        client.more_audiences = vec![OTHER.to_owned()];
    })
    .await;
    let mut tokens = Vec::new();
    for audience in [ORDERS, OTHER] {
        let answer = caller.ask(&[("resource", audience)]).await.expect(200);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        tokens.push((audience, token));
    }
    server
        .put_client("caller", ClientKind::Service, |_| {})
        .await;
    for (audience, token) in tokens {
        assert!(
            server.auth.check_for(audience, &token).is_ok(),
            "{audience}"
        );
        revoke(&server, &caller, &token).await.expect(200);
        assert!(
            server.auth.check_for(audience, &token).is_err(),
            "{audience}"
        );
    }
}

/// Whose it is, this server cannot read: not even who asks for it to be taken back is told that it was.
#[tokio::test]
async fn an_encrypted_token_is_not_said_to_be_taken_back() {
    let server = server().await;
    let orders = orders(&server, None).await;
    let key = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let jwk = json!({ "jwk": key.encryption_key().public_jwk().unwrap() });
    let caller = Service::registered(&server, "caller", |client| {
        client.audience = Some(ORDERS.to_owned());
        client.encrypt_to = Some(serde_json::from_value(jwk).unwrap());
    })
    .await;
    let token = caller.token().await;
    assert_eq!(token.matches('.').count(), 4);
    let before = server.dump();
    for service in [&caller, &orders] {
        revoke(&server, service, &token)
            .await
            .oauth_refused(400, "unsupported_token_type");
    }
    assert_eq!(server.dump(), before);
}

/// An application's own claims cannot say that a token is good, or whose it is.
#[tokio::test]
async fn a_mapped_claim_is_no_answer() {
    let server = server().await;
    let orders = orders(&server, None).await;
    server
        .put_client("phone", ClientKind::Native, |client| {
            client.audience = Some(ORDERS.to_owned());
            let mapped = ["active", "account", "token_type", "mail"];
            client.claims = mapped
                .map(|name| (name.to_owned(), ClaimSource::Email))
                .into();
        })
        .await;
    let phone = phone(&server).await;
    let known = ask(&server, &orders, &phone.access_token).await;
    assert_eq!(known["mail"], "alice@example.com");
    assert_eq!(
        (&known["active"], &known["token_type"]),
        (&json!(true), &json!("Bearer"))
    );
    assert!(known.get("account").is_none(), "{known}");
}
