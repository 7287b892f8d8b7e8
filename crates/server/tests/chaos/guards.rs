//! Services that check tokens by themselves, and how soon they refuse what was taken back.

use std::time::Duration;

use countersign_guard::Guard;
use countersign_guard::net::{Connected, Denied, Options, ServiceClient, WhenStale};
use tokio::time::{Instant, sleep};

use crate::field::Machines;
use crate::journal::Journal;

/// A guard that has heard nothing for so long accepts nothing.
pub const STALENESS: Duration = Duration::from_secs(4);
/// A connected guard accepts nothing that was taken back so long ago.
pub const CONNECTED: Duration = Duration::from_secs(1);
/// How often a token is presented that was taken back.
const EVERY: Duration = Duration::from_millis(20);
/// What is lost between the clocks of three processes.
const ROUNDING: Duration = Duration::from_millis(100);
/// A guard is heard of by then, whatever befell its node.
const AT_LAST: Duration = Duration::from_secs(40);

pub struct Guards(Vec<(String, Connected)>);

/// One thing that was taken back.
pub struct Sighting {
    acknowledged: Instant,
    /// When each guard accepted it for the last time, if it did so at all.
    accepted: Vec<Option<Instant>>,
}

/// How late the latest was, and of how many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worst {
    pub sightings: usize,
    pub latest: Duration,
}

impl Guards {
    pub async fn connect(machines: &Machines) -> Self {
        let mut guards = Vec::new();
        for (name, secret) in &machines.guards {
            let issuer = machines.issuer();
            let client = ServiceClient::new(name, secret.as_str());
            let stale = WhenStale::Refuse { after: STALENESS };
            let guard = Guard::connect(Options::new(&issuer, &issuer, client, stale)).await;
            guards.push((name.clone(), guard.unwrap()));
        }
        Self(guards)
    }

    /// Each sees the token, and remembers that its signature is good.
    pub async fn meet(&self, token: &str) {
        for (_, guard) in &self.0 {
            let _ = guard.check(token).await;
        }
    }

    /// Presents it to all until each has refused it for what it is.
    pub async fn watch(&self, journal: &Journal, token: String, acknowledged: Instant) -> Sighting {
        let mut accepted = vec![None; self.0.len()];
        let mut open: Vec<usize> = (0..self.0.len()).collect();
        while !open.is_empty() {
            let mut still = Vec::new();
            for number in open {
                let (name, guard) = &self.0[number];
                let (now, age) = (Instant::now(), guard.knowing().age);
                match guard.check(&token).await {
                    Ok(_) => {
                        accepted[number] = Some(now);
                        // Whatever befell it, it must not say that it knows of a time of which it does not.
                        let late = now - acknowledged;
                        if age.is_none_or(|age| late > age + ROUNDING) {
                            journal.wrong(format!("{name} accepted it {late:?} later, and vouched for all up to {age:?} ago"));
                        }
                    }
                    Err(Denied::Refused(_)) => continue,
                    // It does not know, and accepts nothing.
                    Err(_) => {}
                }
                still.push(number);
            }
            open = still;
            if acknowledged.elapsed() > AT_LAST {
                journal.wrong(format!("after {AT_LAST:?} guards {open:?} had not heard"));
                break;
            }
            sleep(EVERY).await;
        }
        Sighting {
            acknowledged,
            accepted,
        }
    }

    /// It was taken back, and all is calm: nobody accepts it.
    pub async fn refuse(&self, journal: &Journal, token: &str) {
        for (name, guard) in &self.0 {
            if guard.check(token).await.is_ok() {
                journal.wrong(format!("{name} accepts what was taken back long ago"));
            }
        }
    }

    /// The worst of those that were connected, and of those that were cut off: whose node had an excuse, or was another
    /// one a second later.
    pub fn worst(&self, machines: &Machines, sightings: &[Sighting]) -> [Worst; 2] {
        let journal = &machines.field.journal;
        let mut worst = [Worst::default(); 2];
        for sighting in sightings {
            let (from, to) = (sighting.acknowledged, sighting.acknowledged + CONNECTED);
            for ((name, _), accepted) in self.0.iter().zip(&sighting.accepted) {
                let node = machines.balancer.heard_from(name, from, to);
                let is_connected = node.is_some_and(|node| !journal.is_excused(node, from, to));
                let late = accepted.map_or(Duration::ZERO, |at| at.saturating_duration_since(from));
                let limit = if is_connected { CONNECTED } else { STALENESS };
                if late > limit {
                    let how = if is_connected { "connected" } else { "cut off" };
                    journal.wrong(format!("{name}, {how}, accepted it {late:?} later"));
                }
                let worst = &mut worst[usize::from(!is_connected)];
                worst.sightings += 1;
                worst.latest = worst.latest.max(late);
            }
        }
        worst
    }
}
