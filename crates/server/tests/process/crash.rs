//! `kill -9` under load: nothing that was acknowledged is lost, and nobody is signed out.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::binary::http::Connection;
use crate::binary::{Server, json, run};
use crate::chains::{Chains, INTERVAL};
use crate::ledger::{Ledger, PASSWORD, sign_in};
use crate::skip::is_long;
use crate::temp::TempDir;

const CHAINS: usize = 200;
/// Each of so many people signs in on several devices.
const PEOPLE: usize = 20;

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let kills = if is_long() { 20 } else { 2 };
    let folder = TempDir::new();
    let mut server = start(folder.path(), 0);
    let phone = ["client", "add", "phone", "--kind", "native", "--json"];
    json(&run(folder.path(), &phone));
    let port = server.port;

    let chains = Chains::start(port, sign_in_all(port));
    let mut ledger = Ledger::start(port);
    let mut outcomes = BTreeMap::new();
    for kill in 0..kills {
        chains.wait_for_all();
        ledger.check(&server, folder.path());
        ledger.wait_for_some();
        // At a moment that has nothing to do with anything.
        thread::sleep(Duration::from_millis(300 + (kill * 173) % 500));
        count(&server, &mut outcomes);
        server.kill();
        chains.next_life();
        ledger.close_the_books();
        if kill % 2 == 1 {
            thread::sleep(INTERVAL + INTERVAL / 5);
        }
        server = start(folder.path(), port);
    }
    chains.wait_for_all();
    ledger.check(&server, folder.path());
    count(&server, &mut outcomes);
    let checked = ledger.finish();
    let tally = chains.finish();
    server.stop();

    println!("{kills} kills, {CHAINS} chains: {tally:?}");
    println!("{checked:?}");
    println!("renewals by outcome, as far as the server lived to tell: {outcomes:?}");
    let kills = usize::try_from(kills).unwrap();
    assert!(
        tally.moved > CHAINS * kills,
        "the chains did not renew: {tally:?}"
    );
    assert!(
        tally.unanswered > 0,
        "no kill met an answer under way: {tally:?}"
    );
    for (kind, count) in [
        ("registrations", checked.registrations),
        ("sign-ins", checked.sign_ins),
        ("revocations", checked.revocations),
    ] {
        assert!(count >= kills, "only {count} {kind} were checked");
    }
    for refusal in ["reused", "ahead", "expired", "unknown", "superseded"] {
        let signed_out = outcomes.get(refusal).copied().unwrap_or_default();
        // The ledger presents tokens of sessions that were ended.
        assert!(
            signed_out == 0 || refusal == "unknown",
            "{refusal}: {signed_out}"
        );
    }
}

/// With clients that wait 200 ms, and so an interval of 500 ms.
fn start(folder: &Path, port: u16) -> Server {
    let settings = [
        ("COUNTERSIGN_SESSIONS_CLIENT_TIMEOUT", "200ms"),
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "off"),
        ("COUNTERSIGN_METRICS_LISTEN", "localhost:0"),
    ];
    Server::start(folder, port, &settings)
}

/// The refresh tokens of all chains.
fn sign_in_all(port: u16) -> Vec<String> {
    let sign_in_one = |person: usize| {
        let mut connection = Connection::open(port, Duration::from_secs(30)).unwrap();
        let email = format!("owner-{person}@example.com");
        let form = json!({ "email": email, "password": PASSWORD });
        connection.post("/v1/register", &form).unwrap().expect(201);
        let tokens = (0..CHAINS / PEOPLE).map(|_| {
            let reply = sign_in(&mut connection, &email).unwrap();
            reply.text("refresh_token")
        });
        tokens.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let people: Vec<_> = (0..PEOPLE)
            .map(|person| scope.spawn(move || sign_in_one(person)))
            .collect();
        people
            .into_iter()
            .flat_map(|person| person.join().unwrap())
            .collect()
    })
}

/// Adds what the server counted.
fn count(server: &Server, outcomes: &mut BTreeMap<String, u64>) {
    let mut connection = Connection::open(server.metrics_port(), Duration::from_secs(10)).unwrap();
    let reply = connection
        .send("GET", "/metrics", None, None)
        .unwrap()
        .expect(200);
    for line in reply.body.as_str().unwrap().lines() {
        let Some(rest) = line.strip_prefix("countersign_renewals_total{outcome=\"") else {
            continue;
        };
        let (outcome, value) = rest.split_once("\"} ").unwrap();
        *outcomes.entry(outcome.to_owned()).or_default() += value.parse::<u64>().unwrap();
    }
}
