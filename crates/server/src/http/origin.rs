//! Where a request comes from: the one rule against CSRF, the list of CORS, and the check of `Host`.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use countersign_auth::Auth;
use countersign_auth::model::client::Client;

use super::code::Code;
use super::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request says about the page that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// A page of this very server; the browser itself says so, and scripts cannot make it.
    Own,
    /// A page of this origin.
    Page(String),
    /// A page, of which the browser says no more than that it is another site's.
    Foreign,
    /// Nothing: a program, a link, or a very old browser.
    Unsaid,
}

impl Site {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let fetch_site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        if fetch_site == Some(b"same-origin") {
            return Self::Own;
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => origin
                .to_str()
                .map_or(Self::Foreign, |origin| Self::Page(origin.to_owned())),
            (Some(_), Some(_)) => Self::Foreign,
            (None, _) => match fetch_site {
                None | Some(b"none") => Self::Unsaid,
                Some(_) => Self::Foreign,
            },
        }
    }

    /// The rule: an unsafe request that bears a cookie of ours must come from a page of ours or of the client's;
    /// and a page that is neither is refused with or without one.
    pub(crate) fn admit(
        &self,
        bears_cookie: bool,
        allowed: impl FnOnce(&str) -> bool,
    ) -> Result<(), Problem> {
        let refused = |detail| Err(Problem::new(Code::CrossSite, detail));
        let foreign = match self {
            Self::Page(origin) => !allowed(origin),
            Self::Foreign => true,
            Self::Own | Self::Unsaid => false,
        };
        if foreign {
            return refused(
                "this page's origin is not on the client's list of origins: an operator can add it",
            );
        }
        if bears_cookie && *self == Self::Unsaid {
            return refused(
                "a request with a cookie must say where it comes from: by Origin or Sec-Fetch-Site",
            );
        }
        Ok(())
    }
}

/// Whether a browser made the request, or somebody who wants to look like one.
pub(crate) fn looks_like_a_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(header::COOKIE)
        || headers.contains_key(header::ORIGIN)
        || headers
            .keys()
            .any(|name| name.as_str().starts_with("sec-fetch-"))
}

/// This server's own name: what is its own origin, and which `Host` it answers to.
#[derive(Clone, Debug)]
pub(crate) struct OwnName {
    origin: String,
    host: String,
    loopback: bool,
}

impl OwnName {
    /// `loopback`: the server listens on loopback only, where any page on the web could reach it under a name that
    /// the page's owner controls (DNS rebinding), so the name is checked.
    pub(crate) fn new(issuer: &str, loopback: bool) -> Self {
        let uri: Uri = issuer.parse().unwrap_or_default();
        let host = uri.host().unwrap_or("localhost").to_ascii_lowercase();
        let origin = match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => String::new(),
        };
        Self {
            origin,
            host,
            loopback,
        }
    }

    /// Whether a page of `origin` is one of this server's own.
    pub(crate) fn is_own(&self, origin: &str) -> bool {
        !self.origin.is_empty() && self.origin == origin
    }

    /// Refuses a `Host` (HTTP/2: `:authority`) that is not this machine's.
    pub(crate) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        if !self.loopback {
            return Ok(());
        }
        let mut hosts = headers.get_all(header::HOST).iter();
        let authority = match (uri.authority(), hosts.next(), hosts.next()) {
            (_, _, Some(_)) | (None, None, None) => None,
            (Some(authority), ..) => Some(authority.as_str()),
            (None, Some(host), None) => host.to_str().ok(),
        };
        let host = authority.map(without_port);
        let known = ["localhost", "127.0.0.1", "[::1]", self.host.as_str()];
        if host.is_some_and(|host| known.iter().any(|name| name.eq_ignore_ascii_case(host))) {
            return Ok(());
        }
        Err(Problem::new(
            Code::WrongHost,
            format!(
                "send \"Host: {}\": on loopback no other name is answered",
                self.host
            ),
        ))
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether a page of `origin` may read answers, and send cookies: it is on some client's list.
/// Which client's, the routes that read cookies ask.
pub(crate) fn listed(auth: &Auth, own: &OwnName, origin: &str) -> bool {
    own.is_own(origin) || auth.is_listed(origin)
}

/// Whether a page of `origin` may act for this client.
pub(crate) fn listed_for(client: &Client, own: &OwnName, origin: &str) -> bool {
    own.is_own(origin) || client.origins.iter().any(|listed| listed == origin)
}

/// Whether it is a browser's question before a cross-origin call (CORS-preflight, Fetch §3.2.2).
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight from a listed origin; [`allow`] adds the rest.
pub(crate) fn preflight() -> Response {
    (
        StatusCode::NO_CONTENT,
        [
            (
                header::ACCESS_CONTROL_ALLOW_METHODS,
                "GET, POST, PATCH, DELETE",
            ),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ],
    )
        .into_response()
}

/// Lets a page of this listed origin read the answer, cookies included. Never `*`.
pub(crate) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("retry-after, www-authenticate, x-request-id"),
    );
}
