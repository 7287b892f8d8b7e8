//! Where settings come from: the file, then `COUNTERSIGN_…` variables, then the command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::check::{ConfigError, Problem};
use super::{Config, Listen, Secret};

/// The file that is read, if it exists, when none is named.
pub const DEFAULT_FILE: &str = "countersign.toml";

/// What every variable of ours begins with.
const PREFIX: &str = "COUNTERSIGN_";

/// How the text of a variable is read.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    /// Separated by commas.
    List,
}

/// Every setting that a variable can give: `signing.rotate_every` is `COUNTERSIGN_SIGNING_ROTATE_EVERY`.
const SETTINGS: [(&str, Kind); 55] = [
    ("issuer", Kind::Text),
    ("listen", Kind::Text),
    ("data", Kind::Text),
    ("registration", Kind::Text),
    ("master_key", Kind::Text),
    ("master_key_file", Kind::Text),
    ("tls.certificate", Kind::Text),
    ("tls.key", Kind::Text),
    ("proxy.trusted", Kind::List),
    ("proxy.header", Kind::Text),
    ("metrics.listen", Kind::Text),
    ("signing.algorithm", Kind::Text),
    ("signing.publish", Kind::List),
    ("signing.rotate_every", Kind::Text),
    ("signing.publish_for", Kind::Text),
    ("signing.key", Kind::Text),
    ("signing.key_file", Kind::Text),
    ("passwords.algorithm", Kind::Text),
    ("passwords.memory_kib", Kind::Number),
    ("passwords.passes", Kind::Number),
    ("passwords.lanes", Kind::Number),
    ("passwords.cost", Kind::Number),
    ("passwords.profile", Kind::Text),
    ("passwords.threads", Kind::Number),
    ("passwords.queue", Kind::Number),
    ("passwords.pepper", Kind::Text),
    ("passwords.pepper_file", Kind::Text),
    ("passwords.pepper_id", Kind::Text),
    ("sessions.client_timeout", Kind::Text),
    ("limits.attempts", Kind::Text),
    ("fetch.private_hosts", Kind::List),
    ("forward_auth.audience", Kind::Text),
    ("forward_auth.cookie", Kind::Text),
    ("forward_auth.sign_in", Kind::Text),
    ("forward_auth.refuse_pages", Kind::Text),
    ("forward_auth.internal_audience", Kind::Text),
    ("pages.name", Kind::Text),
    ("pages.logo", Kind::Text),
    ("pages.accent", Kind::Text),
    ("pages.support", Kind::Text),
    ("pages.templates", Kind::Text),
    ("store.postgres", Kind::Text),
    ("store.postgres_file", Kind::Text),
    ("store.redis", Kind::Text),
    ("store.redis_file", Kind::Text),
    ("store.postgres_root_certificates", Kind::Text),
    ("store.connections", Kind::Number),
    ("store.notify", Kind::Text),
    ("store.commit_delay", Kind::Text),
    ("audit.retention", Kind::Text),
    ("log.format", Kind::Text),
    ("log.level", Kind::Text),
    // Read before the others, or not settings of the file at all.
    ("config", Kind::Text),
    ("jwt_secret", Kind::Text),
    ("jwt_secret_file", Kind::Text),
];

/// What was said outside the file.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `serve --listen`.
    pub listen: Option<Listen>,
    /// The environment.
    pub vars: BTreeMap<OsString, OsString>,
}

