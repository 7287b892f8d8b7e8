//! The log: one line a request, for machines, or for eyes where somebody looks.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::binary::http::Connection;
use crate::binary::{BINARY, Server, command, run};
use crate::temp::TempDir;

/// A server that writes its log to this file.
fn start(folder: &Path, log: &Path, settings: &[(&str, &str)]) -> Server {
    let mut command = command(folder, &[]);
    command.stderr(File::create(log).unwrap());
    let level = [("COUNTERSIGN_LOG_LEVEL", "info")];
    Server::start_by(command, 0, &[&level[..], settings].concat())
}

/// Asks, and gives back the id that the answer bears.
fn ask(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!("{head}\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let mut lines = answer.lines();
    let id = lines.find_map(|line| line.strip_prefix("x-request-id: "));
    id.unwrap().to_owned()
}

/// RFC 9700 §2.2.2 does not allow it to public clients, so it is not done without a word: neither when it is registered,
/// nor when a server starts that has such a client.
#[test]
fn a_style_with_a_price_is_warned_about() {
    let folder = TempDir::new();
    let add = |style| {
        let added = run(folder.path(), &["client", "add", style, "--style", style]);
        assert!(added.status.success(), "{added:?}");
        String::from_utf8(added.stderr).unwrap()
    };
    assert!(!add("rotating").contains("warning"));
    let said = add("stateless");
    assert!(said.contains("warning: in the style stateless"), "{said}");
    assert!(said.contains("RFC 9700"), "{said}");
    let listed = run(folder.path(), &["client", "list"]);
    let shown = String::from_utf8(listed.stdout).unwrap();
    assert!(shown.contains("STYLE"), "{shown}");

    let log = folder.path().join("log");
    start(folder.path(), &log, &[]).stop();
    let text = std::fs::read_to_string(log).unwrap();
    let warned = |line: &&str| line.contains("RFC 9700") && line.contains("WARN");
    let lines: Vec<&str> = text.lines().filter(warned).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains(r#""client":"stateless""#), "{}", lines[0]);
}

/// What `countersign doctor` would find from inside, a server says when it starts: no browser sends these cookies, and
/// nobody is believed who stands in front.
#[test]
fn what_cannot_work_is_said_at_the_start() {
    let folder = TempDir::new();
    let file = r#"
        issuer = "https://auth.example.com"
        [[client]]
        id = "shop"
        kind = "browser"
        origins = ["https://auth.example.com", "https://shop.example.net"]
    "#;
    std::fs::write(folder.path().join("countersign.toml"), file).unwrap();
    let log = folder.path().join("log");
    start(folder.path(), &log, &[]).stop();
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (warnings, others): (Vec<_>, Vec<_>) = lines.partition(|line| line["level"] == "WARN");
    let of = |check: &str| {
        let found: Vec<&Value> = warnings
            .iter()
            .filter(|line| line["check"] == check)
            .collect();
        assert_eq!(found.len(), 1, "{check}: {text}");
        let text = |key: &str| found[0][key].as_str().unwrap().to_owned();
        [text("message"), text("cure")]
    };
    let [said, cure] = of("style");
    assert!(
        said.contains("client shop") && said.contains("https://shop.example.net"),
        "{said}"
    );
    assert!(
        cure.contains("style = \"gateway\"") && cure.contains("issuer = \"https://auth."),
        "{cure}"
    );
    let [said, cure] = of("proxy");
    assert!(
        said.contains("https://auth.example.com") && cure.contains("[proxy] trusted"),
        "{said} {cure}"
    );
    assert!(others.iter().any(|line| line["origins"] == 1), "{text}");

    // Nobody is bothered where all is well.
    std::fs::remove_file(folder.path().join("countersign.toml")).unwrap();
    let log = folder.path().join("another");
    let fresh = TempDir::new();
    start(fresh.path(), &log, &[]).stop();
    let text = std::fs::read_to_string(log).unwrap();
    assert!(!text.contains("WARN"), "{text}");
}

#[test]
fn a_log_that_is_kept_is_json_with_one_line_for_each_request() {
    let folder = TempDir::new();
    let log = folder.path().join("log");
    let server = start(folder.path(), &log, &[]);
    let asked = [
        ("GET", "/livez", "/livez", 200),
        ("GET", "/v1/me?access_token=in-the-query", "/v1/me", 401),
        (
            "DELETE",
            "/v1/me/sessions/its-id",
            "/v1/me/sessions/{id}",
            401,
        ),
        ("GET", "/nowhere/at/all", "none", 404),
    ];
    let ids =
        asked.map(|(method, path, _, _)| ask(server.port, &format!("{method} {path} HTTP/1.1")));
    server.stop();

    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let requests: Vec<&Value> = lines
        .iter()
        .filter(|line| line["target"] == "countersign::request")
        .collect();
    assert_eq!(requests.len(), asked.len(), "{text}");
    for ((line, id), (method, _, route, status)) in requests.iter().zip(&ids).zip(asked) {
        assert_eq!(line["id"], id.as_str(), "{line}");
        assert_eq!(
            (&line["method"], &line["route"]),
            (&method.into(), &route.into())
        );
        assert_eq!(
            (&line["status"], &line["address"]),
            (&status.into(), &"127.0.0.1".into())
        );
        assert!(
            line["ms"].is_number() && line["timestamp"].is_string(),
            "{line}"
        );
    }
    // Whose path, and with what in it, is nobody's business.
    assert!(
        !text.contains("in-the-query") && !text.contains("its-id"),
        "{text}"
    );
}

#[test]
fn text_is_written_where_it_was_asked_for() {
    let folder = TempDir::new();
    let log = folder.path().join("log");
    let server = start(folder.path(), &log, &[("COUNTERSIGN_LOG_FORMAT", "text")]);
    ask(server.port, "GET /livez HTTP/1.1");
    server.stop();
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.contains("/livez") && !text.contains('{'), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours in a file: {text:?}");
}

/// `script` is a terminal for whatever it runs.
#[test]
fn on_a_terminal_the_log_is_for_eyes() {
    let folder = TempDir::new();
    let said = folder.path().join("said");
    let inner = format!(
        "exec '{BINARY}' serve --listen localhost:0 >'{}'",
        said.display()
    );
    let like = command(folder.path(), &[]);
    let mut script = Command::new("script");
    script
        .args(["-qec", &inner, "/dev/null"])
        .current_dir(folder.path());
    for (name, _) in like.get_envs() {
        script.env_remove(name);
    }
    let script = script.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let Ok(mut script) = script else {
        skip("script (of util-linux) is missing");
        return;
    };
    for _ in 0..6000 {
        if std::fs::read_to_string(&said).is_ok_and(|said| said.ends_with("Ctrl-C stops it.\n")) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let version = crate::binary::json(&run(folder.path(), &["version", "--json"]));
    let pid = version["server"]["pid"].to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    let mut shown = String::new();
    script
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut shown)
        .unwrap();
    script.wait().unwrap();
    assert!(
        shown.contains("started") && shown.contains("stopped"),
        "{shown}"
    );
    assert!(
        !shown.contains('{') && shown.contains('\u{1b}'),
        "{shown:?}"
    );
}

/// Secrets have no printable form: not even the most talkative log holds one.
#[test]
fn no_log_holds_a_password_or_a_token() {
    const PASSWORD: &str = "nobody shall read this";
    let folder = TempDir::new();
    let log = folder.path().join("log");
    let server = start(folder.path(), &log, &[("COUNTERSIGN_LOG_LEVEL", "trace")]);
    let add = ["client", "add", "phone", "--kind", "native"];
    assert!(run(folder.path(), &add).status.success());
    let mut connection = Connection::open(server.port, Duration::from_secs(10)).unwrap();
    let form = serde_json::json!({ "email": "ada@example.com", "password": PASSWORD });
    connection.post("/v1/register", &form).unwrap().expect(201);
    let mut form = form;
    form["client_id"] = "phone".into();
    let tokens = connection.post("/v1/login", &form).unwrap().expect(200);
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let form = serde_json::json!({ "client_id": "phone", "refresh_token": refresh });
    connection.post("/v1/refresh", &form).unwrap().expect(200);
    let form = serde_json::json!({ "current_password": PASSWORD, "new_password": "short" });
    let changed = connection.send("POST", "/v1/me/password", Some(&access), Some(&form));
    changed.unwrap().expect(422);
    drop(connection);
    server.stop();

    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.lines().count() >= 6, "{text}");
    for secret in [PASSWORD, &access, &refresh, "$argon2"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

fn skip(reason: &str) {
    println!("SKIPPED: {reason}");
    assert!(
        std::env::var_os("STRICT").is_none_or(|strict| strict != "1"),
        "{reason}"
    );
}
