//! Which session style works for a pair of origins: those of the application's pages, and the server's.

use countersign_auth::model::client::{Client, Style};

use super::finding::Finding;
use super::site::{Origin, Relation, Suffixes};

pub(super) const CHECK: &str = "style";

/// Whether the cookies of this client reach the server from pages of `page`; and what that could not be told from.
#[must_use]
pub fn verdict(
    client: &Client,
    page: &Origin,
    server: &Origin,
    suffixes: &Suffixes,
) -> Vec<Finding> {
    let pair = Pair {
        client,
        page,
        server,
        suffixes,
    };
    match client.style {
        Style::Gateway => vec![pair.on_its_own_host()],
        Style::Session => pair.named_session(),
        Style::Rotating | Style::Stateless | Style::Sliding => pair.renewed(),
    }
}

struct Pair<'a> {
    client: &'a Client,
    page: &'a Origin,
    server: &'a Origin,
    suffixes: &'a Suffixes,
}

impl Pair<'_> {
    /// `rotating`, `stateless` and `sliding`: scripts of the page call the server, and its cookie must go along.
    fn renewed(&self) -> Vec<Finding> {
        let (page, server) = (self.page.as_str(), self.server.as_str());
        match Relation::of(self.page, self.server, self.suffixes) {
            Relation::SameOrigin => vec![self.good(&format!("{page} is the server's own origin"))],
            Relation::SameSite => vec![self.good(&format!("{page} and {server} are one site"))],
            Relation::Perhaps(end) => vec![
                self.good(&format!("{page} and {server} both end in {end}")),
                not_known(&end),
            ],
            Relation::OtherScheme => vec![self.two_schemes()],
            Relation::OtherSite => vec![self.two_sites()],
        }
    }

    /// `session`: the cookie is for the server's host, whatever the port.
    fn named_session(&self) -> Vec<Finding> {
        let (page, server) = (self.page.as_str(), self.server.as_str());
        let relation = Relation::of(self.page, self.server, self.suffixes);
        let is_one_host = self.page.host() == self.server.host();
        match relation {
            Relation::SameOrigin | Relation::SameSite if is_one_host => {
                vec![self.good(&format!("{page} is on the server's own host"))]
            }
            Relation::SameOrigin | Relation::SameSite | Relation::Perhaps(_) => {
                let client = &self.client.id;
                vec![Finding::warning(
                    CHECK,
                    format!(
                        "client {client}, style session: {page} is on another host than {server}"
                    ),
                    format!(
                        "scripts of its pages can ask {server} who is signed in; the application's own server never gets the cookie"
                    ),
                    format!(
                        "{}, with /v1/ handed on from {page} (docs/styles/gateway.md); leave it if scripts alone ask",
                        self.setting("style = \"gateway\"")
                    ),
                )]
            }
            Relation::OtherScheme => vec![self.two_schemes()],
            Relation::OtherSite => vec![self.two_sites()],
        }
    }

    /// `gateway`: the cookie is the application's own.
    fn on_its_own_host(&self) -> Finding {
        let page = self.page.as_str();
        let whose = match &self.client.cookie_domain {
            Some(domain) => format!("the cookie is for all hosts of {domain}, {page} among them"),
            None => format!("the cookie is {page}'s own"),
        };
        self.good(&whose)
    }

    fn good(&self, why: &str) -> Finding {
        let (client, style) = (&self.client.id, self.client.style.name());
        Finding::good(CHECK, format!("client {client}, style {style}: {why}"))
    }

    fn two_schemes(&self) -> Finding {
        let (page, server) = (self.page.as_str(), self.server.as_str());
        let cure = if self.page.is_secure() {
            let host = self.server.host();
            format!("make the server's address https, too: issuer = \"https://{host}\"")
        } else {
            let line = format!("origins = [\"https://{}\"]", self.page.host());
            let line = self.setting(&line);
            format!("serve the pages over https, too, and {line}")
        };
        Finding::error(
            CHECK,
            format!(
                "client {}, style {}: one of {page} and {server} is https and the other is not, which makes them two sites",
                self.client.id,
                self.client.style.name()
            ),
            self.signed_out(),
            cure,
        )
    }

    fn two_sites(&self) -> Finding {
        let (page, server) = (self.page.as_str(), self.server.as_str());
        let cure = if self.page.is_loopback() && self.server.is_loopback() {
            let port = self.page.port();
            let host = self.server.host();
            format!(
                "name this machine in one way: open the pages at http://{host}:{port}, and {}",
                self.setting(&format!("origins = [\"http://{host}:{port}\"]"))
            )
        } else {
            let domain = self.suffixes.domain_of(self.page.host());
            let domain = domain.unwrap_or(self.page.host());
            format!(
                "{}, with /v1/ handed on from {page} (docs/styles/gateway.md); or give the server a name in the pages' \
                 domain: issuer = \"https://auth.{domain}\"",
                self.setting("style = \"gateway\"")
            )
        };
        Finding::error(
            CHECK,
            format!(
                "client {}, style {}: {page} and {server} are two sites",
                self.client.id,
                self.client.style.name()
            ),
            self.signed_out(),
            cure,
        )
    }

    fn signed_out(&self) -> String {
        let what = if self.client.style == Style::Session {
            "nobody is ever signed in there"
        } else {
            "everybody is signed out at the first renewal"
        };
        format!("browsers send the cookie with no call from another site (SameSite): {what}")
    }

    /// Where it is to be changed.
    fn setting(&self, line: &str) -> String {
        format!("{line} in [[client]] id = \"{}\"", self.client.id)
    }
}

