//! A change of password.

use serde_json::json;

use crate::actors::Browser;
use crate::server::{PASSWORD, Server};
use crate::support::client::Request;

const NEW: &str = "a new and better password";

#[tokio::test]
async fn it_ends_every_other_session_and_this_one_goes_on() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let mut other = Browser::new(&server);
    other.sign_in("alice@example.com").await.expect(200);
    let old_token = alice.access_token.clone();

    alice.change_password(NEW).await.expect(200);
    assert!(alice.is_welcome().await);
    let old = Request::get("/v1/me").bearer(&old_token);
    server.send(old).await.refused(401, "token_revoked");
    assert!(!other.is_welcome().await);
    assert_eq!(other.refresh().await.status, 401);
    server.rest();
    alice.refresh().await.expect(200);

    let mut later = Browser::new(&server);
    later
        .sign_in("alice@example.com")
        .await
        .refused(401, "invalid_credentials");
    later
        .sign_in_with("alice@example.com", NEW)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let before = server.dump();
    let form = json!({ "current_password": "not my password", "new_password": NEW });
    alice
        .call(Request::post("/v1/me/password").json(&form))
        .await
        .refused(403, "wrong_password");
    assert_eq!(server.dump(), before);
    assert!(alice.is_welcome().await);
}

#[tokio::test]
async fn the_new_one_obeys_the_rules_of_registration() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let before = server.dump();
    let long = "x y".repeat(100);
    for (new, code) in [
        ("xy12zz", "password_too_short"),
        (long.as_str(), "password_too_long"),
        ("password123", "password_common"),
        ("alice@example.com", "password_is_identifier"),
    ] {
        let refused = alice.change_password(new).await.refused(422, code);
        assert_eq!(refused.json()["field"], "new_password");
        assert!(!refused.everything().contains(new), "no value is repeated");
    }
    assert_eq!(server.dump(), before);
    assert!(alice.is_welcome().await);
    alice.change_password(PASSWORD).await.expect(200);
}

/// What has happened is answered as such, also if this node cannot hear of it yet; else the tokens would be lost with
/// which the session goes on.
#[tokio::test]
async fn what_has_happened_is_not_told_as_a_failure() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let old_token = alice.access_token.clone();
    let mut other = Browser::new(&server);
    other.sign_in("alice@example.com").await.expect(200);

    server
        .damage("INSERT INTO revocations SELECT sequence + 99, 'x', 9999999999, NULL FROM issuer");
    server
        .send(Request::get("/readyz"))
        .await
        .refused(500, "internal");
    alice.change_password(NEW).await.expect(200);
    assert!(alice.is_welcome().await);
    let answer = alice.sign_out().await.expect(204);
    assert!(answer.header("set-cookie").is_some());
    assert_eq!(server.count("sessions"), 1);

    // A second later at the latest.
    server.damage("DELETE FROM revocations WHERE what = 'x'");
    server.auth.hear_revocations().await.unwrap();
    let old = Request::get("/v1/me").bearer(&old_token);
    server.send(old).await.refused(401, "token_revoked");
    assert!(!other.is_welcome().await);
    assert!(!alice.is_welcome().await);
}
