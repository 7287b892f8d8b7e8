//! A feed that is cut, has gaps, goes back, or is of another life: what it says is never taken for
//! the whole, and what was known stays known.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_guard::net::{Clock, WhenStale};
use countersign_guard::{Guard, Revocation};

use crate::fixture::{Issuer, hears, soon, unix_now};

const REFUSE: WhenStale = WhenStale::Refuse {
    after: Duration::from_millis(600),
};

/// The session of `jti` is over, and no stream says so: only who begins anew hears of it.
fn hide(issuer: &Issuer, jti: &str) -> u64 {
    issuer.forget_to_tell(Revocation::Session {
        sid: format!("s-{jti}"),
    })
}

async fn is_found_out(lie: impl FnOnce(&Issuer, u64) -> String) {
    let issuer = Issuer::start().await;
    let (known, hidden, lasting) = (issuer.token("k"), issuer.token("h"), issuer.token("l"));
    issuer.end_session_of("k");
    let guard = issuer.guard(REFUSE).await;
    hears(&guard, &known).await;
    guard.check(&hidden).await.unwrap();
    let streams = issuer.count("stream");
    // Nothing is said between the two.
    issuer.world.silent.store(true, Ordering::Relaxed);
    let end = hide(&issuer, "h");
    let lie = lie(&issuer, end);
    issuer.say(lie);
    issuer.world.silent.store(false, Ordering::Relaxed);
    hears(&guard, &hidden).await;
    hears(&guard, &known).await;
    assert!(issuer.count("stream") > streams);
    soon("it is connected", async || guard.knowing().connected).await;
    guard.check(&lasting).await.unwrap();
}

fn revocations(after: u64, to: u64, id: &str) -> String {
    format!(
        "event: revocations\nid: {id}\ndata: {{\"after\":{after},\"to\":{to},\"events\":[]}}\n\n"
    )
}

fn heartbeat(cursor: &str) -> String {
    let now = unix_now().as_millis();
    format!("event: heartbeat\ndata: {{\"cursor\":\"{cursor}\",\"as_of\":0,\"now\":{now}}}\n\n")
}

#[tokio::test]
async fn a_gap() {
    is_found_out(|_, end| revocations(end, end + 1, &format!("one:{}", end + 1))).await;
}

#[tokio::test]
async fn a_smaller_number() {
    is_found_out(|_, _| revocations(0, 1, "one:1")).await;
    is_found_out(|_, _| revocations(1, 0, "one:0")).await;
}

#[tokio::test]
async fn news_under_another_number() {
    is_found_out(|_, end| revocations(1, end, "two:2")).await;
    is_found_out(|_, end| revocations(1, end, &format!("one:{}", end + 5))).await;
}

#[tokio::test]
async fn a_heartbeat_from_another_place() {
    is_found_out(|_, end| heartbeat(&format!("one:{end}"))).await;
    is_found_out(|_, _| heartbeat("one:0")).await;
    is_found_out(|_, _| heartbeat("two:1")).await;
    is_found_out(|_, _| heartbeat("nonsense")).await;
}

#[tokio::test]
async fn what_cannot_be_read() {
    is_found_out(|_, _| "event: revocations\ndata: {\n\n".into()).await;
    is_found_out(|_, _| {
        // A kind of a later version: who does not know what it refuses does not know everything.
        let event = r#"{"kind":"planet","name":"earth","until":1}"#;
        format!(
            "event: revocations\nid: one:2\ndata: {{\"after\":1,\"to\":2,\"events\":[{event}]}}\n\n"
        )
    })
    .await;
}

/// An event that was cut in the middle was not heard; the reader comes back for it.
#[tokio::test]
async fn a_truncated_stream() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(REFUSE).await;
    let (one, other) = (issuer.token("a"), issuer.token("b"));
    issuer.say(
        "event: revocations\nid: one:1\ndata: {\"after\":0,\"to\":1,\"events\":[{\"kind\":\"session\"<cut>",
    );
    issuer.end_session_of("a");
    hears(&guard, &one).await;
    guard.check(&other).await.unwrap();
    let begun = issuer.count("stream") - issuer.count("resumed");
    assert_eq!(begun, 1, "a truncated stream is no reason to begin anew");
}

