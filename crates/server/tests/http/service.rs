//! Service to service: `POST /oauth/token`.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_auth::clients::ClientError;
use countersign_auth::limits::LimitSettings;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind};
use countersign_auth::settings::Audience;
use countersign_auth::visitor::Visitor;
use countersign_jose::Algorithm;
use serde_json::{Value, json};

use crate::actors::{Browser, Service};
use crate::server::{Options, PASSWORD, Server};
use crate::support::client::Request;

/// A change of a registration.
type Change = fn(&mut Client);

const PRICING: &str = "https://pricing.example.com";
const BILLING: &str = "https://billing.example.com";

/// Registers the service `orders`, which may call two others.
async fn orders(server: &Server) -> Service<'_> {
    Service::registered(server, "orders", |client| {
        client.scope = Some("prices:read bills:write".to_owned());
        client.audience = Some(PRICING.to_owned());
        client.more_audiences = vec![BILLING.to_owned()];
    })
    .await
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_service_gets_a_token_for_itself() {
    let server = Server::start().await;
    let orders = orders(&server).await;
    let answer = orders.ask(&[]).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (
            &json!("Bearer"),
            &json!(300),
            &json!("prices:read bills:write")
        )
    );
    let claims = claims(body["access_token"].as_str().unwrap());
    let now = server.auth.env().now().unix().as_secs();
    let expected = json!({
        "iss": server.issuer, "sub": "orders", "client_id": "orders", "aud": PRICING,
        "iat": now, "exp": now + 300, "jti": claims["jti"], "scope": "prices:read bills:write",
        "epochs": [0, 0, 0],
    });
    assert_eq!(claims, expected);
    assert_eq!(server.audited("service_token_issued"), 1);
    // No two are alike, and whoever sends its secret in the body gets one as well.
    let form = orders
        .by_body("/oauth/token")
        .field("grant_type", "client_credentials");
    let another = server.send(form.request()).await.expect(200).json();
    let another = self::claims(another["access_token"].as_str().unwrap());
    assert_eq!(another["sub"], "orders");
    assert_ne!(another["jti"], claims["jti"]);
}

#[tokio::test]
async fn it_asks_for_less_or_for_another_of_its_audiences() {
    let server = Server::start().await;
    let orders = orders(&server).await;
    for (fields, audience, scope) in [
        (&[("scope", "prices:read")][..], PRICING, "prices:read"),
        (&[("resource", BILLING)], BILLING, "prices:read bills:write"),
        (
            &[("audience", BILLING), ("scope", "bills:write")],
            BILLING,
            "bills:write",
        ),
        (
            &[("resource", PRICING), ("audience", PRICING)],
            PRICING,
            "prices:read bills:write",
        ),
        // Fields that are not known, and such without a value, are passed over (RFC 6749 §3.2).
        (
            &[
                ("scope", ""),
                ("resource", ""),
                ("nonce", "x"),
                ("nonce", "y"),
            ],
            PRICING,
            "prices:read bills:write",
        ),
    ] {
        let body = orders.ask(fields).await.expect(200).json();
        assert_eq!(body["scope"], scope, "{fields:?}");
        let claims = claims(body["access_token"].as_str().unwrap());
        assert_eq!(
            (&claims["aud"], &claims["scope"]),
            (&audience.into(), &scope.into()),
            "{fields:?}"
        );
    }
    for audience in [
        &*server.issuer,
        "https://pricing.example.com/",
        "HTTPS://PRICING.EXAMPLE.COM",
    ] {
        let refused = orders.ask(&[("resource", audience)]).await;
        refused.oauth_refused(400, "invalid_target");
    }
    assert_eq!(server.audited("service_token_issued"), 5);

    // Without a scope or an audience of its own it gets neither, and the issuer's.
    let plain = Service::registered(&server, "plain", |_| {}).await;
    let body = plain.ask(&[]).await.expect(200).json();
    assert!(body.get("scope").is_none(), "{body}");
    let token = server
        .auth
        .check(body["access_token"].as_str().unwrap())
        .unwrap();
    assert_eq!(
        (token.aud.as_str(), &token.scope, &token.sid),
        (server.issuer.as_str(), &None, &None)
    );
    plain
        .ask(&[("scope", "x")])
        .await
        .oauth_refused(400, "invalid_scope");
}

