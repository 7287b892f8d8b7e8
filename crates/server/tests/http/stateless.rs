//! The style `stateless`: the server keeps nothing of a session, and takes it back all the same.

use std::collections::HashSet;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_auth::model::client::{ClientKind, Style};
use countersign_auth::model::key::{KeyPurpose, KeyState};
use countersign_auth::visitor::Visitor;
use countersign_guard::net::Connected;
use serde_json::{Value, json};

use crate::actors::{Browser, Phone, Service};
use crate::guard;
use crate::server::{PASSWORD, Server};
use crate::support::client::{Answer, Request};

const DAY: Duration = Duration::from_hours(24);
const ALICE: &str = "alice@example.com";

/// The default client and `phone`, both in this style.
async fn start() -> Server {
    let server = Server::start().await;
    for (id, kind) in [
        ("default", ClientKind::Browser),
        ("phone", ClientKind::Native),
    ] {
        server
            .put_client(id, kind, |client| {
                *client = client.clone().with_style(Style::Stateless);
            })
            .await;
    }
    server
}

async fn guarded(server: &Server) -> Connected {
    guard::guard(guard::options(server).await).await
}

/// Time passes, and this node looks at its log as it does five times a second.
async fn pass(server: &Server, time: Duration) {
    server.advance(time);
    server.auth.hear_revocations().await.unwrap();
}

fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

/// What is in one part of a token; nobody vouches for it.
fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_session_leaves_a_line_in_the_trail_and_nothing_else() {
    let server = start().await;
    let guard = guarded(&server).await;
    let mut alice = Browser::signed_in(&server, ALICE).await;
    assert_eq!((server.count("sessions"), server.count("grants")), (0, 0));
    assert_eq!(server.audited("signed_in"), 1);
    guard.check(&alice.access_token).await.unwrap();

    let (dump, lines) = (server.dump(), server.count("audit"));
    let first = guard.check(&alice.access_token).await.unwrap();
    for _ in 0..3 {
        let before = (alice.access_token.clone(), alice.jar.clone());
        pass(&server, Duration::from_mins(4)).await;
        let answer = alice.refresh().await.expect(200).json();
        assert_eq!(answer["user"]["email"], ALICE);
        assert!(answer.get("refresh_token").is_none(), "never in a body");
        assert_ne!((alice.access_token.clone(), alice.jar.clone()), before);
        assert!(alice.is_welcome().await);
        let renewed = guard.check(&alice.access_token).await.unwrap();
        assert_eq!(renewed.sid, first.sid);
        assert_eq!(renewed.auth_time, first.auth_time);
        assert_eq!((&renewed.amr, renewed.epochs), (&first.amr, first.epochs));
        assert_ne!(renewed.jti, first.jti);
    }
    assert_eq!((server.dump(), server.count("audit")), (dump, lines));
}

/// Nothing is read, either: the store is gone.
#[tokio::test]
async fn a_renewal_needs_no_store() {
    let server = start().await;
    server.register(ALICE).await;
    let mut phone = Phone::signed_in(&server, ALICE).await;
    server.lose_store().await;
    for _ in 0..3 {
        phone.refresh().await.expect(200);
    }
    // A node that is cut off does not guess for longer than a guard would.
    server.advance(Duration::from_mins(1));
    phone.refresh().await.expect(200);
    server.advance(Duration::from_millis(1));
    phone.refresh().await.refused(503, "unavailable");
}

#[tokio::test]
async fn lost_answers_and_races_do_no_harm() {
    let server = start().await;
    server.register(ALICE).await;
    let phone = Phone::signed_in(&server, ALICE).await;
    for _ in 0..10 {
        phone.present(&phone.refresh_token).await.expect(200);
    }
    let racers = (0..20).map(|_| {
        let (address, token) = (server.address, phone.refresh_token.clone());
        let form = json!({ "client_id": "phone", "refresh_token": token });
        tokio::spawn(async move { Request::post("/v1/refresh").json(&form).send(address).await })
    });
    let mut tokens = HashSet::new();
    for racer in racers.collect::<Vec<_>>() {
        tokens.insert(refresh_token(&racer.await.unwrap().expect(200)));
    }
    assert_eq!(tokens.len(), 20);
    for token in tokens {
        phone.present(&token).await.expect(200);
    }
}

