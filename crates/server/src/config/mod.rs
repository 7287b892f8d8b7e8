//! The configuration: one TOML file, overridden by `COUNTERSIGN_…` variables, checked once at start.

mod audience;
mod check;
mod cidr;
mod client;
pub mod duration;
mod issuer;
mod listen;
mod secret;
mod source;
mod to_auth;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use countersign_auth::model::named;
use countersign_jose::Algorithm;
use countersign_store::PostgresOptions;
use serde::{Deserialize, Serialize};

use crate::http::{ForwardAuth, ForwardedHeader};
use crate::pages::PagesConfig;
use crate::telemetry;

pub use audience::{AudienceConfig, check_address};
pub use check::{ConfigError, Problem, check_issuer};
pub use cidr::{Cidr, InvalidCidr};
pub use client::ClientConfig;
pub use listen::{InvalidListen, Listen};
pub use secret::Secret;
pub use source::{DEFAULT_FILE, Sources};

/// What `countersign init` writes for this issuer.
#[must_use]
pub fn production(issuer: &str) -> String {
    include_str!("production.toml").replace("ISSUER", issuer)
}

/// How this node behaves. Every setting has a default that is safe on the machine of a developer.
///
/// Made only by [`Config::load`], so whoever holds one knows that its settings fit together. Serialised, it shows
/// everything but secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The exact `iss` of every token, and the address that browsers and services use: an URL without a trailing
    /// slash. By default `http://localhost:<port>`; required once the server listens beyond loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Where the public API listens: `localhost:<port>` or `<address>:<port>`.
    pub listen: Listen,
    /// The folder that holds the store, the socket of the command line and the generated master key.
    pub data: PathBuf,
    /// Whether people may register themselves.
    pub registration: Registration,
    /// The key that seals private keys at rest: 32 bytes as 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key: Option<Secret>,
    /// A file that holds the master key. Without either, one is made in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_file: Option<PathBuf>,
    /// TLS of the public API.
    pub tls: TlsConfig,
    /// What stands in front.
    pub proxy: ProxyConfig,
    /// Prometheus.
    pub metrics: MetricsConfig,
    /// How tokens are signed.
    pub signing: SigningConfig,
    /// How passwords are judged and kept.
    pub passwords: PasswordConfig,
    /// How sessions are renewed.
    pub sessions: SessionConfig,
    /// How many attempts are allowed.
    pub limits: LimitConfig,
    /// What the server fetches from elsewhere.
    pub fetch: FetchConfig,
    /// What proxies are told about the requests that they ask about.
    pub forward_auth: ForwardAuth,
    /// How the pages look.
    pub pages: PagesConfig,
    /// Where everything is kept.
    pub store: StoreConfig,
    /// The trail of what happened.
    pub audit: AuditConfig,
    /// The server's log.
    pub log: LogConfig,
    /// Services that read access tokens: how tokens for them are made.
    #[serde(rename = "audience", skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<AudienceConfig>,
    /// Applications. They are added or changed when the server starts; one left out later stays until disabled.
    #[serde(rename = "client", skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientConfig>,
    /// The file that was read.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: None,
            listen: Listen::default(),
            data: PathBuf::from("countersign-data"),
            registration: Registration::Open,
            master_key: None,
            master_key_file: None,
            tls: TlsConfig::default(),
            proxy: ProxyConfig::default(),
            metrics: MetricsConfig::default(),
            signing: SigningConfig::default(),
            passwords: PasswordConfig::default(),
            sessions: SessionConfig::default(),
            limits: LimitConfig::default(),
            fetch: FetchConfig::default(),
            forward_auth: ForwardAuth::default(),
            pages: PagesConfig::default(),
            store: StoreConfig::default(),
            audit: AuditConfig::default(),
            log: LogConfig::default(),
            audiences: Vec::new(),
            clients: Vec::new(),
            file: None,
        }
    }
}

impl Config {
    /// Whether nobody is served but this machine: the listener is on loopback, nothing that is reached from elsewhere
    /// stands in front, and browsers are told an address of this machine.
    #[must_use]
    pub fn stays_on_loopback(&self) -> bool {
        self.listen.is_loopback()
            && self.proxy.trusted.is_empty()
            && self.issuer.as_deref().is_none_or(issuer::is_on_loopback)
    }

    /// Whether somebody tries the server out: no configuration file, on loopback, and the store is this server's own.
    #[must_use]
    pub fn is_a_trial(&self) -> bool {
        self.file.is_none()
            && self.issuer.is_none()
            && self.stays_on_loopback()
            && self.store.postgres.is_none()
            && self.store.redis.is_none()
    }
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody.
    Open,
    /// Operators only, with `countersign user add`.
    Closed,
}

/// TLS of the public API. Both files or neither; both are read again when they change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate and its chain, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// What stands in front.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyConfig {
    /// The addresses of reverse proxies; what they say about whom they speak for is believed, nobody else's word.
    pub trusted: Vec<Cidr>,
    /// The header in which they say it: `x-forwarded-for` or `forwarded` (RFC 7239).
    pub header: ForwardedHeader,
}

/// Prometheus.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Where `/metrics` is served, on a listener of its own; by default nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<Listen>,
}

