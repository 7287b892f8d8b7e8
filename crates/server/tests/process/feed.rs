//! The feed of a real server: it vouches for what it knows, hears of what a command takes back, and says goodbye.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::{self, Server, run};
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

/// A service's token.
fn token(server: &Server, secret: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let form = format!("grant_type=client_credentials&client_id=reader&client_secret={secret}");
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    body["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_vouches_hears_and_says_goodbye() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let reader = "client add reader --kind service --scope revocations --json";
    let reader: Vec<_> = reader.split(' ').collect();
    let reader = binary::json(&run(folder.path(), &reader));
    let secret = reader["secret"].as_str().unwrap();
    let mut stream = Stream::open(&server, &token(&server, secret));

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
