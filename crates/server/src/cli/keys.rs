//! `countersign keys …`

use clap::Subcommand;
use countersign_auth::env::Timestamp;
use countersign_auth::model::key::{KeyPurpose, KeyState};
use countersign_auth::model::named::Named;
use countersign_jose::Algorithm;
use http::Method;
use serde::{Deserialize, Serialize};

use super::operator::{Failure, Operator};
use super::print::{Output, table, time};
use crate::admin::client::segment;
use crate::config::{Config, Sources};
use crate::open::remove_unopened_key;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List keys and where they are in their life; never the keys themselves
    List,
    /// Change keys now: the staged ones, which verifiers know already, become active
    Rotate {
        /// Those that sign with it alone, such as RS256 [default: all, refresh keys included]
        #[arg(long, value_name = "ALG", value_parser = algorithm)]
        algorithm: Option<Algorithm>,
    },
    /// Take a key out in an emergency: what it signed is refused from now on, and it cannot return
    #[command(
        after_help = "A retired or staged key goes without harm. With the active one go all tokens
that it signed; people with live sessions get new ones at their next renewal."
    )]
    Remove {
        /// Its kid, as `keys list` shows it
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// A key, as the server describes it.
#[derive(Debug, Serialize, Deserialize)]
struct Key {
    kid: String,
    purpose: KeyPurpose,
    algorithm: String,
    state: KeyState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    rotates: bool,
}

impl Command {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let (method, path) = match self {
            Self::List => (Method::GET, "/keys".to_owned()),
            Self::Rotate { algorithm: None } => (Method::POST, "/keys/rotate".to_owned()),
            Self::Rotate {
                algorithm: Some(algorithm),
            } => {
                let name = algorithm.name();
                (Method::POST, format!("/keys/rotate?algorithm={name}"))
            }
            Self::Remove { kid } => {
                let path = format!("/keys/{}", segment(&kid));
                let key = match Operator::ask(sources, Method::DELETE, &path, None).await {
                    Err(Failure::Open(error)) if error.is_about_sealed_keys() => {
                        remove_unopened(sources, &kid).await?
                    }
                    answer => answer?,
                };
                output.show(&key, |key| format!("removed {}", key.kid));
                return Ok(());
            }
        };
        let keys: Vec<Key> = Operator::ask(sources, method, &path, None).await?;
        output.show(&keys, |keys| table_of(keys));
        Ok(())
    }
}

/// An algorithm by its name.
pub(super) fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name).ok_or_else(|| Algorithm::unknown(name))
}

/// Without the master key, by hand.
async fn remove_unopened(sources: &Sources, kid: &str) -> Result<Key, Failure> {
    let config = Config::load(sources)?;
    let removed = remove_unopened_key(&config, kid).await?;
    let key = removed.ok_or_else(|| Failure::Usage(format!("there is no key {kid:?}")))?;
    Ok(Key {
        kid: key.kid,
        purpose: key.purpose,
        algorithm: key.algorithm,
        state: KeyState::Removed,
        since: None,
        created_at: Some(key.created_at),
        rotates: false,
    })
}

fn table_of(keys: &[Key]) -> String {
    let rows: Vec<[String; 6]> = keys
        .iter()
        .map(|key| {
            let purpose = match key.purpose {
                KeyPurpose::Signing => "signing",
                KeyPurpose::Refresh => "refresh",
                KeyPurpose::Stateless => "stateless",
                KeyPurpose::Device => "device",
            };
            let state = match key.state {
                KeyState::Staged => "staged",
                KeyState::Active => "active",
                KeyState::Retired => "retired",
                KeyState::Removed => "removed",
            };
            let rotates = if key.rotates {
                "by itself"
            } else {
                "not by itself"
            };
            [
                key.kid.clone(),
                purpose.to_owned(),
                key.algorithm.clone(),
                state.to_owned(),
                key.since.map_or_else(|| "-".to_owned(), time),
                rotates.to_owned(),
            ]
        })
        .collect();
    table(
        ["KID", "PURPOSE", "ALGORITHM", "STATE", "SINCE", "ROTATES"],
        &rows,
    )
}
