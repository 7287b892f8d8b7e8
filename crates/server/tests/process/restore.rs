//! A backup of a server at work, and what may not come back with it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use countersign_guard::Guard;
use countersign_guard::net::{Connected, Options, ServiceClient, WhenStale};
use serde_json::{Value, json};

use crate::binary::{Server, command, json, run};
use crate::cluster::Cluster;
use crate::ledger::{Ledger, PASSWORD, refresh, sign_in};
use crate::temp::TempDir;

const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Somebody's tokens.
struct Tokens {
    whose: &'static str,
    access: String,
    refresh: String,
}

impl Tokens {
    fn of(server: &Server, whose: &'static str) -> Self {
        let reply = sign_in(&mut server.connect(), whose).unwrap();
        Self {
            whose,
            access: reply.text("access_token"),
            refresh: reply.text("refresh_token"),
        }
    }

    fn me(&self, server: &Server) -> u16 {
        let mut connection = server.connect();
        let me = connection.send("GET", "/v1/me", Some(&self.access), None);
        me.unwrap().status
    }
}

fn ask(folder: &Path, settings: &[(&str, &str)], line: &str) -> Value {
    let mut args: Vec<&str> = line.split(' ').collect();
    args.push("--json");
    let output = command(folder, &args)
        .envs(settings.iter().copied())
        .output();
    json(&output.unwrap())
}

/// The code of a failure.
fn refused(folder: &Path, line: &str) -> String {
    let mut args: Vec<&str> = line.split(' ').collect();
    args.push("--json");
    let output = run(folder, &args);
    assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
    let failure: Value = serde_json::from_slice(&output.stderr).unwrap();
    failure["error"]["code"].as_str().unwrap().to_owned()
}

fn register(server: &Server, email: &str) {
    let person = json!({ "email": email, "password": PASSWORD });
    let mut connection = server.connect();
    let reply = connection.post("/v1/register", &person).unwrap();
    reply.expect(201);
}

/// A service that checks tokens on its own, connected to the issuer.
fn guard(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    settings: &[(&str, &str)],
    issuer: &str,
) -> Connected {
    let add = format!("client add orders --kind service --scope revocations --serves {issuer}");
    let client = ask(folder, settings, &add);
    let client = ServiceClient::new("orders", client["secret"].as_str().unwrap());
    let options = Options::new(issuer, issuer, client, WhenStale::refuse());
    runtime.block_on(Guard::connect(options)).unwrap()
}

/// Asks again and again, for twenty seconds and what the asking takes.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

/// What everybody had before is refused here and at the guard, and whoever signs in again is let in by both.
fn nothing_came_back(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    guard: &Connected,
    old: &[Tokens],
) {
    let ann = Tokens::of(server, "ann@example.com");
    assert_eq!(ann.me(server), 200);
    let check = |token: &str| runtime.block_on(guard.check(token)).is_ok();
    soon("the guard takes a new token", || check(&ann.access));
    for tokens in old {
        let (whose, mut connection) = (tokens.whose, server.connect());
        assert_eq!(tokens.me(server), 401, "{whose} at the server");
        let renewal = refresh(&mut connection, &tokens.refresh).unwrap();
        assert_eq!(renewal.status, 401, "{whose}: {renewal:?}");
        assert!(!check(&tokens.access), "{whose} at the guard");
    }
    assert!(check(&ann.access));
}

