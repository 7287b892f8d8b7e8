//! Whether two addresses are of one site, as browsers take it: by that they decide which cookies go along.
//!
//! A site is a scheme and a registrable domain: a public suffix (`com`, `co.uk`) and one label more. The list of public
//! suffixes (<https://publicsuffix.org>) grows every week, so none is built in: one of last year would be wrong, and
//! nobody would see it. The machine's own is read, where its packages keep it; without it, what depends on it is said so.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;

use http::Uri;

/// Where Debian, Fedora, Alpine and Arch keep it: in their package `publicsuffix`, `publicsuffix-list` or libpsl's.
const LIST: &str = "/usr/share/publicsuffix/public_suffix_list.dat";
/// Several times what it has.
const LARGEST_LIST: u64 = 4 * 1024 * 1024;

/// A scheme, a host and a port (RFC 6454 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    text: String,
    is_secure: bool,
    host: String,
    port: u16,
}

/// A text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an origin: a scheme, a host and perhaps a port expected, as in https://app.example.com"
)]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(InvalidOrigin),
        };
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host) {
            Some("") if is_secure => 443,
            Some("") => 80,
            Some(_) => authority.port_u16().ok_or(InvalidOrigin)?,
            None => return Err(InvalidOrigin),
        };
        let bare = text.split_once("://").map(|(_, rest)| rest);
        if bare != Some(authority.as_str()) || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(InvalidOrigin);
        }
        Ok(Self {
            text: text.to_owned(),
            is_secure,
            host: host.to_owned(),
            port,
        })
    }
}

impl Origin {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host; an address of IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `https`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Whether it is this machine, by one of its names.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }

    fn is_the_same_as(&self, other: &Self) -> bool {
        (self.is_secure, &self.host, self.port) == (other.is_secure, &other.host, other.port)
    }
}

/// What a page of one origin is to a server at another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The server's own.
    SameOrigin,
    /// Another origin of the same site.
    SameSite,
    /// The same, unless this common end is one under which anybody may have a name. Only the list knows.
    Perhaps(String),
    /// The same hosts as far as sites go, one over `http` and one over `https`: two sites.
    OtherScheme,
    /// Another site.
    OtherSite,
}

impl Relation {
    /// Of one page to one server.
    #[must_use]
    pub fn of(page: &Origin, server: &Origin, suffixes: &Suffixes) -> Self {
        if page.is_the_same_as(server) {
            return Self::SameOrigin;
        }
        let hosts = suffixes.compare(&page.host, &server.host);
        match hosts {
            Hosts::OtherSite => Self::OtherSite,
            _ if page.is_secure != server.is_secure => Self::OtherScheme,
            Hosts::SameSite => Self::SameSite,
            Hosts::Perhaps(end) => Self::Perhaps(end),
        }
    }
}

enum Hosts {
    SameSite,
    Perhaps(String),
    OtherSite,
}

/// The list of public suffixes, if there is one; read when it is first needed.
#[derive(Debug)]
pub struct Suffixes {
    rules: OnceLock<Option<HashSet<String>>>,
    read: fn() -> Option<String>,
}

impl Suffixes {
    /// This machine's.
    #[must_use]
    pub const fn of_this_machine() -> Self {
        Self {
            rules: OnceLock::new(),
            read: || {
                let path = Path::new(LIST);
                let small = path.metadata().ok()?.len() <= LARGEST_LIST;
                small.then(|| std::fs::read_to_string(path).ok())?
            },
        }
    }

    /// None at all.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            rules: OnceLock::new(),
            read: || None,
        }
    }

    /// This one.
    #[must_use]
    pub fn from_list(text: &str) -> Self {
        Self {
            rules: OnceLock::from(Some(rules(text))),
            read: || None,
        }
    }

    fn compare(&self, one: &str, other: &str) -> Hosts {
        if one == other {
            return Hosts::SameSite;
        }
        let end = common_end(one, other);
        // Addresses belong to no domain, and with one label in common they share a suffix at most.
        if is_address(one) || is_address(other) || !end.contains('.') {
            return Hosts::OtherSite;
        }
        match self.rules() {
            None => Hosts::Perhaps(end.to_owned()),
            Some(rules) => match (registrable(rules, one), registrable(rules, other)) {
                (Some(one), Some(other)) if one == other => Hosts::SameSite,
                _ => Hosts::OtherSite,
            },
        }
    }

    /// The domain that somebody registered, of which this host is; as far as is known.
    #[must_use]
    pub fn domain_of<'h>(&self, host: &'h str) -> Option<&'h str> {
        if is_address(host) {
            return None;
        }
        self.rules().and_then(|rules| registrable(rules, host))
    }

    fn rules(&self) -> Option<&HashSet<String>> {
        let read = || (self.read)().map(|text| rules(&text));
        self.rules.get_or_init(read).as_ref()
    }
}

/// The rules of a list. Those in other scripts than Latin are passed over: a name in an address is written in ASCII.
fn rules(text: &str) -> HashSet<String> {
    let lines = text.lines().map(|line| line.split_whitespace().next());
    let rules = lines
        .flatten()
        .filter(|rule| !rule.starts_with("//") && rule.is_ascii());
    rules.map(str::to_owned).collect()
}

/// The public suffix of the host and one label more; `None` if it is itself a suffix.
fn registrable<'h>(rules: &HashSet<String>, host: &'h str) -> Option<&'h str> {
    let mut before = None;
    let mut rest = host;
    loop {
        // The longest rule that matches prevails, and an exception is longer than what it is excepted from.
        if rules.contains(&format!("!{rest}")) {
            return Some(rest);
        }
        let parent = rest.split_once('.').map(|(_, parent)| parent);
        let by_wildcard = parent.is_some_and(|parent| rules.contains(&format!("*.{parent}")));
        // A top-level domain that nobody listed is one all the same.
        let Some(parent) = parent.filter(|_| !by_wildcard && !rules.contains(rest)) else {
            return before;
        };
        before = Some(rest);
        rest = parent;
    }
}

