//! `kill -9` leaves the system's cache as it is, so it cannot show that an answer waits for the disk. The system calls can.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::{self, Server, command, run};
use crate::ledger::{PASSWORD, refresh, sign_in};
use crate::skip::skip;
use crate::temp::TempDir;
use crate::trace::{Answer, answers};

#[test]
fn no_answer_leaves_before_the_sync_that_covers_its_commit() {
    if !can_trace() {
        skip("strace is missing, or may not trace here");
        return;
    }
    let folder = TempDir::new();
    let file = folder.path().join("trace");
    let server = start_traced(folder.path(), &file);
    let phone = ["client", "add", "phone", "--kind", "native", "--json"];
    binary::json(&run(folder.path(), &phone));
    wait_for_staged_keys(folder.path());
    let requests = write_things(&server);
    end_traced(server, folder.path());

    let trace = std::fs::read_to_string(&file).unwrap();
    let answers = answers(&trace);
    assert_eq!(
        answers.len(),
        requests.len(),
        "an answer for each request: {answers:?}"
    );
    for (request, answer) in requests.iter().zip(&answers) {
        println!("{request}: {answer:?}");
        let Answer {
            writes,
            syncs,
            is_early,
            status,
        } = *answer;
        assert!((200..300).contains(&status), "{request}: {answer:?}");
        assert!(
            !is_early,
            "{request} was answered before its commit was on the disk: {answer:?}"
        );
        assert!(
            writes > 0 && syncs > 0,
            "{request} wrote nothing: {answer:?}"
        );
    }
}

/// One request after the other, each of which changes something. What they were.
fn write_things(server: &Server) -> Vec<&'static str> {
    const EMAIL: &str = "ada@example.com";
    let mut connection = server.connect();
    let form = json!({ "email": EMAIL, "password": PASSWORD });
    connection.post("/v1/register", &form).unwrap().expect(201);
    let first = sign_in(&mut connection, EMAIL).unwrap();
    // The interval is 250 ms: after it, a renewal makes a new generation.
    thread::sleep(Duration::from_millis(300));
    let second = refresh(&mut connection, &first.text("refresh_token"))
        .unwrap()
        .expect(200);
    assert_ne!(first.text("refresh_token"), second.text("refresh_token"));
    let access = second.text("access_token");
    let mut call = |method, path, body: Option<&Value>| {
        let reply = connection.send(method, path, Some(&access), body);
        reply.unwrap()
    };
    let name = json!({ "name": "Ada" });
    call("PATCH", "/v1/me", Some(&name)).expect(200);
    let change = json!({ "current_password": PASSWORD, "new_password": "another good long one" });
    let third = call("POST", "/v1/me/password", Some(&change)).expect(200);
    let access = third.text("access_token");
    let reply = connection.send("POST", "/v1/logout", Some(&access), None);
    reply.unwrap().expect(204);
    vec![
        "registration",
        "sign-in",
        "renewal",
        "change of name",
        "change of password",
        "sign-out",
    ]
}

fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    let tried = strace
        .args(["-f", "-qq", "-e", "trace=none", "true"])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

fn start_traced(folder: &Path, file: &Path) -> Server {
    let calls = "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg";
    let server = command(folder, &["serve"]);
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-yy", "-s", "32", "-e", calls, "-o"])
        .arg(file)
        .arg("--")
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir(folder)
        .stdin(Stdio::null());
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    Server::start_by(
        strace,
        0,
        &[("COUNTERSIGN_SESSIONS_CLIENT_TIMEOUT", "100ms")],
    )
}

/// The chores of the start are done when keys are staged: nothing else writes for half a minute.
fn wait_for_staged_keys(folder: &Path) {
    for _ in 0..500 {
        let keys = binary::json(&run(folder, &["keys", "list", "--json"]));
        let staged = keys
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| key["state"] == "staged");
        if staged.count() == 2 {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("no keys were staged");
}

/// The signal must reach the server: `strace` itself does not heed it.
fn end_traced(server: Server, folder: &Path) {
    let version = binary::json(&run(folder, &["version", "--json"]));
    let pid = version["server"]["pid"].to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    server.wait();
}
