//! Where somebody is signed in, and ending it.

use std::time::Duration;

use countersign_auth::model::client::{ClientKind, Style};
use countersign_auth::visitor::Visitor;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::actors::Browser;
use crate::server::{PASSWORD, Server};
use crate::support::client::{Answer, Request, exchange};

/// The ids that the list shows.
async fn listed(browser: &mut Browser<'_>) -> Vec<String> {
    let list = browser
        .call(Request::get("/v1/me/sessions"))
        .await
        .expect(200)
        .json();
    let sessions = list["sessions"].as_array().unwrap();
    sessions
        .iter()
        .map(|s| s["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_list_tells_device_address_and_times() {
    let server = Server::start().await;
    server.register("alice@example.com").await;
    let form = json!({ "email": "alice@example.com", "password": PASSWORD });
    let login = Request::post("/v1/login")
        .json(&form)
        .header("User-Agent", "Firefox on Linux");
    let mut alice = Browser::new(&server);
    alice.send(login).await.expect(200);
    server.advance(Duration::from_secs(100));
    let mut elsewhere = Browser::new(&server);
    elsewhere.sign_in("alice@example.com").await.expect(200);

    let list = alice
        .call(Request::get("/v1/me/sessions"))
        .await
        .expect(200)
        .json();
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let (newest, mine) = (&sessions[0], &sessions[1]);
    assert_eq!(
        (&newest["current"], &mine["current"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(mine["device"], "Firefox on Linux");
    assert_eq!(mine["address"], "127.0.0.1");
    assert_eq!(mine["clients"], json!(["default"]));
    assert_eq!(mine["amr"], json!(["pwd"]));
    let (began, seen) = (
        mine["auth_time"].as_u64().unwrap(),
        newest["auth_time"].as_u64().unwrap(),
    );
    assert_eq!(seen - began, 100);
    assert_eq!(mine["absolute_end"].as_u64().unwrap() - began, 90 * 86400);
    assert_eq!(mine["idle_end"].as_u64().unwrap() - began, 14 * 86400);
}

#[tokio::test]
async fn ending_one_ends_that_one() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let mine = listed(&mut alice).await;
    let mut lost_phone = Browser::new(&server);
    lost_phone.sign_in("alice@example.com").await.expect(200);
    let all = listed(&mut alice).await;
    let theirs = all.iter().find(|id| !mine.contains(id)).unwrap();

    let end = || Request::new("DELETE", &format!("/v1/me/sessions/{theirs}"));
    alice.call(end()).await.expect(204);
    assert!(
        !lost_phone.is_welcome().await,
        "its access token goes at once"
    );
    lost_phone.refresh().await.refused(401, "refresh_invalid");
    assert!(alice.is_welcome().await);
    alice.call(end()).await.refused(404, "no_such_session");
}

#[tokio::test]
async fn nobody_ends_somebody_elses() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let mut mallory = Browser::signed_in(&server, "mallory@example.com").await;
    let hers = listed(&mut alice).await.remove(0);
    mallory
        .call(Request::new("DELETE", &format!("/v1/me/sessions/{hers}")))
        .await
        .refused(404, "no_such_session");
    assert!(alice.is_welcome().await);
}

#[tokio::test]
async fn ending_all_others_leaves_this_one() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let mut others = [Browser::new(&server), Browser::new(&server)];
    for other in &mut others {
        other.sign_in("alice@example.com").await.expect(200);
    }
    let mut bob = Browser::signed_in(&server, "bob@example.com").await;

    alice
        .call(Request::new("DELETE", "/v1/me/sessions"))
        .await
        .expect(204);
    for other in &mut others {
        assert!(!other.is_welcome().await);
        other.refresh().await.refused(401, "refresh_invalid");
    }
    assert!(alice.is_welcome().await);
    assert_eq!(listed(&mut alice).await.len(), 1);
    assert!(bob.is_welcome().await);
}

#[tokio::test]
async fn signing_out_everywhere_includes_this_one() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let mut other = Browser::new(&server);
    other.sign_in("alice@example.com").await.expect(200);

    alice
        .call(Request::post("/v1/logout-all"))
        .await
        .expect(204);
    assert_eq!(alice.refresh_token(), None, "the cookie was taken back");
    for browser in [&mut alice, &mut other] {
        assert!(!browser.is_welcome().await);
    }
    other.refresh().await.refused(401, "session_revoked");

    alice.sign_in("alice@example.com").await.expect(200);
    assert!(
        alice.is_welcome().await,
        "she can sign in again in the same second"
    );
}

#[tokio::test]
async fn signing_out_one_browser_leaves_the_other() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let mut other = Browser::new(&server);
    other.sign_in("alice@example.com").await.expect(200);
    alice.sign_out().await.expect(204);
    assert!(!alice.is_welcome().await);
    assert!(other.is_welcome().await);
}

#[tokio::test]
async fn signing_out_with_a_cookie_needs_no_access_token_and_forgives_an_expired_one() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    server.advance(Duration::from_hours(1));
    alice
        .call(Request::get("/v1/me"))
        .await
        .refused(401, "token_expired");
    alice.call(Request::post("/v1/logout")).await.expect(204);
    assert_eq!(server.count("sessions"), 0);
}

/// Who is slow with a body is asked once more who they are when it is there.
#[tokio::test]
async fn a_body_that_comes_after_sign_out_changes_nothing() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let head = Request::new("PATCH", "/v1/me").bearer(&alice.access_token);
    let slow = Slow::begin(&server, head, r#"{"name":"Mallory"}"#).await;
    alice.sign_out().await.expect(204);
    slow.end().await.refused(401, "token_revoked");
    assert!(!server.dump().contains("Mallory"));
}

/// Nor a new password, with which a session of which nothing is kept would begin anew.
#[tokio::test]
async fn a_password_that_comes_after_sign_out_changes_nothing() {
    let server = Server::start().await;
    server
        .put_client("default", ClientKind::Browser, |client| {
            *client = client.clone().with_style(Style::Stateless);
        })
        .await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let body = json!({ "current_password": PASSWORD, "new_password": "another one, long enough" });
    let head = Request::new("POST", "/v1/me/password").bearer(&alice.access_token);
    let slow = Slow::begin(&server, head, &body.to_string()).await;
    let user = server.user("alice@example.com").await;
    let operator = Visitor::operator();
    let ended = server.auth.end_user_sessions(user.id, &operator).await;
    ended.unwrap();
    slow.end().await.refused(401, "token_revoked");
}

/// A request whose body is still to come.
struct Slow(TcpStream, String);

impl Slow {
    async fn begin(server: &Server, head: Request, body: &str) -> Self {
        let head = head
            .header("Content-Type", "application/json")
            .header("Expect", "100-continue")
            .header("Content-Length", &body.len().to_string());
        let mut slow = TcpStream::connect(server.address).await.unwrap();
        slow.write_all(&head.bytes(server.address)).await.unwrap();
        let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
        slow.read_exact(&mut go_on).await.unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 "));
        Self(slow, body.to_owned())
    }

    async fn end(self) -> Answer {
        exchange(self.0, self.1.as_bytes()).await
    }
}
