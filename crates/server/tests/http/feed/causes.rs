//! Whatever takes something back is on every stream when its call returns. Nothing here reads the log by itself: what
//! comes, comes at once.

use std::time::{Duration, Instant};

use countersign_auth::admin::users::AccountChange;
use countersign_auth::model::client::ClientKind;
use countersign_auth::model::id::UserId;
use countersign_auth::model::key::KeyState;
use countersign_auth::password::Password;
use countersign_auth::visitor::Visitor;
use serde_json::{Value, json};

use super::reader::{Stream, key, token};
use crate::actors::{Browser, Phone};
use crate::server::{PASSWORD, Server};
use crate::support::client::Request;

/// What the next message on the stream says.
async fn told(stream: &mut Stream) -> Vec<Value> {
    stream.until("revocations").await.events().clone()
}

/// The one event that the next message holds, without its end.
async fn one(stream: &mut Stream) -> Value {
    let mut events = told(stream).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let mut event = events.remove(0);
    let until = event.as_object_mut().unwrap().remove("until").unwrap();
    assert!(until.as_u64().unwrap() > 1_795_305_600);
    event
}

async fn listening() -> (Server, Stream) {
    let server = Server::start().await;
    let token = token(&server).await;
    let mut stream = Stream::open(&server, &token).await;
    stream.until("snapshot-complete").await;
    (server, stream)
}

fn sid(browser: &Browser) -> String {
    claim(&browser.access_token, "sid")
}

/// A claim of a token that this test was given.
fn claim(token: &str, name: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sign_out_and_the_end_of_sessions() {
    let (server, mut stream) = listening().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let session = sid(&alice);
    alice.sign_out().await.expect(204);
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "session", "sid": session })
    );

    // One of hers, by another; then all others; then all.
    let mut tabs = Vec::new();
    for _ in 0..3 {
        let mut tab = Browser::new(&server);
        tab.sign_in("alice@example.com").await.expect(200);
        tabs.push(tab);
    }
    let (ended, others) = (sid(&tabs[0]), sid(&tabs[1]));
    let path = format!("/v1/me/sessions/{ended}");
    tabs[2]
        .call(Request::new("DELETE", &path))
        .await
        .expect(204);
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "session", "sid": ended })
    );
    tabs[2]
        .call(Request::new("DELETE", "/v1/me/sessions"))
        .await
        .expect(204);
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "session", "sid": others })
    );
    let sub = claim(&tabs[2].access_token, "sub");
    tabs[2].call(Request::post("/v1/logout-all")).await;
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "subject", "sub": sub, "below": 1 })
    );

    // By an operator.
    let operator = Visitor::operator();
    let mut bob = Browser::signed_in(&server, "bob@example.com").await;
    let session = sid(&bob);
    let id = session.parse().unwrap();
    assert!(server.auth.end_session(id, &operator).await.unwrap());
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "session", "sid": session })
    );
    bob.sign_in("bob@example.com").await.expect(200);
    let sub = claim(&bob.access_token, "sub");
    let id: UserId = sub.parse().unwrap();
    server.auth.end_user_sessions(id, &operator).await.unwrap();
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "subject", "sub": sub, "below": 1 })
    );
}

#[tokio::test]
async fn a_refresh_token_that_was_used_before() {
    let (server, mut stream) = listening().await;
    server.put_client("phone", ClientKind::Native, |_| {}).await;
    server.register("alice@example.com").await;
    let mut alice = Phone::signed_in(&server, "alice@example.com").await;
    let stolen = alice.refresh_token.clone();
    for _ in 0..2 {
        server.rest();
        alice.refresh().await.expect(200);
    }
    let session = claim(&alice.access_token, "sid");
    alice.present(&stolen).await.refused(401, "refresh_reused");
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "session", "sid": session })
    );
}

