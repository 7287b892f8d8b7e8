//! A client: a registered application (RFC 6749 §2).

use std::time::Duration;

use countersign_jose::Algorithm;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::encryption::EncryptTo;
use super::id::ClientId;
use crate::env::Timestamp;

/// What kind of application it is, and so where its refresh token may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// Runs in a browser: the refresh token is in an httpOnly cookie, never in a body.
    Browser,
    /// Runs on a device: the refresh token is in bodies, and only in requests that no browser page can make.
    Native,
    /// Runs on a server and acts for itself: nobody signs in to it, and it proves who it is by a secret
    /// (RFC 6749 §4.4).
    Service,
}

/// How its sessions are renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// Short access tokens, and a refresh token that is derived anew for each generation.
    #[default]
    Rotating,
    /// Short access tokens, and a refresh token that says everything itself: the server keeps nothing of a session.
    Stateless,
    /// One token that is exchanged for the next before it expires; what was exchanged is remembered.
    Sliding,
    /// The browser holds nothing but a session's name, in a cookie; the session is looked up, and lives on by use.
    Session,
    /// The same on the application's own host, where a proxy turns the cookie into a short token for the application.
    Gateway,
}

impl Style {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Rotating,
        Self::Stateless,
        Self::Sliding,
        Self::Session,
        Self::Gateway,
    ];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rotating => "rotating",
            Self::Stateless => "stateless",
            Self::Sliding => "sliding",
            Self::Session => "session",
            Self::Gateway => "gateway",
        }
    }

    /// Whether its browsers hold a session's name, and no token.
    #[must_use]
    pub const fn is_opaque(self) -> bool {
        match self {
            Self::Rotating | Self::Stateless | Self::Sliding => false,
            Self::Session | Self::Gateway => true,
        }
    }

    /// The style of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.name() == name)
    }

    /// Whether the server has a row for each of its sessions.
    #[must_use]
    pub const fn keeps_sessions(self) -> bool {
        match self {
            Self::Rotating | Self::Session | Self::Gateway => true,
            Self::Stateless | Self::Sliding => false,
        }
    }

    /// What whoever chooses it should hear.
    #[must_use]
    pub const fn warning(self) -> Option<&'static str> {
        match self {
            Self::Rotating | Self::Sliding | Self::Session | Self::Gateway => None,
            Self::Stateless => Some(
                "in the style stateless a refresh token stays good after it was used, so one that is stolen goes \
                 unnoticed until it expires or is taken back. RFC 9700 \u{a7}2.2.2 does not allow that for public \
                 clients, which every browser and native client is: choose it only where that is known and accepted",
            ),
        }
    }
}

/// A registered application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// The `client_id`.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// Where its refresh token may travel.
    pub kind: ClientKind,
    /// How its sessions are renewed.
    #[serde(default)]
    pub style: Style,
    /// The `aud` of its access tokens; by default the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// A service's: the other audiences that it may ask tokens for (RFC 8707 §2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_audiences: Vec<String>,
    /// A service's: the audience that it is. Tokens for it are what the service may ask about, and what concerns it is
    /// what the service hears of revocations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
    /// What its access tokens are signed with; by default what their audience asks for, or what the issuer signs with.
    #[serde(
        default,
        with = "super::named::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub signing_algorithm: Option<Algorithm>,
    /// To whom its access tokens are encrypted; by default to whom their audience asks for, or to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_to: Option<EncryptTo>,
    /// The `scope` that its tokens carry (space-separated), if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Origins (`https://app.example.com`) from which browsers may call with cookies: the CORS and CSRF list.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Where the pages may send a browser when its owner has signed in (RFC 6749 §3.1.2): whole addresses, compared
    /// letter by letter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// In the style `gateway`: the domain for all of whose hosts its session's cookie is; by default the one host that set
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_domain: Option<String>,
    /// Whether a proxy that asks about its tokens and sessions gets the account behind them, as it is now; one that is
    /// gone or disabled passes no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_account: bool,
    /// Claims to add to its tokens: claim name → where the value comes from.
    #[serde(default)]
    pub claims: BTreeMap<String, ClaimSource>,
    /// How long its access tokens live.
    #[serde(with = "seconds")]
    pub access_ttl: Duration,
    /// How long a session may rest unused.
    #[serde(with = "seconds")]
    pub idle_ttl: Duration,
    /// How long a session may last at all.
    #[serde(with = "seconds")]
    pub absolute_ttl: Duration,
    /// A disabled client gets no tokens.
    pub enabled: bool,
    /// Raised by whatever must end all its grants and tokens.
    #[serde(default)]
    pub epoch: u64,
    /// When it was registered.
    #[serde(default)]
    pub created_at: Timestamp,
}

impl Client {
    /// Lifetime of access tokens unless a client says otherwise: 5 minutes.
    pub const ACCESS_TTL: Duration = Duration::from_mins(5);
    /// Idle lifetime of a session unless a client says otherwise: 14 days.
    pub const IDLE_TTL: Duration = Duration::from_hours(14 * 24);
    /// Absolute lifetime of a session unless a client says otherwise: 90 days.
    pub const ABSOLUTE_TTL: Duration = Duration::from_hours(90 * 24);

