//! Open connections end with their token.

use std::time::Duration;

use countersign_guard::net::{Denied, WhenStale};
use tokio::time::{Instant, timeout};

use crate::fixture::{Issuer, soon};

#[tokio::test]
async fn an_open_connection_ends_at_revocation() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let one = guard.check(&issuer.token("a")).await.unwrap();
    let other = guard.check(&issuer.token("b")).await.unwrap();
    let mut ended = Box::pin(guard.watch(&one));
    let mut goes_on = Box::pin(guard.watch(&other));
    assert!(
        timeout(Duration::from_millis(100), &mut ended)
            .await
            .is_err()
    );
    let begun = Instant::now();
    issuer.end_session_of("a");
    let why = timeout(Duration::from_secs(5), &mut ended).await.unwrap();
    assert_eq!(why.0.code(), "session_revoked");
    println!("ended {:?} after the revocation", begun.elapsed());
    assert!(
        timeout(Duration::from_millis(100), &mut goes_on)
            .await
            .is_err()
    );
    // What was revoked before is over at once.
    assert_eq!(guard.watch(&one).await.0.code(), "session_revoked");
}

#[tokio::test]
async fn an_open_connection_ends_at_expiry() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let mut claims = issuer.claims("a");
    claims.exp = claims.iat + 2;
    let verified = guard.check(&issuer.sign(&claims)).await.unwrap();
    let why = timeout(Duration::from_secs(5), guard.watch(&verified))
        .await
        .unwrap();
    assert_eq!(why.0.code(), "token_expired");
}

#[tokio::test]
async fn an_open_connection_does_not_outlive_the_limit() {
    let mut issuer = Issuer::start().await;
    let refuse = WhenStale::Refuse {
        after: Duration::from_millis(500),
    };
    let guard = issuer.guard(refuse).await;
    let verified = guard.check(&issuer.token("a")).await.unwrap();
    issuer.stop().await;
    let why = timeout(Duration::from_secs(5), guard.watch(&verified))
        .await
        .unwrap();
    assert!(matches!(why.0, Denied::Stale { .. }), "{why}");
    issuer.restart().await;
    soon("it recovers", async || guard.knowing().connected).await;
}
