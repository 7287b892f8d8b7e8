//! Clocks: the server's against this machine's, and each node's against its store's.

use std::time::UNIX_EPOCH;

use countersign_auth::env::Timestamp;
use http::{StatusCode, header};

use super::ask::{Asker, Reply, quoted};
use super::finding::Finding;

/// What a second-hand `Date` may be off without being wrong: it counts in whole seconds, and was on its way.
const SLACK: u64 = 3;
/// What verifiers allow (RFC 7519 §4.1.4).
const LEEWAY: u64 = 30;

/// The server's clock, as an answer bears it that arrived at `now`.
pub(super) fn of_answer(reply: &Reply, now: Timestamp) -> Finding {
    const CHECK: &str = "clock";
    let Some(date) = reply.header(&header::DATE).and_then(read) else {
        return Finding::not_checked(CHECK, "the server's clock: the answer bears no Date");
    };
    let here = now.unix().as_secs();
    let apart = here.abs_diff(date);
    let way = if here > date { "behind" } else { "ahead of" };
    let what = format!("the server's clock is {apart} s {way} this machine's");
    let cure = "NTP on both machines (chrony, systemd-timesyncd); whichever is wrong";
    match apart {
        _ if apart <= SLACK => Finding::good(CHECK, "the server's clock and this machine's agree"),
        _ if apart <= LEEWAY => Finding::warning(
            CHECK,
            what,
            format!(
                "services with this machine's time are near the {LEEWAY} s at which they take good tokens for expired, or for made in the future"
            ),
            cure,
        ),
        _ => Finding::error(
            CHECK,
            what,
            "services with this machine's time take good tokens for expired, or expired ones for good",
            cure,
        ),
    }
}

/// Whether the node that answers is ready: its store answers, and its clock is near the store's.
pub(super) async fn readiness(asker: &Asker) -> Finding {
    const CHECK: &str = "ready";
    let reply = match asker.get("/readyz").send().await {
        Ok(reply) => reply,
        Err(error) => {
            let why = quoted(&error.to_string());
            return Finding::not_checked(CHECK, format!("whether the node is ready: {why}"));
        }
    };
    if reply.status == StatusCode::OK {
        return Finding::good(
            CHECK,
            "the node's store answers, and its clock is near the store's",
        );
    }
    if reply.status == StatusCode::SERVICE_UNAVAILABLE && reply.code().is_some() {
        return Finding::error(
            CHECK,
            format!("the node is not ready: {}", reply.detail()),
            "a balancer sends it nobody; sign-in and renewal may fail",
            "what it says there: the store that store.postgres and store.redis name, or NTP on that machine",
        );
    }
    Finding::not_checked(
        CHECK,
        format!(
            "whether the node is ready: /readyz is not handed on ({})",
            reply.status.as_u16()
        ),
    )
}

/// Seconds since 1970 (RFC 9110 §5.6.7).
fn read(date: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(date).ok()?;
    date.duration_since(UNIX_EPOCH)
        .ok()
        .map(|since| since.as_secs())
}
