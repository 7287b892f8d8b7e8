//! Who may read the feed, and how many at once.

use std::time::Duration;

use countersign_auth::model::client::ClientKind;
use countersign_auth::visitor::Visitor;

use super::reader::{Pulled, READER, Stream, page, revoke, token, token_of, token_with};
use super::streams::lively;
use crate::actors::Browser;
use crate::server::Server;
use crate::support::client::Request;

const PATHS: [&str; 2] = ["/v1/revocations", "/v1/revocations/stream"];

#[tokio::test]
async fn it_is_for_tokens_whose_scope_says_so() {
    let server = Server::start().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    server
        .put_client("default", ClientKind::Browser, |client| {
            client.scope = Some("revocations".to_owned());
        })
        .await;
    let bob = Browser::signed_in(&server, "bob@example.com").await;
    for path in PATHS {
        let answer = server.send(Request::get(path)).await;
        let answer = answer.refused(401, "missing_token");
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some(r#"Bearer realm="countersign""#));
        server
            .send(Request::get(path).bearer("nonsense"))
            .await
            .refused(401, "token_invalid");
        server
            .send(Request::get(&format!("{path}?access_token=x")))
            .await
            .refused(401, "missing_token");
        // Nor for people's, whatever their scope.
        let mut narrow = vec![alice.access_token.clone(), bob.access_token.clone()];
        for scope in [None, Some("orders"), Some("revocations:read norevocations")] {
            narrow.push(token_with(&server, scope).await);
        }
        for token in narrow {
            let answer = server.send(Request::get(path).bearer(&token)).await;
            let answer = answer.refused(403, "insufficient_scope");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(
                challenge.contains(r#"error="insufficient_scope""#),
                "{challenge}"
            );
            assert!(challenge.contains(r#"scope="revocations""#), "{challenge}");
        }
    }
}

#[tokio::test]
async fn a_service_that_is_registered_for_an_audience_hears_of_that_alone() {
    let server = Server::start().await;
    let shop = "https://shop.example";
    let own = token_of(&server, "shop-api", Some("revocations"), Some(shop)).await;
    for client in ["shop", "bank"] {
        server
            .put_client(client, ClientKind::Browser, |client| {
                client.audience = Some(format!("https://{}.example", client.id));
            })
            .await;
        let (client, operator) = (client.parse().unwrap(), Visitor::operator());
        let cut_off = server.auth.cut_off_client(&client, &operator).await;
        cut_off.unwrap();
    }
    // Whether it says so or not.
    for query in [String::new(), format!("?audience={shop}")] {
        let answer = page(&server, &own, &query).await.expect(200);
        let events = answer.json()["events"].clone();
        assert_eq!(events.as_array().unwrap().len(), 1, "{events}");
        assert_eq!(events[0]["client_id"], "shop");
        let mut stream = Stream::with(&server, &own, &query, None).await;
        stream.until("heartbeat").await;
        assert_eq!(stream.ledger.events.len(), 1);
    }
    for path in ["", "/stream"] {
        let query = format!("{path}?audience=https://bank.example");
        let answer = page(&server, &own, &query).await;
        answer.refused(403, "insufficient_scope");
    }
}

#[tokio::test]
async fn a_stream_does_not_outlive_its_token() {
    let server = Server::with(lively()).await;
    let expires = token(&server).await;
    let mut stream = Stream::open(&server, &expires).await;
    stream.until("heartbeat").await;
    // Five minutes and the leeway.
    server.advance(Duration::from_secs(331));
    stream.until("bye").await;
    assert_eq!(stream.ledger.bye.as_deref(), Some("token"));
    page(&server, &expires, "")
        .await
        .refused(401, "token_expired");

    assert!(stream.ledger.events.is_empty());

    // A client that is cut off hears of that, and of nothing more.
    let cut_off = token(&server).await;
    let mut stream = Stream::open(&server, &cut_off).await;
    stream.until("heartbeat").await;
    cut_off_reader(&server).await;
    stream.until("revocations").await;
    stream.until("bye").await;
    assert_eq!(stream.ledger.bye.as_deref(), Some("token"));
    assert_eq!(stream.ledger.events.len(), 1);
    assert_eq!(stream.ledger.events[0]["client_id"], READER);
    page(&server, &cut_off, "")
        .await
        .refused(401, "token_revoked");
}

/// However much it has not read yet, and however often it is cut off.
#[tokio::test]
async fn what_follows_the_end_of_a_token_is_not_for_its_bearer() {
    let server = Server::start().await;
    let reader = token(&server).await;
    let mut stream = Pulled::open(&server, &reader, "").await;
    stream.until_heartbeat().await;
    let beginning = format!("?after={}", stream.ledger.cursor.clone().unwrap());
    let mut expected = Vec::new();
    for number in 0..150 {
        expected.push(format!("t{number}"));
        revoke(&server, &expected[number]).await;
    }
    cut_off_reader(&server).await;
    revoke(&server, "secret").await;
    let operator = Visitor::operator();
    server.auth.end_everything(&operator).await.unwrap();
    revoke(&server, "secret, too").await;
    while stream.take().await.is_some() {}
    assert_eq!(stream.ledger.bye.as_deref(), Some("token"));
    let end = stream.ledger.events.pop().unwrap();
    assert_eq!(end["client_id"], READER);
    let told = stream.ledger.events.iter();
    let told: Vec<_> = told.map(|event| event["jti"].as_str().unwrap()).collect();
    assert_eq!(told, expected);
    assert!(stream.ledger.cursor.unwrap().ends_with(":151"));

    // One who has yet to catch up is told no more at all: it could be much.
    for query in ["", &beginning] {
        let reader = token(&server).await;
        let mut stream = Pulled::open(&server, &reader, query).await;
        stream.take().await.unwrap();
        assert_eq!(stream.ledger.events.len(), 64);
        cut_off_reader(&server).await;
        stream.take().await.unwrap();
        assert_eq!(stream.ledger.bye.as_deref(), Some("token"), "{query}");
        assert_eq!(stream.take().await, None);
    }
}

async fn cut_off_reader(server: &Server) {
    let (client, operator) = (READER.parse().unwrap(), Visitor::operator());
    let cut_off = server.auth.cut_off_client(&client, &operator).await;
    cut_off.unwrap();
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let mut options = lively();
    options.http.feed.streams = 2;
    let server = Server::with(options).await;
    let token = token(&server).await;
    let open = async || {
        let mut stream = Stream::open(&server, &token).await;
        stream.until("heartbeat").await;
        stream
    };
    let (first, second) = (open().await, open().await);
    let third = page(&server, &token, "/stream").await;
    let third = third.refused(429, "too_many_requests");
    assert!(third.header("retry-after").is_some());
    // A page takes no place.
    page(&server, &token, "").await.expect(200);
    drop(first);
    // It is noticed with the next heartbeat.
    while page(&server, &token, "/stream?after=x").await.status != 400
        || server
            .metrics()
            .await
            .contains("countersign_feed_readers 2")
    {
        tokio::task::yield_now().await;
    }
    let third = open().await;
    drop((second, third));
}

#[tokio::test]
async fn one_client_does_not_take_the_place_of_another() {
    let mut options = lively();
    options.http.feed.streams_of_client = 1;
    options.http.feed.streams = 2;
    let server = Server::with(options).await;
    let token = token(&server).await;
    let mut own = Stream::open(&server, &token).await;
    own.until("heartbeat").await;
    page(&server, &token, "/stream")
        .await
        .refused(429, "too_many_requests");
    let other = token_of(&server, "another", Some("revocations"), None).await;
    let mut stream = Stream::open(&server, &other).await;
    stream.until("heartbeat").await;
}
