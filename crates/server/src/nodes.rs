//! Nodes that share a store compare the settings that must be the same on all of them, and say when they are not.
//!
//! A setting of which nobody has thought here is compared: it is left out only where it stands in `OWN`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_auth::Auth;
use countersign_auth::model::node::Node;
use countersign_auth::store::StoreError;
use serde_json::{Map, Value};

use crate::config::Config;

/// What may differ from node to node: where it listens and what stands in front, the way to the store and to what it
/// fetches, where its files lie, how much of its machine it uses, what it logs. A name that ends in `.` is a whole section. The master key is
/// the same wherever a node starts at all.
const OWN: [&str; 16] = [
    "listen",
    "data",
    "master_key",
    "tls.",
    "proxy.",
    "metrics.",
    "fetch.",
    "pages.logo",
    "pages.templates",
    "store.postgres",
    "store.postgres_root_certificates",
    "store.connections",
    "store.commit_delay",
    "log.",
    "passwords.threads",
    "passwords.queue",
];

/// Where sessions are, if they are apart: which one it is, is compared.
const REDIS: &str = "store.redis";

/// What this node says of itself, and what it heard of the others.
pub struct Neighbours {
    auth: Arc<Auth>,
    me: Node,
    heard: Mutex<Heard>,
}

/// The other nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// How many live.
    pub nodes: usize,
    /// In which settings some differ, by the name of the node.
    pub disagree: BTreeMap<String, Vec<String>>,
}

impl Neighbours {
    /// Of a node with these settings.
    #[must_use]
    pub fn new(auth: Arc<Auth>, config: &Config) -> Self {
        let settings = shared_settings(config, &auth)
            .into_iter()
            .map(|(name, value)| (name.clone(), auth.fingerprint(&name, &value)))
            .collect();
        let me = Node {
            name: name(&config.data),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings,
            seen_at: auth.env().now(),
        };
        Self {
            auth,
            me,
            heard: Mutex::default(),
        }
    }

    /// Says that this node lives, and what others there are. To be called every half minute.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn meet(&self) -> Result<(), StoreError> {
        let mut me = Node {
            seen_at: self.auth.env().now(),
            ..self.me.clone()
        };
        // Not by its address, which is a secret: and one server may have many, and a cluster has.
        if let Some(identity) = self.auth.sessions_identity() {
            let which = self.auth.fingerprint(REDIS, identity.as_bytes());
            me.settings.insert(REDIS.to_owned(), which);
        }
        let others = self.auth.announce(&me).await?;
        let disagree: BTreeMap<String, Vec<String>> = others
            .iter()
            .map(|other| (other.name.clone(), me.disagrees_about(other)))
            .filter(|(_, settings)| !settings.is_empty())
            .collect();
        let before = self.heard();
        for (node, settings) in &disagree {
            if before.disagree.get(node) != Some(settings) {
                let settings = settings.join(", ");
                tracing::warn!(
                    node,
                    settings,
                    "another node of this store has other settings, which must be the same: make them agree, and start both again"
                );
            }
        }
        for node in before.disagree.keys() {
            if !disagree.contains_key(node) {
                tracing::info!(
                    node,
                    "another node's settings no longer differ, or it is gone"
                );
            }
        }
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Heard {
            nodes: others.len(),
            disagree,
        };
        Ok(())
    }

    /// What was heard last.
    #[must_use]
    pub fn heard(&self) -> Heard {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone()
    }

    /// Says that this node stops.
    pub async fn leave(&self) {
        if let Err(error) = self.auth.leave(&self.me.name).await {
            tracing::warn!(%error, "the other nodes could not be told that this one stops; they find out");
        }
    }
}

/// The machine's name and the data folder, which one process alone holds: a node that is started again is the same.
fn name(data: &Path) -> String {
    let machine = rustix::system::uname();
    let machine = machine.nodename().to_string_lossy();
    let folder = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    format!("{machine}:{}", folder.display())
}

/// All settings that must be the same, as they work; secrets among them, which is why they are not shown to anybody.
fn shared_settings(config: &Config, auth: &Auth) -> BTreeMap<String, Vec<u8>> {
    let mut flat = BTreeMap::new();
    if let Ok(Value::Object(shown)) = serde_json::to_value(config) {
        flatten(&mut flat, "", shown);
    }
    let own: BTreeSet<&str> = OWN.into_iter().collect();
    // Nor where a secret lies: what it is, is compared.
    flat.retain(|name, _| {
        let section = name.split_inclusive('.').next().unwrap_or(name);
        !own.contains(name.as_str()) && !own.contains(section) && !name.ends_with("_file")
    });
    let mut settings: BTreeMap<String, Vec<u8>> = flat
        .into_iter()
        .map(|(name, value)| (name, value.to_string().into_bytes()))
        .collect();
    // The effective one, with its default.
    let issuer = auth.settings().issuer.clone();
    settings.insert("issuer".to_owned(), issuer.into_bytes());
    let secrets = [
        ("signing.key", &config.signing.key),
        ("JWT_SECRET", &config.signing.shared_secret),
        ("passwords.pepper", &config.passwords.pepper),
    ];
    for (name, secret) in secrets {
        if let Some(secret) = secret {
            settings.insert(name.to_owned(), secret.expose().as_bytes().to_vec());
        }
    }
    settings
}

fn flatten(into: &mut BTreeMap<String, Value>, prefix: &str, section: Map<String, Value>) {
    for (key, value) in section {
        match value {
            Value::Object(inner) if prefix.is_empty() => flatten(into, &format!("{key}."), inner),
            value => {
                into.insert(format!("{prefix}{key}"), value);
            }
        }
    }
}
