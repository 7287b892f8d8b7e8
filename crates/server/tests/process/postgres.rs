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
use crate::wrong_clock::WrongClock;

pub const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A node of the issuer that `first` began, if another did.
fn start(folder: &TempDir, database: &str, issuer: Option<&str>) -> Server {
    let issuer = issuer.map(|issuer| ("COUNTERSIGN_ISSUER", issuer));
    start_with(folder, database, &Vec::from_iter(issuer))
}

fn start_with(folder: &TempDir, database: &str, more: &[(&str, &str)]) -> Server {
    let mut settings = vec![
        ("COUNTERSIGN_STORE_POSTGRES", database),
        ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "off"),
    ];
    settings.extend(more);
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

/// Over the network the database is reached in TLS, and only if somebody trusted vouches for it.
#[test]
fn over_tls_to_a_database_that_is_vouched_for() {
    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/data");
    let read = |name: &str| std::fs::read_to_string(format!("{DATA}/{name}")).unwrap();
    let socket = std::net::TcpListener::bind("localhost:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let cluster = Cluster::with_tls(port, &read("first.pem"), &read("first.key.pem"));
    let database = cluster.database();
    let database = database.rsplit('/').next().unwrap();
    let address = format!("postgres://countersign@localhost:{port}/{database}");
    let folder = TempDir::new();
    let roots = format!("{DATA}/first.pem");
    let trust = [(
        "COUNTERSIGN_STORE_POSTGRES_ROOT_CERTIFICATES",
        roots.as_str(),
    )];
    let server = start_with(&folder, &address, &trust);
    add_client_and_person(&folder, &server);
    sign_in(&mut server.connect(), "ann@example.com").unwrap();
    let seen = "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                WHERE a.application_name = 'countersign'";
    assert_eq!(cluster.sql(database, seen), "t");
    server.stop();

    let refused = command(folder.path(), &["serve"])
        .envs([
            (
                "COUNTERSIGN_STORE_POSTGRES",
                format!("{address}?sslmode=verify-full").as_str(),
            ),
            ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
            ("COUNTERSIGN_LISTEN", "localhost:0"),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("invalid peer certificate"), "{said}");
}

/// A node whose machine's clock is 25 s ahead tells the time of the database, as all others do: what another one handed
/// out a moment ago is fresh here, and a token from there is not from the past. But it says that it is not ready.
#[test]
fn a_machine_whose_clock_is_wrong() {
    let database = Cluster::shared().database();
    let (here, there) = (TempDir::new(), TempDir::new());
    let one = start(&here, &database, None);
    add_client_and_person(&here, &one);
    let clock = WrongClock::new(&there, 25).variables();
    let mut settings = vec![
        ("COUNTERSIGN_ISSUER", one.issuer.as_str()),
        ("COUNTERSIGN_METRICS_LISTEN", "localhost:0"),
    ];
    settings.extend(clock.iter().map(|(name, value)| (*name, value.as_str())));
    let other = start_with(&there, &database, &settings);
    let signed_in = sign_in(&mut one.connect(), "ann@example.com").unwrap();
    let refresh_token = signed_in.text("refresh_token");
    let renewed = refresh(&mut other.connect(), &refresh_token)
        .unwrap()
        .expect(200);
    assert_eq!(
        renewed.text("refresh_token"),
        refresh_token,
        "held: by its own clock, an interval would have passed"
    );
    let lives_until = |token: &str| {
        let inspect = ["token", "inspect", "--json", token];
        let read = json(&command(here.path(), &inspect).output().unwrap());
        read["claims"]["exp"].as_u64().unwrap()
    };
    let (first, second) = (
        lives_until(&signed_in.text("access_token")),
        lives_until(&renewed.text("access_token")),
    );
    assert!(first.abs_diff(second) < 10, "{first}, {second}");

    assert!(ask(one.port, "GET /readyz", "").starts_with("HTTP/1.1 200"));
    let not_ready = ask(other.port, "GET /readyz", "");
    assert!(not_ready.starts_with("HTTP/1.1 503"), "{not_ready}");
    let (why, retry) = (
        "clock is 25.0 s ahead of that of the database",
        "\r\nretry-after: ",
    );
    assert!(not_ready.contains(why), "{not_ready}");
    assert!(
        not_ready.to_ascii_lowercase().contains(retry),
        "{not_ready}"
    );
    let metrics = ask(other.metrics_port(), "GET /metrics", "");
    for line in [
        "countersign_clock_ahead_seconds 2",
        "countersign_nodes 1\n",
        "countersign_nodes_disagreeing 0\n",
        "countersign_store_connections_limit 10\n",
        "countersign_store_connections_in_use ",
        "countersign_store_waiting 0\n",
        "countersign_store_verbs_total ",
        "countersign_store_waited_seconds_total ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    one.stop();
    other.stop();
}

/// At once: the chores of nodes that have just started are half a minute away.
#[test]
fn a_client_of_one_node_is_known_to_the_others() {
    let database = Cluster::shared().database();
    let (here, there) = (TempDir::new(), TempDir::new());
    let one = start(&here, &database, None);
    let other = start(&there, &database, Some(&one.issuer));
    add_client_and_person(&here, &one);
    let mut elsewhere = other.connect();
    // A node looks when it starts and when it begins to listen: word must have come of the last ones, at least.
    for phone in ["phone-1", "phone-2", "phone-3", "phone-4"] {
        let client = ["client", "add", phone, "--kind", "native", "--json"];
        json(&command(here.path(), &client).output().unwrap());
        let credentials =
            json!({ "email": "ann@example.com", "password": PASSWORD, "client_id": phone });
        wait_until(|| {
            let signed_in = elsewhere.post("/v1/login", &credentials).unwrap();
            signed_in.status == 200
        });
    }
    one.stop();
    other.stop();
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
    let answer = ask(port, request, body);
    let head = answer.split("\r\n\r\n").next();
    head.unwrap_or_default().to_owned()
}

/// An answer, whole.
pub fn ask(port: u16, request: &str, body: &str) -> String {
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
}
