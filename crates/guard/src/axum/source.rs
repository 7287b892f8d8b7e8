//! Where in a request a token may stand. Never in its address: those are written into logs, histories
//! and `Referer` (RFC 6750 §2.3, RFC 9700 §4.3.2).

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::net::Secret;

/// A place in which a token may stand. A request that bears more than one token is refused, wherever
/// they stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// `Authorization`, with one of the schemes that are accepted: `Bearer` (RFC 6750 §2.1), and
    /// those that were added.
    Authorization,
    /// A cookie of this name. Browsers send it whoever made them: the rule of
    /// [`Protect::origins`](super::Protect::origins) holds for it.
    Cookie(String),
    /// Another header: the token alone, or with `Bearer` in front. Some clients send
    /// `Authentication`.
    Header(HeaderName),
    /// What a page offers as a sub-protocol when it opens a WebSocket, where it can set no header:
    /// this prefix, and the token behind it. The offer is taken out of the request, so that nothing
    /// behind can choose, and so echo, it.
    WebSocketProtocol(String),
}

const BEARER: &str = "bearer";

/// What a request bears.
#[derive(Debug)]
pub(super) struct Presented {
    /// Another scheme than `Bearer`.
    pub other_scheme: Option<String>,
    pub credentials: Secret,
    /// A browser could have sent it by itself.
    pub in_a_cookie: bool,
}

/// Why it cannot be told what a request bears (RFC 6750 §3.1: `invalid_request`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unclear {
    MoreThanOne,
    Malformed,
}

/// The one token of a request, if it bears one.
pub(super) fn find(sources: &[Source], headers: &HeaderMap) -> Result<Option<Presented>, Unclear> {
    let mut found = None;
    let mut add = |presented| match found.replace(presented) {
        None => Ok(()),
        Some(_) => Err(Unclear::MoreThanOne),
    };
    for source in sources {
        match source {
            Source::Authorization => {
                for value in headers.get_all(header::AUTHORIZATION) {
                    let (scheme, credentials) =
                        text(value)?.split_once(' ').ok_or(Unclear::Malformed)?;
                    add(presented(scheme, credentials)?)?;
                }
            }
            Source::Header(name) => {
                for value in headers.get_all(name) {
                    let value = text(value)?;
                    let token = match value.split_once(' ') {
                        Some((scheme, token)) if is_bearer(scheme) => token,
                        _ => value,
                    };
                    add(presented(BEARER, token)?)?;
                }
            }
            Source::Cookie(name) => {
                for token in cookies(headers, name) {
                    add(Presented {
                        in_a_cookie: true,
                        ..presented(BEARER, token)?
                    })?;
                }
            }
            Source::WebSocketProtocol(prefix) => {
                for token in offers(headers).filter_map(|offer| offer.strip_prefix(prefix.as_str()))
                {
                    add(presented(BEARER, token)?)?;
                }
            }
        }
    }
    Ok(found)
}

fn text(value: &HeaderValue) -> Result<&str, Unclear> {
    str::from_utf8(value.as_bytes()).map_err(|_| Unclear::Malformed)
}

/// How a scheme is written does not matter (RFC 9110 §11.1).
fn is_bearer(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case(BEARER)
}

fn presented(scheme: &str, credentials: &str) -> Result<Presented, Unclear> {
    let credentials = credentials.trim_matches(' ');
    if credentials.is_empty() || !is_token68(credentials) {
        return Err(Unclear::Malformed);
    }
    Ok(Presented {
        other_scheme: (!is_bearer(scheme)).then(|| scheme.to_owned()),
        credentials: Secret::new(credentials),
        in_a_cookie: false,
    })
}

/// The letters of `token68` (RFC 9110 §11.2), which tokens and Basic pairs both are. All of them are looked at, in
/// whatever order: so the compiler looks at many at once.
fn is_token68(text: &str) -> bool {
    text.bytes().fold(true, |so_far, byte| {
        let is_one = byte.is_ascii_alphanumeric()
            | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        so_far & is_one
    })
}

/// The values of every cookie of this name (RFC 6265 §5.4); one that is empty is none.
fn cookies<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(named, value)| *named == name && !value.is_empty())
        .map(|(_, value)| value)
}

/// What is offered as a sub-protocol (RFC 6455 §11.3.4).
fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}

/// Takes the offers that are tokens away.
pub(super) fn hide_offers(sources: &[Source], headers: &mut HeaderMap) {
    let is_token = |offer: &str| {
        sources.iter().any(|source| match source {
            Source::WebSocketProtocol(prefix) => offer.starts_with(prefix.as_str()),
            _ => false,
        })
    };
    if !offers(headers).any(is_token) {
        return;
    }
    let rest: Vec<&str> = offers(headers).filter(|offer| !is_token(offer)).collect();
    let rest = HeaderValue::from_str(&rest.join(", "));
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    if let Ok(rest) = rest
        && !rest.is_empty()
    {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, rest);
    }
}
