//! Whether settings fit together: each complaint names the key and the cure.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use countersign_auth::clients::{self, ClientError};
use countersign_auth::env::Timestamp;
use countersign_auth::protection::{check_algorithm, check_audiences, check_client};
use countersign_jose::{Algorithm, SigningKey};
use countersign_store::{Postgres, Redis};
use tracing_subscriber::EnvFilter;

use super::source::{self, Sources, secret};
use super::{Config, Listen, PasswordAlgorithm, check_address, duration, issuer};
use crate::fetch::Url;
use crate::http::RefusePages;
use crate::master_key;
use crate::pages::{BrandError, Pages};
use crate::tls::Tls;

/// Why a configuration cannot be used: everything that is wrong with it, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, the variable, or the place in the file.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl Config {
    /// Reads the file and the environment, fetches the secrets that are in files, and checks everything.
    ///
    /// # Errors
    /// With all that is wrong, if anything is.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut config = source::read(sources)?;
        let mut problems = Vec::new();
        config.fetch_secrets(sources, &mut problems);
        config.check(&mut problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { problems })
        }
    }

    /// The data folder alone, for whoever only wants to find the running server: the other settings, secrets among
    /// them, may be set for that server only.
    ///
    /// # Errors
    /// If file or environment cannot be read at all.
    pub fn data_folder(sources: &Sources) -> Result<PathBuf, ConfigError> {
        source::read(sources).map(|config| config.data)
    }

    /// The algorithm of new signing keys.
    ///
    /// # Panics
    /// Never: [`Config::load`] refuses other names.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        Algorithm::from_name(&self.signing.algorithm).unwrap_or(Algorithm::ES256)
    }

    /// The issuer, where the public API listens on `port`.
    #[must_use]
    pub fn issuer(&self, port: u16) -> String {
        match &self.issuer {
            Some(issuer) => issuer.clone(),
            None if self.tls.certificate.is_some() => format!("https://localhost:{port}"),
            None => format!("http://localhost:{port}"),
        }
    }

    fn fetch_secrets(&mut self, sources: &Sources, problems: &mut Vec<Problem>) {
        let passwords = &mut self.passwords;
        let signing = &mut self.signing;
        let store = &mut self.store;
        let in_files = [
            ("master_key", &mut self.master_key, &self.master_key_file),
            ("signing.key", &mut signing.key, &signing.key_file),
            (
                "passwords.pepper",
                &mut passwords.pepper,
                &passwords.pepper_file,
            ),
            ("store.postgres", &mut store.postgres, &store.postgres_file),
            ("store.redis", &mut store.redis, &store.redis_file),
        ];
        for (key, inline, file) in in_files {
            match secret(key, &format!("{key}_file"), inline.take(), file.as_deref()) {
                Ok(found) => *inline = found,
                Err(problem) => problems.push(problem),
            }
        }
        let is_shared =
            Algorithm::from_name(&signing.algorithm).is_some_and(Algorithm::is_symmetric);
        if is_shared {
            match sources.shared_secret() {
                Ok(None) => problems.push(Problem::new(
                    "signing.algorithm",
                    format!(
                        "{} signs with a shared secret: set JWT_SECRET or JWT_SECRET_FILE, or choose ES256",
                        signing.algorithm
                    ),
                )),
                Ok(found) => signing.shared_secret = found,
                Err(problem) => problems.push(problem),
            }
        }
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        self.check_reach(problems);
        self.check_signing(problems);
        self.check_passwords(problems);
        self.check_audiences(problems);
        self.check_clients(problems);
        self.check_fetch(problems);
        self.check_forward_auth(problems);
        if let Err(BrandError { key, message }) = Pages::open(&self.pages) {
            problems.push(Problem::new(format!("pages.{key}"), message));
        }
        self.check_store(problems);
        if let Some(secret) = &self.master_key
            && let Err(error) = master_key::given(secret)
        {
            problems.push(Problem::new("master_key", error.to_string()));
        }
        if let Err(error) = EnvFilter::try_new(&self.log.level) {
            problems.push(Problem::new(
                "log.level",
                format!("{error}; a level is enough: error, warn, info, debug or trace"),
            ));
        }
        let timeout = self.sessions.client_timeout;
        within(
            problems,
            "sessions.client_timeout",
            timeout,
            Duration::from_millis(100)..=Duration::from_mins(1),
        );
        within(
            problems,
            "audit.retention",
            self.audit.retention,
            DAY..=DAY * 3660,
        );
    }

    fn check_store(&self, problems: &mut Vec<Problem>) {
        let store = &self.store;
        within(
            problems,
            "store.commit_delay",
            store.commit_delay,
            Duration::ZERO..=Duration::from_secs(1),
        );
        let mut complain =
            |key: &str, message: &str| problems.push(Problem::new(key, message.to_owned()));
        if let Some(address) = &store.redis
            && let Err(error) = Redis::check_address(address.expose())
        {
            complain("store.redis", &error.to_string());
        }
        let Some(address) = &store.postgres else {
            if store.postgres_root_certificates.is_some() {
                complain(
                    "store.postgres_root_certificates",
                    "vouch for store.postgres, which is missing: set it, or leave this out",
                );
            }
            return;
        };
        if let Err(error) = Postgres::check_address(address.expose(), &store.postgres_options()) {
            complain("store.postgres", &error.to_string());
        }
        if self.master_key.is_none() {
            complain(
                "master_key",
                "missing: the nodes that share store.postgres open its keys with one and the same; set master_key or \
                 master_key_file (`openssl rand -hex 32` makes one)",
            );
        }
        if store.commit_delay > Duration::ZERO {
            complain(
                "store.commit_delay",
                "slows the embedded store down, and store.postgres names another: leave one of them out",
            );
        }
        if store.connections.get() > 1000 {
            complain(
                "store.connections",
                "more than 1000: PostgreSQL's max_connections is for all nodes together, and 10 to 50 keep a node busy",
            );
        }
    }

    /// Who can reach the server, by which name, and whether anybody can listen in between.
    fn check_reach(&self, problems: &mut Vec<Problem>) {
        let mut complain = |key: &str, message: String| problems.push(Problem::new(key, message));
        match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => complain(
                "tls.key",
                "missing: tls.certificate needs its private key".into(),
            ),
            (None, Some(_)) => complain(
                "tls.certificate",
                "missing: tls.key needs its certificate".into(),
            ),
            (Some(certificate), Some(key)) => {
                if let Err(error) = Tls::load(certificate.clone(), key.clone()) {
                    complain("tls", error.to_string());
                }
            }
            (None, None) => {}
        }
        let is_plain = self.tls.certificate.is_none() && self.tls.key.is_none();
        if is_plain && !self.listen.is_loopback() && self.proxy.trusted.is_empty() {
            complain(
                "listen",
                format!(
                    "{} would carry passwords over plain HTTP beyond this machine: set tls.certificate and \
                     tls.key, or name the proxy in front in proxy.trusted, or listen on localhost:{}",
                    self.listen,
                    self.listen.port()
                ),
            );
        }
        match &self.issuer {
            Some(text) => {
                if let Err(problem) = check_issuer(text) {
                    complain("issuer", problem.message);
                }
            }
            None if !self.listen.is_loopback() => complain(
                "issuer",
                "missing: tokens name it, so beyond localhost it must be the address that browsers use, \
                 such as https://auth.example.com"
                    .into(),
            ),
            None => {}
        }
        if let Some(metrics) = self.metrics.listen
            && metrics == self.listen
            && metrics.port() != 0
        {
            complain(
                "metrics.listen",
                format!("{metrics} is where the public API listens: choose another port"),
            );
        }
        if let Some(Listen::Address(address)) = self.metrics.listen
            && address.ip().to_canonical().is_unspecified()
        {
            complain(
                "metrics.listen",
                "metrics are for your own network: write the address of one interface".into(),
            );
        }
    }

    fn check_signing(&self, problems: &mut Vec<Problem>) {
        let signing = &self.signing;
        match Algorithm::from_name(&signing.algorithm) {
            None => {
                let known = Algorithm::ALL.map(Algorithm::name).join(", ");
                problems.push(Problem::new(
                    "signing.algorithm",
                    format!("{} is not known: choose one of {known}", signing.algorithm),
                ));
            }
            Some(algorithm) if algorithm.is_symmetric() => {
                if signing.key.is_some() {
                    problems.push(Problem::new(
                        "signing.key",
                        format!(
                            "{} signs with JWT_SECRET: remove this key",
                            signing.algorithm
                        ),
                    ));
                }
                if let Some(secret) = &signing.shared_secret
                    && let Err(problem) = check_shared_secret(algorithm, secret.expose())
                {
                    problems.push(problem);
                }
            }
            Some(_) => {
                if let Err(problem) = self.own_key() {
                    problems.push(problem);
                }
            }
        }
        let settings = self.settings(&self.issuer(self.listen.port()));
        for algorithm in &signing.publish {
            if let Err(error) = check_algorithm(&settings, Some(*algorithm)) {
                problems.push(Problem::new("signing.publish", error.to_string()));
            }
        }
        if let Some(every) = signing.rotate_every {
            within(problems, "signing.rotate_every", every, HOUR..=DAY * 3660);
            if signing.publish_for > every {
                problems.push(Problem::new(
                    "signing.publish_for",
                    "longer than signing.rotate_every: a key would be replaced before it signs",
                ));
            }
        }
        within(
            problems,
            "signing.publish_for",
            signing.publish_for,
            Duration::from_mins(1)..=DAY * 30,
        );
    }

    fn check_passwords(&self, problems: &mut Vec<Problem>) {
        let passwords = &self.passwords;
        let mut complain = |key: &str, message: &str| problems.push(Problem::new(key, message));
        if passwords.algorithm == PasswordAlgorithm::Argon2id && passwords.memory_kib < LEAST_MEMORY
        {
            complain(
                "passwords.memory_kib",
                "less than 7168 makes stolen hashes cheap to guess; 19456 is the default",
            );
        }
        if let Err(error) = self.password_settings().validate() {
            complain("passwords", &error.to_string());
        }
        if passwords
            .threads
            .is_some_and(|threads| !(1..=256).contains(&threads))
        {
            complain("passwords.threads", "1 to 256 expected");
        }
        if passwords
            .queue
            .is_some_and(|queue| !(1..=100_000).contains(&queue))
        {
            complain("passwords.queue", "1 to 100000 expected");
        }
        if let Err(problem) = self.pepper() {
            problems.push(problem);
        }
    }

    fn check_audiences(&self, problems: &mut Vec<Problem>) {
        let settings = self.settings(&self.issuer(self.listen.port()));
        for (name, error) in check_audiences(&settings) {
            problems.push(Problem::new(format!("audience {name}"), error.to_string()));
        }
        for audience in &self.audiences {
            if let Err(error) = check_address(audience.encrypt_to.as_ref()) {
                let key = format!("audience {}, encrypt_to.jwks_uri", audience.name);
                problems.push(Problem::new(key, error.to_string()));
            }
        }
    }

    fn check_fetch(&self, problems: &mut Vec<Problem>) {
        for host in &self.fetch.private_hosts {
            // In brackets, if it is an address of IPv6.
            let is_host = [format!("https://{host}/"), format!("https://[{host}]/")]
                .iter()
                .any(|url| url.parse::<Url>().is_ok_and(|url| url.host() == host));
            if !is_host {
                problems.push(Problem::new(
                    "fetch.private_hosts",
                    format!("{host:?} is not the name or address of a host, in small letters, without a port"),
                ));
            }
        }
    }

    fn check_forward_auth(&self, problems: &mut Vec<Problem>) {
        let issuer = self.issuer(self.listen.port());
        let settings = &self.forward_auth;
        let mut complain = |key: &str, message: &str| {
            problems.push(Problem::new(format!("forward_auth.{key}"), message));
        };
        if let Some(cookie) = &settings.cookie
            && http::HeaderName::from_bytes(cookie.as_bytes()).is_err()
        {
            complain("cookie", "not the name of a cookie");
        }
        let is_address = |text: &str| {
            let uri: Option<http::Uri> = text.parse().ok();
            let web = |uri: http::Uri| matches!(uri.scheme_str(), Some("https" | "http"));
            uri.is_some_and(web)
        };
        match &settings.sign_in {
            Some(address) if !is_address(address) => complain(
                "sign_in",
                "the whole address of a page is needed, as in https://app.example.com/sign-in",
            ),
            None if settings.refuse_pages == RefusePages::Redirect => complain(
                "refuse_pages",
                "a redirect needs somewhere to lead: set forward_auth.sign_in",
            ),
            _ => {}
        }
        let checked = settings.audience(&issuer);
        let internal = settings.internal_audience.as_ref();
        if internal.is_some_and(|internal| internal == checked || *internal == issuer) {
            complain(
                "internal_audience",
                "the services behind need an audience of their own: tokens for this one are good elsewhere",
            );
        }
    }

    fn check_clients(&self, problems: &mut Vec<Problem>) {
        let settings = self.settings(&self.issuer(self.listen.port()));
        for (index, client) in self.clients.iter().enumerate() {
            if self.clients[..index]
                .iter()
                .any(|other| other.id == client.id)
            {
                problems.push(Problem::new(
                    format!("client {}", client.id),
                    "there are two of this id: keep one",
                ));
            }
            let registered = client.to_client(None, Timestamp::default());
            let mut complain = |message| {
                problems.push(Problem::new(format!("client {}", client.id), message));
            };
            if registered.is_own() {
                complain(ClientError::Own.to_string());
            }
            if let Err(error) = clients::check(&registered) {
                complain(error.to_string());
            }
            if let Err(error) = check_client(&settings, &registered) {
                complain(error.to_string());
            }
            if let Err(error) = check_address(client.encrypt_to.as_ref()) {
                complain(format!("encrypt_to.jwks_uri: {error}"));
            }
        }
    }
}

