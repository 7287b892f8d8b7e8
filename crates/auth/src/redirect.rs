//! Where a browser may be sent when its owner has signed in: what an operator may put on a client's list (RFC 6749 §3.1.2,
//! RFC 8252 §7). What a request names is looked for on that list letter by letter, and never judged by these rules.

use crate::clients::is_origin;
use crate::model::client::ClientKind;

/// The longest address on a list.
const MAX_LENGTH: usize = 1000;

/// Whether `uri` can be on the list of a client of this kind.
///
/// # Errors
/// What is wrong with it, and the cure.
pub fn check(kind: ClientKind, uri: &str) -> Result<(), &'static str> {
    if uri.len() > MAX_LENGTH {
        return Err("it is longer than 1000 bytes");
    }
    if !uri.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        return Err("it holds a space or a character beyond ASCII: escape those (%20)");
    }
    // Browsers read a backslash as a slash (URL §4.4), others do not: the two would be sent to different places.
    if uri.contains(['\\', '"', '<', '>', '`', '{', '}', '|', '^']) {
        return Err("it holds a character that no address has as it is: escape it");
    }
    if uri.contains('#') {
        return Err("it has a fragment (#…), which RFC 6749 §3.1.2 rules out: leave that off");
    }
    if uri.contains('*') {
        return Err(
            "addresses are compared letter by letter, a * stands for nothing else: list each one",
        );
    }
    if origin(uri).is_some() {
        return Ok(());
    }
    match kind {
        ClientKind::Native if is_private_use(uri) => Ok(()),
        ClientKind::Native => Err(
            "https://host/path expected, or http on loopback, or a scheme of the application's own with a dot in it, as in \
             com.example.app:/signed-in (RFC 8252 §7.1)",
        ),
        ClientKind::Browser | ClientKind::Service => Err(
            "https://host/path expected, or http on loopback, in lower case up to the path, as in \
             https://app.example.com/signed-in",
        ),
    }
}

/// The origin of an address of the web: `None` if it is none, or has anything before its path that a list may not hold.
#[must_use]
pub fn origin(uri: &str) -> Option<&str> {
    let host = uri.find("://")? + 3;
    let end = uri[host..]
        .find(['/', '?'])
        .map_or(uri.len(), |at| host + at);
    let (origin, rest) = uri.split_at(end);
    (is_origin(origin) && !rest.starts_with('?')).then_some(origin)
}

/// Whether its scheme is one of an application's own: a domain's name in reverse (RFC 8252 §7.1), so that it is none of those
/// that browsers know and obey, such as `javascript`.
fn is_private_use(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let is_label = |label: &str| {
        label.starts_with(|first: char| first.is_ascii_lowercase())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    scheme.contains('.') && scheme.split('.').all(is_label) && rest.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_on_a_list() {
        use ClientKind::{Browser, Native};
        for (kind, uri, good) in [
            (Browser, "https://app.example.com/signed-in", true),
            (Browser, "https://app.example.com", true),
            (Browser, "https://app.example.com:8443/a/b?c=d%20e", true),
            (Browser, "http://localhost:3000/", true),
            (Browser, "http://127.0.0.1:3000/cb", true),
            (Browser, "http://[::1]:3000/cb", true),
            (Native, "com.example.app:/signed-in", true),
            (Native, "https://app.example.com/signed-in", true),
            (Native, "http://127.0.0.1/", true),
            (Browser, "com.example.app:/signed-in", false),
            (Browser, "http://app.example.com/", false),
            (Browser, "http://localhost.example.com/", false),
            (Browser, "https://app.example.com/#here", false),
            (Browser, "https://app.example.com/#", false),
            (Browser, "https://*.example.com/", false),
            (Browser, "https://APP.example.com/", false),
            (Browser, "https://user@app.example.com/", false),
            (Browser, "https://app.example.com@evil.example/", false),
            (Browser, "https://app.example.com\\@evil.example/", false),
            (Browser, "https://app.example.com/a b", false),
            (Browser, "https://app.example.com/\u{fc}", false),
            (Browser, "https://app.example.com/\n", false),
            (Browser, "https://app.example.com?x=y", false),
            (Browser, "https:///path", false),
            (Browser, "https:app.example.com", false),
            (Browser, "//app.example.com/", false),
            (Browser, "/signed-in", false),
            (Browser, "javascript:alert(1)", false),
            (Browser, "data:text/html,x", false),
            (Browser, "", false),
            (Native, "javascript:/alert", false),
            (Native, "myapp:/signed-in", false),
            (Native, "com.example.app:signed-in", false),
            (Native, "com..app:/x", false),
            (Native, "com.Example.app:/x", false),
        ] {
            assert_eq!(check(kind, uri).is_ok(), good, "{kind:?} {uri:?}");
        }
    }

    #[test]
    fn an_origin_ends_where_the_path_begins() {
        assert_eq!(
            origin("https://app.example.com:8443/a?b=://c"),
            Some("https://app.example.com:8443")
        );
        assert_eq!(
            origin("http://localhost:3000"),
            Some("http://localhost:3000")
        );
        assert_eq!(origin("com.example.app:/x"), None);
    }
}