/// A snapshot that was cut vouches for nothing.
#[tokio::test]
async fn a_truncated_snapshot() {
    let issuer = Issuer::start().await;
    issuer.world.silent.store(true, Ordering::Relaxed);
    let guard = Guard::connect_in_background(issuer.options(REFUSE)).unwrap();
    soon("a stream is there", async || issuer.count("stream") > 0).await;
    issuer.say("event: snapshot\ndata: {\"events\":[]}\n\n");
    issuer.say(format!("{}<cut>", heartbeat("one:0")));
    let token = issuer.token("a");
    soon("the keys are there", async || {
        guard.knowing().key_set_fetches > 0
    })
    .await;
    issuer.world.silent.store(false, Ordering::Relaxed);
    assert!(guard.check(&token).await.is_err());
    soon("it recovers", async || guard.check(&token).await.is_ok()).await;
}

/// The log was rolled back, or is another one: what was known stays, what is there is added.
#[tokio::test]
async fn another_incarnation() {
    let mut issuer = Issuer::start().await;
    let (known, new, lasting) = (issuer.token("k"), issuer.token("n"), issuer.token("l"));
    issuer.end_session_of("x");
    issuer.end_session_of("k");
    let guard = issuer.guard(REFUSE).await;
    hears(&guard, &known).await;
    issuer.set_incarnation("two", 1);
    issuer.end_session_of("n");
    issuer.restart().await;
    hears(&guard, &new).await;
    hears(&guard, &known).await;
    guard.check(&lasting).await.unwrap();
}

/// The node says good-bye, and the reader goes to the next.
#[tokio::test]
async fn good_bye() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(REFUSE).await;
    issuer.say("event: bye\ndata: {}\n\n<cut>");
    soon("it comes back", async || issuer.count("resumed") > 0).await;
    soon("it is connected", async || guard.knowing().connected).await;
    assert_eq!(guard.knowing().troubles, [""; 0]);
}

/// A life beyond all clocks is cut, and nothing ends by it.
#[tokio::test]
async fn a_service_token_that_never_ends() {
    let issuer = Issuer::start().await;
    issuer.world.life.store(u64::MAX, Ordering::Relaxed);
    // One that has been running for a while.
    let options = issuer.options(REFUSE).clock(Broken::default());
    let guard = Guard::connect(options).await.unwrap();
    let token = issuer.token("a");
    guard.check(&token).await.unwrap();
    guard
        .service_token("https://pricing.example", None)
        .unwrap()
        .get()
        .await
        .unwrap();
    issuer.end_session_of("a");
    hears(&guard, &token).await;
}

/// Clocks of the owner's own, which panic as often as a test says, in whatever task looks at them.
/// A test's own body is none.
#[derive(Clone, Default)]
struct Broken(Arc<AtomicU64>);

impl Clock for Broken {
    fn wall(&self) -> Duration {
        unix_now()
    }

    fn monotonic(&self) -> Duration {
        let take = |left: u64| left.checked_sub(tokio::task::try_id().map(|_| 1)?);
        let left = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        assert!(left.is_err(), "a broken clock");
        unix_now()
    }
}

/// A task that ends in a panic is told of, and begins anew: a guard that hears nothing any more
/// would be worse.
#[tokio::test]
async fn no_panic_ends_the_hearing() {
    let issuer = Issuer::start().await;
    let clock = Broken::default();
    let options = issuer.options(WhenStale::CarryOn).clock(clock.clone());
    let guard = Guard::connect(options).await.unwrap();
    clock.0.store(10, Ordering::Relaxed);
    soon("it is told", async || {
        let troubles = guard.knowing().troubles.join(" ");
        troubles.contains("feed: ") && troubles.contains("a broken clock")
    })
    .await;
    soon("it is mended", async || {
        clock.0.load(Ordering::Relaxed) == 0
    })
    .await;
    let token = issuer.token("a");
    issuer.end_session_of("a");
    hears(&guard, &token).await;
    soon("it is connected", async || guard.knowing().connected).await;
    soon("it is over", async || guard.knowing().troubles.is_empty()).await;
}
