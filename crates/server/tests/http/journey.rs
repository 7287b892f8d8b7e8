//! The main job: somebody registers, signs in, calls, renews, signs out.

use countersign_auth::model::client::ClientKind;
use serde_json::json;

use crate::actors::{Browser, Phone};
use crate::server::{PASSWORD, Server};
use crate::support::client::Request;

#[tokio::test]
async fn alice_in_her_browser() {
    let server = Server::start().await;

    let person = json!({ "email": "Alice@Example.com", "password": PASSWORD, "name": "Alice", "username": "alice" });
    let registered = server
        .send(Request::post("/v1/register").json(&person))
        .await
        .expect(201);
    let user = &registered.json()["user"];
    assert_eq!(user["email"], "alice@example.com");
    assert_eq!(user["username"], "alice");
    assert_eq!(user["name"], "Alice");
    assert!(
        registered.header("set-cookie").is_none(),
        "registration signs nobody in"
    );

    let mut alice = Browser::new(&server);
    let signed_in = alice.sign_in("alice@example.com").await.expect(200);
    let tokens = signed_in.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 300);
    assert_eq!(&tokens["user"], user);
    assert!(
        tokens.get("refresh_token").is_none(),
        "never in a browser's body"
    );

    let me = alice.call(Request::get("/v1/me")).await.expect(200);
    assert_eq!(&me.json()["user"], user);

    server.rest();
    let (before, token) = (
        alice.refresh_token().unwrap().to_owned(),
        alice.access_token.clone(),
    );
    alice.refresh().await.expect(200);
    assert_ne!(alice.refresh_token().unwrap(), before);
    assert_ne!(alice.access_token, token);
    assert!(alice.is_welcome().await);

    alice.sign_out().await.expect(204);
    assert_eq!(alice.refresh_token(), None, "the cookie was taken back");
    alice
        .call(Request::get("/v1/me"))
        .await
        .refused(401, "token_revoked");
    alice.refresh().await.refused(401, "no_refresh_token");
    assert_eq!(server.count("sessions"), 0);
}

#[tokio::test]
async fn alice_on_her_phone() {
    let server = Server::start().await;
    server.register("alice@example.com").await;
    server.put_client("phone", ClientKind::Native, |_| {}).await;

    let mut alice = Phone::signed_in(&server, "alice@example.com").await;
    assert!(alice.is_welcome().await);
    server.rest();
    let before = alice.refresh_token.clone();
    let renewed = alice.refresh().await.expect(200);
    assert!(
        renewed.header("set-cookie").is_none(),
        "a phone has no cookies"
    );
    assert_ne!(alice.refresh_token, before);
    assert!(alice.is_welcome().await);

    let bye = Request::post("/v1/logout").bearer(&alice.access_token);
    server.send(bye).await.expect(204);
    assert!(!alice.is_welcome().await);
    alice.refresh().await.refused(401, "refresh_invalid");
}

#[tokio::test]
async fn signing_in_by_name_or_address_in_any_spelling() {
    let server = Server::start().await;
    let person = json!({ "email": "alice@example.com", "password": PASSWORD, "username": "Alice" });
    server
        .send(Request::post("/v1/register").json(&person))
        .await
        .expect(201);
    for form in [
        json!({ "email": "alice@example.com", "password": PASSWORD }),
        json!({ "email": "  ALICE@example.COM ", "password": PASSWORD }),
        json!({ "username": "alice", "password": PASSWORD }),
        json!({ "username": "ALICE", "password": PASSWORD, "client_id": "default" }),
    ] {
        let answer = server.send(Request::post("/v1/login").json(&form)).await;
        assert_eq!(answer.status, 200, "{form} {}", answer.text());
    }
}

#[tokio::test]
async fn what_stays_after_a_restart() {
    let server = Server::start().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let (jar, token) = (alice.jar.clone(), alice.access_token.clone());
    let issuer = server.issuer.clone();
    let (folder, now) = server.stop().await;

    let options = crate::server::Options {
        issuer: Some(issuer),
        ..Default::default()
    };
    let server = Server::on(folder, now, options).await;
    let mut alice = Browser::new(&server);
    (alice.jar, alice.access_token) = (jar, token);
    assert!(alice.is_welcome().await, "users and keys stay");
    server.rest();
    alice.refresh().await.expect(200);
    assert!(alice.is_welcome().await, "sessions stay");
}

#[tokio::test]
async fn the_profile_is_its_owners_to_change() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    server.register("bob@example.com").await;

    let patch = |change| Request::new("PATCH", "/v1/me").json(&change);
    let changed = alice
        .call(patch(json!({ "name": "Alice", "username": "alice" })))
        .await
        .expect(200);
    assert_eq!(changed.json()["user"]["name"], "Alice");
    let changed = alice.call(patch(json!({ "name": null }))).await.expect(200);
    assert_eq!(changed.json()["user"].get("name"), None, "null empties");
    assert_eq!(
        changed.json()["user"]["username"],
        "alice",
        "what is left out stays"
    );

    let mut bob = Browser::new(&server);
    bob.sign_in("bob@example.com").await.expect(200);
    bob.call(patch(json!({ "username": "ALICE" })))
        .await
        .refused(409, "username_taken");
    assert!(
        alice.is_welcome().await,
        "no change of profile signs anybody out"
    );
}
