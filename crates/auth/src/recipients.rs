//! The keys of those who read encrypted tokens, as far as they are found in key sets. Whoever runs this fetches the
//! sets ([`Auth::key_set_addresses`]) and brings what was found ([`Auth::learn_key_set`]): there is no HTTP here.

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_jose::{EncryptionKey, KeyManagement};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use crate::Auth;
use crate::model::encryption::{self, EncryptTo, Recipient};

/// No set has more keys that are looked at.
const MAX_KEYS: usize = 100;

/// A key that a set named.
#[derive(Clone)]
struct Found {
    address: String,
    alg: Option<KeyManagement>,
    key: EncryptionKey,
}

impl Found {
    fn is_for(&self, address: &str, alg: Option<KeyManagement>) -> bool {
        self.address == address && self.alg == alg
    }
}

/// What is known of the keys of those who read encrypted tokens.
#[derive(Default)]
pub(crate) struct Recipients {
    found: ArcSwap<Vec<Found>>,
    wanted: Notify,
}

impl Recipients {
    /// The key to encrypt to; or else where it should be found, and is looked for again.
    pub(crate) fn key_of<'t>(&self, to: &'t EncryptTo) -> Result<EncryptionKey, &'t str> {
        let address = match &to.recipient {
            Recipient::Key(registered) => return Ok(registered.key().clone()),
            Recipient::Address(address) => address,
        };
        let found = self.found.load();
        let found = found.iter().find(|found| found.is_for(address, to.alg));
        found.map(|found| found.key.clone()).ok_or_else(|| {
            self.look_again();
            address.as_str()
        })
    }

    /// Whoever fetches should look again what there is to fetch.
    pub(crate) fn look_again(&self) {
        self.wanted.notify_one();
    }
}

/// A key set of which there is no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKeySet {
    /// It is none. What was known before stays.
    #[error("not a JSON Web Key Set (RFC 7517 §5); a key that was known before stays in use")]
    NotAKeySet,
    /// It is one, and holds nothing to encrypt with. What was known before was taken back by that.
    #[error(
        "none of its {keys} keys can be used: a public key with \"use\": \"enc\", or with an \"alg\" for encryption{}, \
         is needed", wanted.map(|alg| format!(" ({alg})")).unwrap_or_default()
    )]
    NoKey {
        /// How many it has.
        keys: usize,
        /// With which algorithm one is wanted.
        wanted: Option<KeyManagement>,
    },
}

impl Auth {
    /// Where the keys are found of those who read encrypted tokens, by the settings and clients of now; and whether
    /// one is known from there.
    #[must_use]
    pub fn key_set_addresses(&self) -> Vec<(String, bool)> {
        let mut addresses: Vec<(String, bool)> = Vec::new();
        for (address, alg) in self.addresses() {
            let found = self.recipients.found.load();
            let is_known = found.iter().any(|found| found.is_for(&address, alg));
            match addresses.iter_mut().find(|(known, _)| *known == address) {
                Some((_, all_known)) => *all_known &= is_known,
                None => addresses.push((address, is_known)),
            }
        }
        addresses
    }

    /// Takes up what was found at this address. A set without a usable key takes back what was known from there: its
    /// owner does not want tokens encrypted to that any more.
    ///
    /// # Errors
    /// [`UnusableKeySet`].
    pub fn learn_key_set(&self, address: &str, set: &[u8]) -> Result<(), UnusableKeySet> {
        let keys = keys_of(set).ok_or(UnusableKeySet::NotAKeySet)?;
        let mut found = Vec::new();
        let mut missing = None;
        let in_use = self.addresses();
        for (of, alg) in &in_use {
            if of != address {
                continue;
            }
            match pick(&keys, *alg) {
                Some(key) => found.push(Found {
                    address: of.clone(),
                    alg: *alg,
                    key,
                }),
                None => missing = Some(*alg),
            }
        }
        self.recipients.found.rcu(|before| {
            let others = before.iter().filter(|known| {
                let mut uses = in_use.iter();
                known.address != address && uses.any(|(of, alg)| known.is_for(of, *alg))
            });
            Arc::new(others.chain(&found).cloned().collect::<Vec<_>>())
        });
        match missing {
            Some(wanted) => Err(UnusableKeySet::NoKey {
                keys: keys.len(),
                wanted,
            }),
            None => Ok(()),
        }
    }

    /// Until somebody needs a key that is not known, or there may be other addresses than before.
    pub async fn key_set_wanted(&self) {
        self.recipients.wanted.notified().await;
    }

    /// Each address with each algorithm that a key is wanted for, once.
    fn addresses(&self) -> Vec<(String, Option<KeyManagement>)> {
        let clients = self.clients.all();
        let clients = clients
            .iter()
            .filter_map(|client| client.encrypt_to.as_ref());
        let audiences = self.settings.audiences.iter();
        let audiences = audiences.filter_map(|audience| audience.encrypt_to.as_ref());
        let mut addresses = Vec::new();
        for to in audiences.chain(clients) {
            if let Recipient::Address(address) = &to.recipient {
                let wanted = (address.clone(), to.alg);
                if !addresses.contains(&wanted) {
                    addresses.push(wanted);
                }
            }
        }
        addresses
    }
}

/// The members of a key set (RFC 7517 §5): an object with an array of objects.
fn keys_of(set: &[u8]) -> Option<Vec<Map<String, Value>>> {
    let mut set: Map<String, Value> = serde_json::from_slice(set).ok()?;
    let Value::Array(keys) = set.remove("keys")? else {
        return None;
    };
    let objects = keys.into_iter().map(|key| match key {
        Value::Object(key) => Some(key),
        _ => None,
    });
    objects.collect()
}

/// The first key that says of itself that it is for encryption, and can be used for it.
fn pick(keys: &[Map<String, Value>], alg: Option<KeyManagement>) -> Option<EncryptionKey> {
    keys.iter()
        .take(MAX_KEYS)
        // What everybody can decrypt protects nothing.
        .filter(|jwk| is_for_encryption(jwk) && !encryption::is_private(jwk))
        .find_map(|jwk| encryption::read(jwk, alg).ok())
}

/// A key that does not say may be one for signatures (RFC 7517 §4.2): using it for both would be an error.
fn is_for_encryption(jwk: &Map<String, Value>) -> bool {
    let says = |member| jwk.get(member).and_then(Value::as_str);
    match says("use") {
        Some(purpose) => purpose == "enc",
        None => says("alg").is_some_and(|alg| KeyManagement::from_name(alg).is_some()),
    }
}