/// The labels at which two hosts end alike.
fn common_end<'h>(one: &'h str, other: &str) -> &'h str {
    let alike = one
        .rsplit('.')
        .zip(other.rsplit('.'))
        .take_while(|(one, other)| one == other)
        .map(|(label, _)| label.len() + 1)
        .sum::<usize>();
    // The dot before the first of them is counted, and may not be there.
    let start = (one.len() + 1).saturating_sub(alike);
    one.get(start..).unwrap_or_default()
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &str =
        "// a comment\ncom\nuk\nco.uk\n*.ck\n!www.ck\n\ngithub.io // private\n*.compute.example\n";

    fn relation(page: &str, server: &str, suffixes: &Suffixes) -> Relation {
        Relation::of(&page.parse().unwrap(), &server.parse().unwrap(), suffixes)
    }

    #[test]
    fn sites_are_those_of_browsers() {
        use Relation::{OtherScheme, OtherSite, SameOrigin, SameSite};
        let suffixes = Suffixes::from_list(SOME);
        for (page, server, expected) in [
            ("https://auth.shop.com", "https://auth.shop.com", SameOrigin),
            (
                "https://auth.shop.com:443",
                "https://auth.shop.com",
                SameOrigin,
            ),
            (
                "https://auth.shop.com:8443",
                "https://auth.shop.com",
                SameSite,
            ),
            ("https://www.shop.com", "https://auth.shop.com", SameSite),
            ("https://shop.com", "https://auth.shop.com", SameSite),
            ("https://a.b.shop.com", "https://auth.shop.com", SameSite),
            ("https://shop.com", "https://auth.com", OtherSite),
            ("https://notshop.com", "https://shop.com", OtherSite),
            (
                "https://www.shop.co.uk",
                "https://auth.shop.co.uk",
                SameSite,
            ),
            ("https://shop.co.uk", "https://auth.co.uk", OtherSite),
            ("https://co.uk", "https://shop.co.uk", OtherSite),
            ("https://ann.github.io", "https://bob.github.io", OtherSite),
            (
                "https://a.ann.github.io",
                "https://b.ann.github.io",
                SameSite,
            ),
            ("https://a.b.ck", "https://c.b.ck", OtherSite),
            ("https://x.a.b.ck", "https://y.a.b.ck", SameSite),
            ("https://a.www.ck", "https://www.ck", SameSite),
            (
                "https://a.eu.compute.example",
                "https://b.eu.compute.example",
                OtherSite,
            ),
            (
                "https://www.shop.unlisted",
                "https://auth.shop.unlisted",
                SameSite,
            ),
            ("http://www.shop.com", "https://auth.shop.com", OtherScheme),
            ("http://localhost:3000", "http://localhost:8080", SameSite),
            (
                "http://localhost:3000",
                "https://localhost:8443",
                OtherScheme,
            ),
            ("http://127.0.0.1:3000", "http://localhost:8080", OtherSite),
            (
                "http://app.localhost:3000",
                "http://localhost:8080",
                OtherSite,
            ),
            ("https://10.0.0.1", "https://10.0.0.1:8443", SameSite),
            ("https://10.1.0.1", "https://10.2.0.1", OtherSite),
            ("http://[::1]:3000", "http://[::1]:8080", SameSite),
        ] {
            assert_eq!(
                relation(page, server, &suffixes),
                expected,
                "{page} and {server}"
            );
        }
    }

    #[test]
    fn without_a_list_it_is_said_what_depends_on_one() {
        let none = Suffixes::unknown();
        for (page, server, expected) in [
            (
                "https://www.shop.com",
                "https://auth.shop.com",
                Relation::Perhaps("shop.com".to_owned()),
            ),
            (
                "https://shop.com",
                "https://auth.shop.com",
                Relation::Perhaps("shop.com".to_owned()),
            ),
            (
                "https://shop.co.uk",
                "https://auth.co.uk",
                Relation::Perhaps("co.uk".to_owned()),
            ),
            ("https://shop.com", "https://auth.com", Relation::OtherSite),
            (
                "https://auth.com:3000",
                "https://auth.com",
                Relation::SameSite,
            ),
        ] {
            assert_eq!(
                relation(page, server, &none),
                expected,
                "{page} and {server}"
            );
        }
        assert_eq!(none.domain_of("www.shop.com"), None);
    }

    #[test]
    fn the_registered_domain_is_told() {
        let suffixes = Suffixes::from_list(SOME);
        for (host, expected) in [
            ("a.b.shop.co.uk", Some("shop.co.uk")),
            ("shop.com", Some("shop.com")),
            ("co.uk", None),
            ("localhost", None),
            ("127.0.0.1", None),
            ("[::1]", None),
        ] {
            assert_eq!(suffixes.domain_of(host), expected, "{host}");
        }
    }

    #[test]
    fn an_origin_has_one_form() {
        for text in [
            "",
            "shop.com",
            "//shop.com",
            "ftp://shop.com",
            "https://",
            "https://shop.com/",
            "https://shop.com/a",
            "https://shop.com?x",
            "https://ann@shop.com",
            "https://SHOP.com",
            "https://shop.com:",
            "https://shop.com:99999",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text:?}");
        }
        let origin: Origin = "http://[::1]:8080".parse().unwrap();
        assert_eq!((origin.host(), origin.port()), ("[::1]", 8080));
        assert!(origin.is_loopback() && !origin.is_secure());
    }
}
