//! What an owner decides: whom to trust, for whom, and what happens when knowledge gets old.

use std::{sync::Arc, time::Duration};

use countersign_jose::DecryptionKeySet;

use super::{Clock, Secret, address::InTheClear, clock::SystemClock};
use crate::revocations::Ids;

/// Whom a guard trusts, as whom it asks, and what it does when it cannot know. There is no default
/// for the last one: that is its owner's to say.
#[derive(Clone)]
pub struct Options {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) client: ServiceClient,
    pub(super) when_stale: WhenStale,
    pub(super) cache: usize,
    pub(super) leeway: u64,
    pub(super) decryption: Option<DecryptionKeySet>,
    pub(super) feed: Feed,
    pub(super) ids: Ids,
    pub(super) in_the_clear: InTheClear,
    pub(super) roots: Option<Vec<u8>>,
    pub(super) pace: Pace,
    pub(super) clock: Arc<dyn Clock>,
}

/// As whom a service introduces itself to the issuer (RFC 6749 §2.3.1).
#[derive(Clone, Debug)]
pub struct ServiceClient {
    pub(super) id: String,
    pub(super) secret: Secret,
}

/// What a guard does with good tokens when it has not heard for a while what was revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenStale {
    /// Refuses all of them, once its knowledge is older than this: nothing that was revoked is
    /// accepted for longer. [`WhenStale::refuse`] says a minute.
    Refuse {
        /// How old its knowledge may be.
        after: Duration,
    },
    /// Asks the issuer about each (RFC 7662), once its knowledge is older than this; refuses those
    /// of which it hears nothing good. The registration of the client must name the guard's audience
    /// in `serves`: of tokens for others the issuer says that they are not active. Of an encrypted
    /// token it is shown what it signed.
    AskTheIssuer {
        /// How old its knowledge may be.
        after: Duration,
    },
    /// Goes on as if nothing had been revoked. What was is accepted until it expires, for as long
    /// as the issuer cannot be heard.
    CarryOn,
}

impl WhenStale {
    /// Refuses once its knowledge is older than a minute.
    #[must_use]
    pub const fn refuse() -> Self {
        Self::Refuse {
            after: Duration::from_mins(1),
        }
    }
}

/// How a guard hears of revocations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feed {
    /// By a stream of server-sent events: within milliseconds.
    Stream,
    /// By asking again and again: where something on the way holds streams up.
    Poll {
        /// How often.
        every: Duration,
    },
}

/// How often and how patiently an issuer is asked. The default keeps what the feed promises; tests
/// are in more of a hurry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// How long one request may take.
    pub patience: Duration,
    /// After how long a silent stream is given up.
    pub silence: Duration,
    /// After the first failure; twice as long after each that follows, less up to a half of it by
    /// chance, so that guards do not all come back at once.
    pub first_retry: Duration,
    /// After many failures.
    pub last_retry: Duration,
    /// The key set is fetched this often at most, whatever tokens ask for.
    pub cool_down: Duration,
    /// A key that is not in the set is not asked for again for so long.
    pub missing: Duration,
    /// How long a key set is kept, whatever its headers say: at least, and at most.
    pub key_set: (Duration, Duration),
    /// How often what has expired is forgotten.
    pub upkeep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(3),
            silence: Duration::from_secs(4),
            first_retry: Duration::from_millis(200),
            last_retry: Duration::from_millis(1500),
            cool_down: Duration::from_secs(2),
            missing: Duration::from_secs(4),
            key_set: (Duration::from_secs(30), Duration::from_hours(1)),
            upkeep: Duration::from_secs(5),
        }
    }
}

impl ServiceClient {
    /// A client registered for services, with its secret (`countersign client add`).
    #[must_use]
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: Secret::new(secret),
        }
    }
}

impl Options {
    /// Tokens of `issuer` for `audience`, each exactly as it stands in `iss` and `aud`; `client` is
    /// who asks for the feed, and needs the scope `revocations`.
    #[must_use]
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        client: ServiceClient,
        when_stale: WhenStale,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            client,
            when_stale,
            cache: 100_000,
            leeway: 0,
            decryption: None,
            feed: Feed::Stream,
            ids: Ids::Plain,
            in_the_clear: InTheClear::Loopback,
            roots: None,
            pace: Pace::default(),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Remembers the signatures of so many tokens, instead of 100,000.
    #[must_use]
    pub fn cache(self, cache: usize) -> Self {
        Self { cache, ..self }
    }

    /// So many seconds of leeway at `exp`, at most 30, instead of none: clocks are corrected by the
    /// heartbeat.
    #[must_use]
    pub fn leeway(self, leeway: u64) -> Self {
        Self { leeway, ..self }
    }

    /// Tokens must be encrypted to one of these keys.
    #[must_use]
    pub fn encrypted_to(self, keys: DecryptionKeySet) -> Self {
        let decryption = Some(keys);
        Self { decryption, ..self }
    }

    /// Hears of revocations in another way.
    #[must_use]
    pub fn feed(self, feed: Feed) -> Self {
        Self { feed, ..self }
    }

    /// Has the issuer hash the ids in what it sends: this service learns of those alone whose tokens
    /// it has seen. A look-up costs four hashes more, when something was revoked since the last.
    #[must_use]
    pub fn hashed_ids(self) -> Self {
        let ids = Ids::Hashed;
        Self { ids, ..self }
    }

    /// Lets plain `http` leave this machine. Whoever is on the way can then read the client's
    /// secret and put keys of their own in the place of the issuer's: for networks in which nobody
    /// else is.
    #[must_use]
    pub fn over_plain_http_in_a_trusted_network(self) -> Self {
        let in_the_clear = InTheClear::Anyone;
        Self {
            in_the_clear,
            ..self
        }
    }

    /// Trusts these certificates (PEM) over TLS, and not whom this machine trusts.
    #[must_use]
    pub fn trusting_only(self, roots: impl Into<Vec<u8>>) -> Self {
        let roots = Some(roots.into());
        Self { roots, ..self }
    }

    /// At another pace.
    #[must_use]
    pub fn pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// By other clocks than this machine's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        let clock = Arc::new(clock);
        Self { clock, ..self }
    }
}
