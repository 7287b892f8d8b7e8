//! Fetches the key sets of those who read encrypted tokens: at the start, again and again, and when one is missed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use countersign_auth::Auth;
use countersign_auth::recipients::UnusableKeySet;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::fetch::{FetchError, Policy, Url, fetch};

/// How often sets are fetched.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After a success: how long a key that its owner takes back may still be used.
    pub again: Duration,
    /// After the first failure; twice as long after each that follows.
    pub retry: Duration,
    /// After many failures.
    pub slowest_retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            again: Duration::from_mins(5),
            retry: Duration::from_secs(1),
            slowest_retry: Duration::from_mins(1),
        }
    }
}

/// Follows the key sets that this server's audiences and clients name.
pub struct KeySets {
    auth: Arc<Auth>,
    private_hosts: BTreeSet<String>,
    pace: Pace,
}

/// When an address is to be asked next.
#[derive(Clone, Copy)]
struct Turn {
    asked: Instant,
    next: Instant,
    failures: u32,
}

/// Why nothing was learned.
#[derive(Debug, thiserror::Error)]
enum NothingLearned {
    #[error("encrypt_to.jwks_uri: {0}")]
    Address(#[from] crate::fetch::InvalidUrl),
    #[error("{error}{cure}", cure = cure(.error))]
    Fetch {
        #[from]
        error: FetchError,
    },
    #[error(transparent)]
    Unusable(#[from] UnusableKeySet),
}

fn cure(error: &FetchError) -> &'static str {
    match error {
        FetchError::Forbidden { .. } => {
            " (fetch.private_hosts names those of your own network that may be)"
        }
        _ => "",
    }
}

impl KeySets {
    /// Asks machines of the public Internet, and of others those that `private_hosts` names.
    pub fn new(auth: Arc<Auth>, private_hosts: impl IntoIterator<Item = String>) -> Self {
        Self {
            auth,
            private_hosts: private_hosts.into_iter().collect(),
            pace: Pace::default(),
        }
    }

    /// At another pace.
    #[must_use]
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Until the server stops.
    pub async fn follow(self, mut stop: watch::Receiver<bool>) {
        let mut turns: HashMap<String, Turn> = HashMap::new();
        loop {
            let wake = tokio::select! {
                wake = self.take_turns(&mut turns) => wake,
                () = stopped(&mut stop) => return,
            };
            // With nothing to follow, only news matter.
            let rest = async {
                match wake {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = rest => {}
                () = self.auth.key_set_wanted() => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    /// Asks everybody whose turn it is, all at once. When the next turn is, if there is anybody to ask.
    async fn take_turns(&self, turns: &mut HashMap<String, Turn>) -> Option<Instant> {
        let addresses = self.auth.key_set_addresses();
        turns.retain(|address, _| addresses.iter().any(|(named, _)| named == address));
        let now = Instant::now();
        let mut asked = JoinSet::new();
        for (address, is_known) in addresses {
            let is_due = turns.get(&address).is_none_or(|turn| {
                // What somebody misses is asked for at once, but not again and again, however many miss it.
                now >= turn.next || (!is_known && now >= turn.asked + self.pace.retry)
            });
            if is_due {
                let policy = self.policy_for(&address);
                asked.spawn(async move {
                    let set = ask(&address, policy).await;
                    (address, set)
                });
            }
        }
        for (address, set) in asked.join_all().await {
            let learned = set.and_then(|set| Ok(self.auth.learn_key_set(&address, &set)?));
            let before = turns.get(&address).map(|turn| turn.failures);
            let failures = match learned {
                Ok(()) => {
                    if before != Some(0) {
                        tracing::info!(
                            address,
                            "the key of those who read encrypted tokens is known"
                        );
                    }
                    0
                }
                Err(error) => {
                    let failures = before.unwrap_or(0).saturating_add(1);
                    tracing::warn!(address, %error, failures, "the key set of those who read encrypted tokens could not be used; it is tried again");
                    failures
                }
            };
            let wait = self.wait(failures);
            let turn = Turn {
                asked: now,
                next: Instant::now() + wait,
                failures,
            };
            turns.insert(address, turn);
        }
        turns.values().map(|turn| turn.next).min()
    }

    fn wait(&self, failures: u32) -> Duration {
        match failures {
            0 => self.pace.again,
            failures => {
                let doubled = self.pace.retry * 2_u32.saturating_pow((failures - 1).min(16));
                doubled.min(self.pace.slowest_retry)
            }
        }
    }

    /// The address came from an operator, but who answers there by name is decided elsewhere.
    fn policy_for(&self, address: &str) -> Policy {
        let is_named = address
            .parse::<Url>()
            .is_ok_and(|url| self.private_hosts.contains(url.host()));
        if is_named {
            Policy::ANYWHERE
        } else {
            Policy::PUBLIC
        }
    }
}

async fn ask(address: &str, policy: Policy) -> Result<Vec<u8>, NothingLearned> {
    let url: Url = address.parse()?;
    Ok(fetch(&url, policy).await?.to_vec())
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // What it gives back borrows from the channel, and must not outlive the waiting.
    drop(stop.wait_for(|stop| *stop).await);
}
