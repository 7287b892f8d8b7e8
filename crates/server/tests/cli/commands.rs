//! Every command does the same beside a running server as without one.

use std::path::Path;

use countersign_jose::{DecryptionKey, KeyManagement};
use serde_json::{Value, json};

use crate::binary::{self, Server, run};
use crate::temp::TempDir;
use crate::typed::run_with;

const PASSWORD: &str = "seven sentries at the gate";

/// Runs a command, which must succeed, and reads its JSON.
#[track_caller]
fn ask(folder: &Path, args: &[&str]) -> Value {
    let args = [args, &["--json"]].concat();
    binary::json(&run(folder, &args))
}

/// Runs a command, which must fail, and gives back the code of the failure.
#[track_caller]
fn refused(folder: &Path, args: &[&str]) -> String {
    let args = [args, &["--json"]].concat();
    let output = run(folder, &args);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let failure: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(failure["error"]["message"].is_string(), "{failure}");
    failure["error"]["code"].as_str().unwrap().to_owned()
}

fn add_ada(folder: &Path) -> Value {
    let args = [
        "user",
        "add",
        "Ada@Example.com",
        "--username",
        "ada",
        "--role",
        "editor",
    ];
    let more = [
        "--name",
        "Ada",
        "--attribute",
        "team=billing",
        "--attribute",
        "desk=7",
        "--json",
    ];
    binary::json(&run_with(
        folder,
        &[&args[..], &more[..]].concat(),
        &format!("{PASSWORD}\n"),
    ))
}

fn users(folder: &Path) {
    let ada = add_ada(folder);
    assert_eq!(ada["email"], "ada@example.com");
    assert_eq!(ada["attributes"], json!({ "team": "billing", "desk": 7 }));
    let id = ada["id"].as_str().unwrap();

    assert_eq!(ask(folder, &["user", "list"]), json!([ada]));
    for who in [id, "ada", "ADA@example.com"] {
        assert_eq!(ask(folder, &["user", "show", who]), ada, "{who}");
    }
    let set = [
        "user",
        "set",
        "ada",
        "--email",
        "ada@example.org",
        "--no-name",
    ];
    let changed = ask(folder, &[&set[..], &["--no-attribute", "desk"]].concat());
    assert_eq!(changed["email"], "ada@example.org");
    assert_eq!(changed["attributes"], json!({ "team": "billing" }));
    assert_eq!(changed.get("name"), None);

    let roles = ask(
        folder,
        &[
            "user", "role", "ada", "--add", "admin", "--remove", "editor",
        ],
    );
    assert_eq!(roles["roles"], json!(["admin"]));
    let more = ask(folder, &["user", "role", "ada", "--add", "viewer"]);
    assert_eq!(more["roles"], json!(["admin", "viewer"]));
    assert_eq!(
        ask(folder, &["user", "role", "ada"])["roles"],
        json!(["admin", "viewer"])
    );

    assert_eq!(ask(folder, &["user", "disable", "ada"])["enabled"], false);
    assert_eq!(ask(folder, &["user", "enable", "ada"])["enabled"], true);

    let file = folder.join("password.txt");
    std::fs::write(&file, "another good long one\n").unwrap();
    let file = file.to_str().unwrap();
    ask(
        folder,
        &["user", "password", "ada", "--password-file", file],
    );

    let export = ask(folder, &["user", "export", "ada"]);
    assert_eq!(export["user"]["email"], "ada@example.org");
    assert!(!export.to_string().contains("argon2"), "{export}");

    assert_eq!(refused(folder, &["user", "show", "nobody"]), "no_such_user");
    assert_eq!(
        refused(folder, &["user", "role", "ada", "--add", "two words"]),
        "invalid_role"
    );
    let again = ["user", "add", "ada@example.org", "--no-password"];
    assert_eq!(refused(folder, &again), "email_taken");
    let weak = run_with(
        folder,
        &["user", "add", "eve@example.com", "--json"],
        "short\n",
    );
    assert_eq!(weak.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&weak.stderr).contains("invalid_password"),
        "{weak:?}"
    );

    ask(folder, &["user", "delete", "ada"]);
    assert_eq!(ask(folder, &["user", "list"]), json!([]));
    assert_eq!(refused(folder, &["user", "delete", "ada"]), "no_such_user");
    // The trail keeps what happened, under the id alone.
    let trail = ask(folder, &["audit", "--user", id]);
    let happened: Vec<&str> = list(&trail)
        .iter()
        .filter_map(|line| line["what"].as_str())
        .collect();
    for what in [
        "user_registered",
        "user_disabled",
        "user_enabled",
        "password_changed",
        "user_deleted",
    ] {
        assert!(happened.contains(&what), "{what} is not in {happened:?}");
    }
    let recent = [
        "audit",
        "--what",
        "user_deleted",
        "--since",
        "1h",
        "--limit",
        "1",
    ];
    assert_eq!(list(&ask(folder, &recent)).len(), 1);
    assert_eq!(refused(folder, &["audit", "--what", "rain"]), "bad_request");
}

