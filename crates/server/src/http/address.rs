//! Who calls: the socket's peer, or behind a trusted proxy whomever it names.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use serde::{Deserialize, Serialize};

use crate::config::Cidr;

/// The other end of the connection, put into each request by the listener. `None`: a local socket.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub Option<SocketAddr>);

/// The header by which the proxies in front name their clients. One only: a proxy that sets one passes the other
/// on as a client wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For: client, proxy1, proxy2`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=client, for=proxy1` (RFC 7239).
    Forwarded,
}

/// The proxies that may speak for others.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Where they are.
    pub networks: Vec<Cidr>,
    /// How they say whom they speak for.
    pub header: ForwardedHeader,
}

impl TrustedProxies {
    /// Whether `address` is one of them.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    /// The client's address: from the right, the first that is not a trusted proxy. An entry that cannot be read
    /// ends the search, since whoever wrote it could have written anything to its left.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if self.networks.is_empty() || !self.trusts(client) {
            return client;
        }
        let (name, read): (HeaderName, fn(&str) -> Option<IpAddr>) = match self.header {
            ForwardedHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), address),
            ForwardedHeader::Forwarded => (header::FORWARDED, forwarded_for),
        };
        let lines: Vec<&str> = headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(named) = read(entry) else { break };
            client = named;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

/// The `for` of one element of `Forwarded` (RFC 7239 §4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| address(value.trim().trim_matches('"')))?
    })
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(
        header: ForwardedHeader,
        peer: &str,
        lines: &[(&'static str, &'static str)],
    ) -> String {
        let proxies = TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
            header,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn believes_only_trusted_proxies_and_only_their_own_entries() {
        const XFF: &str = "x-forwarded-for";
        for (peer, lines, expected) in [
            // Nobody whom we trust: the header is a claim.
            ("203.0.113.9", &[(XFF, "1.1.1.1")][..], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[(XFF, "198.51.100.7")], "198.51.100.7"),
            // The left part is what the client itself sent.
            (
                "10.0.0.1",
                &[(XFF, "1.1.1.1, 198.51.100.7")],
                "198.51.100.7",
            ),
            (
                "10.0.0.1",
                &[(XFF, "198.51.100.7, 10.0.0.2")],
                "198.51.100.7",
            ),
            (
                "10.0.0.1",
                &[(XFF, "1.1.1.1"), (XFF, "198.51.100.7")],
                "198.51.100.7",
            ),
            ("10.0.0.1", &[(XFF, "1.1.1.1, nonsense")], "10.0.0.1"),
            ("10.0.0.1", &[(XFF, "[2001:db8::7]:4711")], "2001:db8::7"),
            ("10.0.0.1", &[(XFF, "198.51.100.7:80")], "198.51.100.7"),
            ("::ffff:10.0.0.1", &[(XFF, "198.51.100.7")], "198.51.100.7"),
            // The other header is the client's.
            ("10.0.0.1", &[("forwarded", "for=1.1.1.1")], "10.0.0.1"),
        ] {
            assert_eq!(
                client(ForwardedHeader::XForwardedFor, peer, lines),
                expected,
                "{peer} {lines:?}"
            );
        }
    }

    #[test]
    fn reads_the_standard_header() {
        for (value, expected) in [
            ("for=198.51.100.7;proto=https", "198.51.100.7"),
            ("proto=https;For=\"[2001:db8::7]:4711\"", "2001:db8::7"),
            ("for=1.1.1.1, for=198.51.100.7", "198.51.100.7"),
            ("for=_hidden", "::1"),
            ("for=unknown", "::1"),
            ("by=10.0.0.1", "::1"),
        ] {
            let found = client(ForwardedHeader::Forwarded, "::1", &[("forwarded", value)]);
            assert_eq!(found, expected, "{value}");
        }
    }
}