/// As its page says: nobody notices a thief, and whatever ends the session ends theirs.
#[tokio::test]
async fn a_thief_goes_unnoticed_until_the_session_ends() {
    let server = start().await;
    let guard = guarded(&server).await;
    server.register(ALICE).await;
    let mut owner = Phone::signed_in(&server, ALICE).await;
    let mut thief = owner.clone();
    for _ in 0..3 {
        thief.refresh().await.expect(200);
        owner.refresh().await.expect(200);
    }
    let sign_out = Request::post("/v1/logout").bearer(&owner.access_token);
    server.send(sign_out).await.expect(204);
    for phone in [&owner, &thief] {
        assert!(!phone.is_welcome().await);
        let refused = phone.present(&phone.refresh_token).await;
        refused.refused(401, "session_revoked");
        let code = guard::refused(&guard, &phone.access_token).await;
        assert_eq!(code, "session_revoked");
    }
}

#[tokio::test]
async fn a_sign_out_is_heard_by_everybody() {
    let server = start().await;
    let guard = guarded(&server).await;
    let mut alice = Browser::signed_in(&server, ALICE).await;
    let elsewhere = Phone::signed_in(&server, ALICE).await;
    let cookie = alice.refresh_token().unwrap().to_owned();
    alice.sign_out().await.expect(204);
    assert_eq!(alice.refresh_token(), None, "the cookie is taken back");
    assert!(!alice.is_welcome().await);
    let code = guard::refused(&guard, &alice.access_token).await;
    assert_eq!(code, "session_revoked");
    // Once is enough: to show it again ends nothing more.
    let events = server.count("revocations");
    alice.set_refresh_token(&cookie);
    alice.sign_out().await.expect(204);
    assert_eq!(server.count("revocations"), events);
    alice.set_refresh_token(&cookie);
    alice.refresh().await.refused(401, "session_revoked");
    assert_eq!(alice.refresh_token(), None, "the cookie is taken back");
    assert!(elsewhere.is_welcome().await);

    // A service that was shown the refresh token takes it back (RFC 7009).
    let shop = Service::registered(&server, "shop", |_| {}).await;
    let form = shop.by_header("/oauth/revoke");
    let form = form.field("token", &elsewhere.refresh_token);
    server.send(form.request()).await.expect(200);
    assert!(!elsewhere.is_welcome().await);
    let refused = elsewhere.present(&elsewhere.refresh_token).await;
    refused.refused(401, "session_revoked");
}

/// What is taken back is remembered for as long as any refresh token of before could be of use, restarts included.
#[tokio::test]
async fn no_refresh_token_outlives_what_took_it_back() {
    let server = start().await;
    server.register(ALICE).await;
    let phone = Phone::signed_in(&server, ALICE).await;
    let sign_out = Request::post("/v1/logout").bearer(&phone.access_token);
    server.send(sign_out).await.expect(204);
    pass(&server, (7 * DAY).saturating_sub(Duration::from_secs(1))).await;
    server.auth.upkeep().await.unwrap();
    let refused = phone.present(&phone.refresh_token).await;
    refused.refused(401, "session_revoked");
    let token = phone.refresh_token.clone();
    let (folder, now) = server.stop().await;
    let issuer = part(&token, 1)["iss"].as_str().unwrap().to_owned();
    let options = crate::server::Options {
        issuer: Some(issuer),
        ..crate::server::Options::default()
    };
    let server = Server::on(folder, now, options).await;
    let refused = Phone::at(&server, "", "").present(&token).await;
    refused.refused(401, "session_revoked");
    pass(&server, Duration::from_secs(1)).await;
    let refused = Phone::at(&server, "", "").present(&token).await;
    refused.refused(401, "refresh_expired");
}

