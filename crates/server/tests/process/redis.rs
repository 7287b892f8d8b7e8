//! The server with its sessions in Redis: the straight lines on several nodes, and a Redis that goes away and comes back.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::binary::{Server, command};
use crate::cluster::Cluster;
use crate::free_port::free_port;
use crate::ledger::{PASSWORD, refresh, sign_in};
use crate::postgres::{MASTER_KEY, add_client_and_person, ask, head, wait_until};
use crate::redis_server::RedisServer;
use crate::temp::TempDir;

fn start(folder: &TempDir, settings: &[(&str, &str)]) -> Server {
    let mut all = vec![
        ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "off"),
    ];
    all.extend_from_slice(settings);
    Server::start(folder.path(), 0, &all)
}

#[test]
fn register_sign_in_renew_and_sign_out_on_any_node() {
    let database = Cluster::shared().database();
    let sessions = RedisServer::new();
    let (here, there) = (TempDir::new(), TempDir::new());
    let stores = [
        ("COUNTERSIGN_STORE_POSTGRES", database.as_str()),
        ("COUNTERSIGN_STORE_REDIS", &sessions.url()),
    ];
    let one = start(&here, &stores);
    assert!(
        one.greeting.contains("PostgreSQL, sessions in Redis"),
        "{}",
        one.greeting
    );
    add_client_and_person(&here, &one);
    let issuer = ("COUNTERSIGN_ISSUER", one.issuer.as_str());
    let other = start(&there, &[&stores[..], &[issuer]].concat());

    let (mut first, mut second) = (one.connect(), other.connect());
    let signed_in = sign_in(&mut first, "ann@example.com").unwrap();
    let (refresh_token, access) = (
        signed_in.text("refresh_token"),
        signed_in.text("access_token"),
    );
    assert_eq!(
        sessions
            .cli(&["KEYS", "countersign:*:session:*"])
            .lines()
            .count(),
        1
    );
    let renewed = refresh(&mut second, &refresh_token).unwrap().expect(200);
    assert_eq!(
        renewed.text("refresh_token"),
        refresh_token,
        "held: it is fresh"
    );
    let list = second.send("GET", "/v1/me/sessions", Some(&access), None);
    list.unwrap().expect(200);
    let out = second.send("POST", "/v1/logout", Some(&access), None);
    out.unwrap().expect(204);
    refresh(&mut first, &refresh_token).unwrap().expect(401);
    wait_until(|| {
        let me = first.send("GET", "/v1/me", Some(&access), None);
        me.unwrap().status == 401
    });
    assert_eq!(sessions.cli(&["KEYS", "countersign:*:session:*"]), "");
    one.stop();
    other.stop();
}

/// On the embedded database, too. While Redis is away: 503 with Retry-After, nobody is signed out, the guard and the
/// operator's emergency go on; five seconds after it is back at the latest, so is everything.
#[test]
fn a_redis_that_goes_away_and_comes_back() {
    let sessions = RedisServer::new();
    let folder = TempDir::new();
    let server = start(&folder, &[("COUNTERSIGN_STORE_REDIS", &sessions.url())]);
    add_client_and_person(&folder, &server);
    let mut connection = server.connect();
    let signed_in = sign_in(&mut connection, "ann@example.com").unwrap();
    let (refresh_token, access) = (
        signed_in.text("refresh_token"),
        signed_in.text("access_token"),
    );
    assert!(head(server.port, "GET /readyz", "").starts_with("HTTP/1.1 200"));

    sessions.stop("crash");
    let renewal = json!({ "client_id": "phone", "refresh_token": refresh_token }).to_string();
    let login = json!({ "client_id": "phone", "email": "ann@example.com", "password": PASSWORD });
    for (request, body) in [
        ("POST /v1/refresh", renewal.as_str()),
        ("POST /v1/login", &login.to_string()),
        ("GET /readyz", ""),
    ] {
        let answer = head(server.port, request, body);
        assert!(answer.starts_with("HTTP/1.1 503"), "{request}: {answer}");
        let headers = answer.to_ascii_lowercase();
        assert!(headers.contains("\r\nretry-after: "), "{request}: {answer}");
        assert!(!headers.contains("set-cookie"), "{request}: {answer}");
    }
    assert!(head(server.port, "GET /livez", "").starts_with("HTTP/1.1 200"));
    let me = connection.send("GET", "/v1/me", Some(&access), None);
    me.unwrap().expect(200);

    sessions.start();
    wait_until(|| head(server.port, "GET /readyz", "").starts_with("HTTP/1.1 200"));
    refresh(&mut connection, &refresh_token)
        .unwrap()
        .expect(200);

    // Ended while it is away, ended when it is back.
    sessions.stop("crash");
    let end = ["sessions", "end-all", "ann@example.com"];
    let ended = command(folder.path(), &end).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    wait_until(|| {
        let me = connection.send("GET", "/v1/me", Some(&access), None);
        me.unwrap().status == 401
    });
    sessions.start();
    wait_until(|| head(server.port, "GET /readyz", "").starts_with("HTTP/1.1 200"));
    refresh(&mut connection, &refresh_token)
        .unwrap()
        .expect(401);
    server.stop();
}

