//! A guard that keeps itself informed.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use countersign_jose::{KeySet, MAX_LEEWAY, Refused as BadToken, Unverified, Verifier, jwe};
use serde_json::{Map, Value};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    Account, BadAddress, Clock, Denied, NoTrust, Options, ServiceToken, WhenStale, feed,
    http::Client,
    introspection,
    key_set::{self, Missing, Search},
    retry::Retry,
    shared::{Issuer, Shared},
    watch::{self, Ended},
};
use crate::{Claims, Guard, Refused, Stats, Verified};

/// How long [`Guard::connect`] waits while nothing comes.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);

/// A [`Guard`] that fetches the issuer's keys, follows its feed of revocations, and knows the time:
/// from [`Guard::connect`]. Clones share everything; with the last of them, its tasks end.
#[derive(Clone)]
pub struct Connected(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    /// `None`: it hears nothing, see [`HearsNoRevocations`](super::HearsNoRevocations).
    issuer: Option<Arc<Issuer>>,
    _tasks: JoinSet<()>,
}

/// Why a token is not simply good: perhaps its key is new, or the issuer has to be asked.
pub(crate) enum Doubt {
    Denied(Denied),
    Stale {
        verified: Verified<Claims>,
        age: Option<Duration>,
    },
}

/// What a connected guard knows, and how well, for metrics and for looking into trouble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Knowing {
    /// Whether the issuer vouches for the present, at this moment.
    pub connected: bool,
    /// How old the knowledge of revocations is; `None` if there never was any.
    pub age: Option<Duration>,
    /// What is added to this machine's clock, in milliseconds.
    pub skew_millis: i64,
    /// Events that came by the feed, each as often as it came.
    pub events: u64,
    /// Streams that were opened.
    pub connections: u64,
    /// Key sets that were asked for.
    pub key_set_fetches: u64,
    /// Tokens that the issuer was asked about.
    pub asked: u64,
    /// What is remembered: cached tokens, revocations.
    pub stats: Stats,
    /// What goes wrong at present, in words.
    pub troubles: Vec<String>,
}

/// Why there is no connected guard.
#[derive(Debug, thiserror::Error)]
pub enum NotConnected {
    /// The issuer is not an address that may be asked.
    #[error("issuer: {0}")]
    Issuer(BadAddress),
    /// The issuer has a path, or a slash at its end.
    #[error("issuer: write it as in `iss`, https://id.example, without path and trailing slash")]
    IssuerPath,
    /// Nobody could be trusted over TLS.
    #[error(transparent)]
    NoTrust(#[from] NoTrust),
    /// More leeway than a verifier gives.
    #[error("leeway: 30 s at most")]
    Leeway,
    /// Nothing was heard of the issuer for ten seconds.
    #[error("the issuer cannot be followed: {}", if .0.is_empty() { "it is too slow".to_owned() } else { .0.join("; ") })]
    Unlearned(Vec<String>),
}

impl Guard {
    /// A guard that keeps itself informed, once it is: with the issuer's keys, and with everything
    /// that was revoked. Must be called within tokio, and goes on there.
    ///
    /// # Errors
    /// [`NotConnected`] if the options cannot be meant, or if nothing was heard of the issuer for ten
    /// seconds.
    pub async fn connect(options: Options) -> Result<Connected, NotConnected> {
        let connected = Self::connect_in_background(options)?;
        // A snapshot may be long: what comes is progress.
        let mut heard = 0;
        while timeout(FIRST_PATIENCE, connected.ready()).await.is_err() {
            let knowing = connected.knowing();
            if knowing.events == heard {
                return Err(NotConnected::Unlearned(knowing.troubles));
            }
            heard = knowing.events;
        }
        Ok(connected)
    }

