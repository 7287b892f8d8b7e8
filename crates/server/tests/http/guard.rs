//! `countersign-guard` and this server: what one takes back, the other refuses.

use std::net::SocketAddr;
use std::time::Duration;

use countersign_auth::model::id::UserId;
use countersign_auth::visitor::Visitor;
use countersign_guard::Guard;
use countersign_guard::net::{Clock, Connected, Feed, Options, ServiceClient, WhenStale};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::actors::Browser;
use crate::feed::reader;
use crate::server::{self, BEGINNING, PASSWORD, Server};

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

/// A server, and a guard that hears it in the given way.
async fn guarded(change: impl FnOnce(Options) -> Options) -> (Server, Connected) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let server = Server::with(server::Options {
        issuer: Some(issuer.clone()),
        ..server::Options::default()
    })
    .await;
    let token = reader::token(&server).await;
    tokio::spawn(front(listener, server.address, issuer.clone(), token));
    let client = ServiceClient::new(reader::READER, "css_secret");
    let options = Options::new(&issuer, &issuer, client, WhenStale::refuse());
    let guard = Guard::connect(change(options.clock(Frozen))).await.unwrap();
    assert!(guard.knowing().connected, "{guard:?}");
    (server, guard)
}

/// In front of the server: gives the reader its token, and lets everything else through.
async fn front(listener: TcpListener, server: SocketAddr, issuer: String, token: String) {
    loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (issuer, token) = (issuer.clone(), token.clone());
        tokio::spawn(async move {
            let mut head = vec![0; 8192];
            let length = socket.read(&mut head).await.unwrap();
            let head = &head[..length];
            let body = if head.starts_with(b"GET /.well-known/oauth-authorization-server ") {
                json!({
                    "issuer": issuer,
                    "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
                    "token_endpoint": format!("{issuer}/oauth/token"),
                })
            } else if head.starts_with(b"POST /oauth/token ") {
                json!({ "access_token": token, "token_type": "Bearer", "expires_in": 300 })
            } else {
                let mut server = TcpStream::connect(server).await.unwrap();
                server.write_all(head).await.unwrap();
                // Either may go first.
                drop(copy_bidirectional(&mut socket, &mut server).await);
                return;
            };
            let body = body.to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
    }
}

/// The code with which the guard refuses the token, soon.
async fn refused(guard: &Connected, token: &str) -> &'static str {
    let begun = Instant::now();
    loop {
        if let Err(denied) = guard.check(token).await {
            println!("{} after {:?}", denied.code(), begun.elapsed());
            return denied.code();
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "never: {guard:?}");
        sleep(Duration::from_millis(1)).await;
    }
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
        let (server, guard) = guarded(|options| {
            let options = options.feed(feed);
            if hashed {
                options.hashed_ids()
            } else {
                options
            }
        })
        .await;
        let mut alice = Browser::signed_in(&server, "alice@example.com").await;
        let mut bob = Browser::signed_in(&server, "bob@example.com").await;
        let claims = guard.check(&alice.access_token).await.unwrap();
        assert!(guard.check(&bob.access_token).await.is_ok());

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
        assert!(guard.check(&bob.access_token).await.is_ok());

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
        let client = guard
            .check(&bob.access_token)
            .await
            .unwrap()
            .client_id
            .parse()
            .unwrap();
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
    let (server, guard) = guarded(|options| options).await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    alice.sign_out().await.expect(204);
    assert_eq!(
        refused(&guard, &alice.access_token).await,
        "session_revoked"
    );
    let issuer = &server.issuer;
    let client = ServiceClient::new(reader::READER, "css_secret");
    let options = Options::new(issuer, issuer, client, WhenStale::refuse()).clock(Frozen);
    let later = Guard::connect(options).await.unwrap();
    let denied = later.check(&alice.access_token).await.unwrap_err();
    assert_eq!(denied.code(), "session_revoked");
}