/// How tokens are signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigningConfig {
    /// The algorithm of new keys (RFC 7518 §3.1, RFC 8037 §3.1). One of `HS*` signs with `JWT_SECRET`.
    pub algorithm: String,
    /// Algorithms of which a key is published ahead, though no audience or client asks for them yet.
    #[serde(with = "named::list")]
    pub publish: Vec<Algorithm>,
    /// How long a key signs before the next takes its place, or `never`.
    #[serde(with = "duration::or_never")]
    pub rotate_every: Option<Duration>,
    /// How long a key is published before it signs: as long as verifiers may cache the key set.
    #[serde(with = "duration")]
    pub publish_for: Duration,
    /// A private key of your own, PEM (PKCS#8, PKCS#1, SEC 1) or JWK. It does not rotate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// A file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// `JWT_SECRET`; read from the environment only if [`Self::algorithm`] is one of `HS*`.
    #[serde(skip)]
    pub shared_secret: Option<Secret>,
}

impl Default for SigningConfig {
    fn default() -> Self {
        Self {
            algorithm: "ES256".to_owned(),
            publish: Vec::new(),
            rotate_every: Some(Duration::from_hours(90 * 24)),
            publish_for: Duration::from_hours(1),
            key: None,
            key_file: None,
            shared_secret: None,
        }
    }
}

/// How sessions are renewed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// The longest that a client waits for an answer; the renewal interval is 2.5 times as long.
    #[serde(with = "duration")]
    pub client_timeout: Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            client_timeout: Duration::from_secs(8),
        }
    }
}

/// How passwords are judged and kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    /// What new passwords are hashed with.
    pub algorithm: PasswordAlgorithm,
    /// Argon2id: memory for each hash, in KiB.
    pub memory_kib: u32,
    /// Argon2id: passes over the memory.
    pub passes: u32,
    /// Argon2id: lanes.
    pub lanes: u32,
    /// bcrypt: the cost, the logarithm of the number of rounds.
    pub cost: u32,
    /// A named rule: `default` (8 characters at least) or `nist` (15, SP 800-63B-4 §3.1.1.2).
    pub profile: PasswordProfile,
    /// How many threads hash; by default one for each core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// How many may wait for them before callers are told to come back; by default 32 for each thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    /// A secret that every password is mixed with before it is hashed: at least 16 bytes of text, better 32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pepper: Option<Secret>,
    /// A file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pepper_file: Option<PathBuf>,
    /// The pepper's name, stored with each hash that it went into.
    pub pepper_id: String,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self {
            algorithm: PasswordAlgorithm::Argon2id,
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            cost: 12,
            profile: PasswordProfile::Default,
            threads: None,
            queue: None,
            pepper: None,
            pepper_file: None,
            pepper_id: "1".to_owned(),
        }
    }
}

/// What new passwords are hashed with. Hashes of the other kind stay readable, and are replaced at the next sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordAlgorithm {
    /// Argon2id (RFC 9106).
    Argon2id,
    /// bcrypt.
    Bcrypt,
}

/// A named rule for passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordProfile {
    /// 8 characters at least.
    Default,
    /// 15 characters at least: NIST SP 800-63B-4 §3.1.1.2 for a password that stands alone.
    Nist,
}

/// How many attempts are allowed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitConfig {
    /// `on`, or `off` for measurements: off, passwords can be guessed as fast as they can be hashed.
    pub attempts: Limits,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            attempts: Limits::On,
        }
    }
}

/// Whether attempts are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limits {
    /// As documented.
    On,
    /// Not at all.
    Off,
}

/// What the server fetches from elsewhere: the key sets of those who read encrypted tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetchConfig {
    /// Hosts that may be asked although they are on this machine or in a private network, by the exact name in the
    /// address. All others must be on the public Internet.
    pub private_hosts: Vec<String>,
}

/// Where everything is kept: in a file in the data folder, unless a database is named.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The address of a PostgreSQL database that several nodes share: `postgres://user:password@host/database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Secret>,
    /// A file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres_file: Option<PathBuf>,
    /// The address of a Redis server or cluster that holds sessions, beside whichever database holds the rest:
    /// `rediss://user:password@host:6379`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Secret>,
    /// A file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_file: Option<PathBuf>,
    /// A PEM file of those who may vouch for that database's certificate, and beside whom nobody may; by default
    /// those whom this machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres_root_certificates: Option<PathBuf>,
    /// How many connections this node opens to it at most.
    pub connections: NonZeroUsize,
    /// `on`, or `off` for engines that speak PostgreSQL's protocol and have no `LISTEN` and `NOTIFY`: off, this node
    /// hears of revocations by looking a few times a second, of clients by looking each half minute, and wakes nobody by
    /// its own.
    pub notify: Notify,
    /// A measuring aid: added to each commit, as a slower disk would.
    #[serde(with = "duration")]
    pub commit_delay: Duration,
}

impl StoreConfig {
    /// How that database is used.
    #[must_use]
    pub fn postgres_options(&self) -> PostgresOptions {
        PostgresOptions {
            connections: self.connections,
            notify: self.notify == Notify::On,
            root_certificates: self.postgres_root_certificates.clone(),
            ..PostgresOptions::default()
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            postgres: None,
            postgres_file: None,
            redis: None,
            redis_file: None,
            postgres_root_certificates: None,
            connections: PostgresOptions::default().connections,
            notify: Notify::On,
            commit_delay: Duration::ZERO,
        }
    }
}

/// Whether nodes wake each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// By `LISTEN` and `NOTIFY`.
    On,
    /// They look.
    Off,
}

/// The trail of what happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// How long it is kept.
    #[serde(with = "duration")]
    pub retention: Duration,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(365 * 24),
        }
    }
}

/// The server's log, on standard error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// How lines look.
    pub format: telemetry::Format,
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,countersign=debug`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: telemetry::Format::Auto,
            level: "info".to_owned(),
        }
    }
}
