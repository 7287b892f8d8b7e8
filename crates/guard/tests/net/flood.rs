//! Floods: of key ids that somebody made up, and of bad tokens.

use std::time::Duration;

use countersign_guard::net::WhenStale;
use countersign_guard::{Guard, Revocation};
use countersign_jose::sign;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::fixture::{Issuer, new_key, pace, soon};

/// At most one fetch in a cool-down, whatever tokens ask for; and who asks does not hold up the
/// others.
#[tokio::test]
async fn made_up_key_ids_cause_one_fetch_in_a_cool_down() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let good = issuer.token("good");
    let forger = new_key("k1");
    let begun = Instant::now();
    let mut flood = JoinSet::new();
    let mut refused = 0_u32;
    while begun.elapsed() < Duration::from_secs(1) {
        for _ in 0..20 {
            let kid = format!("made-up-{refused}");
            let claims = issuer.claims("bad");
            let token = sign(&forger.clone().with_kid(&kid), "at+jwt", &claims).unwrap();
            let guard = guard.clone();
            flood.spawn(async move { guard.check(&token).await.unwrap_err().code() });
            refused += 1;
        }
        tokio::select! {
            biased;
            verdict = guard.check(&good) => drop(verdict.unwrap()),
            () = std::future::ready(()) => panic!("a good token waits for the bad ones"),
        }
        tokio::task::yield_now().await;
    }
    // Or there was no place to wait in.
    for code in flood.join_all().await {
        assert!(
            matches!(code, "token_key_unknown" | "issuer_unanswered"),
            "{code}"
        );
    }
    let (cool_down, elapsed) = (
        pace().cool_down.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
    );
    let fetches = issuer.count("key set");
    println!("{refused} made-up key ids in {elapsed:.1} s: {fetches} fetches");
    // One at the start, and the first at once.
    let most = 2.0 + elapsed / cool_down;
    assert!(
        f64::from(u32::try_from(fetches).unwrap()) <= most,
        "{fetches} fetches"
    );
    assert!(refused > 200, "{refused}");
}

/// The same missing key is not asked for again and again.
#[tokio::test]
async fn a_key_that_is_missing_is_remembered() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let token = sign(&new_key("gone"), "at+jwt", &issuer.claims("a")).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < pace().missing * 9 / 10 {
        guard.check(&token).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(issuer.count("key set"), 2);
}

/// No token that was refused enters the cache: all good ones stay in it.
#[tokio::test]
async fn bad_tokens_leave_the_good_ones_in_the_cache() {
    const GOOD: usize = 100;
    let issuer = Issuer::start().await;
    let options = issuer.options(WhenStale::refuse()).cache(GOOD * 4);
    let guard = Guard::connect(options).await.unwrap();
    let good: Vec<String> = (0..GOOD).map(|n| issuer.token(&n.to_string())).collect();
    for token in &good {
        guard.check(token).await.unwrap();
    }
    assert_eq!(guard.knowing().stats.cached, GOOD);
    let forger = new_key("k1");
    issuer.revoke(Revocation::Session { sid: "over".into() });
    soon("it is heard", async || guard.knowing().stats.sessions == 1).await;
    for n in 0..GOOD * 10 {
        let mut revoked = issuer.claims(&n.to_string());
        revoked.sid = Some("over".into());
        let mut bound = issuer.claims(&n.to_string());
        let jkt = serde_json::json!({ "jkt": "x" });
        bound.extra.insert("cnf".into(), jkt);
        let mut expired = issuer.claims(&n.to_string());
        expired.exp = 1;
        let mut foreign = issuer.claims(&n.to_string());
        foreign.aud = "https://other.example".into();
        for bad in [
            sign(&forger, "at+jwt", &issuer.claims(&n.to_string())).unwrap(),
            issuer.sign(&expired),
            issuer.sign(&foreign),
            issuer.sign(&revoked),
            issuer.sign(&bound),
        ] {
            guard.check(&bad).await.unwrap_err();
        }
    }
    assert_eq!(guard.knowing().stats.cached, GOOD);
    for token in &good {
        guard.check(token).await.unwrap();
    }
    assert_eq!(guard.knowing().stats.cached, GOOD);
}

/// A bearer proves nothing of a key: RFC 7800.
#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_refused() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let mut claims = issuer.claims("bound");
    claims.extra.insert("cnf".into(), serde_json::json!(null));
    for _ in 0..2 {
        let denied = guard.check(&issuer.sign(&claims)).await.unwrap_err();
        assert_eq!(denied.code(), "bound_to_a_key");
    }
}