fn clients(folder: &Path) {
    let first = ask(folder, &["client", "list"]);
    let first = list(&first).iter().map(|client| &client["id"]);
    assert_eq!(first.collect::<Vec<_>>(), ["account", "default"]);
    let add = [
        "client",
        "add",
        "shop",
        "--kind",
        "browser",
        "--origin",
        "https://shop.example.com",
    ];
    let more = [
        "--claim",
        "roles=roles",
        "--scope",
        "read write",
        "--access-ttl",
        "10m",
        "--redirect-uri",
        "https://shop.example.com/signed-in",
    ];
    let shop = ask(folder, &[&add[..], &more[..]].concat());
    assert_eq!(shop["access_ttl"], 600);
    assert_eq!(shop["claims"], json!({ "roles": "roles" }));
    let back = json!(["https://shop.example.com/signed-in"]);
    assert_eq!(shop["redirect_uris"], back);
    assert_eq!(ask(folder, &["client", "show", "shop"]), shop);
    assert_eq!(refused(folder, &add), "client_exists");

    let replaced = ask(
        folder,
        &["client", "add", "shop", "--kind", "native", "--replace"],
    );
    assert_eq!(replaced["kind"], "native");
    assert_eq!(replaced["created_at"], shop["created_at"]);
    assert_eq!(
        ask(folder, &["client", "disable", "shop"])["enabled"],
        false
    );
    assert_eq!(ask(folder, &["client", "enable", "shop"])["enabled"], true);

    assert_eq!(
        refused(folder, &["client", "show", "none"]),
        "no_such_client"
    );
    let path = [
        "client",
        "add",
        "bad",
        "--origin",
        "https://shop.example.com/path",
    ];
    assert_eq!(refused(folder, &path), "invalid_origin");
    let nowhere = [
        "client",
        "add",
        "bad",
        "--redirect-uri",
        "https://shop.example.com/#here",
    ];
    assert_eq!(refused(folder, &nowhere), "invalid_redirect_uri");
    for own in [
        &["client", "add", "account"][..],
        &["client", "add", "account", "--replace"],
        &["client", "disable", "account"],
    ] {
        assert_eq!(refused(folder, own), "own_client");
    }
    let reserved = ["client", "add", "bad", "--claim", "sub=email"];
    assert_eq!(refused(folder, &reserved), "invalid_claim");
    let short = ["client", "add", "bad", "--idle-ttl", "1m"];
    assert_eq!(refused(folder, &short), "invalid_lifetimes");
    services(folder);
    protected(folder);
}

