//! The server on PostgreSQL: the straight lines, several nodes, and a database that goes away and comes back.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::binary::{Server, command, json};
use crate::cluster::Cluster;
use crate::ledger::{PASSWORD, refresh, sign_in};
use crate::temp::TempDir;

pub const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A node of the issuer that `first` began, if another did.
fn start(folder: &TempDir, database: &str, issuer: Option<&str>) -> Server {
    let mut settings = vec![
        ("COUNTERSIGN_STORE_POSTGRES", database),
        ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "off"),
    ];
    settings.extend(issuer.map(|issuer| ("COUNTERSIGN_ISSUER", issuer)));
    Server::start(folder.path(), 0, &settings)
}

pub fn add_client_and_person(folder: &TempDir, server: &Server) {
    let client = ["client", "add", "phone", "--kind", "native", "--json"];
    json(&command(folder.path(), &client).output().unwrap());
    let person = json!({ "email": "ann@example.com", "password": PASSWORD });
    let mut connection = server.connect();
    connection
        .post("/v1/register", &person)
        .unwrap()
        .expect(201);
}

#[test]
fn register_sign_in_renew_and_sign_out_on_any_node() {
    let database = Cluster::shared().database();
    let (here, there) = (TempDir::new(), TempDir::new());
    let one = start(&here, &database, None);
    assert!(one.greeting.contains("PostgreSQL"), "{}", one.greeting);
    add_client_and_person(&here, &one);
    let other = start(&there, &database, Some(&one.issuer));

    let (mut first, mut second) = (one.connect(), other.connect());
    let signed_in = sign_in(&mut first, "ann@example.com").unwrap();
    let (refresh_token, access) = (
        signed_in.text("refresh_token"),
        signed_in.text("access_token"),
    );
    let me = |connection: &mut crate::binary::http::Connection| {
        connection
            .send("GET", "/v1/me", Some(&access), None)
            .unwrap()
    };
    me(&mut second).expect(200);
    let renewed = refresh(&mut second, &refresh_token).unwrap().expect(200);
    assert_eq!(
        renewed.text("refresh_token"),
        refresh_token,
        "held: it is fresh"
    );
    let out = second.send("POST", "/v1/logout", Some(&access), None);
    out.unwrap().expect(204);
    refresh(&mut first, &refresh_token).unwrap().expect(401);
    // The other node hears of it within a second.
    wait_until(|| me(&mut first).status != 200);
    me(&mut first).expect(401);

    // One folder is one node's.
    let again = command(here.path(), &["serve"])
        .envs([
            ("COUNTERSIGN_STORE_POSTGRES", database.as_str()),
            ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
            ("COUNTERSIGN_LISTEN", "localhost:0"),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && said.contains("in use"), "{said}");
    one.stop();
    other.stop();
}

#[test]
fn a_database_that_goes_away_and_comes_back() {
    let cluster = Cluster::new();
    let folder = TempDir::new();
    let server = start(&folder, &cluster.database(), None);
    add_client_and_person(&folder, &server);
    let mut connection = server.connect();
    let signed_in = sign_in(&mut connection, "ann@example.com").unwrap();
    let refresh_token = signed_in.text("refresh_token");
    assert!(head(server.port, "GET /readyz", "").starts_with("HTTP/1.1 200"));

    cluster.stop("crash");
    let renewal = json!({ "client_id": "phone", "refresh_token": refresh_token }).to_string();
    for (request, body) in [("POST /v1/refresh", renewal.as_str()), ("GET /readyz", "")] {
        let answer = head(server.port, request, body);
        assert!(answer.starts_with("HTTP/1.1 503"), "{request}: {answer}");
        let headers = answer.to_ascii_lowercase();
        assert!(headers.contains("\r\nretry-after: "), "{request}: {answer}");
    }
    assert!(head(server.port, "GET /livez", "").starts_with("HTTP/1.1 200"));

    cluster.start();
    wait_until(|| head(server.port, "GET /readyz", "").starts_with("HTTP/1.1 200"));
    refresh(&mut connection, &refresh_token)
        .unwrap()
        .expect(200);
    server.stop();
}

/// A database that is not there when the server starts is a reason not to start, and is named.
#[test]
fn a_database_that_is_not_there_is_named() {
    let folder = TempDir::new();
    let refused = command(folder.path(), &["serve"])
        .envs([
            (
                "COUNTERSIGN_STORE_POSTGRES",
                "postgres://ann:hush-hush@127.0.0.1:1/auth",
            ),
            ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
            ("COUNTERSIGN_LISTEN", "localhost:0"),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("store.postgres: cannot connect"), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
}

/// Asks again and again, for five seconds and what the asking takes.
pub fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("five seconds were not enough");
}

/// Status line and headers of an answer.
pub fn head(port: u16, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
        .split("\r\n\r\n")
        .next()
        .unwrap_or_default()
        .to_owned()
}