#[tokio::test]
async fn accounts_clients_and_everybody_are_cut_off() {
    let server = start().await;
    let guard = guarded(&server).await;
    let operator = Visitor::operator();
    server.register(ALICE).await;
    let user = server.user(ALICE).await.id;
    let phone_id = "phone".parse().unwrap();
    let auth = &server.auth;
    for cause in ["disabled", "client", "user", "everybody"] {
        let phone = Phone::signed_in(&server, ALICE).await;
        guard.check(&phone.access_token).await.unwrap();
        let code = match cause {
            "disabled" => {
                auth.set_user_enabled(user, false, &operator).await.unwrap();
                auth.set_user_enabled(user, true, &operator).await.unwrap();
                "subject_revoked"
            }
            "client" => {
                auth.cut_off_client(&phone_id, &operator).await.unwrap();
                "client_revoked"
            }
            "user" => {
                auth.end_user_sessions(user, &operator).await.unwrap();
                "subject_revoked"
            }
            _ => {
                auth.end_everything(&operator).await.unwrap();
                "all_revoked"
            }
        };
        let refused = phone.present(&phone.refresh_token).await;
        refused.refused(401, "session_revoked");
        // The guard's own token goes with everybody's.
        if cause != "everybody" {
            assert_eq!(guard::refused(&guard, &phone.access_token).await, code);
        }
        assert!(!phone.is_welcome().await, "{cause}");
    }
}

#[tokio::test]
async fn a_change_of_password_keeps_the_session_that_made_it() {
    let server = start().await;
    let guard = guarded(&server).await;
    let mut alice = Browser::signed_in(&server, ALICE).await;
    let elsewhere = Phone::signed_in(&server, ALICE).await;
    let before = alice.clone();
    alice
        .change_password("another good password")
        .await
        .expect(200);
    assert_ne!(alice.refresh_token(), before.refresh_token());
    guard.check(&alice.access_token).await.unwrap();
    alice.refresh().await.expect(200);
    assert!(alice.is_welcome().await);
    for token in [&before.access_token, &elsewhere.access_token] {
        assert_eq!(guard::refused(&guard, token).await, "subject_revoked");
    }
    let refused = elsewhere.present(&elsewhere.refresh_token).await;
    refused.refused(401, "session_revoked");
    // A request that was under way meanwhile answers last, and leaves the jar as it is: the next cookie may be in it.
    let mut before = before;
    let cookie = before.refresh_token().unwrap().to_owned();
    before.refresh().await.refused(401, "session_revoked");
    assert_eq!(before.refresh_token(), Some(cookie.as_str()));
}

#[tokio::test]
async fn it_ends_when_it_rests_and_whatever_happens() {
    let server = start().await;
    server.register(ALICE).await;
    let resting = Phone::signed_in(&server, ALICE).await;
    let mut alice = Browser::new(&server);
    alice.sign_in(ALICE).await.expect(200);
    let begun = part(alice.refresh_token().unwrap(), 1)["iat"]
        .as_u64()
        .unwrap();
    for _ in 0..4 {
        pass(&server, (7 * DAY).saturating_sub(Duration::from_secs(1))).await;
        alice.refresh().await.expect(200);
        assert!(alice.is_welcome().await);
    }
    let refused = resting.present(&resting.refresh_token).await;
    refused.refused(401, "refresh_expired");
    let end = part(alice.refresh_token().unwrap(), 1)["exp"]
        .as_u64()
        .unwrap();
    assert_eq!(end, begun + 30 * DAY.as_secs(), "the absolute end");
    pass(&server, 2 * DAY + Duration::from_secs(3)).await;
    alice.refresh().await.expect(200);
    assert!(alice.is_welcome().await);
    pass(&server, Duration::from_secs(1)).await;
    assert!(!alice.is_welcome().await);
    alice.refresh().await.refused(401, "refresh_expired");
    assert_eq!(alice.refresh_token(), None, "the cookie is taken back");
}

