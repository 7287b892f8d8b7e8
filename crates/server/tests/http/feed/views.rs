//! What a reader gets to see: of one audience, with hashed identifiers.

use countersign_auth::feed::hashed_id as hash;
use countersign_auth::model::client::ClientKind;
use countersign_auth::visitor::Visitor;
use serde_json::{Value, json};

use super::reader::{Stream, key, page, revoke, token};
use super::streams::lively;
use crate::actors::Browser;
use crate::server::Server;
use crate::support::client::Request;
use countersign_auth::model::key::KeyState;

/// Two services, each with a client of its own, and a session that ended at each; then what concerns everybody.
async fn two_services(server: &Server) -> [String; 2] {
    let mut ended = Vec::new();
    server.register("alice@example.com").await;
    for name in ["shop", "bank"] {
        server
            .put_client(name, ClientKind::Browser, |client| {
                client.audience = Some(format!("https://{name}.example"));
            })
            .await;
        let mut alice = Browser::of_client(server, name);
        let answer = alice.sign_in("alice@example.com").await.expect(200).json();
        let token = answer["access_token"].as_str().unwrap();
        let payload = token.split('.').nth(1).unwrap();
        let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload);
        let claims: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
        ended.push(claims["sid"].as_str().unwrap().to_owned());
        let session = ended.last().unwrap().parse().unwrap();
        let operator = Visitor::operator();
        let end = server.auth.end_session(session, &operator).await;
        assert!(end.unwrap());
        cut_off(server, name).await;
    }
    revoke(server, "anybodys").await;
    ended.try_into().unwrap()
}

async fn cut_off(server: &Server, client: &str) {
    let (client, operator) = (client.parse().unwrap(), Visitor::operator());
    let cut_off = server.auth.cut_off_client(&client, &operator).await;
    cut_off.unwrap();
}

#[tokio::test]
async fn of_one_audience_it_tells_nothing_of_another() {
    let server = Server::with(lively()).await;
    let token = token(&server).await;
    let mut live = Stream::with(&server, &token, "?audience=https://shop.example", None).await;
    live.until("heartbeat").await;
    let [shop, bank] = two_services(&server).await;

    let issuer = format!("?audience={}", server.issuer);
    for (query, own, foreign) in [
        (
            "?audience=https://shop.example",
            Some((&shop, "shop")),
            [&bank, "bank"],
        ),
        (
            "?audience=https://bank.example",
            Some((&bank, "bank")),
            [&shop, "shop"],
        ),
        ("?audience=https://shop.example.", None, [&shop, &bank]),
        (issuer.as_str(), None, [&shop, &bank]),
        ("?audience=Issuer", None, [&shop, &bank]),
    ] {
        let answer = page(&server, &token, query).await.expect(200);
        let events = answer.json()["events"].clone();
        let mut expected = Vec::new();
        if let Some((sid, name)) = own {
            expected.push(json!({ "kind": "session", "sid": sid }));
            expected.push(json!({ "kind": "client", "client_id": name, "below": 1 }));
        }
        // What may concern anybody's tokens is sent to everybody.
        expected.push(json!({ "kind": "token", "jti": "anybodys", "from": 0 }));
        assert_eq!(without_ends(&events), expected, "{query}");
        for word in foreign {
            assert!(!answer.text().contains(word), "{query}: {}", answer.text());
        }
        // The cursor proves all the same that nothing is missing.
        let cursor = answer.json()["cursor"].as_str().unwrap().to_owned();
        assert!(cursor.ends_with(":5"), "{cursor}");

        let mut stream = Stream::with(&server, &token, query, None).await;
        stream.until("heartbeat").await;
        assert_eq!(stream.cursor(), cursor);
        let events = Value::from(stream.ledger.events.clone());
        assert_eq!(without_ends(&events), expected, "{query}");
    }
    // So it is on a stream that was there before. What is not shown moves the place all the same.
    while live.ledger.events.len() < 3 {
        live.next().await.unwrap();
    }
    let events = Value::from(live.ledger.events.clone());
    assert_eq!(
        without_ends(&events)[0],
        json!({ "kind": "session", "sid": shop })
    );
    let before = live.cursor();
    cut_off(&server, "bank").await;
    for _ in 0..100 {
        if live.cursor() == before {
            live.next().await.unwrap();
        }
    }
    assert!(live.cursor().ends_with(":6"));
    assert_eq!(live.ledger.events.len(), 3);
    live.until("heartbeat").await;
}

