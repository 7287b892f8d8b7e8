//! From a configuration to what `countersign-auth` is told.

use std::num::NonZeroUsize;

use countersign_auth::limits::LimitSettings;
use countersign_auth::password::{HashAlgorithm, PasswordSettings, Pepper};
use countersign_auth::seal::MasterKey;
use countersign_auth::settings::{Secrets, Settings, Signing};
use countersign_jose::{KeyError, SigningKey};
use zeroize::Zeroizing;

use super::check::{ConfigError, Problem};
use super::{AudienceConfig, Config, Limits, PasswordAlgorithm, PasswordProfile, Registration};

impl Config {
    /// How the server behaves.
    #[must_use]
    pub fn settings(&self, issuer: &str) -> Settings {
        Settings {
            issuer: issuer.to_owned(),
            client_timeout: self.sessions.client_timeout,
            signing: Signing {
                algorithm: self.algorithm(),
                publish: self.signing.publish.clone(),
                rotate_every: self.signing.rotate_every,
                publish_for: self.signing.publish_for,
            },
            audiences: self
                .audiences
                .iter()
                .map(AudienceConfig::to_audience)
                .collect(),
            passwords: self.password_settings(),
            limits: match self.limits.attempts {
                Limits::On => LimitSettings::default(),
                Limits::Off => LimitSettings::disabled(),
            },
            audit_retention: self.audit.retention,
            registration: self.registration == Registration::Open,
        }
    }

    /// The secrets that live outside the store.
    ///
    /// # Errors
    /// If one of them cannot be used; [`Config::load`] has seen to that.
    pub fn secrets(&self, master: MasterKey) -> Result<Secrets, ConfigError> {
        let shared = self.signing.shared_secret.as_ref();
        Ok(Secrets {
            master,
            shared: shared.map(|secret| Zeroizing::new(secret.expose().as_bytes().to_vec())),
            own_key: self.own_key()?,
            pepper: self.pepper()?,
        })
    }

    pub(super) fn password_settings(&self) -> PasswordSettings {
        let passwords = &self.passwords;
        let algorithm = match passwords.algorithm {
            PasswordAlgorithm::Argon2id => HashAlgorithm::Argon2id {
                memory_kib: passwords.memory_kib,
                passes: passwords.passes,
                lanes: passwords.lanes,
            },
            PasswordAlgorithm::Bcrypt => HashAlgorithm::Bcrypt {
                cost: passwords.cost,
            },
        };
        let profile = match passwords.profile {
            PasswordProfile::Default => PasswordSettings::default(),
            PasswordProfile::Nist => PasswordSettings::nist(),
        };
        PasswordSettings {
            algorithm,
            threads: passwords.threads.and_then(NonZeroUsize::new),
            queue: passwords.queue.and_then(NonZeroUsize::new),
            ..profile
        }
    }

    pub(super) fn own_key(&self) -> Result<Option<SigningKey>, Problem> {
        let Some(secret) = &self.signing.key else {
            return Ok(None);
        };
        let key = parse_key(self, secret.expose())
            .map_err(|error| Problem::new("signing.key", error.to_string()))?;
        if key.algorithm() == self.algorithm() {
            Ok(Some(key))
        } else {
            let message = format!(
                "is for {}, but signing.algorithm is {}: make them agree",
                key.algorithm().name(),
                self.algorithm().name()
            );
            Err(Problem::new("signing.key", message))
        }
    }

    pub(super) fn pepper(&self) -> Result<Option<Pepper>, Problem> {
        let Some(secret) = &self.passwords.pepper else {
            return Ok(None);
        };
        Pepper::new(&self.passwords.pepper_id, secret.expose().as_bytes())
            .map(Some)
            .map_err(|error| Problem::new("passwords.pepper", error.to_string()))
    }
}

/// A JWK says what it is for; a PEM is taken for the configured algorithm.
fn parse_key(config: &Config, text: &str) -> Result<SigningKey, KeyError> {
    let text = text.trim();
    if text.starts_with('{') {
        SigningKey::from_jwk(text.as_bytes())
    } else {
        SigningKey::from_pem(config.algorithm(), text)
    }
}