    /// As [`connect`](Self::connect), without waiting: until it is informed it refuses every token,
    /// or does what [`WhenStale`] says.
    ///
    /// # Errors
    /// [`NotConnected`] if the options cannot be meant.
    pub fn connect_in_background(options: Options) -> Result<Connected, NotConnected> {
        let roots = options.roots.as_deref();
        let client = Client::new(roots, options.in_the_clear, options.pace.patience)?;
        let address = client
            .parse(&options.issuer)
            .map_err(NotConnected::Issuer)?;
        if !address.is_bare() || options.issuer.ends_with('/') || options.issuer.contains('?') {
            return Err(NotConnected::IssuerPath);
        }
        if address.is_secure && client.trusts_nobody() {
            return Err(NoTrust::NoRoots.into());
        }
        if options.leeway > MAX_LEEWAY {
            return Err(NotConnected::Leeway);
        }
        Ok(Connected::start(options, client))
    }
}

impl Connected {
    fn start(options: Options, client: Client) -> Self {
        let keys = KeySet::new(Vec::new()).unwrap_or_else(|_| unreachable!("no keys, no clash"));
        let mut verifier = Verifier::new(&options.issuer, &options.audience, "at+jwt", keys)
            .with_leeway(options.leeway);
        if let Some(keys) = options.decryption {
            verifier = verifier.encrypted_to(keys);
        }
        let guard = Guard::hearing(verifier, options.cache, options.ids);
        let clock = options.clock;
        let shared = Shared::new(guard, Arc::clone(&clock), options.when_stale, options.pace);
        let shared = Arc::new(shared);
        let issuer = Arc::new(Issuer::new(
            client,
            options.issuer,
            options.audience,
            options.client,
            (options.feed, options.ids),
            options.pace,
        ));
        let both = || (Arc::clone(&shared), Arc::clone(&issuer));
        let mut tasks = JoinSet::new();
        tasks.spawn(for_ever("key set", both(), async |shared, issuer| {
            key_set::keep(&shared, &issuer).await;
        }));
        tasks.spawn(for_ever("feed", both(), async |shared, issuer| {
            let clock = Arc::clone(&shared.clock);
            let scope = Some("revocations");
            let token = ServiceToken::new(Arc::clone(&issuer), clock, &issuer.name, scope);
            feed::follow(&shared, &issuer, &token).await;
        }));
        tasks.spawn(for_ever("upkeep", both(), async |shared, _| {
            forget(&shared).await;
        }));
        Self(Arc::new(Inner {
            shared,
            issuer: Some(issuer),
            _tasks: tasks,
        }))
    }

    /// One that hears nothing.
    pub(super) fn deaf(verifier: Verifier, cache: usize, clock: Arc<dyn Clock>) -> Self {
        let guard = Guard::new(verifier, cache);
        let pace = super::Pace::default();
        let shared = Shared::new(guard, clock, WhenStale::CarryOn, pace);
        // There is nothing to wait for.
        shared.has_keys.send_replace(true);
        shared.has_heard.send_replace(true);
        Self(Arc::new(Inner {
            shared: Arc::new(shared),
            issuer: None,
            _tasks: JoinSet::new(),
        }))
    }

    /// Waits until there are keys, and everything that was revoked is known.
    pub async fn ready(&self) {
        let shared = &self.0.shared;
        let (mut keys, mut heard) = (shared.has_keys.subscribe(), shared.has_heard.subscribe());
        // The senders are as alive as `self`.
        drop(keys.wait_for(|has| *has).await);
        drop(heard.wait_for(|has| *has).await);
    }

    /// Checks a token: signature and claims, time by the corrected clock, and that nothing has
    /// revoked it, as far as is known; if that is too old, what the owner chose is done.
    ///
    /// It waits in two cases alone: when the token's key is not known, for a fetch of the key set; and
    /// when the issuer has to be asked. A key that cannot be fetched is not called unknown: the token
    /// is [`Denied::Unanswered`] then.
    ///
    /// # Errors
    /// [`Denied`] says why not.
    pub async fn check(&self, token: &str) -> Result<Verified<Claims>, Denied> {
        match self.check_at_once(token) {
            Ok(verified) => Ok(verified),
            Err(doubt) => self.settle(token, doubt).await,
        }
    }

    /// [`check`](Self::check) as far as it waits for nothing; the rest of it is [`settle`](Self::settle).
    pub(crate) fn check_at_once(&self, token: &str) -> Result<Verified<Claims>, Doubt> {
        let shared = &self.0.shared;
        let verified = shared.check(token).map_err(Doubt::Denied)?;
        match shared.is_fresh() {
            Ok(()) => Ok(verified),
            Err(age) => Err(Doubt::Stale { verified, age }),
        }
    }

    pub(crate) async fn settle(
        &self,
        token: &str,
        doubt: Doubt,
    ) -> Result<Verified<Claims>, Denied> {
        let (verified, age) = match doubt {
            Doubt::Denied(Denied::Refused(Refused::Token(why))) => {
                let verified = self.with_newer_keys(token, why).await?;
                match self.0.shared.is_fresh() {
                    Ok(()) => return Ok(verified),
                    Err(age) => (verified, age),
                }
            }
            Doubt::Denied(denied) => return Err(denied),
            Doubt::Stale { verified, age } => (verified, age),
        };
        self.when_stale(token, verified, age).await
    }

