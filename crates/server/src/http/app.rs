//! What every route shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::HeaderValue;
use countersign_auth::Auth;
use countersign_auth::model::client::Client;
use serde::{Deserialize, Serialize};

use super::address::TrustedProxies;
use super::code::Code;
use super::cookies::CookiePolicy;
use super::origin::OwnName;
use super::problem::Problem;
use crate::feed::{self, Places};
use crate::metrics::Metrics;
use crate::pages::Pages;

/// How this node's HTTP behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public listener is on loopback: `Host` is checked there, and plain HTTP is answered to anybody.
    pub loopback: bool,
    /// The public listener speaks TLS.
    pub tls: bool,
    /// Who may speak for others.
    pub proxies: TrustedProxies,
    /// How long a request may take from its headers to its answer.
    pub request_timeout: Duration,
    /// How the revocation feed behaves.
    pub feed: feed::Settings,
    /// What forward-auth checks, and what it answers with.
    pub forward_auth: ForwardAuth,
    /// The pages, as this server shows them.
    pub pages: Arc<Pages>,
    /// Whether there is a playground: only where somebody tries the server out, on loopback.
    pub playground: bool,
}

/// What forward-auth checks, and what it answers with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForwardAuth {
    /// The audience that tokens must have; by default the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The cookie in which an access token may come, besides the `Authorization` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// Where people sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<String>,
    /// How a browser that goes to a page without a token is refused.
    pub refuse_pages: RefusePages,
    /// The audience of a short token for the services behind; without one, none is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_audience: Option<String>,
}

impl ForwardAuth {
    /// The audience that tokens must have.
    pub(crate) fn audience<'a>(&'a self, issuer: &'a str) -> &'a str {
        self.audience.as_deref().unwrap_or(issuer)
    }
}

/// How a browser that goes to a page without a token is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusePages {
    /// As everybody: 401. The proxy may redirect (nginx understands no other answer).
    #[default]
    Status,
    /// By a redirect to where people sign in, which the proxy hands on (Traefik, Envoy).
    Redirect,
}

impl Default for Settings {
    /// On loopback, without TLS, trusting nobody, 30 seconds a request.
    fn default() -> Self {
        Self {
            loopback: true,
            tls: false,
            proxies: TrustedProxies::default(),
            request_timeout: Duration::from_secs(30),
            feed: feed::Settings::default(),
            forward_auth: ForwardAuth::default(),
            pages: Pages::built_in(),
            playground: false,
        }
    }
}

/// What every route shares.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    auth: Arc<Auth>,
    settings: Settings,
    metrics: Metrics,
    own_name: OwnName,
    cookies: CookiePolicy,
    key_set_caching: HeaderValue,
    request_prefix: u32,
    requests: AtomicU64,
    places: Places,
}

impl App {
    /// Puts it together. The issuer says under which name, and over which scheme, browsers see this server.
    #[must_use]
    pub fn new(auth: Arc<Auth>, settings: Settings, metrics: Metrics) -> Self {
        let issuer = &auth.settings().issuer;
        Self(Arc::new(Inner {
            own_name: OwnName::new(issuer, settings.loopback),
            cookies: CookiePolicy::of_issuer(issuer),
            key_set_caching: key_set_caching(auth.settings().signing.publish_for),
            request_prefix: u32::from_be_bytes(auth.env().random()),
            requests: AtomicU64::new(0),
            places: Places::default(),
            auth,
            settings,
            metrics,
        }))
    }

    /// What the server does.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.0.auth
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.0.settings.pages
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The places of the feed's streams.
    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    pub(crate) fn own_name(&self) -> &OwnName {
        &self.0.own_name
    }

    pub(crate) fn cookies(&self) -> CookiePolicy {
        self.0.cookies
    }

    /// For how long the key set may be cached.
    pub(crate) fn key_set_caching(&self) -> &HeaderValue {
        &self.0.key_set_caching
    }

    /// The client that a request names; the default one if it names none.
    pub(crate) fn client(&self, id: Option<&str>) -> Result<Arc<Client>, Problem> {
        self.auth().client(id).ok_or_else(|| {
            Problem::new(
                Code::UnknownClient,
                "no client of that id is registered: see `countersign client list`",
            )
            .field("client_id")
        })
    }

    /// A name for a request, to find its log line by: unique among all nodes for as long as logs are kept.
    pub(crate) fn next_request_id(&self) -> Option<HeaderValue> {
        let number = self.0.requests.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{:08x}-{number:x}", self.0.request_prefix)).ok()
    }
}

/// Five minutes, but no longer than a new key is published before it signs.
fn key_set_caching(published_for: Duration) -> HeaderValue {
    let seconds = published_for.as_secs().min(300);
    HeaderValue::try_from(format!("public, max-age={seconds}"))
        .unwrap_or(HeaderValue::from_static("no-store"))
}