/// RFC 8725 §2.8, §3.11, §3.12: nothing passes for anything else.
#[tokio::test]
async fn it_is_a_refresh_token_of_its_client_and_nothing_else() {
    let server = start().await;
    server.put_client("old", ClientKind::Native, |_| {}).await;
    server.register(ALICE).await;
    let phone = Phone::signed_in(&server, ALICE).await;
    let token = phone.refresh_token.clone();

    let header = part(&token, 0);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("refresh+jwt"), &json!("HS256"))
    );
    let claims = part(&token, 1);
    assert_eq!(claims["aud"], format!("{}/v1/refresh", server.issuer));
    let set = server
        .send(Request::get("/.well-known/jwks.json"))
        .await
        .json();
    for key in set["keys"].as_array().unwrap() {
        assert_ne!(key["kid"], header["kid"]);
        assert_ne!(key["kty"], "oct");
    }
    // It is no access token, and an access token is none of its kind.
    let me = server.send(Request::get("/v1/me").bearer(&token)).await;
    me.refused(401, "token_invalid");
    let refused = phone.present(&phone.access_token).await;
    refused.refused(401, "refresh_invalid");
    // It is this client's, and this style's.
    let refused = phone.present_as("old", &token).await;
    refused.refused(401, "refresh_invalid");
    server
        .put_client("tablet", ClientKind::Native, |client| {
            *client = client.clone().with_style(Style::Stateless);
        })
        .await;
    let refused = phone.present_as("tablet", &token).await;
    refused.refused(401, "refresh_invalid");
    let form = json!({ "email": ALICE, "password": PASSWORD, "client_id": "old" });
    let rotating = server.send(Request::post("/v1/login").json(&form)).await;
    let refused = phone.present(&refresh_token(&rotating)).await;
    refused.refused(401, "refresh_invalid");
    // Every change of a letter is one too many.
    let (head, mac) = token.rsplit_once('.').unwrap();
    let other = if mac.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{head}.{other}{}", &mac[1..]);
    phone.present(&forged).await.refused(401, "refresh_invalid");
    phone.present(&token).await.expect(200);
}

#[tokio::test]
async fn its_keys_rotate_and_can_be_taken_out() {
    let server = start().await;
    server.register(ALICE).await;
    let phone = Phone::signed_in(&server, ALICE).await;
    let operator = Visitor::operator();
    server.auth.upkeep().await.unwrap();
    server.auth.rotate_keys(None, &operator).await.unwrap();
    let next = refresh_token(&phone.present(&phone.refresh_token).await.expect(200));
    let (before, after) = (part(&phone.refresh_token, 0), part(&next, 0));
    assert_ne!(before["kid"], after["kid"]);
    let kid = before["kid"].as_str().unwrap();
    server.auth.remove_key(kid, &operator).await.unwrap();
    let refused = phone.present(&phone.refresh_token).await;
    refused.refused(401, "refresh_invalid");
    phone.present(&next).await.expect(200);
    // Nobody asks for them any more: they retire.
    for (id, kind) in [
        ("default", ClientKind::Browser),
        ("phone", ClientKind::Native),
    ] {
        server.put_client(id, kind, |_| {}).await;
    }
    server.auth.upkeep().await.unwrap();
    let keys = server.auth.keys();
    let mut stateless = keys
        .iter()
        .filter(|key| key.purpose == KeyPurpose::Stateless);
    assert!(stateless.all(|key| key.state >= KeyState::Retired));
}

/// What nothing is kept of cannot be listed, and that is said.
#[tokio::test]
async fn all_but_one_cannot_be_ended() {
    let server = start().await;
    let mut alice = Browser::signed_in(&server, ALICE).await;
    let sessions = alice
        .call(Request::get("/v1/me/sessions"))
        .await
        .expect(200);
    assert_eq!(sessions.json()["sessions"], json!([]));
    let others = Request::new("DELETE", "/v1/me/sessions");
    alice.call(others).await.refused(409, "sessions_not_kept");
    // One's own is known by its token.
    let sid = part(&alice.access_token, 1)["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let own = Request::new("DELETE", &format!("/v1/me/sessions/{sid}"));
    alice.call(own).await.expect(204);
    assert!(!alice.is_welcome().await);
    alice.refresh().await.refused(401, "session_revoked");
}

#[tokio::test]
async fn what_no_cookie_can_hold_is_not_begun() {
    let server = start().await;
    server.register(ALICE).await;
    let user = server.user(ALICE).await.id;
    let change = countersign_auth::admin::users::AccountChange {
        roles: Some((0..400).map(|n| format!("role-{n}")).collect()),
        ..Default::default()
    };
    let operator = Visitor::operator();
    server
        .auth
        .change_user(user, change, &operator)
        .await
        .unwrap();
    let mut alice = Browser::new(&server);
    alice.sign_in(ALICE).await.refused(503, "cannot_protect");
    assert_eq!(server.audited("signed_in"), 0);
    // A body can.
    Phone::signed_in(&server, ALICE).await;
}
