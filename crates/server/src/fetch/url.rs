//! The address of a document.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::header::HeaderValue;
use http::uri::{PathAndQuery, Scheme};
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};

/// The longest that is taken.
const MAX_LEN: usize = 2048;

/// An address that may be fetched: `https://…`, or `http://…` on this machine. It has neither
/// credentials nor a fragment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Url {
    text: String,
    host: String,
    server_name: ServerName<'static>,
    authority: HeaderValue,
    port: u16,
    is_secure: bool,
    path: PathAndQuery,
}

/// A text that is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not of the form of an absolute URL (RFC 3986 §4.3).
    #[error("not an address: https://host/path expected, without credentials or a fragment")]
    Syntax,
    /// Another scheme than these two.
    #[error("only https is fetched, or http on this machine")]
    Scheme,
    /// `http` to another machine: whoever is on the way could put keys of their own there.
    #[error("http is for this machine alone (localhost): https is needed")]
    InTheClear,
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > MAX_LEN || text.contains('#') {
            return Err(InvalidUrl::Syntax);
        }
        let uri: Uri = text.parse().map_err(|_| InvalidUrl::Syntax)?;
        let parts = uri.into_parts();
        let (scheme, authority) = parts
            .scheme
            .zip(parts.authority)
            .ok_or(InvalidUrl::Syntax)?;
        let is_secure = scheme == Scheme::HTTPS;
        if !is_secure && scheme != Scheme::HTTP {
            return Err(InvalidUrl::Scheme);
        }
        let (host, port) = (authority.host(), authority.as_str());
        let port = match port.strip_prefix(host).ok_or(InvalidUrl::Syntax)? {
            "" if is_secure => 443,
            "" => 80,
            port => port_after_colon(port).ok_or(InvalidUrl::Syntax)?,
        };
        // An address of IPv6 stands in brackets (RFC 3986 §3.2.2).
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
            .to_ascii_lowercase();
        if !is_secure && !names_this_machine(&host) {
            return Err(InvalidUrl::InTheClear);
        }
        Ok(Self {
            text: text.to_owned(),
            server_name: ServerName::try_from(host.clone()).map_err(|_| InvalidUrl::Syntax)?,
            authority: authority.as_str().parse().map_err(|_| InvalidUrl::Syntax)?,
            port,
            path: parts.path_and_query.ok_or(InvalidUrl::Syntax)?,
            host,
            is_secure,
        })
    }
}

fn port_after_colon(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':')?;
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits)
}

fn names_this_machine(host: &str) -> bool {
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host == "localhost" || host.parse().is_ok_and(is_loopback)
}

impl Url {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name or address of the machine, in small letters, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is `https`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn server_name(&self) -> ServerName<'static> {
        self.server_name.clone()
    }

    pub(super) fn authority(&self) -> HeaderValue {
        self.authority.clone()
    }

    /// What a request names (RFC 9112 §3.2.1).
    pub(super) fn path(&self) -> Uri {
        Uri::from(self.path.clone())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Url {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        text.parse()
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_https_and_http_on_this_machine() {
        for (text, host, port, path) in [
            ("https://id.example", "id.example", 443, "/"),
            (
                "https://ID.example/keys?v=1",
                "id.example",
                443,
                "/keys?v=1",
            ),
            ("https://id.example:8443/k", "id.example", 8443, "/k"),
            ("https://[2001:db8::1]/k", "2001:db8::1", 443, "/k"),
            ("https://10.0.0.1/k", "10.0.0.1", 443, "/k"),
            ("http://localhost:8080/k", "localhost", 8080, "/k"),
            ("http://127.0.0.1/k", "127.0.0.1", 80, "/k"),
            ("http://[::1]:9/k", "::1", 9, "/k"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.host(), url.port()), (host, port), "{text}");
            assert_eq!(url.path().to_string(), path, "{text}");
            assert_eq!(url.is_secure(), text.starts_with("https"));
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn refuses_everything_else() {
        use InvalidUrl::{InTheClear, Scheme, Syntax};
        for (text, why) in [
            ("", Syntax),
            ("id.example", Syntax),
            ("/keys", Syntax),
            ("https://", Syntax),
            ("https:///keys", Syntax),
            ("https://me:secret@id.example/", Syntax),
            ("https://localhost@id.example/", Syntax),
            ("https://id.example/#keys", Syntax),
            ("https://id.example:70000/", Syntax),
            ("https://id.example:/", Syntax),
            ("https://id.example:+80/", Syntax),
            ("https://[::1/", Syntax),
            ("https://[::1]80/", Syntax),
            ("https://id.example/a b", Syntax),
            ("https://id.example/\r\nX: y", Syntax),
            ("https://127.1/", Syntax),
            ("https://2130706433/", Syntax),
            ("ftp://id.example/", Scheme),
            ("file:///etc/passwd", Syntax),
            ("http://id.example/", InTheClear),
            ("http://localhost.id.example/", InTheClear),
            ("http://127.1/", InTheClear),
            ("http://0.0.0.0/", InTheClear),
        ] {
            assert_eq!(text.parse::<Url>(), Err(why), "{text:?}");
        }
        assert_eq!(
            format!("https://id.example/{}", "a".repeat(MAX_LEN)).parse::<Url>(),
            Err(Syntax)
        );
    }
}
