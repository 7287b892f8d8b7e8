//! Addresses of an issuer: `https`, or `http` to this machine, unless its owner says otherwise.

use std::net::IpAddr;

use http::{HeaderValue, Uri, uri::PathAndQuery};
use rustls::pki_types::ServerName;

/// The longest that is taken.
const MAX_LEN: usize = 2048;

/// To whom requests may go in the clear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InTheClear {
    Loopback,
    Anyone,
}

/// Where something may be asked. It has neither credentials nor a fragment.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub host: String,
    pub port: u16,
    pub is_secure: bool,
    pub authority: HeaderValue,
    pub server_name: ServerName<'static>,
    path: PathAndQuery,
}

/// A text that is no address that may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not of the form of an absolute URL (RFC 3986 §4.3).
    #[error("not an address: https://host/path expected, without credentials or a fragment")]
    Syntax,
    /// `http` to another machine: whoever is on the way could put keys of their own there.
    #[error(
        "http is for this machine alone (localhost): use https, or say \
         Options::over_plain_http_in_a_trusted_network"
    )]
    InTheClear,
}

impl Address {
    pub fn parse(text: &str, in_the_clear: InTheClear) -> Result<Self, BadAddress> {
        if text.len() > MAX_LEN || text.contains('#') {
            return Err(BadAddress::Syntax);
        }
        let parts = text
            .parse::<Uri>()
            .map_err(|_| BadAddress::Syntax)?
            .into_parts();
        let (scheme, authority) = parts
            .scheme
            .zip(parts.authority)
            .ok_or(BadAddress::Syntax)?;
        let is_secure = match scheme.as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(BadAddress::Syntax),
        };
        // With a user name in front, the authority does not begin with the host.
        let port = match authority
            .as_str()
            .strip_prefix(authority.host())
            .ok_or(BadAddress::Syntax)?
        {
            "" if is_secure => 443,
            "" => 80,
            _ => authority.port_u16().ok_or(BadAddress::Syntax)?,
        };
        // An address of IPv6 stands in brackets (RFC 3986 §3.2.2).
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
            .to_ascii_lowercase();
        if !is_secure && in_the_clear == InTheClear::Loopback && !names_this_machine(&host) {
            return Err(BadAddress::InTheClear);
        }
        Ok(Self {
            server_name: ServerName::try_from(host.clone()).map_err(|_| BadAddress::Syntax)?,
            authority: authority.as_str().parse().map_err(|_| BadAddress::Syntax)?,
            port,
            path: parts.path_and_query.ok_or(BadAddress::Syntax)?,
            host,
            is_secure,
        })
    }

    /// What a request names (RFC 9112 §3.2.1).
    pub fn target(&self) -> Uri {
        Uri::from(self.path.clone())
    }

    /// Whether there is nothing behind host and port.
    pub fn is_bare(&self) -> bool {
        self.path == "/"
    }
}

fn names_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(is_loopback)
}

pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// As a value in a query or a form: everything but letters, digits and `-._~` is escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
            escaped.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_clear_to_this_machine_alone() {
        let parse = |text| Address::parse(text, InTheClear::Loopback).map(|a| (a.host, a.port));
        let ok = |host: &str, port| Ok((host.to_owned(), port));
        assert_eq!(parse("https://ID.example"), ok("id.example", 443));
        assert_eq!(parse("https://id.example:8443/k"), ok("id.example", 8443));
        assert_eq!(parse("http://localhost:8080/k"), ok("localhost", 8080));
        assert_eq!(parse("http://[::1]/k"), ok("::1", 80));
        for text in ["http://id.example", "http://10.0.0.1/", "http://0.0.0.0/"] {
            assert_eq!(parse(text), Err(BadAddress::InTheClear), "{text}");
        }
        for text in [
            "",
            "/k",
            "ftp://id.example/",
            "https://me:secret@id.example/",
            "https://localhost@id.example/",
            "https://id.example/#k",
            "https://id.example:70000/",
            "https://id.example/a b",
            "https://id.example/\r\nX: y",
        ] {
            assert_eq!(parse(text), Err(BadAddress::Syntax), "{text:?}");
        }
        assert!(Address::parse("http://id.internal/", InTheClear::Anyone).is_ok());
    }

    #[test]
    fn nothing_escapes_from_a_value() {
        assert_eq!(escape("aZ9-._~"), "aZ9-._~");
        assert_eq!(escape("a b&c=d/é?"), "a%20b%26c%3Dd%2F%C3%A9%3F");
    }
}