impl Sources {
    /// The environment of this process.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            vars: std::env::vars_os().collect(),
            ..Self::default()
        }
    }

    /// The file to read, if any.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let named = self.file.clone().or_else(|| {
            let value = self.vars.get(&OsString::from("COUNTERSIGN_CONFIG"))?;
            Some(PathBuf::from(value))
        });
        named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()))
    }

    /// Whether there are any settings: a file, or variables.
    #[must_use]
    pub fn say_anything(&self) -> bool {
        let is_ours = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with(PREFIX));
        self.file().is_some() || self.vars.keys().any(is_ours)
    }

    /// The variables that are ours, by name.
    fn ours(&self) -> Result<Vec<(&str, &str)>, Problem> {
        let mut ours = Vec::new();
        for (name, value) in &self.vars {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let value = value
                .to_str()
                .ok_or_else(|| Problem::new(name, "its value is not UTF-8"))?;
            ours.push((name, value));
        }
        Ok(ours)
    }

    /// `JWT_SECRET`, or what the file named by `JWT_SECRET_FILE` holds.
    pub(super) fn shared_secret(&self) -> Result<Option<Secret>, Problem> {
        let text = |name: &str| match self.vars.get(&OsString::from(name)) {
            Some(value) => value
                .to_str()
                .map(|value| Some(value.to_owned()))
                .ok_or_else(|| Problem::new(name, "its value is not UTF-8")),
            None => Ok(None),
        };
        let inline = text("JWT_SECRET")?.map(Secret::new);
        let file = text("JWT_SECRET_FILE")?.map(PathBuf::from);
        secret("JWT_SECRET", "JWT_SECRET_FILE", inline, file.as_deref())
    }
}

/// A secret that may be given in place or in a file, not both.
pub(super) fn secret(
    key: &str,
    file_key: &str,
    inline: Option<Secret>,
    file: Option<&Path>,
) -> Result<Option<Secret>, Problem> {
    match (inline, file) {
        (Some(_), Some(_)) => Err(Problem::new(
            key,
            format!("given twice, here and by {file_key}: keep one"),
        )),
        (inline, None) => Ok(inline),
        (None, Some(path)) => Secret::read(path).map(Some).map_err(|error| {
            Problem::new(
                file_key,
                format!("{} cannot be read: {error}", path.display()),
            )
        }),
    }
}

/// The settings as written and overridden, not yet checked.
pub(super) fn read(sources: &Sources) -> Result<Config, ConfigError> {
    let file = sources.file();
    let (mut table, place) = match &file {
        None => (Table::new(), String::new()),
        Some(path) => (read_file(path)?, path.display().to_string()),
    };
    let mut problems = Vec::new();
    for (name, value) in sources.ours()? {
        match variable(name, value) {
            Ok(Some((key, value))) => insert(&mut table, key, value),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    let mut config = Config::deserialize(table)
        .map_err(|error| Problem::new(&place, error.message().to_owned()))?;
    config.file = file;
    if let Some(data) = &sources.data {
        config.data.clone_from(data);
    }
    if let Some(listen) = sources.listen {
        config.listen = listen;
    }
    Ok(config)
}

/// The file's table; whatever is wrong in it is reported with its line, and never with the line's text,
/// which may hold a secret.
fn read_file(path: &Path) -> Result<Table, Problem> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(
            &place,
            format!("cannot be read: {error}; `countersign init` writes one"),
        )
    })?;
    let at_line = |error: &toml::de::Error| {
        let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
            return Problem::new(&place, error.message().to_owned());
        };
        let number = before.matches('\n').count() + 1;
        let line = text.lines().nth(number - 1).unwrap_or_default();
        // A line within a longer text may be a piece of a private key, which likes to end in `=`.
        let is_name = |key: &str| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let key = match line.split_once('=').map(|(key, _)| key.trim()) {
            Some(key) if is_name(key) => format!(" ({key})"),
            _ => String::new(),
        };
        Problem::new(
            format!("{place}, line {number}{key}"),
            error.message().to_owned(),
        )
    };
    toml::from_str::<Config>(&text).map_err(|error| at_line(&error))?;
    toml::from_str(&text).map_err(|error| at_line(&error))
}