/// Whether this text can be an issuer.
///
/// # Errors
/// What is wrong with it, and the cure.
pub fn check_issuer(text: &str) -> Result<(), Problem> {
    issuer::check(text).map_err(|invalid| Problem::new("issuer", invalid.to_string()))
}

/// A secret that can be guessed signs for whoever guesses it, at their leisure, from one token (RFC 8725 §3.5). How it was
/// made cannot be seen; that it is short can, and that it is a short one over and over.
fn check_shared_secret(algorithm: Algorithm, secret: &str) -> Result<(), Problem> {
    let problem = |what: String| {
        let cure = "`openssl rand -base64 64` makes one";
        Problem::new("JWT_SECRET", format!("{what}; {cure}"))
    };
    let bytes = secret.as_bytes();
    SigningKey::hmac(algorithm, bytes, None).map_err(|error| problem(error.to_string()))?;
    let repeats = |length: &usize| bytes.iter().zip(&bytes[*length..]).all(|(a, b)| a == b);
    let period = (1..bytes.len()).find(repeats).unwrap_or(bytes.len());
    if SigningKey::hmac(algorithm, &bytes[..period], None).is_err() {
        return Err(problem(format!(
            "the secret repeats itself: as weak as its first {period} bytes alone"
        )));
    }
    Ok(())
}

/// The least memory in OWASP's list of settings for Argon2id.
const LEAST_MEMORY: u32 = 7168;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn within(
    problems: &mut Vec<Problem>,
    key: &str,
    value: Duration,
    range: std::ops::RangeInclusive<Duration>,
) {
    if !range.contains(&value) {
        let [least, most] = [range.start(), range.end()].map(|end| duration::Shown(*end));
        problems.push(Problem::new(key, format!("{least} to {most} expected")));
    }
}