fn not_known(end: &str) -> Finding {
    Finding::not_checked(
        CHECK,
        format!(
            "whether {end} belongs to one owner: if anybody can have a name under it, as under co.uk, these are two sites. \
             The list of such names is in the system's package publicsuffix"
        ),
    )
}

#[cfg(test)]
mod tests {
    use countersign_auth::env::Timestamp;
    use countersign_auth::model::client::ClientKind;

    use super::*;
    use crate::doctor::Verdict;

    fn judge(style: Style, page: &str, server: &str, suffixes: &Suffixes) -> Vec<Finding> {
        let id = "shop".parse().unwrap();
        let client = Client::new(id, ClientKind::Browser, Timestamp::default()).with_style(style);
        verdict(
            &client,
            &page.parse().unwrap(),
            &server.parse().unwrap(),
            suffixes,
        )
    }

    #[test]
    fn each_style_works_where_its_cookie_goes() {
        const AUTH: &str = "https://auth.example.com";
        let suffixes = Suffixes::from_list("com\nuk\nco.uk\n");
        let renewed = [Style::Rotating, Style::Stateless, Style::Sliding];
        // The level, and a word of the cure.
        for (styles, page, server, level, cure) in [
            (&renewed[..], AUTH, AUTH, 2, ""),
            (&renewed, "https://shop.example.com", AUTH, 2, ""),
            (
                &renewed,
                "https://shop.example.net",
                AUTH,
                0,
                "issuer = \"https://auth.example.net\"",
            ),
            (
                &renewed,
                "https://shop.example.net",
                AUTH,
                0,
                "style = \"gateway\" in [[client]] id = \"shop\"",
            ),
            (
                &renewed,
                "https://shop.co.uk",
                "https://auth.co.uk",
                0,
                "\"https://auth.shop.co.uk\"",
            ),
            (
                &renewed,
                "http://localhost:3000",
                "http://localhost:8080",
                2,
                "",
            ),
            (
                &renewed,
                "http://127.0.0.1:3000",
                "http://localhost:8080",
                0,
                "origins = [\"http://localhost:3000\"]",
            ),
            (
                &renewed,
                "http://localhost:3000",
                "https://localhost:8443",
                0,
                "serve the pages over https",
            ),
            (
                &renewed,
                "https://localhost:3000",
                "http://localhost:8080",
                0,
                "the server's address https",
            ),
            (&[Style::Session], AUTH, AUTH, 2, ""),
            (
                &[Style::Session],
                "http://localhost:3000",
                "http://localhost:8080",
                2,
                "",
            ),
            (
                &[Style::Session],
                "https://shop.example.com",
                AUTH,
                1,
                "style = \"gateway\"",
            ),
            (
                &[Style::Session],
                "https://shop.example.net",
                AUTH,
                0,
                "style = \"gateway\"",
            ),
            (&[Style::Gateway], "https://shop.example.net", AUTH, 2, ""),
        ] {
            for style in styles {
                let found = judge(*style, page, server, &suffixes);
                let [finding] = found.as_slice() else {
                    panic!("{found:?}")
                };
                assert_eq!(finding.verdict.rank(), level, "{style:?}: {finding:?}");
                let said = finding.trouble().map_or("", |trouble| &trouble.cure);
                assert!(said.contains(cure), "{style:?}: {said}");
            }
        }
    }

    #[test]
    fn what_cannot_be_told_is_not_passed_over() {
        let none = Suffixes::unknown();
        let found = judge(
            Style::Rotating,
            "https://shop.co.uk",
            "https://auth.co.uk",
            &none,
        );
        let levels: Vec<&Verdict> = found.iter().map(|finding| &finding.verdict).collect();
        assert_eq!(levels, [&Verdict::Good, &Verdict::NotChecked]);
        assert!(found[1].what.contains("co.uk") && found[1].what.contains("package publicsuffix"));
    }
}
