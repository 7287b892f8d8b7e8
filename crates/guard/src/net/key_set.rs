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
    sync::{Notify, Semaphore, SemaphorePermit, watch},
    time::{Instant, sleep_until},
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

/// So many checks wait for a key at a time; others are told at once that it cannot be known.
const WAITING: usize = 1024;

/// What is known of the issuer's keys.
pub(super) struct Keys {
    /// The last good set, as it was published: one that is the same need not be taken again.
    text: Mutex<Bytes>,
    wanted: Notify,
    fetches: watch::Sender<Fetches>,
    missing: Mutex<HashMap<u64, Asked>>,
    hasher: RandomState,
    waiting: Semaphore,
}

/// Fetches of the set, which happen one after the other, by number.
#[derive(Clone, Copy, Default)]
struct Fetches {
    begun: u64,
    ended: u64,
    /// The last that brought a set.
    good: u64,
}

/// A key that was asked for.
#[derive(Clone, Copy)]
struct Asked {
    /// How many fetches had begun: what they bring may be older than the key.
    before: u64,
    at: Duration,
}

/// A key that is not in the set, and is being asked for.
pub(super) struct Missing {
    before: u64,
    fetches: watch::Receiver<Fetches>,
}

/// What is known of a key that is not in the set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Search {
    /// A fetch is to come, or on its way.
    GoesOn,
    /// A fetch that began after the key was asked for brought a set without it.
    InVain,
    /// The set could not be fetched.
    Failed,
}

impl Keys {
    pub fn new() -> Self {
        Self {
            text: Mutex::new(Bytes::new()),
            wanted: Notify::new(),
            fetches: watch::Sender::new(Fetches::default()),
            missing: Mutex::new(HashMap::new()),
            hasher: RandomState::default(),
            waiting: Semaphore::new(WAITING),
        }
    }

    /// How often it was fetched, whatever came of it.
    pub fn fetches(&self) -> u64 {
        self.fetches.borrow().ended
    }

    /// Has the set fetched anew, when the cool-down allows.
    pub fn refresh(&self) {
        self.wanted.notify_one();
    }

    /// Has the set fetched for the sake of this key, unless that was done a while ago.
    pub fn miss(&self, key: impl Hash, now: Duration, pace: &Pace) -> Missing {
        let fetches = self.fetches.subscribe();
        let before = fetches.borrow().begun;
        let key = self.hasher.hash_one(key);
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_remembered = |asked: &Asked| now.saturating_sub(asked.at) < pace.missing;
        if let Some(asked) = missing.get(&key).filter(|asked| is_remembered(asked)) {
            let before = asked.before;
            return Missing { before, fetches };
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
        Missing { before, fetches }
    }

    /// A place to wait in, if there is one: not everybody can.
    pub fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.waiting.try_acquire().ok()
    }
}

impl Missing {
    pub fn search(&self) -> Search {
        let fetches = *self.fetches.borrow();
        if fetches.good > self.before {
            Search::InVain
        } else if fetches.ended > self.before {
            Search::Failed
        } else {
            Search::GoesOn
        }
    }

    /// Waits for the end of a fetch, and says what is known then. One that was on its way when the key
    /// was asked for may bring it, too, and with one that failed there is nothing to wait for.
    pub async fn next(&mut self) -> Search {
        // The sender is as alive as whoever waits.
        drop(self.fetches.changed().await);
        let fetches = *self.fetches.borrow_and_update();
        if fetches.ended > fetches.good {
            return Search::Failed;
        }
        self.search()
    }
}

/// Keeps the keys of `shared` fresh, for ever.
pub(super) async fn keep(shared: &Shared, issuer: &Issuer) {
    let mut retry = Retry::new(&shared.pace);
    loop {
        let at = Instant::now();
        let fetches = &issuer.keys.fetches;
        // Nobody waits for a beginning.
        fetches.send_if_modified(|fetches| {
            fetches.begun += 1;
            false
        });
        let result = fetch(shared, issuer).await;
        let is_good = result.is_ok();
        let next = match result {
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
        fetches.send_modify(|fetches| {
            fetches.ended = fetches.begun;
            if is_good {
                fetches.good = fetches.begun;
            }
        });
        let wanted = async {
            issuer.keys.wanted.notified().await;
            sleep_until(at + shared.pace.cool_down).await;
        };
        tokio::select! {
            () = sleep_until(at + next) => {}
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
