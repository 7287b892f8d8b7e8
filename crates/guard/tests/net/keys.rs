//! The key set: rotation, removal, and sets that are not what they should be.

use std::sync::atomic::Ordering;

use countersign_guard::net::{Connected, Denied, WhenStale};
use countersign_guard::{Guard, Revocation};
use countersign_jose::sign;
use tokio::task::JoinSet;

use crate::fixture::{Issuer, new_key, patient, soon};

/// Staged keys are known before they sign: not one token is refused.
#[tokio::test]
async fn a_planned_rotation_under_load_refuses_nothing() {
    let issuer = Issuer::start().await;
    issuer.world.max_age.store(0, Ordering::Relaxed);
    let guard = issuer.guard(WhenStale::refuse()).await;
    let next = new_key("k2");
    issuer.publish(&[&issuer.key, &next]);
    let fetched = issuer.count("key set");
    let mut checks = 0;
    let mut load = async |key| {
        let claims = issuer.claims(&format!("t{checks}"));
        guard
            .check(&sign(key, "at+jwt", &claims).unwrap())
            .await
            .unwrap();
        checks += 1;
    };
    while issuer.count("key set") < fetched + 2 {
        load(&issuer.key).await;
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        load(&next).await;
        load(&issuer.key).await;
    }
    issuer.publish(&[&next]);
    for _ in 0..20 {
        load(&next).await;
    }
    assert!(checks > 60, "{checks}");
}

/// A key that nobody announced is fetched, and whoever brought it waits.
#[tokio::test]
async fn an_unannounced_key_is_fetched_at_once() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let next = new_key("k2");
    issuer.publish(&[&issuer.key, &next]);
    let token = sign(&next, "at+jwt", &issuer.claims("a")).unwrap();
    for verdict in checks(&guard, &token, 100).join_all().await {
        verdict.unwrap();
    }
    assert_eq!(issuer.count("key set"), 2);
}

/// Many checks of one token at once.
fn checks(guard: &Connected, token: &str, number: usize) -> JoinSet<Result<(), Denied>> {
    let check = |_| {
        let (guard, token) = (guard.clone(), token.to_owned());
        async move { guard.check(&token).await.map(drop) }
    };
    (0..number).map(check).collect()
}

/// Not everybody can wait. Whoever has no place is not told that the token is bad.
#[tokio::test]
async fn with_nowhere_to_wait_no_token_is_called_bad() {
    let issuer = Issuer::start().await;
    let options = issuer.options(WhenStale::refuse()).pace(patient());
    let guard = Guard::connect(options).await.unwrap();
    let next = new_key("k2");
    issuer.publish(&[&issuer.key, &next]);
    let token = sign(&next, "at+jwt", &issuer.claims("a")).unwrap();
    issuer.world.stalled.store(true, Ordering::Relaxed);
    let mut waiting = checks(&guard, &token, 1500);
    // Those that need not wait.
    let first = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(first, Err(Denied::Unanswered));
    issuer.world.stalled.store(false, Ordering::Relaxed);
    let verdicts = waiting.join_all().await;
    let good = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
    assert_eq!(good, 1024, "{:?}", verdicts[0]);
    for verdict in verdicts.into_iter().filter(Result::is_err) {
        assert_eq!(verdict, Err(Denied::Unanswered));
    }
}

/// Only a set that was fetched says that there is no such key.
#[tokio::test]
async fn a_key_that_cannot_be_looked_for_is_not_unknown() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let (next, never) = (new_key("k2"), new_key("k3"));
    let [token, bad] = [&next, &never].map(|key| sign(key, "at+jwt", &issuer.claims("a")).unwrap());
    issuer.publish_text("<html>");
    for token in [&token, &token, &bad] {
        let denied = guard.check(token).await.unwrap_err();
        assert_eq!(denied, Denied::Unanswered);
        assert!(denied.is_temporary());
    }
    // The others are checked as before.
    guard.check(&issuer.token("b")).await.unwrap();
    issuer.publish(&[&issuer.key, &next]);
    soon("it is good", async || guard.check(&token).await.is_ok()).await;
    for _ in 0..3 {
        let denied = guard.check(&bad).await.unwrap_err();
        assert_eq!(denied.code(), "token_key_unknown");
    }
}

