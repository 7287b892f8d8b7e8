//! The issuer's key set: fetched ahead of its time, and when a token needs a key that is missing,
//! but never more often than the cool-down allows, whatever tokens ask for.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use countersign_jose::KeySet;
use foldhash::quality::RandomState;
use http::{HeaderMap, header};
use hyper::body::Bytes;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Pace,
    discovery::{Unlearned, status},
    http::get,
    retry::Retry,
    shared::{Issuer, Shared},
};

/// So many missing keys are remembered.
const MISSING: usize = 1024;

/// So many checks wait for a key at a time; others are refused at once.
const WAITING: usize = 64;

/// What is known of the issuer's keys.
pub(super) struct Keys {
    /// The last good set, as it was published: one that is the same need not be taken again.
    text: Mutex<Bytes>,
    wanted: Notify,
    /// Rises with every fetch, whatever came of it.
    fetched: watch::Sender<u64>,
    missing: Mutex<HashMap<u64, Asked>>,
    hasher: RandomState,
    waiting: Semaphore,
}

/// A key that was asked for.
#[derive(Clone, Copy)]
struct Asked {
    /// How many fetches there had been.
    before: u64,
    at: Duration,
}

impl Keys {
    pub fn new() -> Self {
        Self {
            text: Mutex::new(Bytes::new()),
            wanted: Notify::new(),
            fetched: watch::Sender::new(0),
            missing: Mutex::new(HashMap::new()),
            hasher: RandomState::default(),
            waiting: Semaphore::new(WAITING),
        }
    }

    pub fn fetches(&self) -> u64 {
        *self.fetched.borrow()
    }

    /// Has the set fetched anew, when the cool-down allows.
    pub fn refresh(&self) {
        self.wanted.notify_one();
    }

    /// Has the set fetched for the sake of this key, unless that was done a while ago and it was
    /// not there: `None` then, else what to wait for.
    pub fn miss(&self, key: impl Hash, now: Duration, pace: &Pace) -> Option<Fetched> {
        let fetched = Fetched(self.fetched.subscribe());
        let before = self.fetches();
        let key = self.hasher.hash_one(key);
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_remembered = |asked: &Asked| now.saturating_sub(asked.at) < pace.missing;
        if let Some(asked) = missing.get(&key).filter(|asked| is_remembered(asked)) {
            return (asked.before == before).then_some(fetched);
        }
        if missing.len() >= MISSING {
            missing.retain(|_, asked| is_remembered(asked));
        }
        // With the memory full of made-up keys, what is new is not remembered and still asked for: the cool-down
        // bounds that.
        if missing.len() < MISSING {
            missing.insert(key, Asked { before, at: now });
        }
        drop(missing);
        self.wanted.notify_one();
        Some(fetched)
    }

    /// Waits for a fetch. Not for long, and not with everybody.
    pub async fn wait(&self, mut fetched: Fetched, pace: &Pace) {
        let Ok(_place) = self.waiting.try_acquire() else {
            return;
        };
        // Whatever came of it: the caller looks for itself.
        drop(timeout(pace.cool_down + pace.patience, fetched.0.changed()).await);
    }
}

/// The next fetch.
pub(super) struct Fetched(watch::Receiver<u64>);

/// Keeps the keys of `shared` fresh, for ever.
pub(super) async fn keep(shared: &Shared, issuer: &Issuer) {
    let mut retry = Retry::new(&shared.pace);
    loop {
        let fetched = Instant::now();
        let next = match fetch(shared, issuer).await {
            Ok(lifetime) => {
                retry.reset();
                shared.well("key set");
                // Ahead of its time.
                lifetime.mul_f32(0.75)
            }
            Err(error) => {
                shared.trouble("key set", &error);
                // Its addresses may have changed.
                issuer.forget_endpoints();
                retry.wait()
            }
        };
        issuer.keys.fetched.send_modify(|fetches| *fetches += 1);
        let wanted = async {
            issuer.keys.wanted.notified().await;
            sleep_until(fetched + shared.pace.cool_down).await;
        };
        tokio::select! {
            () = sleep_until(fetched + next) => {}
            () = wanted => {}
        }
    }
}

/// Takes the published set, and says how long it may be kept.
async fn fetch(shared: &Shared, issuer: &Issuer) -> Result<Duration, Unlearned> {
    const WHAT: &str = "key set";
    let endpoints = issuer.endpoints().await?;
    let address = &endpoints.key_set;
    let accept = "application/jwk-set+json, application/json";
    let answer = issuer.client.ask(address, get(address, accept)).await?;
    if answer.status != http::StatusCode::OK {
        return Err(status(WHAT, answer.status));
    }
    let mut text = issuer
        .keys
        .text
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    // To take the same set again would make every cached token be verified anew.
    if *text != answer.body {
        let keys = KeySet::from_json(&answer.body).map_err(|error| Unlearned::Unreadable {
            what: WHAT,
            why: error.to_string(),
        })?;
        if keys.is_empty() {
            return Err(Unlearned::NoKeys);
        }
        shared.guard.replace_keys(keys);
        *text = answer.body;
        shared.has_keys.send_replace(true);
    }
    let (least, most) = shared.pace.key_set;
    Ok(max_age(&answer.headers)
        .unwrap_or(least)
        .clamp(least, most.max(least)))
}

/// `max-age` (RFC 9111 §5.2.2.1), unless it may not be kept.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let mut age = None;
    for directive in headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
    {
        let directive = directive.trim().to_ascii_lowercase();
        if directive == "no-store" || directive == "no-cache" {
            return None;
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            age = seconds.trim_matches('"').parse().ok();
        }
    }
    age.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_control() {
        let age = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, line.parse().unwrap());
            max_age(&headers).map(|age| age.as_secs())
        };
        assert_eq!(age("public, max-age=300"), Some(300));
        assert_eq!(age("Max-Age=\"60\", must-revalidate"), Some(60));
        assert_eq!(age("max-age=300, no-cache"), None);
        assert_eq!(age("no-store"), None);
        assert_eq!(age("max-age=-1"), None);
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
