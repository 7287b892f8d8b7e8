//! The renewal table, row by row, as it is seen through HTTP.

use std::sync::Arc;
use std::time::Duration;

use countersign_auth::model::client::ClientKind;
use countersign_auth::visitor::Visitor;

use crate::actors::{Browser, Phone};
use crate::server::{Options, Server};
use crate::support::client::Answer;

const HOUR: Duration = Duration::from_hours(1);

async fn with_phone() -> Server {
    let server = Server::start().await;
    server.register("alice@example.com").await;
    server.put_client("phone", ClientKind::Native, |_| {}).await;
    server
}

fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rotated_the_newest_token_after_an_interval_gives_the_next() {
    let server = with_phone().await;
    let mut phone = Phone::signed_in(&server, "alice@example.com").await;
    let mut seen = vec![phone.refresh_token.clone()];
    for _ in 0..5 {
        server.advance(server.interval());
        phone.refresh().await.expect(200);
        assert!(!seen.contains(&phone.refresh_token));
        seen.push(phone.refresh_token.clone());
    }
    assert!(phone.is_welcome().await);
}

#[tokio::test]
async fn held_the_newest_token_sooner_gives_itself_and_writes_nothing() {
    let server = with_phone().await;
    let mut phone = Phone::signed_in(&server, "alice@example.com").await;
    let (first, access) = (phone.refresh_token.clone(), phone.access_token.clone());
    let before = server.dump();
    server.advance(server.interval().saturating_sub(Duration::from_millis(1)));
    phone.refresh().await.expect(200);
    assert_eq!(phone.refresh_token, first);
    assert_ne!(phone.access_token, access, "the access token is fresh");
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn retried_the_one_before_gives_the_same_successor() {
    let server = with_phone().await;
    let phone = Phone::signed_in(&server, "alice@example.com").await;
    server.rest();
    let successor = refresh_token(&phone.present(&phone.refresh_token).await.expect(200));
    for _ in 0..3 {
        server.advance(server.interval() / 2);
        let again = phone.present(&phone.refresh_token).await.expect(200);
        assert_eq!(refresh_token(&again), successor);
    }
}

#[tokio::test]
async fn retried_more_than_a_hundred_times_is_asked_to_wait_and_raises_no_alarm() {
    let server = with_phone().await;
    let phone = Phone::signed_in(&server, "alice@example.com").await;
    server.rest();
    for _ in 0..=100 {
        phone.present(&phone.refresh_token).await.expect(200);
    }
    let refused = phone
        .present(&phone.refresh_token)
        .await
        .refused(429, "too_many_retries");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(phone.is_welcome().await);
    assert_eq!(server.audited("refresh_token_reused"), 0);
}

#[tokio::test]
async fn recovered_a_lost_answer_retried_after_an_hour_goes_on() {
    let server = with_phone().await;
    let mut phone = Phone::signed_in(&server, "alice@example.com").await;
    server.rest();
    let lost = refresh_token(&phone.present(&phone.refresh_token).await.expect(200));
    server.advance(HOUR);
    phone.refresh().await.expect(200);
    assert_ne!(
        phone.refresh_token, lost,
        "the number that was lost is poison"
    );
    assert!(phone.is_welcome().await);
    server.rest();
    phone.refresh().await.expect(200);

    // Whoever has the one that was lost is found out.
    phone.present(&lost).await.refused(401, "refresh_reused");
    assert!(!phone.is_welcome().await);
}

#[tokio::test]
async fn the_sixth_lost_answer_in_a_row_ends_the_session_without_an_alarm() {
    let server = with_phone().await;
    let phone = Phone::signed_in(&server, "alice@example.com").await;
    server.rest();
    phone.present(&phone.refresh_token).await.expect(200);
    for _ in 0..5 {
        server.rest();
        phone.present(&phone.refresh_token).await.expect(200);
    }
    server.rest();
    phone
        .present(&phone.refresh_token)
        .await
        .refused(401, "refresh_expired");
    assert_eq!(server.audited("refresh_token_reused"), 0);
    assert_eq!(server.count("sessions"), 0);
}

#[tokio::test]
async fn superseded_a_token_from_before_the_password_changed_gets_nothing_and_ends_nothing() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let mut old_tab = alice.clone();
    alice
        .change_password("a new and better password")
        .await
        .expect(200);
    let refused = old_tab.refresh().await.refused(401, "refresh_superseded");
    // A late answer must not empty the jar that holds the successor by now.
    assert_eq!(refused.header("set-cookie"), None);
    assert!(
        alice.is_welcome().await,
        "the session goes on for whoever changed it"
    );
    server.rest();
    alice.refresh().await.expect(200);
}

#[tokio::test]
async fn reused_a_spent_token_ends_the_session_and_takes_the_cookie_back() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let mut thief = alice.clone();
    for _ in 0..2 {
        server.rest();
        alice.refresh().await.expect(200);
    }
    let refused = thief.refresh().await.refused(401, "refresh_reused");
    assert!(refused.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(thief.refresh_token(), None);
    assert!(
        !thief.is_welcome().await,
        "access tokens go with the session"
    );
    assert!(!alice.is_welcome().await);
    alice.refresh().await.refused(401, "refresh_invalid");
    assert_eq!(server.audited("refresh_token_reused"), 1);
}

