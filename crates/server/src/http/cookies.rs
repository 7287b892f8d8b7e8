//! The cookies of a client: its refresh token or its session, and the mark of a device that has signed in before.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use countersign_auth::model::client::Client;

use super::code::Code;
use super::problem::Problem;

/// How long a device is remembered.
pub(crate) const DEVICE_TTL: Duration = Duration::from_hours(365 * 24);

/// How cookies are named and marked under this issuer.
///
/// Over HTTPS the name begins with `__Host-` (RFC 6265bis §4.1.3.2): such a cookie cannot be set by another host, not
/// even a sibling, nor over plain HTTP. Plain HTTP exists on loopback only; there the prefix and `Secure` are left out.
/// Where a client chose a domain for its session's cookie, all its origins are https, and the prefix says that much:
/// `__Secure-`. Every host of that domain can then read the cookie, and set one of the name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CookiePolicy {
    secure: bool,
}

/// Which of a client's cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `countersign-<client>`.
    Refresh,
    /// `countersign-<client>.session`. The dot cannot be part of a client's id, so no client's refresh cookie has this name.
    Session,
    /// `countersign-<client>.device`.
    Device,
}

impl Kind {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Refresh => "",
            Self::Session => ".session",
            Self::Device => ".device",
        }
    }

    /// A link from elsewhere to a page of the application finds its visitor signed in (`Lax`): a page has nothing but the
    /// session's cookie to go by. All else is for scripts, which no link starts.
    const fn same_site(self) -> &'static str {
        match self {
            Self::Session => "Lax",
            Self::Refresh | Self::Device => "Strict",
        }
    }
}

const OF_HOST: &str = "__Host-";
const OF_DOMAIN: &str = "__Secure-";
const OURS: &str = "countersign-";

/// The domain that a client chose for this cookie, in the place of one host.
fn domain(kind: Kind, client: &Client) -> Option<&str> {
    match kind {
        Kind::Session => client.cookie_domain.as_deref(),
        Kind::Refresh | Kind::Device => None,
    }
}

impl CookiePolicy {
    /// For an issuer, which says what browsers speak to.
    pub(crate) fn of_issuer(issuer: &str) -> Self {
        Self {
            secure: issuer.starts_with("https://"),
        }
    }

    const fn prefix(self) -> &'static str {
        if self.secure { OF_HOST } else { "" }
    }

    /// What it is called.
    pub(crate) fn name(self, kind: Kind, client: &Client) -> String {
        let prefix = domain(kind, client).map_or(self.prefix(), |_| OF_DOMAIN);
        let (id, suffix) = (&client.id, kind.suffix());
        format!("{prefix}{OURS}{id}{suffix}")
    }

    /// `Set-Cookie` with a value. `None` if the value cannot be in a cookie, which none of ours is.
    pub(crate) fn set(
        self,
        kind: Kind,
        client: &Client,
        value: &str,
        ttl: Duration,
    ) -> Option<HeaderValue> {
        let name = self.name(kind, client);
        let domain = domain(kind, client);
        let secure = if self.secure || domain.is_some() {
            "; Secure"
        } else {
            ""
        };
        let domain = domain.map(|domain| format!("; Domain={domain}"));
        let domain = domain.unwrap_or_default();
        // Rounded up: 0 would take it back, and what it stands for ends by itself.
        let seconds = ttl.as_millis().div_ceil(1000);
        let same_site = kind.same_site();
        let cookie = format!(
            "{name}={value}; Path=/{domain}; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}"
        );
        let mut cookie = HeaderValue::try_from(cookie).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }

    /// `Set-Cookie` that takes it back.
    pub(crate) fn clear(self, kind: Kind, client: &Client) -> Option<HeaderValue> {
        self.set(kind, client, "", Duration::ZERO)
    }
}

/// The cookies of ours that a request bears. Their values are secrets.
#[derive(Clone, Default)]
pub(crate) struct Cookies(Vec<(String, String)>);

impl Cookies {
    /// Reads them; other people's cookies are passed over.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let ours = headers
            .get_all(header::COOKIE)
            .iter()
            // Each by itself: a neighbour's may hold anything, and must not hide ours.
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
            .filter(|(name, _)| {
                let mut prefixes = [OF_HOST, OF_DOMAIN].into_iter();
                let bare = prefixes.find_map(|prefix| name.strip_prefix(prefix));
                bare.unwrap_or(name).starts_with(OURS)
            })
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self(ours)
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// The value of one. Two of one name are refused: a browser sends two only if somebody planted one.
    pub(crate) fn get(
        &self,
        policy: CookiePolicy,
        kind: Kind,
        client: &Client,
    ) -> Result<Option<&str>, Problem> {
        let wanted = policy.name(kind, client);
        let mut found = self.0.iter().filter(|(name, _)| *name == wanted);
        let value = found.next().map(|(_, value)| value.as_str());
        if found.next().is_some() {
            let detail = format!("the request has more than one cookie named {wanted}");
            return Err(Problem::new(Code::DuplicateCredentials, detail));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// Every session cookie of one host under this policy, with the name of the client whose it is.
    pub(crate) fn sessions(&self, policy: CookiePolicy) -> impl Iterator<Item = (&str, &str)> {
        let prefix = policy.prefix();
        self.0.iter().filter_map(move |(name, value)| {
            let client = name.strip_prefix(prefix)?.strip_prefix(OURS)?;
            let client = client.strip_suffix(Kind::Session.suffix())?;
            (!value.is_empty()).then_some((client, value.as_str()))
        })
    }
}