    /// The same of a client in the style `stateless`: 7 days. What is taken back is remembered as long.
    pub const STATELESS_IDLE_TTL: Duration = Duration::from_hours(7 * 24);
    /// The same: 30 days. So long a thief goes on unnoticed.
    pub const STATELESS_ABSOLUTE_TTL: Duration = Duration::from_hours(30 * 24);

    /// Lifetime of the token of a client in the style `sliding`: 24 hours.
    pub const SLIDING_ACCESS_TTL: Duration = Duration::from_hours(24);
    /// Absolute lifetime of a session in the style `sliding`: 30 days.
    pub const SLIDING_ABSOLUTE_TTL: Duration = Duration::from_hours(30 * 24);

    /// A client with the defaults.
    #[must_use]
    pub fn new(id: ClientId, kind: ClientKind, at: Timestamp) -> Self {
        Self {
            name: id.to_string(),
            id,
            kind,
            style: Style::Rotating,
            audience: None,
            more_audiences: Vec::new(),
            serves: None,
            signing_algorithm: None,
            encrypt_to: None,
            scope: None,
            origins: Vec::new(),
            redirect_uris: Vec::new(),
            cookie_domain: None,
            with_account: false,
            claims: BTreeMap::new(),
            access_ttl: Self::ACCESS_TTL,
            idle_ttl: Self::IDLE_TTL,
            absolute_ttl: Self::ABSOLUTE_TTL,
            enabled: true,
            epoch: 0,
            created_at: at,
        }
    }

    /// The server's own client: its pages, where people sign in and look after their account.
    #[must_use]
    pub fn account(at: Timestamp) -> Self {
        let client = Self::new(ClientId::account(), ClientKind::Browser, at);
        client.with_style(Style::Session)
    }

    /// Whether it is the server's own: nobody registers, changes or disables it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.id.as_str() == ClientId::ACCOUNT
    }

    /// Whether `stored` is this client, but for what the store alone counts.
    #[must_use]
    pub fn is_as_registered(&self, stored: &Self) -> bool {
        let counted = Self {
            epoch: stored.epoch,
            created_at: stored.created_at,
            ..self.clone()
        };
        counted == *stored
    }

    /// The same in another style, with the lifetimes that it has by default.
    #[must_use]
    pub fn with_style(mut self, style: Style) -> Self {
        self.style = style;
        (self.access_ttl, self.idle_ttl, self.absolute_ttl) = match style {
            Style::Rotating | Style::Session | Style::Gateway => {
                (Self::ACCESS_TTL, Self::IDLE_TTL, Self::ABSOLUTE_TTL)
            }
            Style::Stateless => (
                Self::ACCESS_TTL,
                Self::STATELESS_IDLE_TTL,
                Self::STATELESS_ABSOLUTE_TTL,
            ),
            // A session rests as long as its token lives.
            Style::Sliding => (
                Self::SLIDING_ACCESS_TTL,
                Self::IDLE_TTL,
                Self::SLIDING_ABSOLUTE_TTL,
            ),
        };
        self
    }

    /// The audiences that its tokens may have, the default one first; `issuer` is this server's own.
    pub fn audiences<'a>(&'a self, issuer: &'a str) -> impl Iterator<Item = &'a str> {
        let first = self.audience.as_deref().unwrap_or(issuer);
        std::iter::once(first).chain(self.more_audiences.iter().map(String::as_str))
    }
}

/// Where a claim's value comes from. Written as `email`, `username`, `name`, `roles`, or `attributes.<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// The user's address.
    Email,
    /// The user's name to sign in with.
    Username,
    /// What to call them.
    Name,
    /// Their roles, an array.
    Roles,
    /// One of the operator's own fields, as it is.
    Attribute(String),
}

impl Serialize for ClaimSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Email => serializer.serialize_str("email"),
            Self::Username => serializer.serialize_str("username"),
            Self::Name => serializer.serialize_str("name"),
            Self::Roles => serializer.serialize_str("roles"),
            Self::Attribute(name) => serializer.collect_str(&format_args!("attributes.{name}")),
        }
    }
}

impl<'de> Deserialize<'de> for ClaimSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that names no source of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a source of a claim: email, username, name, roles or attributes.<name> expected")]
pub struct InvalidClaimSource;

impl std::str::FromStr for ClaimSource {
    type Err = InvalidClaimSource;

    fn from_str(text: &str) -> Result<Self, InvalidClaimSource> {
        match text {
            "email" => Ok(Self::Email),
            "username" => Ok(Self::Username),
            "name" => Ok(Self::Name),
            "roles" => Ok(Self::Roles),
            _ => match text.strip_prefix("attributes.") {
                Some(name) if !name.is_empty() => Ok(Self::Attribute(name.to_owned())),
                _ => Err(InvalidClaimSource),
            },
        }
    }
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.as_secs())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}
