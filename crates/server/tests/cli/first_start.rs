//! "One command starts it": what a first start makes and prints, and what becomes of it.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::{Server, command, json as answer, run};
use crate::configuration::refuses_to_start;
use crate::temp::TempDir;

const DEMO: &str = "demo@example.com";
const DISABLE: [&str; 2] = ["client disable demo-app", "client disable demo-service"];
const README: &str = include_str!("../../../../README.md");

/// The commands that the server printed.
fn printed(said: &str) -> Vec<String> {
    let lines = said.lines().map(str::trim);
    let commands = lines.filter(|line| line.starts_with("curl ") || line.starts_with("TOKEN="));
    commands.map(ToOwned::to_owned).collect()
}

/// What stands behind these words, up to a space.
fn after<'a>(said: &'a str, words: &str) -> &'a str {
    let (_, rest) = said
        .split_once(words)
        .unwrap_or_else(|| panic!("no {words:?} in {said}"));
    rest.split_whitespace().next().unwrap()
}

fn ask(folder: &Path, words: &str) -> Value {
    let args: Vec<&str> = words.split(' ').chain(["--json"]).collect();
    answer(&run(folder, &args))
}

fn sign_in(server: &Server, password: &str) -> u16 {
    let form = json!({ "email": DEMO, "password": password, "client_id": "demo-app" });
    let mut connection = server.connect();
    connection.post("/v1/login", &form).unwrap().status
}

#[test]
fn the_printed_commands_work_as_pasted_and_all_is_kept() {
    let folder = TempDir::new();
    let server = Server::first(folder.path(), 0);
    let (issuer, port) = (server.issuer.clone(), server.port);
    assert_eq!(issuer, format!("http://localhost:{port}"));
    let commands = printed(&server.greeting);
    assert_eq!(commands.len(), 3, "{commands:?}");

    let output = Command::new("bash")
        .args(["-euc", &commands.join("\n")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    // Register and /v1/me both show her.
    assert_eq!(text.matches("grace@example.com").count(), 2, "{text}");

    let keys = run(folder.path(), &["keys", "list", "--json"]).stdout;
    let sessions = ["sessions", "list", "grace@example.com", "--json"];
    let before = run(folder.path(), &sessions).stdout;
    server.stop();

    // Somebody is registered now: nothing more to say about that.
    let server = Server::first(folder.path(), port);
    assert_eq!(run(folder.path(), &["keys", "list", "--json"]).stdout, keys);
    assert_eq!(run(folder.path(), &sessions).stdout, before);
    let again = Command::new("bash")
        .args(["-euc", &commands[1..].join("\n")])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).contains("grace@example.com"));
    assert_eq!(printed(&server.greeting), [""; 0]);
    let reminder = format!("  try it   {issuer}/playground ({DEMO};");
    assert!(server.greeting.contains(&reminder), "{}", server.greeting);
    server.stop_by("INT");
}

