//! Settings do what they say.

use std::path::Path;
use std::process::Output;

use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::binary::{self, Server, command};
use crate::temp::TempDir;

const SECRET: &str = "a secret of forty-four bytes, as it happens.";

/// Runs a command under these settings.
fn run(folder: &Path, args: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = command(folder, args);
    command.envs(settings.iter().copied()).output().unwrap()
}

/// Adds somebody with this password.
fn add(folder: &Path, email: &str, password: &str, settings: &[(&str, &str)]) -> Output {
    let file = folder.join("password");
    std::fs::write(&file, password).unwrap();
    let file = file.to_str().unwrap();
    let args = ["user", "add", email, "--password-file", file, "--json"];
    run(folder, &args, settings)
}

/// How passwords are kept, oldest first.
fn kept(folder: &Path) -> Vec<String> {
    let file = folder.join("countersign-data/countersign.db");
    let file = rusqlite::Connection::open(file).unwrap();
    let mut rows = file
        .prepare("SELECT * FROM passwords ORDER BY rowid")
        .unwrap();
    let column = rows.column_index("hash").unwrap();
    let kept = rows.query_map([], |row| row.get(column)).unwrap();
    kept.collect::<Result<_, _>>().unwrap()
}

#[test]
fn passwords_are_kept_as_was_chosen() {
    let folder = TempDir::new();
    let choices: [(&[(&str, &str)], &str); 4] = [
        (&[], "$argon2id$v=19$m=19456,t=2,p=1$"),
        (
            &[
                ("COUNTERSIGN_PASSWORDS_MEMORY_KIB", "32768"),
                ("COUNTERSIGN_PASSWORDS_PASSES", "1"),
                ("COUNTERSIGN_PASSWORDS_LANES", "2"),
            ],
            "$argon2id$v=19$m=32768,t=1,p=2$",
        ),
        (
            &[
                ("COUNTERSIGN_PASSWORDS_ALGORITHM", "bcrypt"),
                ("COUNTERSIGN_PASSWORDS_COST", "11"),
            ],
            "$2b$11$",
        ),
        (
            &[
                ("COUNTERSIGN_PASSWORDS_PEPPER", SECRET),
                ("COUNTERSIGN_PASSWORDS_PEPPER_ID", "sea"),
            ],
            "{sea}$argon2id$",
        ),
    ];
    for (number, (settings, form)) in choices.into_iter().enumerate() {
        let email = format!("{number}@example.com");
        binary::json(&add(folder.path(), &email, "seven sentries", settings));
        let kept = kept(folder.path());
        assert_eq!(kept.len(), number + 1);
        assert!(kept[number].starts_with(form), "{form}: {}", kept[number]);
    }
}

#[test]
fn the_profile_of_nist_asks_for_fifteen_characters() {
    let folder = TempDir::new();
    let nist = [("COUNTERSIGN_PASSWORDS_PROFILE", "nist")];
    let short = add(folder.path(), "ada@example.com", "seven sentries", &nist);
    assert_eq!(short.status.code(), Some(1));
    let said = String::from_utf8_lossy(&short.stderr).into_owned();
    assert!(said.contains("15"), "{said}");
    binary::json(&add(
        folder.path(),
        "ada@example.com",
        "eight sentries!",
        &nist,
    ));
}

#[test]
fn closed_registration_is_for_operators_alone() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[("COUNTERSIGN_REGISTRATION", "closed")]);
    let form = json!({ "email": "ada@example.com", "password": "seven sentries" });
    let refused = server
        .connect()
        .post("/v1/register", &form)
        .unwrap()
        .expect(403);
    assert_eq!(refused.text("code"), "registration_closed");
    binary::json(&add(
        folder.path(),
        "ada@example.com",
        "seven sentries",
        &[],
    ));
    server
        .connect()
        .post("/v1/login", &form)
        .unwrap()
        .expect(200);
    server.stop();
}

/// The signing key among `keys list`, as JSON and as people read it.
fn signing_key(folder: &Path, settings: &[(&str, &str)]) -> (Value, String) {
    let list = binary::json(&run(folder, &["keys", "list", "--json"], settings));
    let mut keys = list.as_array().unwrap().iter();
    let key = keys
        .find(|key| key["purpose"] == "signing")
        .unwrap()
        .clone();
    let shown = run(folder, &["keys", "list"], settings).stdout;
    let shown = String::from_utf8(shown).unwrap();
    let kid = key["kid"].as_str().unwrap();
    let is_its = |line: &&str| line.contains(kid) && line.contains(" signing ");
    let line = shown.lines().find(is_its).unwrap();
    (key, line.to_owned())
}

#[test]
fn keys_list_says_what_rotates_and_what_does_not() {
    let folder = TempDir::new();
    binary::json(&add(
        folder.path(),
        "ada@example.com",
        "seven sentries",
        &[],
    ));
    let (key, line) = signing_key(folder.path(), &[]);
    assert_eq!(
        (&key["algorithm"], &key["rotates"]),
        (&json!("ES256"), &json!(true))
    );
    assert!(
        line.ends_with(" by itself") && !line.contains("not by itself"),
        "{line}"
    );

    // A shared secret comes from the environment: it cannot change by itself, nor be changed by a command.
    let folder = TempDir::new();
    let shared = [
        ("COUNTERSIGN_SIGNING_ALGORITHM", "HS384"),
        (
            "JWT_SECRET",
            "what the services of one team share, 48 bytes....",
        ),
    ];
    binary::json(&add(
        folder.path(),
        "ada@example.com",
        "seven sentries",
        &shared,
    ));
    let (key, line) = signing_key(folder.path(), &shared);
    assert_eq!(
        (&key["algorithm"], &key["rotates"]),
        (&json!("HS384"), &json!(false))
    );
    assert!(line.ends_with("not by itself"), "{line}");
    let rotate = run(folder.path(), &["keys", "rotate"], &shared);
    assert_eq!(rotate.status.code(), Some(1), "{rotate:?}");
}

#[test]
fn a_key_of_ones_own_is_read_from_its_file_and_published() {
    let folder = TempDir::new();
    for algorithm in [Algorithm::ES384, Algorithm::PS256] {
        let own = SigningKey::generate(algorithm).unwrap();
        std::fs::write(folder.path().join("own.pem"), own.to_pem().unwrap()).unwrap();
        let data = folder.path().join(algorithm.name());
        let settings = [
            ("COUNTERSIGN_DATA", data.to_str().unwrap()),
            ("COUNTERSIGN_SIGNING_ALGORITHM", algorithm.name()),
            ("COUNTERSIGN_SIGNING_KEY_FILE", "own.pem"),
        ];
        let server = Server::start(folder.path(), 0, &settings);
        let (key, line) = signing_key(folder.path(), &settings);
        assert_eq!(key["kid"], own.kid().unwrap());
        assert!(line.ends_with("not by itself"), "{line}");
        let mut connection = server.connect();
        let set = connection.send("GET", "/.well-known/jwks.json", None, None);
        let set = set.unwrap().expect(200).body;
        let published = serde_json::to_value(own.public_jwk()).unwrap();
        assert_eq!(set, json!({ "keys": [published] }));
        server.stop();
    }
}
