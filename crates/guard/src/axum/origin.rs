//! The one rule against cross-site requests.

use http::{HeaderMap, Method, header};

/// Whether a request that bears a cookie may have come from a page of ours: an unsafe method, or the
/// opening of a WebSocket (a `GET` that changes things), needs `Sec-Fetch-Site: same-origin` (Fetch
/// Metadata §2.4), or an `Origin` on the list. With neither it is refused.
pub(super) fn is_ours(method: &Method, headers: &HeaderMap, origins: &[String]) -> bool {
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe && !headers.contains_key(header::UPGRADE) && *method != Method::CONNECT {
        return true;
    }
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())
    };
    only("sec-fetch-site").is_some_and(|site| *site == "same-origin")
        || only("origin").is_some_and(|origin| origins.iter().any(|ours| *origin == ours.as_str()))
}
