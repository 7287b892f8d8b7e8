//! Which addresses are of the public Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use crate::config::Cidr;

/// What of IPv4 is not (IANA's registry of special-purpose addresses, RFC 6890).
const NOT_PUBLIC_V4: [&str; 15] = [
    "0.0.0.0/8",       // this network
    "10.0.0.0/8",      // private
    "100.64.0.0/10",   // behind a provider's translation
    "127.0.0.0/8",     // this machine
    "169.254.0.0/16",  // this link; here clouds keep the credentials of a machine
    "172.16.0.0/12",   // private
    "192.0.0.0/24",    // protocols
    "192.0.2.0/24",    // documentation
    "192.88.99.0/24",  // relays of 6to4
    "192.168.0.0/16",  // private
    "198.18.0.0/15",   // benchmarks
    "198.51.100.0/24", // documentation
    "203.0.113.0/24",  // documentation
    "224.0.0.0/4",     // groups
    "240.0.0.0/4",     // reserved, and everybody
];

/// All that is handed out of IPv6 (RFC 4291 §2.4).
const GLOBAL_V6: &str = "2000::/3";

/// What of that is not public.
const NOT_PUBLIC_V6: [&str; 4] = [
    "2001::/23",     // protocols, with Teredo, which leads to addresses of IPv4
    "2001:db8::/32", // documentation
    "2002::/16",     // 6to4, which does so too
    "3fff::/20",     // documentation
];

/// IPv4 behind a translator (RFC 6052 §2.1): where there is IPv6 alone, names lead here.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

struct Networks {
    not_public: Vec<Cidr>,
    global_v6: Vec<Cidr>,
}

static NETWORKS: LazyLock<Networks> = LazyLock::new(|| Networks {
    not_public: read(NOT_PUBLIC_V4.iter().chain(&NOT_PUBLIC_V6)),
    global_v6: read([&GLOBAL_V6]),
});

fn read<'t>(texts: impl IntoIterator<Item = &'t &'t str>) -> Vec<Cidr> {
    // Each of them can be read: the test counts.
    texts
        .into_iter()
        .filter_map(|text| text.parse().ok())
        .collect()
}

/// Whether packets to it leave this machine and its surroundings.
pub(crate) fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    if let IpAddr::V6(v6) = address {
        if let Some(translated) = behind_nat64(v6) {
            return is_public(translated.into());
        }
        if !is_in(&NETWORKS.global_v6, address) {
            return false;
        }
    }
    !is_in(&NETWORKS.not_public, address)
}

fn behind_nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (prefix, rest) = (address.to_bits() >> 32, address.to_bits() & 0xffff_ffff);
    let rest = u32::try_from(rest).ok()?;
    (prefix == NAT64.to_bits() >> 32).then(|| Ipv4Addr::from_bits(rest))
}

fn is_in(networks: &[Cidr], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_read() {
        assert_eq!(
            NETWORKS.not_public.len(),
            NOT_PUBLIC_V4.len() + NOT_PUBLIC_V6.len()
        );
        assert_eq!(NETWORKS.global_v6.len(), 1);
    }

    #[test]
    fn knows_what_is_public() {
        for (address, public) in [
            ("1.1.1.1", true),
            ("9.255.255.255", true),
            ("10.0.0.0", false),
            ("10.255.255.255", false),
            ("11.0.0.0", true),
            ("0.0.0.0", false),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.15.255.255", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.0", true),
            ("192.0.0.1", false),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.20.0.0", true),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.1.2.3", false),
            ("::ffff:1.1.1.1", true),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b::101:101", true),
            ("64:ff9b:1::101:101", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::1", false),
            ("2606:4700::1111", true),
            ("3fff::1", false),
            ("4000::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}
