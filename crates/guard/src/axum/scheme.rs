//! Ways to say who one is, beside bearing a token.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasher,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use countersign_jose::hashes::access_token_hash;
use foldhash::quality::RandomState;
use quick_cache::sync::Cache;
use tokio::time::timeout;

use crate::net::{Connected, Secret, ServiceClient, Unlearned};

/// A scheme of `Authorization` (RFC 9110 §11.1): turns what is presented into a token, which is then
/// checked like every other. `Bearer` is always there; [`Basic`] can be added, and others by whoever
/// needs them.
pub trait Scheme: Send + Sync + 'static {
    /// Its name, such as `Basic`.
    fn name(&self) -> &'static str;

    /// The token that these credentials stand for.
    fn token<'a>(&'a self, credentials: &'a str, guard: &'a Connected) -> Exchanging<'a>;

    /// The token that they stood for was refused.
    fn forget(&self, credentials: &str) {
        let _ = credentials;
    }
}

/// What [`Scheme::token`] gives.
pub type Exchanging<'a> = Pin<Box<dyn Future<Output = Result<Secret, NotExchanged>> + Send + 'a>>;

/// Why credentials did not become a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotExchanged {
    /// They are wrong.
    #[error("the credentials are wrong")]
    Wrong,
    /// It cannot be known at this moment.
    #[error("the issuer cannot be asked about the credentials at this moment")]
    Unavailable,
}

/// So many clients are remembered, good ones and bad ones each.
const REMEMBERED: usize = 1024;

/// So many pairs that were never right are exchanged at a time; others are told to come back.
const STRANGERS: usize = 64;

/// And so many of one client: whoever guesses at it keeps no other from its tokens.
const STRANGERS_OF_ONE: usize = 4;

/// How long an exchange may take, the wait for another of the same pair included.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long wrong credentials are remembered.
const WRONG_FOR: Duration = Duration::from_secs(10);

/// `Basic` for service clients (RFC 7617) that cannot fetch tokens: their id and secret are exchanged
/// once for a token (RFC 6749 §4.4), which is remembered for three quarters of its life, or until it
/// is refused, as when its client is cut off. Wrong ones are remembered, too, for ten seconds. A pair
/// is asked about once at a time, and of a client few that were never right; one that was waits for
/// nobody else's guesses.
///
/// A secret that was only rotated may go on to be taken for that long.
pub struct Basic {
    good: Cache<String, Remembered>,
    wrong: Cache<String, Duration>,
    /// Pairs that were right when they were asked about last.
    familiar: Cache<String, ()>,
    strangers: Strangers,
}

/// The exchanges of pairs that were never right, by client.
#[derive(Default)]
struct Strangers {
    hasher: RandomState,
    places: Mutex<HashMap<u64, usize>>,
}

/// One of the places; free again when it is dropped.
struct Place<'s> {
    strangers: &'s Strangers,
    client: u64,
}

#[derive(Clone)]
struct Remembered {
    token: Secret,
    until: Duration,
}

impl Default for Basic {
    fn default() -> Self {
        Self::new()
    }
}

impl Basic {
    /// With nobody remembered.
    #[must_use]
    pub fn new() -> Self {
        Self {
            good: Cache::new(REMEMBERED),
            wrong: Cache::new(REMEMBERED),
            familiar: Cache::new(REMEMBERED),
            strangers: Strangers::default(),
        }
    }

    fn remembered(&self, key: &str, now: Duration) -> Option<Result<Secret, NotExchanged>> {
        if let Some(known) = self.good.get(key).filter(|known| now < known.until) {
            return Some(Ok(known.token));
        }
        self.is_wrong(key, now).then_some(Err(NotExchanged::Wrong))
    }

    fn is_wrong(&self, key: &str, now: Duration) -> bool {
        self.wrong.get(key).is_some_and(|until| now < until)
    }

    async fn exchange(&self, credentials: &str, guard: &Connected) -> Result<Secret, NotExchanged> {
        // Secrets are random: a fast hash tells nothing of them, and memory holds no secret.
        let key = access_token_hash(credentials);
        if let Some(known) = self.remembered(&key, guard.clock().monotonic()) {
            return known;
        }
        let (id, secret) = pair(credentials).ok_or(NotExchanged::Wrong)?;
        timeout(PATIENCE, self.ask(key, &id, secret, guard))
            .await
            .unwrap_or(Err(NotExchanged::Unavailable))
    }

    async fn ask(
        &self,
        key: String,
        id: &str,
        secret: Secret,
        guard: &Connected,
    ) -> Result<Secret, NotExchanged> {
        let now = || guard.clock().monotonic();
        // One at a time for each pair: who waited finds what came of it.
        let turn = loop {
            self.good.remove_if(&key, |known| known.until <= now());
            match self.good.get_value_or_guard_async(&key).await {
                Ok(known) if now() < known.until => return Ok(known.token),
                Ok(_) => {}
                Err(turn) => break turn,
            }
        };
        if self.is_wrong(&key, now()) {
            return Err(NotExchanged::Wrong);
        }
        let _place = match self.familiar.get(&key) {
            Some(()) => None,
            None => Some(self.strangers.place(id).ok_or(NotExchanged::Unavailable)?),
        };
        let asked_at = now();
        let client = ServiceClient::new(id, secret.reveal());
        let granted = guard.grant_to(&client).await;
        match granted.ok_or(NotExchanged::Unavailable)? {
            Ok((token, life)) => {
                let until = asked_at + life.mul_f32(0.75);
                let known = Remembered {
                    token: token.clone(),
                    until,
                };
                // Forgotten meanwhile, if there is no place for it: the next one asks.
                drop(turn.insert(known));
                self.familiar.insert(key, ());
                Ok(token)
            }
            Err(Unlearned::Status {
                status: 400 | 401 | 403,
                ..
            }) => {
                self.familiar.remove(&key);
                self.wrong.insert(key, now() + WRONG_FOR);
                Err(NotExchanged::Wrong)
            }
            Err(error) => {
                tracing::warn!(%error, "a service client's credentials could not be exchanged");
                Err(NotExchanged::Unavailable)
            }
        }
    }
}

impl Strangers {
    /// A place for a pair of this client, if one is free.
    fn place(&self, client: &str) -> Option<Place<'_>> {
        let client = self.hasher.hash_one(client);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.values().sum::<usize>() >= STRANGERS {
            return None;
        }
        let taken = places.entry(client).or_default();
        if *taken >= STRANGERS_OF_ONE {
            return None;
        }
        *taken += 1;
        let strangers = self;
        Some(Place { strangers, client })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let places = &self.strangers.places;
        let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut taken) = places.entry(self.client) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

impl Scheme for Basic {
    fn name(&self) -> &'static str {
        "Basic"
    }

    fn token<'a>(&'a self, credentials: &'a str, guard: &'a Connected) -> Exchanging<'a> {
        Box::pin(self.exchange(credentials, guard))
    }

    fn forget(&self, credentials: &str) {
        self.good.remove(&access_token_hash(credentials));
    }
}

/// `base64(id:secret)`
fn pair(credentials: &str) -> Option<(String, Secret)> {
    let bytes = base64_simd::STANDARD.decode_to_vec(credentials).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), Secret::new(secret)))
}