/// Clients that have a secret.
fn services(folder: &Path) {
    let add = ["client", "add", "orders", "--kind", "service"];
    let more = [
        "--audience",
        "https://a.example.com",
        "--audience",
        "https://b.example.com",
        "--serves",
        "https://c.example.com",
    ];
    let orders = ask(folder, &[&add[..], &more[..]].concat());
    assert_eq!(orders["audience"], "https://a.example.com");
    assert_eq!(orders["more_audiences"], json!(["https://b.example.com"]));
    assert_eq!(orders["serves"], "https://c.example.com");
    let secret = orders["secret"].as_str().unwrap();
    assert!(secret.starts_with("css_"));
    // It is shown this once.
    let shown = ask(folder, &["client", "show", "orders"]);
    assert!(shown.get("secret").is_none(), "{shown}");
    assert_eq!(list(&shown["secrets"]).len(), 1);
    assert!(
        !ask(folder, &["client", "list"])
            .to_string()
            .contains(secret)
    );

    let rotate = ["client", "rotate-secret", "orders"];
    let rotated = ask(folder, &rotate);
    assert_ne!(rotated["secret"], secret);
    let secrets = list(&rotated["secrets"]).to_vec();
    assert_eq!((secrets.len(), &secrets[1]["ends_at"]), (2, &json!(null)));
    let day = secrets[0]["ends_at"].as_u64().unwrap() - secrets[1]["created_at"].as_u64().unwrap();
    assert_eq!(day, 24 * 3_600_000);
    let leaked = ask(folder, &[&rotate[..], &["--overlap", "0s"]].concat());
    assert_eq!(list(&leaked["secrets"]).len(), 1);
    let said = run(
        folder,
        &["client", "rotate-secret", "orders", "--overlap", "1h"],
    );
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains("shown this once") && said.contains(", until "),
        "{said}"
    );

    // Who changes it keeps its secrets.
    let replaced = ask(folder, &[&add[..], &["--replace"]].concat());
    assert_eq!(list(&replaced["secrets"]).len(), 2);
    assert!(replaced.get("secret").is_none());
    assert_eq!(
        refused(folder, &["client", "rotate-secret", "shop"]),
        "invalid_kind"
    );
    assert_eq!(
        refused(folder, &["client", "rotate-secret", "none"]),
        "no_such_client"
    );
    let becomes = ["client", "add", "orders", "--kind", "native", "--replace"];
    assert_eq!(refused(folder, &becomes), "invalid_kind");
}

