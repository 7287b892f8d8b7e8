//! The feed of a real server: it vouches for what it knows, hears of what a command takes back, and says goodbye.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::binary::{self, Server, run};
use crate::ledger::{PASSWORD, refresh, sign_in};
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

/// What a service hears.
fn listen(folder: &TempDir, server: &Server) -> Stream {
    let reader = "client add reader --kind service --scope revocations --json";
    let reader: Vec<_> = reader.split(' ').collect();
    let reader = binary::json(&run(folder.path(), &reader));
    let secret = reader["secret"].as_str().unwrap();
    Stream::open(server, &token(server, secret))
}

#[test]
fn a_server_vouches_hears_and_says_goodbye() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let mut stream = listen(&folder, &server);

    // Nobody writes anything, and it knows all the same that there is nothing: read within the last second.
    let mut ages = (0..8).map(|_| stream.until("heartbeat")["as_of"].as_u64().unwrap());
    assert!(ages.by_ref().any(|age| age < 1000) && ages.any(|age| age < 1000));
    binary::json(&run(folder.path(), &["revoke", "token", "t1", "--json"]));
    let told = stream.until("revocations");
    assert_eq!(told["events"][0]["jti"], "t1");
    server.stop();
    assert_eq!(stream.until("bye"), json!({ "reason": "stopping" }));
}

/// By the server itself, five times a second: its chores would do so, too, but only every half minute.
#[test]
fn a_server_tells_what_was_exchanged() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let phone = "client add phone --kind native --style sliding --access-ttl 8s --json";
    let phone: Vec<_> = phone.split(' ').collect();
    binary::json(&run(folder.path(), &phone));
    let mut stream = listen(&folder, &server);
    let mut connection = server.connect();
    let ann = json!({ "email": "ann@example.com", "password": PASSWORD });
    let registered = connection.post("/v1/register", &ann);
    registered.unwrap().expect(201);
    let signed_in = sign_in(&mut connection, "ann@example.com").unwrap();
    let token = signed_in.text("access_token");
    // In the second half of its life it is exchanged.
    while refresh(&mut connection, &token)
        .unwrap()
        .text("access_token")
        == token
    {
        thread::sleep(Duration::from_millis(100));
    }
    let exchanged = Instant::now();
    let claims = token.split('.').nth(1).unwrap();
    let claims = URL_SAFE_NO_PAD.decode_to_vec(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        stream.until("revocations")["events"][0]["jti"],
        claims["jti"]
    );
    let took = exchanged.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    server.stop();
}
