//! Where in a request a token may stand. Never in its address: those are written into logs, histories
//! and `Referer` (RFC 6750 §2.3, RFC 9700 §4.3.2).

use std::ops::Range;

use http::{HeaderMap, HeaderName, HeaderValue, header};

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
pub(super) struct Presented<'h> {
    /// Another scheme than `Bearer`.
    pub other_scheme: Option<&'h str>,
    pub credentials: &'h str,
    /// A browser could have sent it by itself.
    pub in_a_cookie: bool,
    /// The field that they stand in.
    field: &'h HeaderValue,
}

/// Credentials that outlive the borrow of their request. They are not copied: a field's value is a share of the
/// connection's buffer, which knows no wiping.
pub(super) struct Kept {
    field: HeaderValue,
    at: Range<usize>,
}

impl Presented<'_> {
    pub fn keep(&self) -> Kept {
        let (whole, part) = (self.field.as_bytes(), self.credentials.as_bytes());
        let begin = part.first().and_then(|first| whole.element_offset(first));
        let begin = begin.unwrap_or_default();
        Kept {
            field: self.field.clone(),
            at: begin..begin + part.len(),
        }
    }
}

impl Kept {
    pub fn reveal(&self) -> &str {
        let part = self.field.as_bytes().get(self.at.clone());
        part.and_then(|part| str::from_utf8(part).ok())
            .unwrap_or_default()
    }
}

/// Why it cannot be told what a request bears (RFC 6750 §3.1: `invalid_request`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unclear {
    MoreThanOne,
    Malformed,
}

/// The one token of a request, if it bears one.
pub(super) fn find<'h>(
    sources: &'h [Source],
    headers: &'h HeaderMap,
) -> Result<Option<Presented<'h>>, Unclear> {
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
                    add(presented(value, scheme, credentials)?)?;
                }
            }
            Source::Header(name) => {
                for value in headers.get_all(name) {
                    let text = text(value)?;
                    let token = match text.split_once(' ') {
                        Some((scheme, token)) if is_bearer(scheme) => token,
                        _ => text,
                    };
                    add(presented(value, BEARER, token)?)?;
                }
            }
            Source::Cookie(name) => {
                for (value, token) in cookies(headers, name) {
                    add(Presented {
                        in_a_cookie: true,
                        ..presented(value, BEARER, token)?
                    })?;
                }
            }
            Source::WebSocketProtocol(prefix) => {
                for (value, offer) in offers(headers) {
                    if let Some(token) = offer.strip_prefix(prefix.as_str()) {
                        add(presented(value, BEARER, token)?)?;
                    }
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

fn presented<'h>(
    field: &'h HeaderValue,
    scheme: &'h str,
    credentials: &'h str,
) -> Result<Presented<'h>, Unclear> {
    let credentials = credentials.trim_matches(' ');
    if credentials.is_empty() || !is_token68(credentials) {
        return Err(Unclear::Malformed);
    }
    Ok(Presented {
        other_scheme: (!is_bearer(scheme)).then_some(scheme),
        credentials,
        in_a_cookie: false,
        field,
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

/// The values of every cookie of this name (RFC 6265 §5.4), each with its field; one that is empty is none.
fn cookies<'h>(
    headers: &'h HeaderMap,
    name: &'h str,
) -> impl Iterator<Item = (&'h HeaderValue, &'h str)> {
    parts(headers, header::COOKIE, ';')
        .filter_map(|(field, pair)| Some((field, pair.split_once('=')?)))
        .filter(move |(_, (named, value))| *named == name && !value.is_empty())
        .map(|(field, (_, value))| (field, value))
}

/// What is offered as a sub-protocol (RFC 6455 §11.3.4), each with its field.
fn offers(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderValue, &str)> {
    parts(headers, header::SEC_WEBSOCKET_PROTOCOL, ',')
}

fn parts(
    headers: &HeaderMap,
    name: HeaderName,
    separator: char,
) -> impl Iterator<Item = (&HeaderValue, &str)> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|field| Some((field, field.to_str().ok()?)))
        .flat_map(move |(field, text)| text.split(separator).map(move |part| (field, part.trim())))
}

/// Takes the offers that are tokens away.
pub(super) fn hide_offers(sources: &[Source], headers: &mut HeaderMap) {
    let is_token = |offer: &str| {
        sources.iter().any(|source| match source {
            Source::WebSocketProtocol(prefix) => offer.starts_with(prefix.as_str()),
            _ => false,
        })
    };
    if !offers(headers).any(|(_, offer)| is_token(offer)) {
        return;
    }
    let rest: Vec<&str> = offers(headers)
        .map(|(_, offer)| offer)
        .filter(|offer| !is_token(offer))
        .collect();
    let rest = HeaderValue::from_str(&rest.join(", "));
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    if let Ok(rest) = rest
        && !rest.is_empty()
    {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, rest);
    }
}