    /// Once more, if it is the keys that are at fault.
    async fn with_newer_keys(
        &self,
        token: &str,
        why: BadToken,
    ) -> Result<Verified<Claims>, Denied> {
        let refused = Denied::Refused(Refused::Token(why.clone()));
        let Some(issuer) = &self.0.issuer else {
            return Err(refused);
        };
        let shared = &self.0.shared;
        let is_unknown = matches!(why, BadToken::UnknownKey);
        // A signature that does not hold, by a key whose id is known: perhaps another key has that id now.
        if !is_unknown && !matches!(why, BadToken::Signature | BadToken::WrongAlgorithm { .. }) {
            return Err(refused);
        }
        // Of an encrypted token the outside is not its key's: all of them are asked for as one.
        let unverified = Unverified::parse(token).ok();
        let kid = unverified.as_ref().and_then(Unverified::kid);
        let now = shared.clock.monotonic();
        let missing = issuer.keys.miss((is_unknown, kid), now, &shared.pace);
        if !is_unknown {
            return Err(refused);
        }
        self.with_key(token, issuer, missing).await
    }

    /// Once more when its key is there, or is known not to be. That no set came is no answer.
    async fn with_key(
        &self,
        token: &str,
        issuer: &Issuer,
        mut missing: Missing,
    ) -> Result<Verified<Claims>, Denied> {
        let shared = &self.0.shared;
        let unknown = Denied::Refused(Refused::Token(BadToken::UnknownKey));
        let end = Instant::now() + shared.pace.cool_down + shared.pace.patience;
        let mut search = missing.search();
        let _place = match search {
            Search::GoesOn => Some(issuer.keys.place().ok_or(Denied::Unanswered)?),
            Search::InVain | Search::Failed => None,
        };
        loop {
            match shared.check(token) {
                Err(denied) if denied == unknown => {}
                other => return other,
            }
            search = match search {
                Search::GoesOn => timeout_at(end, missing.next())
                    .await
                    .unwrap_or(Search::Failed),
                Search::InVain => return Err(unknown),
                Search::Failed => return Err(Denied::Unanswered),
            };
        }
    }

    async fn when_stale(
        &self,
        token: &str,
        verified: Verified<Claims>,
        age: Option<Duration>,
    ) -> Result<Verified<Claims>, Denied> {
        match (self.0.shared.when_stale, &self.0.issuer) {
            (WhenStale::CarryOn, _) => Ok(verified),
            (WhenStale::AskTheIssuer { .. }, Some(issuer)) => {
                self.ask(issuer, token).await.map(|_| verified)
            }
            _ => Err(Denied::Stale { age }),
        }
    }

    /// What the issuer says of a token that was verified. It cannot read what is encrypted to this
    /// service, and is shown what it signed, which is inside.
    async fn ask(&self, issuer: &Issuer, token: &str) -> Result<Map<String, Value>, Denied> {
        let shared = &self.0.shared;
        shared.asked.fetch_add(1, Ordering::Relaxed);
        let verifier = shared.guard.verifier();
        let Some(keys) = verifier.decryption_keys() else {
            return introspection::ask(issuer, token).await;
        };
        let inside = jwe::decrypt(token, keys).map_err(|_| Denied::Unanswered)?;
        let signed = str::from_utf8(inside.plaintext()).map_err(|_| Denied::Unanswered)?;
        introspection::ask(issuer, signed).await
    }

    /// The account behind a token, as the issuer knows it: asked for once, and remembered until the
    /// feed says that it changed. While the feed is not heard, every call asks. `None` if there is no
    /// account behind it, or if this client may not know (it needs the scope `accounts`). Its
    /// registration must name this guard's audience in `serves`, too: of tokens for others the issuer
    /// says that they are not active.
    ///
    /// # Errors
    /// [`Denied::Unanswered`] if the issuer cannot be asked, and whatever [`check`](Self::check) says.
    pub async fn account(&self, token: &str) -> Result<Option<Arc<Account>>, Denied> {
        let verified = self.check(token).await?;
        let shared = &self.0.shared;
        let is_connected = || shared.knowledge.is_connected(&*shared.clock);
        let name = shared.guard.ids().name("sub", &verified.sub);
        if let Some(account) = shared.accounts.get(&name).filter(|_| is_connected()) {
            return Ok(Some(account));
        }
        let issuer = self.0.issuer.as_ref().ok_or(Denied::Unanswered)?;
        let news = shared.accounts.news();
        let mut answer = self.ask(issuer, token).await?;
        if answer.get("sub").is_none_or(|sub| *sub != *verified.sub) {
            return Err(Denied::Inactive);
        }
        // The rest of the answer is about this token, not about the account.
        let Some(Value::Object(account)) = answer.remove("account") else {
            return Ok(None);
        };
        let account = Arc::new(account);
        if is_connected() {
            shared.accounts.remember(&name, &account, news);
        }
        Ok(Some(account))
    }