/// Clients whose tokens are signed in another way, or encrypted.
fn protected(folder: &Path) {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let public = json!(own.encryption_key().public_jwk().unwrap());
    std::fs::write(folder.join("public.json"), public.to_string()).unwrap();
    std::fs::write(
        folder.join("private.json"),
        own.to_jwk().unwrap().as_bytes(),
    )
    .unwrap();
    let desk = ["client", "add", "desk", "--signing-algorithm", "PS256"];
    let reader = ["--audience", "https://api.example", "--encrypt-to"];
    let add = |more: &[&'static str]| [&desk[..], &reader[..], more].concat();
    let added = ask(folder, &add(&["public.json", "--encrypt-enc", "A128GCM"]));
    assert_eq!(added["signing_algorithm"], "PS256");
    assert_eq!(
        added["encrypt_to"],
        json!({ "jwk": public, "enc": "A128GCM" })
    );
    assert_eq!(ask(folder, &["client", "show", "desk"]), added);
    let shown = run(folder, &["client", "show", "desk"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let kid = public["kid"].as_str().unwrap();
    for told in ["PS256", "ECDH-ES", "A128GCM", kid] {
        assert!(shown.contains(told), "{shown}");
    }
    let fetched = add(&["https://api.example/keys", "--encrypt-alg", "RSA-OAEP-256"]);
    let replaced = ask(folder, &[&fetched[..], &["--replace"]].concat());
    assert_eq!(
        replaced["encrypt_to"],
        json!({ "jwks_uri": "https://api.example/keys", "alg": "RSA-OAEP-256", "enc": "A256GCM" })
    );

    // What is asked for has a key at once, and is moved by itself.
    let keys = |keys: &Value, algorithm: &str| {
        let keys = list(keys).iter();
        keys.filter(|key| key["algorithm"] == algorithm).count()
    };
    assert!(keys(&ask(folder, &["keys", "list"]), "PS256") >= 1);
    let before = ask(folder, &["keys", "list"]);
    let rotate = ["keys", "rotate", "--algorithm", "PS256"];
    let after = ask(folder, &rotate);
    assert!(keys(&after, "PS256") > keys(&before, "PS256"));
    assert_eq!(keys(&after, "ES256"), keys(&before, "ES256"));
    let unused = ["keys", "rotate", "--algorithm", "RS512"];
    assert_eq!(refused(folder, &unused), "algorithm_not_in_use");

    for (args, code) in [
        (add(&["private.json", "--replace"]), "usage"),
        (add(&["nowhere.json", "--replace"]), "file"),
        (
            add(&["http://api.example/keys", "--replace"]),
            "invalid_encryption",
        ),
        (
            vec!["client", "add", "own", "--encrypt-to", "public.json"],
            "invalid_protection",
        ),
        (
            vec!["client", "add", "own", "--signing-algorithm", "HS256"],
            "invalid_protection",
        ),
    ] {
        assert_eq!(refused(folder, &args), code, "{args:?}");
    }
    let private = run(folder, &add(&["private.json", "--replace"]));
    let told = String::from_utf8(private.stderr).unwrap();
    assert!(told.contains("private key"), "{told}");
    let hidden: Value = serde_json::from_str(&own.to_jwk().unwrap()).unwrap();
    assert!(!told.contains(hidden["d"].as_str().unwrap()), "{told}");
}

fn keys(folder: &Path) {
    let active = |keys: &Value| {
        let found = list(keys)
            .iter()
            .find(|key| key["purpose"] == "signing" && key["state"] == "active");
        found.unwrap()["kid"].as_str().unwrap().to_owned()
    };
    let before = active(&ask(folder, &["keys", "list"]));
    let rotated = ask(folder, &["keys", "rotate"]);
    assert_ne!(active(&rotated), before);
    assert!(!rotated.to_string().contains("sealed"), "{rotated}");
    assert_eq!(
        ask(folder, &["keys", "remove", &before])["state"],
        "removed"
    );
    assert_eq!(refused(folder, &["keys", "remove", "none"]), "no_such_key");
    assert_eq!(refused(folder, &["keys", "remove", &before]), "no_such_key");
}

fn sessions(folder: &Path) {
    add_ada(folder);
    assert_eq!(ask(folder, &["sessions", "list", "ada"]), json!([]));
    assert_eq!(
        ask(folder, &["sessions", "end-all", "ada"]),
        json!({ "ended": 0 })
    );
    assert_eq!(
        ask(folder, &["sessions", "end-all", "--everybody"]),
        json!({ "ended": null })
    );
    // One of the right form that is nobody's.
    let unknown = "A".repeat(32);
    assert_eq!(
        refused(folder, &["sessions", "end", &unknown]),
        "no_such_session"
    );
    assert_eq!(
        refused(folder, &["sessions", "list", "nobody"]),
        "no_such_user"
    );
}

fn revocations(folder: &Path) {
    let ada = ask(folder, &["user", "show", "ada"]);
    let ada = ada["id"].as_str().unwrap();
    // A session that the store does not know is revoked all the same: a backup does not know what came after it.
    let session = "A".repeat(32);
    for (args, answer, happening) in [
        (
            &["session", &session][..],
            json!({ "kind": "session", "id": session }),
            "revoked",
        ),
        (
            &["user", "ada@example.com"],
            json!({ "kind": "user", "id": ada }),
            "sessions_ended",
        ),
        (
            &["client", "default"],
            json!({ "kind": "client", "id": "default" }),
            "revoked",
        ),
        (
            &["token", "-a_jti"],
            json!({ "kind": "token", "id": "-a_jti" }),
            "revoked",
        ),
        (&["all"], json!({ "kind": "all" }), "everybody_signed_out"),
    ] {
        assert_eq!(ask(folder, &[&["revoke"], args].concat()), answer);
        let trail = ask(folder, &["audit", "--limit", "1"]);
        assert_eq!(trail[0]["what"], happening, "{args:?}: {trail}");
    }
    for (args, code) in [
        (["user", "nobody"], "no_such_user"),
        (["client", "nobody"], "no_such_client"),
        (["token", ""], "invalid_id"),
        (["token", "a\u{1b}[2Jb"], "invalid_id"),
    ] {
        assert_eq!(refused(folder, &[&["revoke"], &args[..]].concat()), code);
    }
    let text = run(folder, &["revoke", "token", "jti-1"]);
    assert_eq!(
        String::from_utf8_lossy(&text.stdout),
        "revoked token jti-1\n"
    );
}

#[test]
fn without_a_server_the_commands_open_the_store() {
    let folder = TempDir::new();
    assert_eq!(refused(folder.path(), &["user", "list"]), "no_data");
    users(folder.path());
    clients(folder.path());
    keys(folder.path());
    sessions(folder.path());
    revocations(folder.path());
    assert_eq!(ask(folder.path(), &["version"])["server"], Value::Null);
}

#[test]
fn beside_a_server_the_commands_go_through_its_socket() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    users(folder.path());
    clients(folder.path());
    keys(folder.path());
    sessions(folder.path());
    revocations(folder.path());
    let version = ask(folder.path(), &["version"]);
    assert_eq!(version["server"]["pid"], server.pid());
    assert_eq!(version["server"]["issuer"], server.issuer.as_str());
    server.stop();
}

/// Ids are random, and `-` is one of their characters: one in 64 begins with it.
#[test]
fn an_id_that_begins_with_a_hyphen_is_an_id() {
    let folder = TempDir::new();
    add_ada(folder.path());
    for what in [
        &["user", "show", "-kid"][..],
        &["user", "role", "-kid", "--add", "x"],
        &["user", "set", "-kid", "--name", "x"],
        &["sessions", "list", "-kid"],
        &["sessions", "end-all", "-kid"],
    ] {
        assert_eq!(refused(folder.path(), what), "no_such_user", "{what:?}");
    }
    assert_eq!(
        refused(folder.path(), &["audit", "--user", "-kid"]),
        "no_such_user"
    );
    assert_eq!(
        refused(folder.path(), &["keys", "remove", "-kid"]),
        "no_such_key"
    );
}

/// Ends a session, given what the list says of it and a token of its.
type End<'a> = &'a dyn Fn(&Value, &str);

/// What operators do reaches the people who are signed in, at once.
#[test]
fn an_operator_ends_sessions_of_a_running_server() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    add_ada(folder.path());
    let mut connection = server.connect();
    let credentials = json!({ "username": "ada", "password": PASSWORD });
    let mut sign_in = || {
        let reply = connection
            .post("/v1/login", &credentials)
            .unwrap()
            .expect(200);
        reply.text("access_token")
    };
    let ends: [End; 10] = [
        &|session, _| {
            let id = session["id"].as_str().unwrap();
            ask(folder.path(), &["sessions", "end", id]);
        },
        &|session, _| {
            let id = session["id"].as_str().unwrap();
            ask(folder.path(), &["revoke", "session", id]);
        },
        &|_, token| {
            let shown = ask(folder.path(), &["token", "inspect", token]);
            let jti = shown["claims"]["jti"].as_str().unwrap();
            ask(folder.path(), &["revoke", "token", jti]);
            let me = server.connect().send("GET", "/v1/me", Some(token), None);
            me.unwrap().expect(401);
            // The token alone: its session lives.
            let live = ask(folder.path(), &["sessions", "list", "ada"]);
            assert_eq!(list(&live).len(), 1);
            ask(folder.path(), &["sessions", "end-all", "ada"]);
        },
        &|_, _| drop(ask(folder.path(), &["revoke", "user", "ada"])),
        &|_, _| drop(ask(folder.path(), &["revoke", "client", "default"])),
        &|_, _| drop(ask(folder.path(), &["revoke", "all"])),
        &|_, _| {
            let ended = ask(folder.path(), &["sessions", "end-all", "ada"]);
            assert_eq!(ended, json!({ "ended": 1 }));
        },
        &|_, _| drop(ask(folder.path(), &["sessions", "end-all", "--everybody"])),
        &|_, _| {
            ask(folder.path(), &["user", "disable", "ada"]);
            ask(folder.path(), &["user", "enable", "ada"]);
        },
        &|_, _| {
            ask(folder.path(), &["client", "disable", "default"]);
            ask(folder.path(), &["client", "enable", "default"]);
        },
    ];
    let tokens: Vec<String> = ends
        .into_iter()
        .map(|end| {
            let token = sign_in();
            let sessions = ask(folder.path(), &["sessions", "list", "ada"]);
            assert_eq!(list(&sessions).len(), 1, "{sessions}");
            let mut me = server.connect();
            me.send("GET", "/v1/me", Some(&token), None)
                .unwrap()
                .expect(200);
            end(&sessions[0], &token);
            me.send("GET", "/v1/me", Some(&token), None)
                .unwrap()
                .expect(401);
            token
        })
        .collect();
    // And stays so, under the same issuer.
    let port = server.port;
    server.stop();
    let server = Server::start(folder.path(), port, &[]);
    for token in &tokens {
        let reply = server.connect().send("GET", "/v1/me", Some(token), None);
        reply.unwrap().expect(401);
    }
    server.stop();
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}
