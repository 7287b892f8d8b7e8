//! Clocks that are wrong: this machine's, the issuer's, and bytes that take their time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use countersign_guard::net::{Clock, Denied, WhenStale};
use countersign_guard::{Guard, Revocation};

use crate::fixture::{Issuer, soon, unix_now};

/// Clocks that a test moves.
#[derive(Clone, Default)]
struct Hands {
    /// Milliseconds that the wall clock is off.
    off: Arc<AtomicI64>,
    /// Milliseconds that passed beside those that pass anyway.
    passed: Arc<AtomicU64>,
}

impl Clock for Hands {
    fn wall(&self) -> Duration {
        let now = u64::try_from(unix_now().as_millis()).unwrap();
        let passed = self.passed.load(Ordering::Relaxed);
        Duration::from_millis(
            (now + passed).saturating_add_signed(self.off.load(Ordering::Relaxed)),
        )
    }

    fn monotonic(&self) -> Duration {
        let passed = Duration::from_millis(self.passed.load(Ordering::Relaxed));
        unix_now() + passed
    }
}

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_up_to_five_minutes() {
    for off in [-5 * MINUTE + 2000, -MINUTE, MINUTE, 5 * MINUTE - 2000] {
        let issuer = Issuer::start().await;
        let hands = Hands::default();
        hands.off.store(off, Ordering::Relaxed);
        let options = issuer.options(WhenStale::refuse()).clock(hands);
        let guard = Guard::connect(options).await.unwrap();
        let skew = guard.knowing().skew_millis;
        assert!((skew + off).abs() < 1000, "{skew} for {off}");
        // Ten seconds more or less are told apart.
        let now = issuer.world.now().as_secs();
        for (exp, good) in [(now + 10, true), (now - 10, false)] {
            let mut claims = issuer.claims("a");
            claims.exp = exp;
            let verdict = guard.check(&issuer.sign(&claims)).await;
            assert_eq!(verdict.is_ok(), good, "{off}: {verdict:?}");
        }
    }
}

#[tokio::test]
async fn beyond_five_minutes_it_refuses_and_says_so() {
    for off in [-5 * MINUTE - 5000, 5 * MINUTE + 5000] {
        let issuer = Issuer::start().await;
        let hands = Hands::default();
        let options = issuer.options(WhenStale::CarryOn).clock(hands.clone());
        let guard = Guard::connect(options).await.unwrap();
        let token = issuer.token("a");
        guard.check(&token).await.unwrap();
        hands.off.store(off, Ordering::Relaxed);
        soon("it refuses", async || {
            matches!(guard.check(&token).await, Err(Denied::ClockOff { .. }))
        })
        .await;
        let denied = guard.check(&token).await.unwrap_err();
        assert!(denied.to_string().contains("differ by 30"), "{denied}");
        assert!(denied.is_temporary());
        hands.off.store(0, Ordering::Relaxed);
        soon("it recovers", async || guard.check(&token).await.is_ok()).await;
    }
}

/// The other clock is the wrong one: guard and issuer agree all the same.
#[tokio::test]
async fn an_issuer_five_minutes_off() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    for off in [5 * MINUTE - 2000, -5 * MINUTE + 2000] {
        issuer.world.clock_off.store(off, Ordering::Relaxed);
        soon("the clock is followed", async || {
            (guard.knowing().skew_millis - off).abs() < 1000
        })
        .await;
        let mut claims = issuer.claims("a");
        claims.exp = claims.iat + 5;
        guard.check(&issuer.sign(&claims)).await.unwrap();
    }
    issuer.world.clock_off.store(7 * MINUTE, Ordering::Relaxed);
    let token = issuer.token("a");
    soon("it refuses", async || {
        matches!(guard.check(&token).await, Err(Denied::ClockOff { .. }))
    })
    .await;
    issuer.world.clock_off.store(0, Ordering::Relaxed);
    let token = issuer.token("a");
    soon("it recovers", async || guard.check(&token).await.is_ok()).await;
}