#[tokio::test]
async fn passwords_roles_and_accounts() {
    let (server, mut stream) = listening().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let sub = claim(&alice.access_token, "sub");
    let id: UserId = sub.parse().unwrap();
    let below = |below| json!({ "kind": "subject", "sub": sub, "below": below });
    let changed = json!({ "kind": "changed", "sub": sub });
    alice
        .change_password("a quite new password")
        .await
        .expect(200);
    assert_eq!(one(&mut stream).await, below(1));
    let name = json!({ "name": "Alice" });
    alice
        .call(Request::new("PATCH", "/v1/me").json(&name))
        .await
        .expect(200);
    assert_eq!(one(&mut stream).await, changed);

    let operator = Visitor::operator();
    let password = Password::new(PASSWORD.to_owned());
    let auth = &server.auth;
    auth.set_password(id, password, &operator).await.unwrap();
    assert_eq!(one(&mut stream).await, below(2));
    let roles = AccountChange {
        roles: Some(vec!["editor".to_owned()]),
        ..AccountChange::default()
    };
    auth.change_user(id, roles, &operator).await.unwrap();
    assert_eq!(one(&mut stream).await, changed);
    auth.set_user_enabled(id, false, &operator).await.unwrap();
    assert_eq!(one(&mut stream).await, below(3));
    auth.delete_user(id, &operator).await.unwrap();
    assert_eq!(one(&mut stream).await, below(4));
}

#[tokio::test]
async fn clients_keys_tokens_and_everybody() {
    let (server, mut stream) = listening().await;
    server.put_client("phone", ClientKind::Native, |_| {}).await;
    let phone = "phone".parse().unwrap();
    let operator = Visitor::operator();
    let auth = &server.auth;
    auth.cut_off_client(&phone, &operator).await.unwrap();
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "client", "client_id": "phone", "below": 1 })
    );
    auth.set_client_enabled(&phone, false, &operator)
        .await
        .unwrap();
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "client", "client_id": "phone", "below": 2 })
    );
    auth.revoke_token("t1", &operator).await.unwrap();
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "token", "jti": "t1", "from": 0 })
    );
    let staged = key(&server, KeyState::Staged).await;
    auth.remove_key(&staged, &operator).await.unwrap();
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "key", "kid": staged })
    );

    // What takes the reader's own token back is told before the stream ends: a guard is to refuse others for it, too,
    // and not to learn it only when it has come back.
    let active = key(&server, KeyState::Active).await;
    auth.remove_key(&active, &operator).await.unwrap();
    assert_eq!(
        one(&mut stream).await,
        json!({ "kind": "key", "kid": active })
    );
    let mut stream = again(&server, stream).await;
    auth.end_everything(&operator).await.unwrap();
    let everybody = json!({ "kind": "all", "below": 1 });
    assert_eq!(one(&mut stream).await, everybody);
    again(&server, stream).await;
}

/// The next stream of a reader whose token was taken back. It has missed nothing.
async fn again(server: &Server, mut stream: Stream) -> Stream {
    assert_eq!(stream.next().await.unwrap().event, "bye");
    assert_eq!(stream.ledger.bye.as_deref(), Some("token"));
    let token = token(server).await;
    let mut again = Stream::resume(server, &token, &stream.cursor()).await;
    assert_eq!(again.next().await.unwrap().event, "heartbeat");
    again
}

/// From the answer to a sign-out to the event in the reader's hands. Generous: the machine may be busy, but nobody
/// waits for anything.
#[tokio::test]
async fn a_sign_out_is_heard_within_milliseconds() {
    let (server, mut stream) = listening().await;
    server.register("alice@example.com").await;
    let mut took = Vec::new();
    for _ in 0..50 {
        let mut alice = Browser::new(&server);
        alice.sign_in("alice@example.com").await.expect(200);
        alice.sign_out().await.expect(204);
        #[expect(clippy::disallowed_methods, reason = "a test measures")]
        let answered = Instant::now();
        one(&mut stream).await;
        took.push(answered.elapsed());
    }
    took.sort();
    println!(
        "from sign-out to stream: median {:?}, worst {:?}",
        took[25], took[49]
    );
    assert!(took[25] < Duration::from_millis(50), "{took:?}");
}