#[tokio::test]
async fn ahead_a_restored_backup_ends_the_session_loudly() {
    let server = with_phone().await;
    let mut newest = Phone::signed_in(&server, "alice@example.com")
        .await
        .refresh_token;
    let issuer = server.issuer.clone();
    let (folder, now) = server.stop().await;
    let database = folder.path().join("store.db");
    let backup = std::fs::read(&database).unwrap();

    let options = || Options {
        issuer: Some(issuer.clone()),
        ..Options::default()
    };
    let server = Server::on(folder, now, options()).await;
    for _ in 0..2 {
        server.rest();
        newest = refresh_token(
            &Phone::at(&server, "", "")
                .present(&newest)
                .await
                .expect(200),
        );
    }
    let (folder, now) = server.stop().await;
    std::fs::write(&database, backup).unwrap();

    let server = Server::on(folder, now, options()).await;
    let phone = Phone::at(&server, "", &newest);
    phone.present(&newest).await.refused(401, "refresh_ahead");
    assert_eq!(server.audited("store_lost_writes"), 1);
    phone.present(&newest).await.refused(401, "refresh_invalid");
}

#[tokio::test]
async fn expired_after_resting_too_long_or_at_the_absolute_end() {
    let server = with_phone().await;
    server
        .put_client("phone", ClientKind::Native, |client| {
            client.idle_ttl = 2 * HOUR;
            client.absolute_ttl = 5 * HOUR;
        })
        .await;

    let phone = Phone::signed_in(&server, "alice@example.com").await;
    server.advance(2 * HOUR);
    phone
        .present(&phone.refresh_token)
        .await
        .refused(401, "refresh_expired");

    let mut phone = Phone::signed_in(&server, "alice@example.com").await;
    for _ in 0..4 {
        server.advance(HOUR + HOUR / 5);
        phone.refresh().await.expect(200);
    }
    server.advance(HOUR);
    phone.refresh().await.refused(401, "refresh_expired");
}

#[tokio::test]
async fn an_access_token_never_outlives_its_session() {
    let server = with_phone().await;
    server
        .put_client("phone", ClientKind::Native, |client| {
            client.idle_ttl = HOUR;
            client.absolute_ttl = HOUR;
        })
        .await;
    let mut phone = Phone::signed_in(&server, "alice@example.com").await;
    server.advance(Duration::from_mins(59));
    let tokens = phone.refresh().await.expect(200).json();
    assert_eq!(tokens["expires_in"], 60);
    assert_eq!(tokens["refresh_expires_in"], 60);
}

#[tokio::test]
async fn stale_when_the_user_or_the_client_was_disabled() {
    let server = with_phone().await;
    let operator = Visitor::operator();
    let phone = Phone::signed_in(&server, "alice@example.com").await;
    let alice = server.user("alice@example.com").await;
    server
        .auth
        .set_user_enabled(alice.id, false, &operator)
        .await
        .unwrap();
    assert!(!phone.is_welcome().await);
    phone
        .present(&phone.refresh_token)
        .await
        .refused(401, "session_revoked");
    server
        .auth
        .set_user_enabled(alice.id, true, &operator)
        .await
        .unwrap();
    phone
        .present(&phone.refresh_token)
        .await
        .refused(401, "session_revoked");

    let phone = Phone::signed_in(&server, "alice@example.com").await;
    server
        .auth
        .cut_off_client(&"phone".parse().unwrap(), &operator)
        .await
        .unwrap();
    assert!(!phone.is_welcome().await);
    phone
        .present(&phone.refresh_token)
        .await
        .refused(401, "session_revoked");
}

#[tokio::test]
async fn unknown_a_token_of_another_client_is_not_known_and_its_session_goes_on() {
    let server = with_phone().await;
    server
        .put_client("tablet", ClientKind::Native, |_| {})
        .await;
    let mut phone = Phone::signed_in(&server, "alice@example.com").await;
    phone
        .present_as("tablet", &phone.refresh_token)
        .await
        .refused(401, "refresh_invalid");
    server.rest();
    phone.refresh().await.expect(200);
}

#[tokio::test]
async fn a_forged_cookie_is_refused_and_left_where_it_is() {
    let server = Server::start().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let genuine = alice.refresh_token().unwrap().to_owned();
    alice.set_refresh_token("csr1_forged");
    let refused = alice.refresh().await.refused(401, "refresh_invalid");
    assert!(refused.header("set-cookie").is_none());
    alice.set_refresh_token(&genuine);
    alice.refresh().await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_make_one_generation_and_sign_nobody_out() {
    let server = Arc::new(with_phone().await);
    let phone = Phone::signed_in(&server, "alice@example.com").await;
    let mut current = phone.refresh_token.clone();
    for _ in 0..3 {
        server.rest();
        let before = server.generation();
        let racers: Vec<_> = (0..100)
            .map(|_| {
                let (server, token) = (server.clone(), current.clone());
                tokio::spawn(async move { Phone::at(&server, "", "").present(&token).await })
            })
            .collect();
        let mut successors = Vec::new();
        for racer in racers {
            successors.push(refresh_token(&racer.await.unwrap().expect(200)));
        }
        successors.sort();
        successors.dedup();
        assert_eq!(successors.len(), 1, "all got the same successor");
        assert_eq!(server.generation(), before + 1, "one generation was made");
        current = successors.remove(0);
    }
    assert!(phone.is_welcome().await);
    assert_eq!(server.count("sessions"), 1);
}