/// Whoever guesses has one account to guess at, however many nodes it has. While Redis is away, each node counts by itself,
/// and nobody waits for it; when it is back, they count together again.
#[test]
fn nodes_count_attempts_together() {
    let database = Cluster::shared().database();
    let sessions = RedisServer::with(&[]);
    let (here, there) = (TempDir::new(), TempDir::new());
    let settings = [
        ("COUNTERSIGN_STORE_POSTGRES", database.as_str()),
        ("COUNTERSIGN_STORE_REDIS", &sessions.url()),
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "on"),
        ("COUNTERSIGN_PASSWORDS_MEMORY_KIB", "7168"),
        ("COUNTERSIGN_PASSWORDS_PASSES", "1"),
        ("COUNTERSIGN_METRICS_LISTEN", "localhost:0"),
    ];
    let one = start(&here, &settings);
    let issuer = ("COUNTERSIGN_ISSUER", one.issuer.as_str());
    let other = start(&there, &[&settings[..], &[issuer]].concat());
    let nodes = [&one, &other];
    let guess = |node: &Server, name: &str| {
        let guess = json!({ "email": name, "password": "twelve sentries at the gate" });
        let answer = head(node.port, "POST /v1/login", &guess.to_string());
        let limited = answer.starts_with("HTTP/1.1 429");
        assert!(limited || answer.starts_with("HTTP/1.1 401"), "{answer}");
        limited
    };
    // How many guesses the two let through in turn, each of which would let ten through without waiting.
    let guesses = |name: &str| {
        let turns = nodes.iter().cycle().take(40);
        let refused = turns.enumerate().find(|(_, node)| guess(node, name));
        refused.expect("somebody is limited at last").0
    };
    let alone = |node: &Server| {
        let metrics = ask(node.metrics_port(), "GET /metrics", "");
        let counted = metrics.lines().find_map(|line| {
            line.strip_prefix("countersign_limits_counted_alone_total ")?
                .parse::<u32>()
                .ok()
        });
        counted.unwrap_or_else(|| panic!("{metrics}"))
    };
    // Nobody waits for a count for longer than 250 ms: where the machine was so busy, another name is guessed at.
    let together = |name: &str| {
        let mut names = (0..5).map(|number| format!("{name}{number}@example.com"));
        let counted = names.find_map(|name| {
            let before = nodes.map(alone);
            let through = guesses(&name);
            (nodes.map(alone) == before).then_some(through)
        });
        counted.expect("they count together")
    };

    // A few more where the machine is so busy that waits of seconds have passed.
    let through = together("ann");
    assert!((10..20).contains(&through), "{through}");
    let others = sessions.cli(&["KEYS", "countersign:{account:*}:limit:*"]);
    assert!(others.lines().count() >= 2, "{others}");
    assert!(!others.contains("ann"), "{others}");

    sessions.stop("crash");
    let apart = guesses("bob@example.com");
    assert!(apart >= 20, "each counts by itself, and no more: {apart}");
    assert!(alone(&one) > 0 && alone(&other) > 0);
    let person = json!({ "email": "cid@example.com", "password": PASSWORD }).to_string();
    let registered = head(one.port, "POST /v1/register", &person);
    assert!(registered.starts_with("HTTP/1.1 201"), "{registered}");

    sessions.start();
    for node in nodes {
        wait_until(|| {
            let before = alone(node);
            let name = "dan@example.com";
            guess(node, name);
            alone(node) == before
        });
    }
    let through = together("eve");
    assert!((10..20).contains(&through), "{through}");
    one.stop();
    other.stop();
}

/// Over TLS, to whom this machine trusts and to nobody else, with a password.
#[test]
fn over_tls_with_a_password() {
    let files = TempDir::new();
    let port = free_port().to_string();
    let write = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path.display().to_string()
    };
    std::fs::set_permissions(files.path(), Permissions::from_mode(0o755)).unwrap();
    let ours = write("first.pem", include_str!("../http/data/first.pem"));
    let key = write("first.key.pem", include_str!("../http/data/first.key.pem"));
    let strangers = write("second.pem", include_str!("../http/data/second.pem"));
    let _redis = RedisServer::with(
        &[
            ["--tls-port", &port],
            ["--tls-cert-file", &ours],
            ["--tls-key-file", &key],
            ["--tls-auth-clients", "no"],
            ["--requirepass", "hush-hush"],
        ]
        .concat(),
    );
    let url = format!("rediss://:hush-hush@localhost:{port}");

    let folder = TempDir::new();
    let stores = [
        ("COUNTERSIGN_STORE_REDIS", url.as_str()),
        ("SSL_CERT_FILE", &ours),
    ];
    let server = start(&folder, &stores);
    add_client_and_person(&folder, &server);
    sign_in(&mut server.connect(), "ann@example.com").unwrap();
    server.stop();

    let refused = command(folder.path(), &["serve"])
        .envs([
            ("COUNTERSIGN_STORE_REDIS", url.as_str()),
            ("SSL_CERT_FILE", &strangers),
            ("COUNTERSIGN_LISTEN", "localhost:0"),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("store.redis: cannot connect"), "{said}");
}

/// A Redis that is not there when the server starts is a reason not to start, and is named.
#[test]
fn a_redis_that_is_not_there_is_named() {
    let folder = TempDir::new();
    let refused = command(folder.path(), &["serve"])
        .envs([
            ("COUNTERSIGN_STORE_REDIS", "redis://:hush-hush@127.0.0.1:1"),
            ("COUNTERSIGN_LISTEN", "localhost:0"),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("store.redis: cannot connect"), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
}
