//! How many attempts are allowed: an operator's choice.

use std::time::Duration;

/// So many at once, and then one each so often (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many at once after a rest; at least one.
    pub burst: u32,
    /// How long until one more is allowed.
    pub every: Duration,
}

impl Budget {
    /// The same in halves, for what can be given back half.
    pub(super) fn doubled(self) -> Self {
        Self {
            burst: self.burst.max(1).saturating_mul(2),
            every: self.every / 2,
        }
    }
}

/// So many at once, and then longer and longer waits: each twice the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How many failures cost nothing.
    pub free: u32,
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How long after the last wait everything is forgotten.
    pub forget: Duration,
}

/// What is allowed. `None` everywhere: no limit of this kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Sign-ins from one address (IPv6: one /64), except from devices that are known to the account.
    pub sign_in_address: Option<Budget>,
    /// Failed sign-ins at one account from one address.
    pub sign_in_pair: Option<Backoff>,
    /// Failed sign-ins at one account from all devices that it has not seen before.
    pub sign_in_account: Option<Budget>,
    /// Sign-ins at one account from one device that it has seen before.
    pub sign_in_owner: Option<Budget>,
    /// Registrations from one address.
    pub registration: Option<Budget>,
    /// Renewals from one address.
    pub refresh: Option<Budget>,
    /// Wrong present passwords at changes of password within one session.
    pub password_change: Option<Backoff>,
    /// Changes of one's own profile: each leaves a line in the audit trail, and an event in the revocation log.
    pub profile_change: Option<Budget>,
    /// Failures to prove to be one client from one address.
    pub client_secret: Option<Backoff>,
    /// Tokens for services at one address: each leaves a line in the audit trail.
    pub service_token: Option<Budget>,
    /// How many addresses, accounts and sessions are remembered at most, of each kind. Beyond it those are forgotten
    /// that would soonest be as good as new.
    pub keys: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        let growing = |free| Backoff {
            free,
            first: Duration::from_secs(1),
            longest: Duration::from_mins(15),
            forget: Duration::from_hours(1),
        };
        Self {
            sign_in_address: Some(Budget {
                burst: 30,
                every: Duration::from_secs(1),
            }),
            sign_in_pair: Some(growing(10)),
            // 100 failures in the first hour, then 50 in each: no more than OWASP ASVS 4 §2.2.1 allows.
            sign_in_account: Some(Budget {
                burst: 50,
                every: Duration::from_secs(72),
            }),
            sign_in_owner: Some(Budget {
                burst: 20,
                every: Duration::from_secs(3),
            }),
            registration: Some(Budget {
                burst: 20,
                every: Duration::from_mins(1),
            }),
            // A whole office renews from one address; this only dampens a client gone wild.
            refresh: Some(Budget {
                burst: 1000,
                every: Duration::from_millis(20),
            }),
            password_change: Some(growing(5)),
            profile_change: Some(Budget {
                burst: 20,
                every: Duration::from_secs(30),
            }),
            client_secret: Some(growing(10)),
            // A whole cluster may be behind one address; this only dampens a service gone wild.
            service_token: Some(Budget {
                burst: 1000,
                every: Duration::from_millis(20),
            }),
            keys: 50_000,
        }
    }
}

impl LimitSettings {
    /// No limits: for measuring, and for tests of other things.
    #[must_use]
    pub fn disabled() -> Self {
        Self {
            sign_in_address: None,
            sign_in_pair: None,
            sign_in_account: None,
            sign_in_owner: None,
            registration: None,
            refresh: None,
            password_change: None,
            profile_change: None,
            client_secret: None,
            service_token: None,
            keys: 0,
        }
    }
}
