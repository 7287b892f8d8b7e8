//! `gateway`: sessions as in the style `session`, on the application's own host. A proxy in front of the application turns
//! the cookie into a short token for it; how is in [`crate::live`] and [`crate::Auth::behind`].

use super::session;
use crate::model::client::Client;

/// What such a client cannot have, or lacks.
pub(super) fn refusal(client: &Client) -> Option<&'static str> {
    if client.audience.is_none() {
        return Some(
            "a client of the style \"gateway\" needs an audience: the service behind the proxy, which its tokens are for",
        );
    }
    let domain = client.cookie_domain.as_deref();
    domain
        .and_then(|domain| domain_refusal(domain, &client.origins))
        .or_else(|| session::refusal(client))
}

/// Why the cookie cannot be for all hosts of this domain; `None`: it can. A domain in which strangers register names
/// (a public suffix, such as `co.uk`) is the browser's to refuse (RFC 6265bis §5.7): lists of those change.
fn domain_refusal(domain: &str, origins: &[String]) -> Option<&'static str> {
    if !is_domain(domain) {
        return Some(
            "a cookie_domain is the name of a domain in lower case, of two labels or more and without a dot in front, as in \
             example.com: no single label, and no address",
        );
    }
    let all_within = origins.iter().all(|origin| is_within(origin, domain));
    (origins.is_empty() || !all_within).then_some(
        "a client with a cookie_domain has at least one origin, and each lies in that domain: they are the hosts on which \
         its applications share the cookie",
    )
}

/// Whether it is a domain's name (RFC 1034 §3.5) that a cookie can be for. One whose last label does not begin with a
/// letter would be read as an address (URL §3.5).
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let top = text.rsplit_once('.').map(|(_, top)| top);
    text.len() <= 253
        && text.split('.').all(is_label)
        && top.is_some_and(|top| top.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// Whether the host of this origin is the domain's own, or below it (RFC 6265bis §5.1.3).
fn is_within(origin: &str, domain: &str) -> bool {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}
