//! A server that is told to stop finishes what is under way.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::binary::http::Connection;
use crate::binary::{Server, json, run};
use crate::ledger::PASSWORD;
use crate::temp::TempDir;

const CALLERS: u32 = 8;

/// Registrations are under way (each takes a hash, and they queue for the threads) when SIGTERM comes: each of them is
/// answered, and what was answered is there.
#[test]
fn sigterm_loses_no_answer() {
    let folder = TempDir::new();
    let settings = [
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "off"),
        ("COUNTERSIGN_METRICS_LISTEN", "localhost:0"),
        // Slow enough that some wait when the signal comes.
        ("COUNTERSIGN_PASSWORDS_PASSES", "4"),
        ("COUNTERSIGN_PASSWORDS_THREADS", "1"),
    ];
    let server = Server::start(folder.path(), 0, &settings);
    let answered: Vec<String> = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let mut connection = server.connect();
                scope.spawn(move || {
                    let email = format!("caller-{number}@example.com");
                    let form = json!({ "email": email, "password": PASSWORD });
                    let reply = connection.post("/v1/register", &form);
                    reply.map(|reply| (reply.expect(201), email).1)
                })
            })
            .collect();
        wait_for_hashing(&server);
        server.stop();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap().unwrap())
            .collect()
    });
    assert_eq!(answered.len(), CALLERS as usize);
    let users = json(&run(folder.path(), &["user", "list", "--json"]));
    assert_eq!(users.as_array().unwrap().len(), CALLERS as usize);
}

/// Until every caller has been heard: one whose request is not read yet has nothing under way, and gets no answer.
fn wait_for_hashing(server: &Server) {
    let port = server.metrics_port();
    for _ in 0..1000 {
        let mut metrics = Connection::open(port, Duration::from_secs(10)).unwrap();
        let reply = metrics.send("GET", "/metrics", None, None).unwrap();
        let text = reply.body.as_str().unwrap_or_default();
        let figure = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.unwrap().parse::<f64>().unwrap()
        };
        let waiting = figure("countersign_hashing_waiting");
        let others = figure("countersign_hashing_busy") + figure("countersign_hashing_done_total");
        if waiting + others >= f64::from(CALLERS) {
            assert!(waiting > 0.0, "nobody waits any more");
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("the callers never queued");
}
