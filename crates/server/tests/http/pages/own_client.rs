//! The client of the pages: made by the server, and nobody's to change.

use countersign_auth::clients::ClientError;
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::model::id::ClientId;
use countersign_auth::visitor::Visitor;

use super::person::Person;
use super::server;
use crate::server::{Options, Server, in_front_of};
use crate::support::client::Request;

#[tokio::test]
async fn nobody_registers_changes_or_disables_it() {
    let server = server().await;
    let operator = Visitor::operator();
    let own = server.auth.client(Some("account")).unwrap();
    assert_eq!(
        (own.style, own.kind, own.enabled),
        (Style::Session, ClientKind::Browser, true)
    );
    let changed = Client {
        origins: vec!["https://evil.example".to_owned()],
        ..Client::clone(&own)
    };
    let put = server.auth.put_client(changed, &operator).await;
    assert!(matches!(put, Err(ClientError::Own)), "{put:?}");
    let disabled = server
        .auth
        .set_client_enabled(&ClientId::account(), false, &operator)
        .await;
    assert!(matches!(disabled, Err(ClientError::Own)), "{disabled:?}");
    assert_eq!(server.auth.client(Some("account")).unwrap(), own);
}

#[tokio::test]
async fn one_that_stood_in_its_place_gives_way() {
    let server = Server::start().await;
    server.damage(
        "UPDATE clients SET settings = json_set(settings, '$.origins', json('[\"https://a.example\"]')) \
         WHERE id = 'account'",
    );
    let (folder, now) = server.stop().await;
    let server = Server::on(folder, now, Options::default()).await;
    let own = server.auth.client(Some("account")).unwrap();
    assert_eq!((own.style, own.origins.len()), (Style::Session, 0));
    assert_eq!(own.epoch, 1, "what it had given out is worth nothing");
    Person::signed_in(&server, "alice@example.com").await;
}

#[tokio::test]
async fn its_session_lets_nobody_pass_to_services() {
    let server = Server::with(in_front_of("https://behind.example.com")).await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    let ask = Request::get("/v1/forward-auth").header("X-Forwarded-Method", "GET");
    alice
        .browser
        .send(ask.clone())
        .await
        .refused(401, "missing_token");
    // Nor does it stand in the way of one that does.
    server
        .put_client("app", ClientKind::Browser, |client| {
            client.style = Style::Session;
        })
        .await;
    let form = serde_json::json!({ "email": "alice@example.com", "password": crate::server::PASSWORD, "client_id": "app" });
    alice
        .browser
        .send(Request::post("/v1/login").json(&form))
        .await
        .expect(200);
    assert_eq!(
        alice
            .browser
            .jar
            .keys()
            .filter(|name| name.ends_with(".session"))
            .count(),
        2
    );
    alice.browser.send(ask).await.expect(200);
}