    /// Resolves when the token is not good any more: it was revoked, it has expired, or the guard's
    /// knowledge got so old that it would be refused. For connections that stay open. The token must
    /// be one that this guard verified.
    pub fn watch(
        &self,
        verified: &Verified<Claims>,
    ) -> impl Future<Output = Ended> + Send + 'static + use<> {
        watch::watch(self.clone(), Arc::clone(&self.0.shared), verified.clone())
    }

    /// A token of this service's own for calling another, whose `aud` is `audience`; `scope` is a
    /// part of what this client may have, in words with single spaces. Keep it: it renews itself.
    #[must_use]
    pub fn service_token(&self, audience: &str, scope: Option<&str>) -> Option<ServiceToken> {
        let issuer = Arc::clone(self.0.issuer.as_ref()?);
        let clock = Arc::clone(&self.0.shared.clock);
        Some(ServiceToken::new(issuer, clock, audience, scope))
    }

    /// What is known, and how well.
    #[must_use]
    pub fn knowing(&self) -> Knowing {
        let shared = &self.0.shared;
        let clock = &*shared.clock;
        Knowing {
            connected: shared.knowledge.is_connected(clock),
            age: shared.knowledge.age(clock),
            skew_millis: shared.knowledge.skew(),
            events: shared.events.load(Ordering::Relaxed),
            connections: shared.connections.load(Ordering::Relaxed),
            key_set_fetches: self.0.issuer.as_ref().map_or(0, |it| it.keys.fetches()),
            asked: shared.asked.load(Ordering::Relaxed),
            stats: shared.guard.stats(),
            troubles: shared.troubles(),
        }
    }

    /// A token that another service client is given for this audience, and how long it lives; `None`
    /// if there is nobody to ask.
    #[cfg(feature = "axum")]
    pub(crate) async fn grant_to(
        &self,
        client: &super::ServiceClient,
    ) -> Option<Result<(super::Secret, Duration), super::Unlearned>> {
        let issuer = self.0.issuer.as_ref()?;
        let granted = super::service_token::grant(issuer, client, &issuer.audience, None).await;
        Some(granted.map(|granted| {
            let life = Duration::from_secs(granted.expires_in);
            (super::Secret::new(granted.access_token), life)
        }))
    }

    #[cfg(feature = "axum")]
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.shared.clock
    }

    #[cfg(feature = "axum")]
    pub(crate) fn now(&self) -> Result<crate::UnixTime, Denied> {
        self.0.shared.now()
    }
}

/// Does a task that never ends, and begins it anew should it panic: nobody would miss it, and
/// nothing would be heard any more.
async fn for_ever<T>(
    about: &'static str,
    (shared, issuer): (Arc<Shared>, Arc<Issuer>),
    task: impl Fn(Arc<Shared>, Arc<Issuer>) -> T,
) where
    T: Future<Output = ()> + Send + 'static,
{
    let mut retry = Retry::new(&shared.pace);
    let mut running = JoinSet::new();
    loop {
        running.spawn(task(Arc::clone(&shared), Arc::clone(&issuer)));
        if let Some(Err(panicked)) = running.join_next().await {
            shared.trouble(about, &panicked);
        }
        sleep(retry.wait()).await;
    }
}

/// Forgets what has expired, for ever; by the issuer's clock alone, and only while it vouches: what is
/// forgotten too early could come back.
async fn forget(shared: &Arc<Shared>) {
    loop {
        sleep(shared.pace.upkeep).await;
        let Some(now) = shared.knowledge.issuer_now(&*shared.clock) else {
            continue;
        };
        let begun = Instant::now();
        let walking = Arc::clone(shared);
        // It walks over everything that is remembered.
        let walk = tokio::task::spawn_blocking(move || walking.guard.expire(now));
        match walk.await {
            Ok(()) => {
                shared.well("upkeep");
                tracing::trace!(took = ?begun.elapsed(), "forgot what has expired");
            }
            Err(panicked) => shared.trouble("upkeep", &panicked),
        }
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connected").field(&self.knowing()).finish()
    }
}
