//! What the server is told about how to behave. Plain data, checked by whoever reads the configuration.

use std::fmt;
use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey};
use zeroize::Zeroizing;

use crate::limits::LimitSettings;
use crate::password::{PasswordSettings, Pepper};
use crate::rotation::Interval;
use crate::seal::MasterKey;

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The exact `iss` of every token, an URL without a trailing slash.
    pub issuer: String,
    /// The longest that a client waits for an answer to a renewal; the renewal interval is 2.5 times as long.
    pub client_timeout: Duration,
    /// Which key signs, and when keys change.
    pub signing: Signing,
    /// How passwords are judged and kept.
    pub passwords: PasswordSettings,
    /// How many attempts are allowed.
    pub limits: LimitSettings,
    /// How long the audit trail is kept.
    pub audit_retention: Duration,
    /// Whether people may register themselves.
    pub registration: bool,
}

impl Settings {
    /// The defaults, for this issuer.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_timeout: Duration::from_secs(8),
            signing: Signing::default(),
            passwords: PasswordSettings::default(),
            limits: LimitSettings::default(),
            audit_retention: Duration::from_hours(365 * 24),
            registration: true,
        }
    }

    /// The interval of the renewal table.
    #[must_use]
    pub fn interval(&self) -> Interval {
        Interval::of_client_timeout(self.client_timeout)
    }
}

/// Which key signs, and when keys change.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The algorithm of new keys.
    pub algorithm: Algorithm,
    /// How long a key signs before the next takes its place; `None`: until an operator says so.
    pub rotate_every: Option<Duration>,
    /// How long a key is published before it signs: as long as verifiers may cache a key set.
    pub publish_for: Duration,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::ES256,
            rotate_every: Some(Duration::from_hours(90 * 24)),
            publish_for: Duration::from_hours(1),
        }
    }
}

/// The secrets that live outside the store.
pub struct Secrets {
    /// Seals private keys.
    pub master: MasterKey,
    /// Signs tokens, if [`Signing::algorithm`] is one of `HS*`; else not used.
    pub shared: Option<Zeroizing<Vec<u8>>>,
    /// A signing key of the operator's own; it does not rotate.
    pub own_key: Option<SigningKey>,
    /// What passwords are mixed with before they are hashed.
    pub pepper: Option<Pepper>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}
