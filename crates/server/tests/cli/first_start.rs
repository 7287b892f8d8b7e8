//! "One command starts it": the commands that a first start prints, pasted.

use std::process::Command;

use crate::binary::{Server, run};
use crate::temp::TempDir;

/// The commands that the server printed.
fn printed(said: &str) -> Vec<String> {
    let lines = said.lines().map(str::trim);
    let commands = lines.filter(|line| line.starts_with("curl ") || line.starts_with("TOKEN="));
    commands.map(ToOwned::to_owned).collect()
}

#[test]
fn the_printed_commands_work_as_pasted_and_all_is_kept() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
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
    assert_eq!(text.matches("ada@example.com").count(), 2, "{text}");

    let keys = run(folder.path(), &["keys", "list", "--json"]).stdout;
    let sessions = ["sessions", "list", "ada@example.com", "--json"];
    let before = run(folder.path(), &sessions).stdout;
    server.stop();

    // Somebody is registered now: nothing more to say about that.
    let server = Server::start(folder.path(), port, &[]);
    assert_eq!(run(folder.path(), &["keys", "list", "--json"]).stdout, keys);
    assert_eq!(run(folder.path(), &sessions).stdout, before);
    let again = Command::new("bash")
        .args(["-euc", &commands[1..].join("\n")])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).contains("ada@example.com"));
    assert_eq!(printed(&server.greeting), [""; 0]);
    server.stop_by("INT");
}
