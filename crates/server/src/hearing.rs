//! This node's ear on the revocation log, in a task of its own: nothing else that is to be done now and then may keep it
//! from listening. And its voice, in another: it tells the log of the tokens that were exchanged.

use std::sync::Arc;
use std::time::Duration;

use countersign_auth::Auth;
use countersign_store::Bell;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often the revocation log is read, whatever is written: how far this node vouches for what it knows is the age of
/// the last reading, and guards believe it for a second.
pub const EVERY: Duration = Duration::from_millis(200);
/// The least time from one reading to the next: a storm of revocations is read in draughts.
const BREATH: Duration = Duration::from_millis(5);

/// Tells the log of the tokens that were exchanged, so often, until the server stops.
pub async fn tell(auth: Arc<Auth>, mut stop: watch::Receiver<bool>) {
    let mut fails = false;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        match auth.tell_spent().await {
            Ok(()) => fails = false,
            Err(error) if !fails => {
                fails = true;
                tracing::warn!(%error, "the log could not be told of exchanged tokens; it is tried again");
            }
            Err(_) => {}
        }
    }
}

/// Reads the log whenever the bell rings, and `every` so often, until the server stops.
pub async fn hear(
    auth: Arc<Auth>,
    mut bell: Option<Bell>,
    every: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut fails = false;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // What it gives back borrows from the channel, and must not outlive the waiting.
        let stopped = async { drop(stop.wait_for(|stop| *stop).await) };
        tokio::select! {
            () = stopped => return,
            _ = ticks.tick() => {}
            () = rung(&mut bell) => {}
        }
        // One line for each time that it is away, not one for each look.
        match auth.hear_revocations().await {
            Ok(()) if fails => {
                fails = false;
                tracing::info!("the revocation log can be read again");
            }
            Err(error) if !fails => {
                fails = true;
                tracing::error!(%error, "the revocation log cannot be read; it is tried again");
            }
            _ => {}
        }
        sleep(BREATH).await;
    }
}

/// Waits until the bell has rung. Where there is none it never does.
pub async fn rung(bell: &mut Option<Bell>) {
    match bell {
        Some(bell) => bell.rung().await,
        None => std::future::pending().await,
    }
}
