//! The issuer stopped, restarted, slow, silent, cut off from its database; and what each setting
//! makes of that.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_guard::Guard;
use countersign_guard::net::{Denied, WhenStale};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::fixture::{Issuer, hears, polling, soon};

const LIMIT: Duration = Duration::from_millis(600);
const REFUSE: WhenStale = WhenStale::Refuse { after: LIMIT };

/// What a guard that is set to refuse does in each fault: it goes on until its limit, never
/// beyond, and recovers.
async fn refuses_in(fault: &str) {
    for poll in [false, true] {
        let mut issuer = Issuer::start().await;
        let options = issuer.options(REFUSE);
        let options = if poll {
            options.feed(polling())
        } else {
            options
        };
        let guard = Guard::connect(options).await.unwrap();
        let (lasting, revoked) = (issuer.token("lasting"), issuer.token("revoked"));
        guard.check(&revoked).await.unwrap();

        let begun = Instant::now();
        let world = &issuer.world;
        match fault {
            "stopped" => issuer.stop().await,
            // A poll is a request, and hangs as requests do.
            "silent" if !poll => world.silent.store(true, Ordering::Relaxed),
            "silent" | "slow" => {
                world.silent.store(true, Ordering::Relaxed);
                world.stalled.store(true, Ordering::Relaxed);
            }
            "cut off from its database" => {
                // It goes on talking; its heartbeats just do not vouch.
                world.as_of.store(60_000, Ordering::Relaxed);
            }
            other => panic!("{other}"),
        }
        // What a connected guard would hear of now.
        if fault != "cut off from its database" {
            issuer.end_session_of("revoked");
        }
        // Not sooner than its owner allows, and no later.
        let denied = loop {
            let age = guard.knowing().age.unwrap();
            match guard.check(&revoked).await {
                Ok(_) => assert!(age <= LIMIT, "{fault}: accepted at {age:?}"),
                Err(denied) => break denied,
            }
            assert!(begun.elapsed() < LIMIT * 9, "{fault}: accepted for ever");
            sleep(Duration::from_millis(5)).await;
        };
        assert!(
            matches!(denied, Denied::Stale { age: Some(age) } if age > LIMIT),
            "{fault}: {denied:?}"
        );
        assert!(denied.is_temporary());
        assert!(begun.elapsed() > LIMIT / 2, "{fault}: at once");
        assert!(matches!(
            guard.check(&lasting).await,
            Err(Denied::Stale { .. })
        ));
        soon("it is not connected", async || !guard.knowing().connected).await;

        // The cure.
        issuer.world.silent.store(false, Ordering::Relaxed);
        issuer.world.stalled.store(false, Ordering::Relaxed);
        issuer.world.as_of.store(0, Ordering::Relaxed);
        if fault == "stopped" {
            issuer.restart().await;
        }
        soon("it recovers", async || guard.check(&lasting).await.is_ok()).await;
        if fault != "cut off from its database" {
            let denied = guard.check(&revoked).await.unwrap_err();
            assert_eq!(denied.code(), "session_revoked", "{fault}");
        }
        soon("it is connected", async || guard.knowing().connected).await;
        assert_eq!(guard.knowing().troubles, [""; 0], "{fault}");
    }
}

#[tokio::test]
async fn stopped_it_refuses_at_its_limit_and_recovers() {
    refuses_in("stopped").await;
}

#[tokio::test]
async fn slow_it_refuses_at_its_limit_and_recovers() {
    refuses_in("slow").await;
}

#[tokio::test]
async fn silent_it_refuses_at_its_limit_and_recovers() {
    refuses_in("silent").await;
}

#[tokio::test]
async fn a_node_without_its_database_does_not_vouch() {
    refuses_in("cut off from its database").await;
}

#[tokio::test]
async fn a_node_that_lags_by_a_second_is_no_connection() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    issuer.world.as_of.store(1000, Ordering::Relaxed);
    sleep(Duration::from_millis(200)).await;
    assert!(guard.knowing().connected);
    issuer.world.as_of.store(1500, Ordering::Relaxed);
    soon("it is not connected", async || !guard.knowing().connected).await;
    // Old, but not too old.
    guard.check(&issuer.token("a")).await.unwrap();
}

#[tokio::test]
async fn restarted_it_goes_on_where_it_was() {
    let mut issuer = Issuer::start().await;
    let guard = issuer.guard(REFUSE).await;
    let token = issuer.token("a");
    guard.check(&token).await.unwrap();
    issuer.stop().await;
    issuer.end_session_of("a");
    issuer.restart().await;
    hears(&guard, &token).await;
    let begun = issuer.count("stream") - issuer.count("resumed");
    assert_eq!(begun, 1, "only the first begins at the beginning");
}

#[tokio::test]
async fn carrying_on_is_what_its_owner_said() {
    let mut issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::CarryOn).await;
    let token = issuer.token("a");
    issuer.stop().await;
    soon("it is not connected", async || !guard.knowing().connected).await;
    guard.check(&token).await.unwrap();
    // What it knew, it still knows.
    issuer.restart().await;
    issuer.end_session_of("b");
    let other = issuer.token("b");
    soon("it hears", async || guard.check(&other).await.is_err()).await;
    issuer.stop().await;
    assert_eq!(
        guard.check(&other).await.unwrap_err().code(),
        "session_revoked"
    );
}

#[tokio::test]
async fn asking_the_issuer_is_what_its_owner_said() {
    let issuer = Issuer::start().await;
    let ask = WhenStale::AskTheIssuer {
        after: Duration::from_millis(200),
    };
    let guard = issuer.guard(ask).await;
    let token = issuer.token("a");
    guard.check(&token).await.unwrap();
    assert_eq!(
        issuer.count("introspect"),
        0,
        "nobody is asked while all is known"
    );
    issuer.world.silent.store(true, Ordering::Relaxed);
    soon("it asks", async || {
        guard.check(&token).await.unwrap();
        issuer.count("introspect") > 0
    })
    .await;
    *issuer.world.account.lock().unwrap() = json!({ "active": false });
    assert_eq!(guard.check(&token).await.unwrap_err(), Denied::Inactive);
    // Anything but a plain yes is a no.
    for answer in [json!({}), json!({ "active": "true" }), json!([])] {
        *issuer.world.account.lock().unwrap() = answer;
        guard.check(&token).await.unwrap_err();
    }
    // Nobody is asked about a token that is bad by itself.
    let asked = issuer.count("introspect");
    guard.check(&format!("{token}x")).await.unwrap_err();
    assert_eq!(issuer.count("introspect"), asked);
    issuer.world.stalled.store(true, Ordering::Relaxed);
    assert_eq!(guard.check(&token).await.unwrap_err(), Denied::Unanswered);
    assert!(guard.knowing().asked > 4);
}
