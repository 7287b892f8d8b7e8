//! What the server is told about how to behave. Plain data, checked by whoever reads the configuration.

use std::fmt;
use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey};
use zeroize::Zeroizing;

use crate::limits::LimitSettings;
use crate::model::encryption::EncryptTo;
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
    /// What is known of audiences: how tokens for them are to be made.
    pub audiences: Vec<Audience>,
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
            audiences: Vec::new(),
            passwords: PasswordSettings::default(),
            limits: LimitSettings::default(),
            audit_retention: Duration::from_hours(365 * 24),
            registration: true,
        }
    }

    /// What tokens are signed with beside the issuer's algorithm, as far as the settings say.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let audiences = self.audiences.iter();
        audiences
            .filter_map(|audience| audience.signing_algorithm)
            .chain(self.signing.publish.iter().copied())
            .collect()
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
    /// The issuer's algorithm: what tokens are signed with where nothing else is asked for.
    pub algorithm: Algorithm,
    /// Algorithms of which a key is published though nobody may ask for them yet, so that verifiers know it before
    /// anybody does.
    pub publish: Vec<Algorithm>,
    /// How long a key signs before the next takes its place; `None`: until an operator says so.
    pub rotate_every: Option<Duration>,
    /// How long a key is published before it signs: as long as verifiers may cache a key set.
    pub publish_for: Duration,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::ES256,
            publish: Vec::new(),
            rotate_every: Some(Duration::from_hours(90 * 24)),
            publish_for: Duration::from_hours(1),
        }
    }
}

/// A service that reads access tokens, and how they are made for it.
#[derive(Clone, Debug)]
pub struct Audience {
    /// The exact `aud`.
    pub name: String,
    /// What they are signed with; by default what the issuer signs with.
    pub signing_algorithm: Option<Algorithm>,
    /// To whom they are encrypted; by default to nobody.
    pub encrypt_to: Option<EncryptTo>,
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
