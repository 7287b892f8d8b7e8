//! Sessions and grants as the fields of a hash, and back.

use std::collections::HashMap;
use std::error::Error;
use std::str::FromStr;

use countersign_auth::env::Timestamp;
use countersign_auth::model::grant::{Grant, HandleHash, Network};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::session::Session;
use countersign_auth::rotation::Generations;
use serde::de::IntoDeserializer;
use serde::de::value::Error as WordError;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::keys;

/// The scripts count in floating point, which is exact up to 2^53; a time beyond this is one that nobody sees, and leaves
/// room to add another to it.
pub(super) const FAR: u64 = 1 << 50;

/// What the field that names a grant's client begins with, in the hash of its session.
const GRANT: &str = "grant:";
/// Set until the epochs have been looked at after the session was written.
pub(super) const PENDING: &str = "pending";

/// A hash as it is read: empty if there is none.
pub(super) type Hash = HashMap<String, String>;

/// A hash as it is written: names and values in turn.
pub(super) type Fields = Vec<String>;

/// What is told of a session and never changes.
#[derive(Serialize, Deserialize)]
struct About {
    auth_time: Timestamp,
    amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

/// A session as it is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) session: Session,
    pub(super) is_pending: bool,
    /// Its grants, in no order.
    pub(super) grants: Vec<(HandleHash, ClientId)>,
}

impl Kept {
    /// `None`: there is none.
    pub(super) fn read(id: SessionId, hash: &Hash) -> Result<Option<Self>, Failure> {
        if hash.is_empty() {
            return Ok(None);
        }
        let about: About = serde_json::from_str(text(hash, "about")?).map_err(Failure::damaged)?;
        let grants = hash
            .iter()
            .filter_map(|(name, client)| Some((name.strip_prefix(GRANT)?, client)))
            .map(|(handle, client)| {
                let handle = keys::unhex(handle).ok_or_else(|| Failure::damaged("no handle"))?;
                Ok((handle, client.parse().map_err(Failure::damaged)?))
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Some(Self {
            session: Session {
                id,
                user: value::<UserId>(hash, "user")?,
                user_epoch: value(hash, "user_epoch")?,
                issuer_epoch: value(hash, "issuer_epoch")?,
                auth_time: about.auth_time,
                amr: about.amr,
                idle_end: time(hash, "idle_end")?,
                device: about.device,
                address: about.address,
            },
            is_pending: hash.contains_key(PENDING),
            grants,
        }))
    }

    /// The keys of the session and of its grants.
    pub(super) fn keys(&self) -> Vec<String> {
        let end = self.session.absolute_end();
        let grants = self.grants.iter().map(|(it, _)| keys::grant(end, *it));
        std::iter::once(keys::session(self.session.id))
            .chain(grants)
            .collect()
    }

    /// For whom it is.
    pub(super) fn clients(&self) -> Vec<ClientId> {
        let mut clients: Vec<_> = self.grants.iter().map(|(_, it)| it.clone()).collect();
        clients.sort();
        clients.dedup();
        clients
    }
}

/// A new session, pending, with its first grant.
pub(super) fn session(session: &Session, grant: &Grant) -> Result<Fields, Failure> {
    let about = About {
        auth_time: session.auth_time,
        amr: session.amr.clone(),
        device: session.device.clone(),
        address: session.address.clone(),
    };
    let mut fields = Fields::new();
    let mut put = |name: &str, value: String| fields.extend([name.to_owned(), value]);
    put("user", session.user.to_string());
    put("user_epoch", session.user_epoch.to_string());
    put("issuer_epoch", session.issuer_epoch.to_string());
    put("idle_end", millis(session.idle_end).to_string());
    put(
        "about",
        serde_json::to_string(&about).map_err(Failure::damaged)?,
    );
    put(&grant_field(grant.handle), grant.client.to_string());
    put(PENDING, "1".to_owned());
    Ok(fields)
}

/// How a session's hash names a grant.
pub(super) fn grant_field(handle: HandleHash) -> String {
    format!("{GRANT}{}", keys::hex(handle))
}

/// A new grant of this user's.
pub(super) fn grant(grant: &Grant, user: UserId) -> Result<Fields, Failure> {
    let state = &grant.generations;
    let mut fields = Fields::new();
    let mut put = |name: &str, value: String| fields.extend([name.to_owned(), value]);
    put("session", grant.session.to_string());
    put("user", user.to_string());
    put("client", grant.client.to_string());
    put("client_epoch", grant.client_epoch.to_string());
    if let Some(scope) = &grant.scope {
        put("scope", scope.clone());
    }
    put("style", word(&grant.style)?);
    put("cur", state.cur.to_string());
    if let Some(prev) = state.prev {
        put("prev", prev.to_string());
    }
    put("floor", state.floor.to_string());
    put("rotated_at", millis(state.rotated_at).to_string());
    put("handed_at", millis(state.handed_at).to_string());
    put("retries", state.retries.to_string());
    put("recoveries", state.recoveries.to_string());
    put("network", state.network.0.to_string());
    put("strangers", state.strangers.to_string());
    put("stranger_now", u8::from(state.stranger_now).to_string());
    Ok(fields)
}

/// Reads what [`grant`] wrote, as the scripts changed it since.
pub(super) fn read_grant(handle: HandleHash, hash: &Hash) -> Result<Grant, Failure> {
    Ok(Grant {
        handle,
        session: value(hash, "session")?,
        client: value(hash, "client")?,
        client_epoch: value(hash, "client_epoch")?,
        scope: hash.get("scope").cloned(),
        style: read_word(text(hash, "style")?)?,
        generations: Generations {
            cur: value(hash, "cur")?,
            prev: hash
                .get("prev")
                .map(|prev| prev.parse().map_err(Failure::damaged))
                .transpose()?,
            floor: value(hash, "floor")?,
            rotated_at: time(hash, "rotated_at")?,
            handed_at: time(hash, "handed_at")?,
            retries: value(hash, "retries")?,
            recoveries: value(hash, "recoveries")?,
            network: Network(value(hash, "network")?),
            strangers: value(hash, "strangers")?,
            stranger_now: text(hash, "stranger_now")? == "1",
        },
    })
}

/// A moment as a field or a parameter.
pub(super) fn millis(time: Timestamp) -> u64 {
    time.as_millis().min(FAR)
}

fn text<'h>(hash: &'h Hash, name: &'static str) -> Result<&'h str, Failure> {
    hash.get(name)
        .map(String::as_str)
        .ok_or_else(|| Failure::damaged(format!("a field is missing: {name}")))
}

fn value<T>(hash: &Hash, name: &'static str) -> Result<T, Failure>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    text(hash, name)?.parse().map_err(Failure::damaged)
}

fn time(hash: &Hash, name: &'static str) -> Result<Timestamp, Failure> {
    value(hash, name).map(Timestamp::from_millis)
}

/// A closed enum of the model by its stable name.
fn word<T: Serialize>(value: &T) -> Result<String, Failure> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(Failure::damaged(format!("{other} is not a word"))),
        Err(error) => Err(Failure::damaged(error)),
    }
}

fn read_word<T: for<'de> Deserialize<'de>>(word: &str) -> Result<T, Failure> {
    T::deserialize(word.into_deserializer()).map_err(|error: WordError| Failure::damaged(error))
}