#[tokio::test]
async fn a_long_snapshot_of_which_nothing_is_shown_is_not_silent() {
    let server = Server::start().await;
    let token = token(&server).await;
    server
        .put_client("shop", ClientKind::Browser, |client| {
            client.audience = Some("https://shop.example".to_owned());
        })
        .await;
    for _ in 0..150 {
        cut_off(&server, "shop").await;
    }
    let mut stream = Stream::with(&server, &token, "?audience=https://bank.example", None).await;
    stream.until("heartbeat").await;
    assert!(stream.cursor().ends_with(":150"));
    assert!(stream.ledger.events.is_empty());
    assert_eq!(stream.comments, 3, "one for each page");
}

#[tokio::test]
async fn the_issuers_own_audience_is_one_like_any_other() {
    let server = Server::start().await;
    let token = token(&server).await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    alice.sign_out().await.expect(204);
    let count = async |audience: &str| {
        let query = format!("?audience={audience}");
        let page = page(&server, &token, &query).await.json();
        page["events"].as_array().unwrap().len()
    };
    assert_eq!(count(&server.issuer).await, 1);
    assert_eq!(count("https://shop.example").await, 0);
}

/// In doubt, it is sent: a client whose audience changed has tokens for the old one for a while.
#[tokio::test]
async fn a_client_that_changes_its_audience_is_everybodys_for_a_while() {
    let server = Server::start().await;
    let token = token(&server).await;
    two_services(&server).await;
    server
        .put_client("shop", ClientKind::Browser, |client| {
            client.audience = Some("https://new.example".to_owned());
        })
        .await;
    let mut alice = Browser::of_client(&server, "shop");
    alice.sign_in("alice@example.com").await.expect(200);
    let sign_out = Request::post("/v1/logout").json(&json!({ "client_id": "shop" }));
    alice.send(sign_out).await.expect(204);
    for audience in ["shop", "new", "bank"] {
        let query = format!("?audience=https://{audience}.example");
        let page = page(&server, &token, &query).await.json();
        let last = page["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["kind"], "session", "{audience}");
    }
}

/// What is documented is what `printf countersign-feed:sid:s1 | openssl dgst -sha256 -binary | basenc --base64url` says.
#[tokio::test]
async fn hashed_it_tells_nothing_to_whoever_has_not_seen_the_token() {
    let server = Server::start().await;
    let token = token(&server).await;
    let [shop, bank] = two_services(&server).await;
    let mut alice = Browser::of_client(&server, "shop");
    alice.sign_in("alice@example.com").await.expect(200);
    let operator = Visitor::operator();
    let user = server.user("alice@example.com").await;
    server
        .auth
        .end_user_sessions(user.id, &operator)
        .await
        .unwrap();
    server
        .auth
        .change_user(
            user.id,
            countersign_auth::admin::users::AccountChange {
                roles: Some(vec!["editor".to_owned()]),
                ..Default::default()
            },
            &operator,
        )
        .await
        .unwrap();

    let answer = page(&server, &token, "?ids=hashed").await.expect(200);
    assert_eq!(answer.json()["ids"], "hashed");
    let sub = user.id.to_string();
    for id in [&shop, &bank, &sub, "anybodys", "\"shop\"", "\"bank\""] {
        assert!(!answer.text().contains(id), "{id} in {}", answer.text());
    }
    let expected = vec![
        json!({ "kind": "session", "sid": hash("sid", &shop) }),
        json!({ "kind": "client", "client_id": hash("client_id", "shop"), "below": 1 }),
        json!({ "kind": "session", "sid": hash("sid", &bank) }),
        json!({ "kind": "client", "client_id": hash("client_id", "bank"), "below": 1 }),
        json!({ "kind": "token", "jti": hash("jti", "anybodys"), "from": 0 }),
        json!({ "kind": "subject", "sub": hash("sub", &sub), "below": 1 }),
        json!({ "kind": "changed", "sub": hash("sub", &sub) }),
    ];
    assert_eq!(without_ends(&answer.json()["events"]), expected);
    let documented = "xGxY3f4bSurNLxN53NRx0ZzCXXNKEJ0-T2r0pxlrtzw";
    assert_eq!(hash("sid", "s1"), documented);

    let mut stream = Stream::with(&server, &token, "?ids=hashed", None).await;
    stream.until("heartbeat").await;
    let events = Value::from(stream.ledger.events.clone());
    assert_eq!(without_ends(&events), expected);
    // A key's id is public.
    let kid = key(&server, KeyState::Staged).await;
    server.auth.remove_key(&kid, &operator).await.unwrap();
    let told = stream.until("revocations").await;
    assert_eq!(told.events()[0]["kid"], kid);
}

fn without_ends(events: &Value) -> Vec<Value> {
    let mut events = events.as_array().unwrap().clone();
    for event in &mut events {
        event.as_object_mut().unwrap().remove("until").unwrap();
    }
    events
}