#[tokio::test]
async fn two_secrets_are_good_while_one_takes_the_others_place() {
    let server = Server::start().await;
    let orders = orders(&server).await;
    let first = orders.secret.clone();
    assert!(
        first.starts_with("css_") && first.len() == 47,
        "{}",
        first.len()
    );
    let second = orders.another_secret(Duration::from_mins(10)).await;
    assert_ne!(first, second);
    assert!(orders.is_known_by(&first).await && orders.is_known_by(&second).await);
    server.advance(Duration::from_secs(599));
    assert!(orders.is_known_by(&first).await);
    server.advance(Duration::from_secs(1));
    assert!(!orders.is_known_by(&first).await && orders.is_known_by(&second).await);

    // A third while two are live: the oldest goes at once.
    let third = orders.another_secret(Duration::from_hours(1)).await;
    let fourth = orders.another_secret(Duration::from_hours(2)).await;
    assert!(!orders.is_known_by(&second).await);
    assert!(orders.is_known_by(&third).await && orders.is_known_by(&fourth).await);
    // One that leaked: none of the others is good any more.
    let fifth = orders.another_secret(Duration::ZERO).await;
    assert!(!orders.is_known_by(&third).await && !orders.is_known_by(&fourth).await);
    assert!(orders.is_known_by(&fifth).await);
    assert_eq!(server.audited("client_secret_added"), 5);

    // What is kept is no secret.
    let dump = server.dump();
    for secret in [&first, &second, &third, &fourth, &fifth] {
        assert!(!dump.contains(&**secret) && !dump.contains(&secret[4..]));
    }
}

#[tokio::test]
async fn what_a_service_knows_survives_a_restart() {
    let server = Server::start().await;
    let orders = orders(&server).await;
    let second = orders.another_secret(Duration::from_mins(10)).await;
    let first = orders.secret.clone();
    let options = Options {
        issuer: Some(server.issuer.clone()),
        ..Options::default()
    };
    let (folder, now) = server.stop().await;
    let server = Server::on(folder, now, options).await;
    let orders = Service::known(&server, "orders", &second);
    assert!(orders.is_known_by(&second).await && orders.is_known_by(&first).await);
    server.advance(Duration::from_mins(10));
    assert!(orders.is_known_by(&second).await && !orders.is_known_by(&first).await);
}

#[tokio::test]
async fn a_disabled_service_gets_nothing_and_loses_what_it_has() {
    let server = Server::start().await;
    let orders = Service::registered(&server, "orders", |_| {}).await;
    let token = orders.token().await;
    assert!(server.auth.check(&token).is_ok());
    let id = "orders".parse().unwrap();
    let operator = Visitor::operator();
    server
        .auth
        .set_client_enabled(&id, false, &operator)
        .await
        .unwrap();
    assert!(server.auth.check(&token).is_err());
    let refused = orders.ask(&[]).await.oauth_refused(401, "invalid_client");
    assert!(refused.text().contains("disabled"), "{}", refused.text());
    // Who does not have the secret does not learn that it is disabled.
    let guess = Service::known(&server, "orders", "css_guess")
        .ask(&[])
        .await;
    assert!(
        !guess
            .oauth_refused(401, "invalid_client")
            .text()
            .contains("disabled")
    );
    server
        .auth
        .set_client_enabled(&id, true, &operator)
        .await
        .unwrap();
    assert!(server.auth.check(&orders.token().await).is_ok());
    assert!(server.auth.check(&token).is_err());
}

#[tokio::test]
async fn nobody_signs_in_to_a_service() {
    let server = Server::start().await;
    let orders = Service::registered(&server, "orders", |_| {}).await;
    server.register("alice@example.com").await;
    let form = json!({ "email": "alice@example.com", "password": PASSWORD, "client_id": "orders" });
    let refused = server.send(Request::post("/v1/login").json(&form)).await;
    refused.refused(403, "service_client");
    let form = json!({ "client_id": "orders", "refresh_token": "csr1_x" });
    let refused = server.send(Request::post("/v1/refresh").json(&form)).await;
    refused.refused(403, "service_client");
    // Its token is nobody's account.
    let token = orders.token().await;
    let me = server.send(Request::get("/v1/me").bearer(&token)).await;
    me.refused(401, "token_revoked");
    let out = server
        .send(Request::post("/v1/logout").bearer(&token))
        .await;
    out.refused(404, "no_such_session");
    // And no token of a person's makes a service.
    let mut alice = Browser::signed_in(&server, "bob@example.com").await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "default"),
    ];
    let refused = alice.call(Request::post("/oauth/token").form(&form)).await;
    refused.oauth_refused(401, "invalid_client");
}