/// As when it stops in the middle of an answer.
#[tokio::test]
async fn an_issuer_that_takes_too_long_makes_no_token_bad() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let token = sign(&new_key("k2"), "at+jwt", &issuer.claims("a")).unwrap();
    issuer.world.stalled.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(guard.check(&token).await.unwrap_err(), Denied::Unanswered);
    }
}

#[tokio::test]
async fn a_removed_key_is_refused_at_once() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let token = issuer.token("a");
    guard.check(&token).await.unwrap();
    let fetched = issuer.count("key set");
    // Still in the set: the event alone does it.
    issuer.revoke(Revocation::Key { kid: "k1".into() });
    soon("the key is refused", async || {
        guard.check(&token).await.is_err()
    })
    .await;
    assert_eq!(guard.check(&token).await.unwrap_err().code(), "key_revoked");
    soon("the set is fetched", async || {
        issuer.count("key set") > fetched
    })
    .await;
}

/// What is no set with a usable key changes nothing.
#[tokio::test]
async fn a_set_that_cannot_be_used_is_kept_out() {
    let issuer = Issuer::start().await;
    issuer.world.max_age.store(0, Ordering::Relaxed);
    let guard = issuer.guard(WhenStale::refuse()).await;
    let good = issuer.world_published();
    let twice = good.replace("[{", &format!("[{},{{", &good[9..good.len() - 2]));
    let secret = r#"{"keys":[{"kty":"oct","kid":"k1","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
    for bad in [
        "",
        "<html>",
        "{\"keys\":[]}",
        "{\"keys\":7}",
        secret,
        &twice,
    ] {
        issuer.publish_text(bad);
        let fetched = issuer.count("key set");
        soon("it is fetched again", async || {
            issuer.count("key set") > fetched + 1
        })
        .await;
        guard.check(&issuer.token("a")).await.unwrap();
        let troubles = guard.knowing().troubles.join(" ");
        assert!(troubles.contains("key set"), "{bad}: {troubles}");
        issuer.publish_text(&good);
        soon("the trouble is over", async || {
            guard.knowing().troubles.is_empty()
        })
        .await;
    }
}

/// A set without the key, or with another under its id: its tokens are refused, as their keys are
/// gone, and good again soon after the cure.
#[tokio::test]
async fn a_lying_set() {
    let issuer = Issuer::start().await;
    let (other, imposter) = (new_key("k9"), new_key("k1"));
    for lie in [&other, &imposter] {
        let guard = issuer.guard(WhenStale::refuse()).await;
        let token = issuer.token("a");
        guard.check(&token).await.unwrap();
        issuer.publish(&[lie]);
        issuer.revoke(Revocation::Key { kid: "k0".into() });
        soon("the lie is taken", async || {
            guard.check(&token).await.is_err()
        })
        .await;
        issuer.publish(&[&issuer.key]);
        soon("it recovers", async || guard.check(&token).await.is_ok()).await;
        let forged = sign(&imposter, "at+jwt", &issuer.claims("b")).unwrap();
        assert_eq!(
            guard.check(&forged).await.unwrap_err().code(),
            "token_signature"
        );
    }
}

/// The last good set is kept for as long as the issuer is away.
#[tokio::test]
async fn without_the_issuer_the_last_set_is_kept() {
    let mut issuer = Issuer::start().await;
    issuer.world.max_age.store(0, Ordering::Relaxed);
    let guard = issuer.guard(WhenStale::CarryOn).await;
    issuer.stop().await;
    let fetches = guard.knowing().key_set_fetches;
    soon("it is asked for in vain", async || {
        guard.knowing().key_set_fetches > fetches + 3
    })
    .await;
    guard.check(&issuer.token("a")).await.unwrap();
}
