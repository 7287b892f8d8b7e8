//! An application, as a configuration registers it.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind, Style};
use countersign_auth::model::encryption::EncryptTo;
use countersign_auth::model::id::ClientId;
use countersign_auth::model::named;
use countersign_jose::Algorithm;
use serde::{Deserialize, Serialize};

use super::duration;

/// One `[[client]]`. What is left out has the default of [`Client::new`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// The `client_id`.
    pub id: ClientId,
    /// `browser`, `native` or `service`.
    pub kind: ClientKind,
    /// How its sessions are renewed; by default `rotating`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
    /// What people call it; by default its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Origins from which browsers may call with cookies.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Where the pages may send a browser when its owner has signed in, compared letter by letter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// The `aud` of its access tokens; by default the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// A service's: the other audiences that it may ask tokens for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_audiences: Vec<String>,
    /// A service's: the audience that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
    /// What its access tokens are signed with; by default what its audience asks for, or `signing.algorithm`.
    #[serde(
        default,
        with = "named::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub signing_algorithm: Option<Algorithm>,
    /// To whom they are encrypted: `jwk` or `jwks_uri`, `alg`, `enc`; by default to whom its audience asks for, or to
    /// nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_to: Option<EncryptTo>,
    /// The `scope` of its access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// In the style `gateway`: the domain for all of whose hosts the cookie is; by default the one host that set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_domain: Option<String>,
    /// Whether a proxy that asks about its tokens and sessions gets the account behind them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_account: bool,
    /// Claims to add: claim name → `email`, `username`, `name`, `roles` or `attributes.<name>`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, ClaimSource>,
    /// How long its access tokens live.
    #[serde(
        default,
        with = "duration::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub access_ttl: Option<Duration>,
    /// How long a session may rest unused.
    #[serde(
        default,
        with = "duration::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub idle_ttl: Option<Duration>,
    /// How long a session may last at all.
    #[serde(
        default,
        with = "duration::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub absolute_ttl: Option<Duration>,
}

impl ClientConfig {
    /// The client that this asks for. `stored`, if it exists already, keeps what a configuration does not say.
    #[must_use]
    pub fn to_client(&self, stored: Option<&Client>, now: Timestamp) -> Client {
        let style = self.style.unwrap_or_default();
        let fresh = Client::new(self.id.clone(), self.kind, now).with_style(style);
        let (enabled, epoch, created_at) = match stored {
            Some(stored) => (stored.enabled, stored.epoch, stored.created_at),
            None => (fresh.enabled, fresh.epoch, fresh.created_at),
        };
        Client {
            name: self.name.clone().unwrap_or(fresh.name),
            origins: self.origins.clone(),
            redirect_uris: self.redirect_uris.clone(),
            audience: self.audience.clone(),
            more_audiences: self.more_audiences.clone(),
            serves: self.serves.clone(),
            signing_algorithm: self.signing_algorithm,
            encrypt_to: self.encrypt_to.clone(),
            scope: self.scope.clone(),
            cookie_domain: self.cookie_domain.clone(),
            with_account: self.with_account,
            claims: self.claims.clone(),
            access_ttl: self.access_ttl.unwrap_or(fresh.access_ttl),
            idle_ttl: self.idle_ttl.unwrap_or(fresh.idle_ttl),
            absolute_ttl: self.absolute_ttl.unwrap_or(fresh.absolute_ttl),
            enabled,
            epoch,
            created_at,
            id: fresh.id,
            kind: fresh.kind,
            style,
        }
    }
}