#[test]
fn a_restored_backup_brings_nothing_back_that_was_ended() {
    let folder = TempDir::new();
    let path = folder.path();
    let off = [("COUNTERSIGN_LIMITS_ATTEMPTS", "off")];
    let server = Server::start(path, 0, &off);
    let port = server.port;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    ask(path, &[], "client add phone --kind native");
    let guard = guard(&runtime, path, &[], &server.issuer);
    register(&server, "ann@example.com");
    register(&server, "bob@example.com");
    let ann = Tokens::of(&server, "ann@example.com");
    let bob = Tokens::of(&server, "bob@example.com");

    // While people register, sign in and sign out.
    let mut ledger = Ledger::start(port);
    ledger.wait_for_some();
    let made = ask(path, &[], "backup saved.db");
    ledger.wait_for_some();
    ledger.close_the_books();
    let saved = made["users"].as_u64().unwrap();
    assert!(saved >= 3, "{made}");
    assert_eq!(refused(path, "backup saved.db"), "file");

    // What is ended after it: a session, everybody's, one of the time after that, and a key.
    ask(path, &[], "sessions end-all ann@example.com");
    assert_eq!((ann.me(&server), bob.me(&server)), (401, 200));
    ledger.finish();
    ask(path, &[], "sessions end-all --everybody");
    let late = Tokens::of(&server, "bob@example.com");
    assert_eq!(late.me(&server), 200);
    ask(path, &[], "sessions end-all bob@example.com");
    let keys = ask(path, &[], "keys list");
    let active = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["purpose"] == "signing" && key["state"] == "active");
    let stolen = active.unwrap()["kid"].as_str().unwrap().to_owned();
    ask(path, &[], &format!("keys remove {stolen}"));
    // And one that nobody has ended.
    let kept = Tokens::of(&server, "ann@example.com");
    soon("the guard knows the new key", || {
        runtime.block_on(guard.check(&kept.access)).is_ok()
    });

    assert_eq!(refused(path, "restore saved.db"), "usage", "a server runs");
    server.stop();
    assert_eq!(refused(path, "restore saved.db"), "occupied");
    let data = path.join("countersign-data");
    fs::create_dir(path.join("lost")).unwrap();
    fs::rename(
        data.join("countersign.db"),
        path.join("lost/countersign.db"),
    )
    .unwrap();
    let restored = ask(path, &[], "restore saved.db");
    assert_eq!(restored["users"].as_u64(), Some(saved));

    let server = Server::start(path, port, &off);
    nothing_came_back(&runtime, &server, &guard, &[ann, bob, late, kept]);
    let people = ask(path, &[], "user list --limit 500");
    assert!(people.as_array().unwrap().len() >= 3);
    let keys = ask(path, &[], "keys list").to_string();
    let removed = format!(r#""kid":"{stolen}""#);
    assert!(
        keys.contains(&removed) && !keys.contains("retired"),
        "{keys}"
    );
    server.stop();
    println!("{saved} users in a backup that was made under load");
}

#[test]
fn a_database_that_was_brought_back_begins_again() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let folder = TempDir::new();
    let path = folder.path();
    let settings = [
        ("COUNTERSIGN_STORE_POSTGRES", database.as_str()),
        ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "off"),
    ];
    let server = Server::start(path, 0, &settings);
    let port = server.port;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    ask(path, &settings, "client add phone --kind native");
    let guard = guard(&runtime, path, &settings, &server.issuer);
    register(&server, "ann@example.com");
    let ann = Tokens::of(&server, "ann@example.com");
    assert_eq!(ann.me(&server), 200);
    let refused = |line: &str, data: &str| {
        let mut args: Vec<&str> = line.split(' ').collect();
        args.extend(["--json", "--data", data]);
        let output = command(path, &args).envs(settings).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    // Another node's folder: this one is seen by its connections.
    let said = refused("restore --in-place", "elsewhere");
    assert!(said.contains("stop all of them first"), "{said}");
    assert!(refused("backup saved.db", "countersign-data").contains("pg_dump"));
    server.stop();
    assert!(refused("restore saved.db", "countersign-data").contains("pg_restore"));

    // As far as the database is concerned: it is as it was at some moment.
    soon("PostgreSQL has seen the node go", || {
        let args = ["restore", "--in-place", "--json"];
        let output = command(path, &args).envs(settings).output().unwrap();
        output.status.success()
    });
    let server = Server::start(path, port, &settings);
    nothing_came_back(&runtime, &server, &guard, &[ann]);
    server.stop();
}
