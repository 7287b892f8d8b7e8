//! What can be known from inside: whether settings and clients fit the addresses that people use.
//!
//! A server says the same in its log when it starts.

use std::net::IpAddr;

use countersign_auth::model::client::{Client, ClientKind};

use super::finding::{Finding, Verdict};
use super::site::{Origin, Suffixes};
use super::style;
use crate::config::Config;

/// How many troubles the start-up log tells of.
const TOLD: usize = 20;

/// Everybody's address, as a network: its first and its last.
const EVERYBODY: [[&str; 2]; 2] = [
    ["0.0.0.0", "255.255.255.255"],
    ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
];

/// What the settings say about who stands in front.
#[must_use]
pub fn settings(config: &Config, server: &Origin) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(scheme(config, server));
    found.push(proxies(config, server));
    found
}

/// The listener speaks TLS, and the issuer says otherwise.
fn scheme(config: &Config, server: &Origin) -> Option<Finding> {
    let speaks_tls = config.tls.certificate.is_some();
    (speaks_tls && !server.is_secure()).then(|| {
        let address = server.as_str().replacen("http://", "https://", 1);
        Finding::error(
            "scheme",
            format!(
                "the listener speaks TLS, and the issuer is {}",
                server.as_str()
            ),
            "nobody who takes the issuer for an address gets an answer",
            format!("issuer = \"{address}\"; or leave [tls] out"),
        )
    })
}

fn proxies(config: &Config, server: &Origin) -> Finding {
    const CHECK: &str = "proxy";
    let trusted = &config.proxy.trusted;
    let everybody = EVERYBODY.iter().any(|ends| {
        let ends = ends.map(|end| end.parse::<IpAddr>().ok());
        trusted
            .iter()
            .any(|network| ends.iter().flatten().all(|end| network.contains(*end)))
    });
    if everybody {
        return Finding::error(
            CHECK,
            "proxy.trusted holds everybody's address",
            "whoever sends an X-Forwarded-For is believed: limits for each address count for nothing, and the trail names \
             whom a thief likes",
            "[proxy] trusted = […]: the addresses of your proxies alone",
        );
    }
    let speaks_tls = config.tls.certificate.is_some();
    // Behind TLS of its own, another port may be no more than one that the network maps.
    let names_another = config.issuer.is_some()
        && !speaks_tls
        && (server.is_secure() || server.port() != config.listen.port());
    if names_another && trusted.is_empty() {
        return Finding::warning(
            CHECK,
            format!(
                "something stands between {} and the listener at {}, and proxy.trusted names nobody",
                server.as_str(),
                config.listen
            ),
            "everybody is taken for that proxy: limits for each address hold all people up together, and the trail says \
             nothing about who it was",
            "[proxy] trusted = [\"127.0.0.1\", \"::1\"], if it is on this machine; else its address",
        );
    }
    let names: Vec<String> = trusted.iter().map(ToString::to_string).collect();
    Finding::good(
        CHECK,
        if names.is_empty() {
            "there is no proxy, and none is believed".to_owned()
        } else {
            format!(
                "what {} say about their callers is believed, nobody else's word",
                names.join(", ")
            )
        },
    )
}

/// Whether the cookies of every client reach the server from the origins on its list.
#[must_use]
pub fn clients<'c>(
    clients: impl IntoIterator<Item = &'c Client>,
    server: &Origin,
    suffixes: &Suffixes,
) -> Vec<Finding> {
    let clients = clients.into_iter();
    clients
        .filter(|client| client.enabled && client.kind == ClientKind::Browser)
        .flat_map(|client| {
            let pages = client
                .origins
                .iter()
                .filter_map(|origin| origin.parse().ok());
            pages.flat_map(|page: Origin| style::verdict(client, &page, server, suffixes))
        })
        .collect()
}

/// Says it in the log, in brief: each trouble with its cure, and how much is well.
pub(crate) fn log(config: &Config, issuer: &str, registered: &[impl AsRef<Client>]) {
    let Ok(server) = issuer.parse::<Origin>() else {
        return;
    };
    let suffixes = Suffixes::of_this_machine();
    let pages = clients(registered.iter().map(AsRef::as_ref), &server, &suffixes);
    let well = pages
        .iter()
        .filter(|finding| finding.verdict == Verdict::Good);
    let origins = well.count();
    if origins > 0 {
        tracing::info!(
            origins,
            "browsers send the cookies of clients from so many of their origins"
        );
    }
    let found = settings(config, &server).into_iter().chain(pages);
    let told = found.filter_map(|finding| {
        let trouble = finding.trouble()?.clone();
        Some((finding, trouble))
    });
    for (number, (finding, trouble)) in told.enumerate() {
        if number == TOLD {
            tracing::warn!("there is more of this kind: `countersign doctor` tells of all");
            break;
        }
        let (check, cure) = (finding.check, trouble.cure);
        tracing::warn!(check, cure, "{}: {}", finding.what, trouble.follows);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn who_stands_in_front_is_told_from_the_settings() {
        // The issuer, where the server listens, whether it speaks TLS, who is trusted; the level, and a word of the cure.
        for (issuer, listen, tls, trusted, level, cure) in [
            (None, "localhost:8080", false, "", 2, ""),
            (
                Some("http://localhost:8080"),
                "localhost:8080",
                false,
                "",
                2,
                "",
            ),
            (
                Some("https://auth.example.com"),
                "0.0.0.0:443",
                true,
                "",
                2,
                "",
            ),
            (
                Some("https://auth.example.com"),
                "localhost:8080",
                false,
                "127.0.0.1",
                2,
                "",
            ),
            (
                Some("https://auth.example.com"),
                "localhost:8080",
                false,
                "",
                1,
                "trusted = [\"127.0.0.1\", \"::1\"]",
            ),
            (
                Some("https://auth.example.com"),
                "0.0.0.0:8443",
                true,
                "",
                2,
                "",
            ),
            (
                Some("http://localhost:9000"),
                "localhost:8080",
                false,
                "",
                1,
                "trusted",
            ),
            (
                Some("https://auth.example.com"),
                "localhost:8080",
                false,
                "10.0.0.0/8 0.0.0.0/0",
                0,
                "your proxies alone",
            ),
            (
                Some("https://auth.example.com"),
                "localhost:8080",
                false,
                "::/0",
                0,
                "your proxies alone",
            ),
            (
                Some("http://localhost:8080"),
                "localhost:8080",
                true,
                "127.0.0.1",
                0,
                "issuer = \"https://localhost:8080\"",
            ),
        ] {
            let mut config = Config {
                issuer: issuer.map(str::to_owned),
                listen: listen.parse().unwrap(),
                ..Config::default()
            };
            config.tls.certificate = tls.then(PathBuf::new);
            config.proxy.trusted = trusted
                .split_whitespace()
                .map(|network| network.parse().unwrap())
                .collect();
            let server = config.issuer(config.listen.port()).parse().unwrap();
            let found = settings(&config, &server);
            let worst = found
                .iter()
                .min_by_key(|finding| finding.verdict.rank())
                .unwrap();
            assert_eq!(
                worst.verdict.rank(),
                level,
                "{issuer:?} {listen}: {found:?}"
            );
            let said = worst.trouble().map_or("", |trouble| &trouble.cure);
            assert!(said.contains(cure), "{said}");
        }
    }
}