#[test]
fn what_is_printed_is_what_was_made() {
    let folder = TempDir::new();
    let server = Server::first(folder.path(), 0);
    let said = &server.greeting;
    let playground = format!("{}/playground", server.issuer);
    assert!(said.contains(&format!("\n  {playground}\n")), "{said}");
    let page = server.connect().send("GET", "/playground", None, None);
    assert_eq!(page.unwrap().status, 200);
    let password = after(said, "password ");
    assert_eq!(sign_in(&server, password), 200);
    let shown = run(folder.path(), &["client", "show", "demo-app"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    for words in ["browser", "http://localhost:3000", "http://localhost:5173"] {
        assert!(shown.contains(words), "{shown}");
    }

    let secret = after(said, "its secret is ");
    let output = Command::new("curl")
        .args(["-sS", "-u", &format!("demo-service:{secret}")])
        .args(["-d", "grant_type=client_credentials"])
        .arg(format!("{}/oauth/token", server.issuer))
        .output()
        .unwrap();
    let token: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(token["scope"], "revocations", "{token}");

    // Nothing of it can be known beforehand, nor be read in the store.
    let other = TempDir::new();
    let another = Server::first(other.path(), 0);
    for words in ["password ", "its secret is ", "\"password\":"] {
        assert_ne!(after(said, words), after(&another.greeting, words));
    }
    assert_eq!(password.len(), 16);
    let store = std::fs::read(folder.path().join("countersign-data/countersign.db")).unwrap();
    let wal = std::fs::read(folder.path().join("countersign-data/countersign.db-wal"));
    let kept = [store, wal.unwrap_or_default()].concat();
    for text in [password, secret] {
        let found = kept.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!found, "it is in the store");
    }
}

#[test]
fn the_readme_shows_what_a_first_start_prints() {
    let folder = TempDir::new();
    let server = Server::first(folder.path(), 0);
    let (_, shown) = README
        .split_once("<!-- printed by a first start -->\n```text\n")
        .unwrap();
    let (shown, rest) = shown.split_once("```").unwrap();
    // Whoever has pasted these goes on with those of the README, which register somebody else.
    assert!(shown.contains("grace@example.com") && !rest.contains("grace@example.com"));
    let said = server
        .greeting
        .replace(&server.issuer, "http://localhost:8080");
    let said: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.starts_with("Open"))
        .collect();
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown.len(), said.len(), "{}", server.greeting);
    for (shown, said) in shown.iter().zip(said) {
        let mut rest = said;
        for part in shown.split('…') {
            let at = rest.find(part);
            let at = at.unwrap_or_else(|| {
                panic!("the README has {shown:?}, where this was printed: {said:?}")
            });
            rest = &rest[at + part.len()..];
        }
    }
}

