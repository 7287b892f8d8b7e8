use std::time::Duration;

use countersign_auth::issue::{Outcome, Signed};
use countersign_auth::login::LoginError;
use countersign_auth::refresh::RefreshError;
use countersign_auth::visitor::Visitor;

use crate::world::{PASSWORD, Server, World, somebody};

async fn renew(server: &Server, signed: &Signed) -> Result<Signed, RefreshError> {
    let token = signed.refresh_token.expose();
    server.auth.refresh(None, token, &somebody()).await
}

#[tokio::test]
async fn a_rested_token_is_rotated_and_what_stands_in_it_is_inherited() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let first = server.login("a@example.org").await;
    server.rest();
    let second = renew(&server, &first).await.unwrap();
    assert_eq!(second.outcome, Outcome::Rotated);
    assert_ne!(first.refresh_token.expose(), second.refresh_token.expose());
    let (old, new) = (server.check(&first), server.check(&second));
    assert_eq!((&old.sid, old.auth_time), (&new.sid, new.auth_time));
    assert_eq!((old.epochs, &old.sub), (new.epochs, &new.sub));
    assert_eq!(new.iat, old.iat + 21);
}

#[tokio::test]
async fn two_tabs_get_the_same_successor() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let first = server.login("a@example.org").await;
    server.rest();
    let one = renew(&server, &first).await.unwrap();
    let other = renew(&server, &first).await.unwrap();
    assert_eq!(
        (one.outcome, other.outcome),
        (Outcome::Rotated, Outcome::Retried)
    );
    assert_eq!(one.refresh_token.expose(), other.refresh_token.expose());
}

#[tokio::test]
async fn a_lost_answer_is_recovered_and_what_was_lost_is_poison() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let first = server.login("a@example.org").await;
    server.rest();
    let lost = renew(&server, &first).await.unwrap();
    server.pass(Duration::from_hours(1));
    let recovered = renew(&server, &first).await.unwrap();
    assert_eq!(recovered.outcome, Outcome::Recovered);

    let theft = renew(&server, &lost).await;
    assert!(matches!(theft, Err(RefreshError::Reused)), "{theft:?}");
    assert_eq!(server.refused(&recovered), "session_revoked");
    let gone = renew(&server, &recovered).await;
    assert!(matches!(gone, Err(RefreshError::Invalid)), "{gone:?}");
}

#[tokio::test]
async fn a_session_ends_when_it_rests_too_long_and_when_it_is_too_old() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let idle = server.login("a@example.org").await;
    server.pass(Duration::from_hours(14 * 24));
    assert!(matches!(
        renew(&server, &idle).await,
        Err(RefreshError::Expired)
    ));

    let mut signed = server.login("a@example.org").await;
    for _ in 0..6 {
        server.pass(Duration::from_hours(13 * 24));
        signed = renew(&server, &signed).await.unwrap();
    }
    // The 78th day: twelve are left, whatever the idle time.
    assert_eq!(signed.refresh_expires_in, Duration::from_hours(12 * 24));
    server.pass(Duration::from_hours(12 * 24) - Duration::from_mins(1));
    let last = renew(&server, &signed).await.unwrap();
    assert_eq!(
        last.expires_in,
        Duration::from_mins(1),
        "no token outlives its session"
    );
    server.pass(Duration::from_mins(1));
    let jobs = server.store.stats().jobs;
    assert!(matches!(
        renew(&server, &last).await,
        Err(RefreshError::Expired)
    ));
    assert_eq!(server.store.stats().jobs, jobs, "the store was asked");
}

/// Every single character matters, and so does every length.
#[tokio::test]
async fn nothing_but_what_was_made_here_is_looked_up() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let token = signed.refresh_token.expose();
    let commits = server.store.stats().jobs;
    let mut forged: Vec<String> = (0..token.len())
        .map(|at| {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        })
        .collect();
    forged.extend((0..token.len()).map(|length| token[..length].to_owned()));
    forged.extend([
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        token.replace('_', "-"),
        signed.access_token.clone(),
        "ä".repeat(token.len() / 2),
    ]);
    for text in &forged {
        let refused = server.auth.refresh(None, text, &somebody()).await;
        assert!(
            matches!(refused, Err(RefreshError::Invalid)),
            "{text}: {refused:?}"
        );
    }
    assert_eq!(server.store.stats().jobs, commits, "the store was asked");
}

#[tokio::test]
async fn another_servers_tokens_are_not_ours() {
    let (world, elsewhere) = (World::new(), World::new());
    let (server, other) = (world.start().await, elsewhere.start().await);
    other.register("a@example.org").await;
    let signed = other.login("a@example.org").await;
    assert!(matches!(
        renew(&server, &signed).await,
        Err(RefreshError::Invalid)
    ));
    assert_eq!(server.refused(&signed), "token_key_unknown");
}

#[tokio::test]
async fn everybody_signs_in_again() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    server
        .auth
        .end_everything(&Visitor::operator())
        .await
        .unwrap();
    assert_eq!(server.refused(&signed), "all_revoked");
    server.rest();
    assert!(matches!(
        renew(&server, &signed).await,
        Err(RefreshError::Stale)
    ));
    let again = server.login("a@example.org").await;
    assert_eq!(server.check(&again).epochs.issuer, 1);
}

/// Whoever was about to get in when it was said is not in by it.
#[tokio::test]
async fn a_sign_in_in_flight_is_among_everybody() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let hashing = async |busy: usize| {
        while server.auth.stats().hasher.busy != busy {
            tokio::task::yield_now().await;
        }
    };
    hashing(0).await;
    server.hold_hashing(true);
    let meanwhile = async {
        hashing(1).await;
        let said = server.auth.end_everything(&Visitor::operator()).await;
        server.hold_hashing(false);
        said.unwrap();
    };
    let sign_in = server.try_login("a@example.org", PASSWORD, None);
    let (signed, ()) = tokio::join!(sign_in, meanwhile);
    assert!(matches!(signed, Err(LoginError::Stale)), "{signed:?}");
    server.login("a@example.org").await;
}

#[tokio::test]
async fn users_sessions_and_what_was_revoked_outlive_the_process() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let (kept, ended) = (
        server.login("a@example.org").await,
        server.login("a@example.org").await,
    );
    server
        .auth
        .logout(ended.refresh_token.expose(), &somebody())
        .await
        .unwrap();
    server.stop().await;

    let server = world.start().await;
    server.check(&kept);
    assert_eq!(server.refused(&ended), "session_revoked");
    server.rest();
    renew(&server, &kept).await.unwrap();
    server.login("a@example.org").await;
}
