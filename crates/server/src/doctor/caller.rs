//! Whom the server takes its callers for: asked through the front door, read at the back.
//!
//! The front door is asked for a service's token by nobody, which is refused and noted in the trail with the address that
//! the server saw. It is asked with a forged `X-Forwarded-For`, as a stranger would.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign_auth::model::audit::AuditEntry;
use http::{HeaderName, Method, header};
use tokio::time::timeout;

use super::ask::{Asker, quoted};
use super::finding::Finding;
use crate::admin::client::Admin;
use crate::config::Config;
use crate::fetch::is_public;

const CHECK: &str = "caller_address";
/// Nobody's: for documentation (RFC 5737).
const FORGED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn examine(asker: &Asker, server: &Admin, config: Option<&Config>) -> Finding {
    let not_checked = |why: &str| {
        let what = format!("whom the server takes its callers for: {}", quoted(why));
        Finding::not_checked(CHECK, what)
    };
    // By nobody's secret of nobody: it costs nobody an attempt.
    let nobody = format!(
        "client_id=doctor-{0}&client_secret={0}&grant_type=client_credentials",
        asker.nonce()
    );
    let question = asker
        .post("/oauth/token")
        .header(FORWARDED_FOR, &FORGED.to_string())
        .header(header::FORWARDED, &format!("for={FORGED}"))
        .form(&nobody);
    let local = match question.send().await {
        Ok(reply) if reply.status == 401 => reply.local,
        Ok(reply) => {
            return not_checked(&format!("/oauth/token answers {}", reply.status.as_u16()));
        }
        Err(error) => return not_checked(&error.to_string()),
    };
    let trail = server.call(
        Method::GET,
        "/audit?what=client_not_proved&limit=1000",
        None,
    );
    let trail: Vec<AuditEntry> = match timeout(PATIENCE, trail).await {
        Ok(Ok(trail)) => trail,
        Ok(Err(error)) => return not_checked(&error.to_string()),
        Err(_) => return not_checked("the server's socket does not answer"),
    };
    let is_ours = |entry: &&AuditEntry| {
        let agent = entry.origin.agent.as_deref().unwrap_or_default();
        agent.contains(asker.nonce())
    };
    let Some(entry) = trail.iter().find(is_ours) else {
        return not_checked(
            "the attempt is not in the trail of the server in this data folder: it is another one",
        );
    };
    let seen = entry
        .origin
        .address
        .as_deref()
        .and_then(|seen| seen.parse().ok());
    match seen {
        Some(seen) => judge(seen, local.to_canonical(), config),
        None => not_checked("the trail names no address"),
    }
}

fn judge(seen: IpAddr, local: IpAddr, config: Option<&Config>) -> Finding {
    let trusts = |address: IpAddr| {
        config.map(|config| {
            config
                .proxy
                .trusted
                .iter()
                .any(|network| network.contains(address))
        })
    };
    let same = "limits for each address hold all people up together, and the trail says nothing about who it was";
    if seen == FORGED {
        // A proxy may say what it likes, and this machine may be one.
        if trusts(local).unwrap_or_else(|| local.is_loopback()) {
            return Finding::not_checked(
                CHECK,
                format!(
                    "whom the server takes its callers for: {local}, from where this was asked, is believed as a proxy; ask from another machine"
                ),
            );
        }
        return Finding::error(
            CHECK,
            format!("asked from {local} with a forged X-Forwarded-For, the server believed it"),
            "anybody can guess passwords without limit, and the trail names whom they like",
            "in the proxy: proxy_set_header X-Forwarded-For $remote_addr; (and proxy.header names the header that it sets)",
        );
    }
    if seen == local {
        return Finding::good(CHECK, format!("the server knows who calls: {seen}"));
    }
    if trusts(seen) == Some(true) {
        return Finding::warning(
            CHECK,
            format!(
                "asked from {local}, the server saw its proxy {seen}, which does not say for whom it asks"
            ),
            same,
            "in the proxy: proxy_set_header X-Forwarded-For $remote_addr; (and proxy.header names the header that it sets)",
        );
    }
    if !is_public(seen) {
        return Finding::warning(
            CHECK,
            format!("asked from {local}, the server saw {seen}, which is likely its proxy"),
            same,
            format!("[proxy] trusted = [\"{seen}\"]"),
        );
    }
    Finding::good(
        CHECK,
        format!("the server takes this machine for {seen}, by which it is likely known outside"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn what_the_server_saw_is_judged() {
        let level = |seen: &str, local: &str, trusted: Option<&str>| {
            let config = trusted.map(|trusted| {
                let mut config = Config::default();
                config.proxy.trusted = trusted
                    .split_whitespace()
                    .map(|net| net.parse().unwrap())
                    .collect();
                config
            });
            let finding = judge(
                seen.parse().unwrap(),
                local.parse().unwrap(),
                config.as_ref(),
            );
            (
                finding.verdict.rank(),
                finding
                    .trouble()
                    .map(|trouble| trouble.cure.clone())
                    .unwrap_or_default(),
            )
        };
        let rank = |verdict: &Verdict| verdict.rank();
        let (good, unknown) = (rank(&Verdict::Good), rank(&Verdict::NotChecked));
        let forged = FORGED.to_string();
        for (seen, local, trusted, expected, cure) in [
            ("198.51.100.7", "198.51.100.7", Some("10.0.0.1"), good, ""),
            // Behind a translator: what is public is nobody's proxy.
            ("1.2.3.4", "192.168.1.5", Some("10.0.0.1"), good, ""),
            (&forged, "1.2.3.4", Some("10.0.0.1"), 0, "$remote_addr"),
            (&forged, "1.2.3.4", None, 0, "$remote_addr"),
            (&forged, "10.0.0.1", Some("10.0.0.1"), unknown, ""),
            (&forged, "127.0.0.1", None, unknown, ""),
            ("10.0.0.1", "1.2.3.4", Some("10.0.0.1"), 1, "$remote_addr"),
            (
                "10.0.0.1",
                "1.2.3.4",
                Some(""),
                1,
                "trusted = [\"10.0.0.1\"]",
            ),
            ("127.0.0.1", "1.2.3.4", None, 1, "trusted = [\"127.0.0.1\"]"),
        ] {
            let (found, said) = level(seen, local, trusted);
            assert_eq!(found, expected, "{seen} from {local}, {trusted:?} trusted");
            assert!(said.contains(cure), "{said}");
        }
    }
}