#[tokio::test]
async fn who_guesses_waits_and_the_service_does_not() {
    let server = Server::with(Options {
        settings: Box::new(|settings| settings.limits = LimitSettings::default()),
        ..Options::default()
    })
    .await;
    let orders = Service::registered(&server, "orders", |_| {}).await;
    let guess = Service::known(&server, "orders", "css_guess");
    let mut told = Vec::new();
    for _ in 0..15 {
        told.push(guess.ask(&[]).await);
    }
    let waits = told.iter().filter(|answer| answer.status == 429).count();
    assert!((1..=5).contains(&waits), "{waits}");
    let last = told
        .pop()
        .unwrap()
        .oauth_refused(429, "temporarily_unavailable");
    let wait: u64 = last.header("retry-after").unwrap().parse().unwrap();
    // Nobody can keep the service from its token, not even from its own address.
    assert_eq!(orders.ask(&[]).await.status, 200);
    // Its success forgave what was counted before.
    guess.ask(&[]).await.oauth_refused(401, "invalid_client");
    server.advance(Duration::from_secs(wait));

    // Invented names are one: whoever changes them is limited as well, and the trail does not grow without end.
    let lines = server.audited("client_not_proved");
    let mut refused = 0;
    for number in 0..50 {
        let name = format!("name-{number}");
        let answer = Service::known(&server, &name, "css_guess").ask(&[]).await;
        refused += u32::from(answer.status == 429);
    }
    assert!(refused >= 35, "{refused}");
    assert_eq!(server.audited("client_not_proved") - lines, 50 - refused);
}

#[tokio::test]
async fn a_service_gone_wild_is_slowed() {
    let server = Server::with(Options {
        settings: Box::new(|settings| {
            settings.limits = LimitSettings::default();
            let budget = settings.limits.service_token.as_mut().unwrap();
            budget.burst = 3;
        }),
        ..Options::default()
    })
    .await;
    let orders = Service::registered(&server, "orders", |_| {}).await;
    for _ in 0..3 {
        orders.token().await;
    }
    let refused = orders
        .ask(&[])
        .await
        .oauth_refused(429, "temporarily_unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(server.audited("service_token_issued"), 3);
}

#[tokio::test]
async fn its_tokens_are_signed_as_their_audience_asks_for() {
    let server = Server::with(Options {
        settings: Box::new(|settings| {
            settings.audiences = vec![Audience {
                name: BILLING.to_owned(),
                signing_algorithm: Some(Algorithm::EdDSA),
                encrypt_to: None,
            }];
        }),
        ..Options::default()
    })
    .await;
    let orders = orders(&server).await;
    for (audience, algorithm) in [(PRICING, Algorithm::ES256), (BILLING, Algorithm::EdDSA)] {
        let body = orders
            .ask(&[("resource", audience)])
            .await
            .expect(200)
            .json();
        let header = body["access_token"]
            .as_str()
            .unwrap()
            .split('.')
            .next()
            .unwrap()
            .to_owned();
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(header).unwrap()).unwrap();
        assert_eq!(
            (&header["alg"], &header["typ"]),
            (&algorithm.name().into(), &"at+jwt".into())
        );
    }
}

#[tokio::test]
async fn a_service_is_registered_as_one_and_stays_one() {
    let server = Server::start().await;
    let operator = Visitor::operator();
    let put = async |id: &str, kind, change: Change| {
        let mut client = Client::new(id.parse().unwrap(), kind, server.auth.env().now());
        change(&mut client);
        server.auth.put_client(client, &operator).await
    };
    let change: [(&str, ClientKind, Change); 8] = [
        ("a page acts for it", ClientKind::Service, |client| {
            client.origins = vec!["https://a.example".to_owned()];
        }),
        ("a user's claim", ClientKind::Service, |client| {
            client.claims = [("email".to_owned(), ClaimSource::Email)].into();
        }),
        ("a session", ClientKind::Service, |client| {
            client.idle_ttl = Duration::from_hours(1);
        }),
        ("a long session", ClientKind::Service, |client| {
            client.absolute_ttl = Duration::from_hours(9000);
        }),
        ("an empty audience", ClientKind::Service, |client| {
            client.more_audiences = vec![String::new()];
        }),
        ("serves nothing", ClientKind::Service, |client| {
            client.serves = Some(String::new());
        }),
        ("a browser that serves", ClientKind::Browser, |client| {
            client.serves = Some(PRICING.to_owned());
        }),
        ("a phone with audiences", ClientKind::Native, |client| {
            client.more_audiences = vec![PRICING.to_owned()];
        }),
    ];
    for (name, kind, change) in change {
        assert!(put("other", kind, change).await.is_err(), "{name}");
    }
    put("orders", ClientKind::Service, |_| {}).await.unwrap();
    for (id, kind) in [
        ("orders", ClientKind::Native),
        ("default", ClientKind::Service),
    ] {
        let changed = put(id, kind, |_| {}).await;
        assert!(matches!(changed, Err(ClientError::Kind(_))), "{id}");
    }
    let none = server
        .auth
        .add_client_secret(&"default".parse().unwrap(), Duration::ZERO, &operator)
        .await;
    assert!(matches!(none, Err(ClientError::Kind(_))));
}
