//! The feed of a real server: it vouches for what it knows, hears of what a command takes back, and says goodbye.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::{self, Server, run};
use crate::ledger::PASSWORD;
use crate::temp::TempDir;

/// A stream's lines, those of HTTP among them.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(server: &Server, token: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut stream = BufReader::new(stream);
        let request = format!(
            "GET /v1/revocations/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        Self(stream)
    }

    /// The data of the next message of this kind.
    fn until(&mut self, event: &str) -> Value {
        let mut is_it = false;
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "no {event} came");
            if let Some(name) = line.strip_prefix("event: ") {
                is_it = name.trim() == event;
            }
            if is_it && let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

#[test]
fn a_server_vouches_hears_and_says_goodbye() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let reader = [
        "client",
        "add",
        "reader",
        "--kind",
        "native",
        "--scope",
        "revocations",
        "--json",
    ];
    binary::json(&run(folder.path(), &reader));
    let person = json!({ "email": "reader@example.com", "password": PASSWORD });
    let mut connection = server.connect();
    connection
        .post("/v1/register", &person)
        .unwrap()
        .expect(201);
    let sign_in = json!({
        "email": "reader@example.com", "password": PASSWORD, "client_id": "reader",
    });
    let signed_in = connection.post("/v1/login", &sign_in).unwrap().expect(200);
    let mut stream = Stream::open(&server, &signed_in.text("access_token"));

    // Nobody writes anything, and it knows all the same that there is nothing: read within the last second.
    for _ in 0..2 {
        let heartbeat = stream.until("heartbeat");
        assert!(heartbeat["as_of"].as_u64().unwrap() < 1000, "{heartbeat}");
    }
    binary::json(&run(folder.path(), &["revoke", "token", "t1", "--json"]));
    let told = stream.until("revocations");
    assert_eq!(told["events"][0]["jti"], "t1");
    server.stop();
    assert_eq!(stream.until("bye"), json!({ "reason": "stopping" }));
}
