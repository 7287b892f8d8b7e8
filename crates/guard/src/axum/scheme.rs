//! Ways to say who one is, beside bearing a token.

use std::{pin::Pin, time::Duration};

use countersign_jose::hashes::access_token_hash;
use quick_cache::sync::Cache;
use tokio::{
    sync::{Mutex, MutexGuard, Semaphore},
    time::timeout,
};

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

/// So many wait for their exchange; it happens to one at a time.
const WAITING: usize = 32;

/// How long an exchange may take, the wait for its turn included.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long wrong credentials are remembered.
const WRONG_FOR: Duration = Duration::from_secs(10);

/// `Basic` for service clients (RFC 7617) that cannot fetch tokens: their id and secret are exchanged
/// once for a token (RFC 6749 §4.4), which is remembered for three quarters of its life, or until it
/// is refused, as when its client is cut off. Wrong ones are remembered, too, for ten seconds.
///
/// A secret that was only rotated may go on to be taken for that long.
pub struct Basic {
    good: Cache<String, Remembered>,
    wrong: Cache<String, Duration>,
    waiting: Semaphore,
    exchanging: Mutex<()>,
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
            waiting: Semaphore::new(WAITING),
            exchanging: Mutex::new(()),
        }
    }

    fn remembered(&self, key: &str, now: Duration) -> Option<Result<Secret, NotExchanged>> {
        if let Some(known) = self.good.get(key).filter(|known| now < known.until) {
            return Some(Ok(known.token));
        }
        let is_wrong = self.wrong.get(key).is_some_and(|until| now < until);
        is_wrong.then_some(Err(NotExchanged::Wrong))
    }

    async fn exchange(&self, credentials: &str, guard: &Connected) -> Result<Secret, NotExchanged> {
        // Secrets are random: a fast hash tells nothing of them, and memory holds no secret.
        let key = access_token_hash(credentials);
        let now = || guard.clock().monotonic();
        if let Some(known) = self.remembered(&key, now()) {
            return known;
        }
        let client = pair(credentials).ok_or(NotExchanged::Wrong)?;
        let _place = self
            .waiting
            .try_acquire()
            .map_err(|_| NotExchanged::Unavailable)?;
        let exchange = async {
            let turn = self.exchanging.lock().await;
            if let Some(known) = self.remembered(&key, now()) {
                return known;
            }
            self.ask(key, &client, guard, turn).await
        };
        timeout(PATIENCE, exchange)
            .await
            .unwrap_or(Err(NotExchanged::Unavailable))
    }

    async fn ask(
        &self,
        key: String,
        client: &ServiceClient,
        guard: &Connected,
        _turn: MutexGuard<'_, ()>,
    ) -> Result<Secret, NotExchanged> {
        let now = || guard.clock().monotonic();
        let asked_at = now();
        let granted = guard.grant_to(client).await;
        match granted.ok_or(NotExchanged::Unavailable)? {
            Ok((token, life)) => {
                let until = asked_at + life.mul_f32(0.75);
                let known = Remembered {
                    token: token.clone(),
                    until,
                };
                self.good.insert(key, known);
                Ok(token)
            }
            Err(Unlearned::Status {
                status: 400 | 401 | 403,
                ..
            }) => {
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
fn pair(credentials: &str) -> Option<ServiceClient> {
    let bytes = base64_simd::STANDARD.decode_to_vec(credentials).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(ServiceClient::new(id, secret))
}