/// Age is measured by the clock that never jumps; a minute is the limit, to the second.
#[tokio::test]
async fn the_limit_is_a_minute_by_the_monotonic_clock() {
    let mut issuer = Issuer::start().await;
    let hands = Hands::default();
    let options = issuer.options(WhenStale::refuse()).clock(hands.clone());
    let guard = Guard::connect(options).await.unwrap();
    let token = issuer.token("a");
    issuer.stop().await;
    // The wall clock alone: nobody's knowledge gets older by that.
    hands.off.store(2 * MINUTE, Ordering::Relaxed);
    guard.check(&token).await.unwrap();
    hands.off.store(0, Ordering::Relaxed);
    hands.passed.fetch_add(58_000, Ordering::Relaxed);
    assert!(!guard.knowing().connected);
    guard.check(&token).await.unwrap();
    hands.passed.fetch_add(3_000, Ordering::Relaxed);
    let denied = guard.check(&token).await.unwrap_err();
    assert!(
        matches!(denied, Denied::Stale { age: Some(age) } if age.as_secs() >= 61),
        "{denied}"
    );
}

/// A heartbeat that was held up on its way vouches for when it was sent.
#[tokio::test]
async fn a_late_heartbeat_vouches_for_the_past() {
    let issuer = Issuer::start().await;
    let hands = Hands::default();
    let limit = Duration::from_secs(3);
    let options = issuer.options(WhenStale::Refuse { after: limit });
    let mut pace = crate::fixture::pace();
    pace.silence = Duration::from_mins(1);
    let guard = Guard::connect(options.pace(pace).clock(hands.clone()))
        .await
        .unwrap();
    let token = issuer.token("a");
    guard.check(&token).await.unwrap();
    // Five seconds passed here, and none in what the issuer says.
    hands.passed.fetch_add(5000, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!guard.knowing().connected);
    let denied = guard.check(&token).await.unwrap_err();
    assert!(matches!(denied, Denied::Stale { .. }), "{denied}");
}

/// What has expired is forgotten, by the issuer's clock: a wall clock that jumps ahead for a
/// moment makes nothing come back.
#[tokio::test]
async fn nothing_is_forgotten_by_a_wrong_clock() {
    let issuer = Issuer::start().await;
    let hands = Hands::default();
    let options = issuer.options(WhenStale::CarryOn).clock(hands.clone());
    let guard = Guard::connect(options).await.unwrap();
    let token = issuer.token("a");
    issuer.end_session_of("a");
    soon("it hears", async || guard.check(&token).await.is_err()).await;
    // Cut off, so that nobody corrects it.
    issuer.world.silent.store(true, Ordering::Relaxed);
    hands.passed.fetch_add(5000, Ordering::Relaxed);
    hands.off.store(60 * MINUTE, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(300)).await;
    hands.off.store(-5000, Ordering::Relaxed);
    assert_eq!(
        guard.check(&token).await.unwrap_err().code(),
        "session_revoked"
    );
}

/// The other order: what was rightly forgotten does not come back with a wall clock that is set back.
#[tokio::test]
async fn a_clock_that_is_set_back_brings_nothing_back() {
    let issuer = Issuer::start().await;
    let hands = Hands::default();
    let options = issuer.options(WhenStale::CarryOn).clock(hands.clone());
    let guard = Guard::connect(options).await.unwrap();
    let mut claims = issuer.claims("a");
    claims.exp = claims.iat + 60;
    let token = issuer.sign(&claims);
    let sid = claims.sid.clone().unwrap();
    issuer.revoke_until(Revocation::Session { sid }, claims.exp);
    soon("it hears", async || guard.check(&token).await.is_err()).await;
    // Two minutes pass at the issuer's, and the guard forgets the token and its revocation.
    issuer.world.clock_off.store(2 * MINUTE, Ordering::Relaxed);
    soon("it forgets", async || guard.knowing().stats.sessions == 0).await;
    issuer.world.silent.store(true, Ordering::Relaxed);
    soon("it is cut off", async || !guard.knowing().connected).await;
    hands.off.store(-60 * MINUTE, Ordering::Relaxed);
    let denied = guard.check(&token).await.unwrap_err();
    assert_eq!(denied.code(), "token_expired");
    guard.check(&issuer.token("b")).await.unwrap();
}