#[test]
fn the_demo_user_gets_a_new_password_where_the_old_one_is_lost() {
    let folder = TempDir::new();
    let server = Server::first(folder.path(), 0);
    let old = after(&server.greeting, "password ").to_owned();
    run(folder.path(), &["user", "disable", DEMO]);
    let demo = ask(folder.path(), "demo");
    assert_eq!(demo["email"], DEMO);
    assert_eq!(demo["playground"], format!("{}/playground", server.issuer));
    assert_eq!(sign_in(&server, demo["password"].as_str().unwrap()), 200);
    assert_eq!(sign_in(&server, &old), 401);

    assert!(
        run(folder.path(), &["user", "delete", DEMO])
            .status
            .success()
    );
    let output = run(folder.path(), &["demo", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let failure: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(failure["error"]["code"], "no_demo_user");
}

#[test]
fn there_is_no_demo_user_where_anything_is_configured() {
    for settings in [
        &[("COUNTERSIGN_ISSUER", "https://auth.example.com")][..],
        &[("COUNTERSIGN_ISSUER", "http://localhost:9000")],
        &[("COUNTERSIGN_PROXY_TRUSTED", "127.0.0.1")],
        &[("COUNTERSIGN_CONFIG", "/dev/null")],
    ] {
        let folder = TempDir::new();
        let server = Server::start_by(command(folder.path(), &[]), 0, settings);
        assert_eq!(ask(folder.path(), "user list"), json!([]), "{settings:?}");
        let clients = ask(folder.path(), "client list").to_string();
        assert!(!clients.contains("demo-"), "{clients}");
        assert!(
            !server.greeting.contains("playground"),
            "{}",
            server.greeting
        );
        let page = server.connect().send("GET", "/playground", None, None);
        assert_eq!(page.unwrap().status, 404, "{settings:?}");
    }
}

#[test]
fn whoever_has_accounts_gets_no_demo_user() {
    let folder = TempDir::new();
    let add = ["user", "add", "ada@example.com", "--no-password"];
    assert!(run(folder.path(), &add).status.success());
    let server = Server::first(folder.path(), 0);
    assert_eq!(ask(folder.path(), "user list").as_array().unwrap().len(), 1);
    assert_eq!(printed(&server.greeting), [""; 0]);
}

/// Who registers with that address while the server makes its demo user was there first.
#[test]
fn an_address_that_is_taken_meanwhile_is_no_failure() {
    let folder = TempDir::new();
    let slowly = [
        ("COUNTERSIGN_PASSWORDS_ALGORITHM", "bcrypt"),
        ("COUNTERSIGN_PASSWORDS_COST", "15"),
        ("COUNTERSIGN_LOG_LEVEL", "warn"),
    ];
    let log = folder.path().join("log");
    let socket = folder.path().join("countersign-data/countersign.sock");
    thread::scope(|scope| {
        let start = || {
            let mut command = command(folder.path(), &[]);
            command.stderr(File::create(&log).unwrap());
            Server::start_by(command, 0, &slowly)
        };
        let server = scope.spawn(start);
        // Once this one is there it was looked whether anybody is registered, and the password is yet to be hashed.
        let is_made = || {
            run(folder.path(), &["client", "show", "demo-service"])
                .status
                .success()
        };
        while !(server.is_finished() || socket.exists() && is_made()) {
            thread::sleep(Duration::from_millis(5));
        }
        let added = run(folder.path(), &["user", "add", DEMO, "--no-password"]);
        let server = server.join().unwrap();
        assert!(added.status.success(), "{added:?}");
        assert!(!server.greeting.contains(DEMO), "{}", server.greeting);
        assert_eq!(run(folder.path(), &["demo"]).status.code(), Some(1));
        server.stop();
        // Nobody was shown the service's secret.
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(said.contains("client rotate-secret demo-service"), "{said}");
    });
}

/// What the log says of the clients of a first start.
fn warned_of(folder: &Path, settings: &[(&str, &str)]) -> Vec<String> {
    let path = folder.join("log");
    let mut command = command(folder, &[]);
    command.stderr(File::create(&path).unwrap());
    let loud = [settings, &[("COUNTERSIGN_LOG_LEVEL", "warn")]].concat();
    Server::start_by(command, 0, &loud).stop();
    let log = std::fs::read_to_string(path).unwrap();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let cures = lines.filter_map(|line| Some(line["cure"].as_str()?.to_owned()));
    cures
        .filter(|cure| cure.contains("countersign client disable"))
        .collect()
}

#[test]
fn the_demo_user_does_not_leave_this_machine() {
    let folder = TempDir::new();
    Server::first(folder.path(), 0).stop();
    let beyond = [
        &[("COUNTERSIGN_ISSUER", "https://auth.example.com")][..],
        &[("COUNTERSIGN_PROXY_TRUSTED", "127.0.0.1")],
        &[
            ("COUNTERSIGN_ISSUER", "https://auth.example.com"),
            ("COUNTERSIGN_LISTEN", "0.0.0.0:0"),
            ("COUNTERSIGN_PROXY_TRUSTED", "10.0.0.0/8"),
        ],
    ];
    for settings in beyond {
        let here = [("COUNTERSIGN_LISTEN", "localhost:0")];
        let said = refuses_to_start(folder.path(), &[&here[..], settings].concat());
        for command in ["user delete demo@example.com", DISABLE[0], DISABLE[1]] {
            assert!(said.contains(&format!("`countersign {command}`")), "{said}");
        }
    }
    // The words work.
    let delete = ["user", "delete", "demo@example.com"];
    assert!(run(folder.path(), &delete).status.success());
    // What came with them may stay, and is not forgotten: until it is disabled, or somebody's own.
    let both = DISABLE.map(|command| format!("`countersign {command}`"));
    for settings in &beyond[..2] {
        assert_eq!(warned_of(folder.path(), settings), both);
    }
    let here = [("COUNTERSIGN_CONFIG", "/dev/null")];
    assert_eq!(warned_of(folder.path(), &here), [""; 0]);
    let disable: Vec<&str> = DISABLE[1].split(' ').collect();
    assert!(run(folder.path(), &disable).status.success());
    assert_eq!(warned_of(folder.path(), beyond[1]), both[..1]);
    let own = [
        "client",
        "add",
        "demo-app",
        "--replace",
        "--name",
        "Our app",
    ];
    assert!(run(folder.path(), &own).status.success());
    assert_eq!(warned_of(folder.path(), beyond[1]), [""; 0]);

    // Somebody of that address, whom no first start made, may come along.
    let add = ["user", "add", DEMO, "--no-password"];
    assert!(run(folder.path(), &add).status.success());
    Server::start_by(command(folder.path(), &[]), 0, beyond[0]).stop();
}