/// What a variable sets. `None`: it is no setting of the file.
fn variable(name: &str, text: &str) -> Result<Option<(&'static str, Value)>, Problem> {
    let wanted = name[PREFIX.len()..].to_ascii_lowercase();
    let spelled = |key: &str| key.replace('.', "_");
    let Some((key, kind)) = SETTINGS.into_iter().find(|(key, _)| spelled(key) == wanted) else {
        let section = wanted.split('_').next().unwrap_or_default();
        let alike: Vec<String> = SETTINGS
            .iter()
            .map(|(key, _)| spelled(key))
            .filter(|key| key.split('_').next() == Some(section))
            .map(|key| format!("{PREFIX}{}", key.to_ascii_uppercase()))
            .collect();
        let cure = if alike.is_empty() {
            "remove it; `countersign check` prints every setting".to_owned()
        } else {
            format!("is one of these meant: {}?", alike.join(", "))
        };
        return Err(Problem::new(
            name,
            format!("there is no such setting; {cure}"),
        ));
    };
    match key {
        "config" => return Ok(None),
        "jwt_secret" | "jwt_secret_file" => {
            let plain = key.to_ascii_uppercase();
            return Err(Problem::new(
                name,
                format!("the name of this variable is {plain}"),
            ));
        }
        _ => {}
    }
    let value = match kind {
        Kind::Text => Value::String(text.to_owned()),
        Kind::Number => text
            .trim()
            .parse()
            .map(Value::Integer)
            .map_err(|_| Problem::new(name, "not a whole number"))?,
        Kind::List => {
            let items = text.split(',').map(str::trim);
            let items = items.filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
    };
    // Alone first, so that what is wrong is reported under the variable's name.
    let mut alone = Table::new();
    insert(&mut alone, key, value.clone());
    Config::deserialize(alone).map_err(|error| Problem::new(name, error.message().to_owned()))?;
    Ok(Some((key, value)))
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, key)) => {
            let section = table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(key.to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration in which everything that can be left out is there, so that it shows every key.
    fn full() -> Config {
        let mut config = Config {
            issuer: Some(String::new()),
            master_key: Some(Secret::new(String::new())),
            master_key_file: Some(PathBuf::new()),
            ..Config::default()
        };
        config.tls.certificate = Some(PathBuf::new());
        config.tls.key = Some(PathBuf::new());
        config.metrics.listen = Some(Listen::default());
        config.signing.key = Some(Secret::new(String::new()));
        config.signing.key_file = Some(PathBuf::new());
        config.store.postgres = Some(Secret::new(String::new()));
        config.store.postgres_file = Some(PathBuf::new());
        config.store.redis = Some(Secret::new(String::new()));
        config.store.redis_file = Some(PathBuf::new());
        config.store.postgres_root_certificates = Some(PathBuf::new());
        config.passwords.threads = Some(1);
        config.passwords.queue = Some(1);
        config.passwords.pepper = Some(Secret::new(String::new()));
        config.passwords.pepper_file = Some(PathBuf::new());
        let forward_auth = &mut config.forward_auth;
        forward_auth.audience = Some(String::new());
        forward_auth.cookie = Some(String::new());
        forward_auth.sign_in = Some(String::new());
        forward_auth.internal_audience = Some(String::new());
        config.pages.logo = Some(PathBuf::new());
        config.pages.support = Some(String::new());
        config.pages.templates = Some(PathBuf::new());
        config
    }

    #[test]
    fn every_setting_has_its_variable() {
        let shown = Table::try_from(full()).unwrap();
        let mut keys = Vec::new();
        for (key, value) in shown {
            match value {
                Value::Table(section) => {
                    keys.extend(section.keys().map(|name| format!("{key}.{name}")));
                }
                _ => keys.push(key),
            }
        }
        keys.sort();
        let mut listed: Vec<&str> = SETTINGS.iter().map(|(key, _)| *key).collect();
        listed.retain(|key| !["config", "jwt_secret", "jwt_secret_file"].contains(key));
        listed.sort_unstable();
        assert_eq!(listed, keys);
    }

    #[test]
    fn no_two_settings_share_a_variable() {
        let mut names: Vec<String> = SETTINGS
            .iter()
            .map(|(key, _)| key.replace('.', "_"))
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), SETTINGS.len());
    }
}
