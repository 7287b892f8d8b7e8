//! A server that is told to stop finishes what is under way.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::binary::{Server, json, run};
use crate::ledger::PASSWORD;
use crate::temp::TempDir;

/// Registrations are under way (each takes a hash, and they queue for the threads) when SIGTERM comes: each of them is
/// answered, and what was answered is there.
#[test]
fn sigterm_loses_no_answer() {
    const CALLERS: usize = 16;
    let folder = TempDir::new();
    let settings = [
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "off"),
        ("COUNTERSIGN_METRICS_LISTEN", "localhost:0"),
        // Slow enough that some wait when the signal comes.
        ("COUNTERSIGN_PASSWORDS_PASSES", "8"),
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
    assert_eq!(answered.len(), CALLERS);
    let users = json(&run(folder.path(), &["user", "list", "--json"]));
    assert_eq!(users.as_array().unwrap().len(), CALLERS);
}

/// Until all callers but one wait in the queue, or were served.
fn wait_for_hashing(server: &Server) {
    for _ in 0..1000 {
        let mut metrics =
            crate::binary::http::Connection::open(server.metrics_port(), Duration::from_secs(10))
                .unwrap();
        let reply = metrics.send("GET", "/metrics", None, None).unwrap();
        let text = reply.body.as_str().unwrap_or_default();
        let waiting = text
            .lines()
            .find_map(|line| line.strip_prefix("countersign_hashing_waiting "));
        if waiting
            .and_then(|count| count.trim().parse::<f64>().ok())
            .is_some_and(|count| count >= 8.0)
        {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("the callers never queued");
}
