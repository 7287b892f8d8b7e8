//! Help, completions, and what is not understood.

use crate::binary::{BINARY, json, run};
use crate::temp::TempDir;
use crate::typed::run_with;

/// Every command that there is, as its words.
const COMMANDS: [&str; 53] = [
    "serve",
    "init",
    "check",
    "doctor",
    "demo",
    "user",
    "user add",
    "user list",
    "user show",
    "user set",
    "user disable",
    "user enable",
    "user password",
    "user role",
    "user export",
    "user delete",
    "client",
    "client add",
    "client list",
    "client show",
    "client rotate-secret",
    "client disable",
    "client enable",
    "sessions",
    "sessions list",
    "sessions end",
    "sessions end-all",
    "revoke",
    "revoke session",
    "revoke user",
    "revoke client",
    "revoke token",
    "revoke all",
    "keys",
    "keys list",
    "keys rotate",
    "keys remove",
    "audit",
    "backup",
    "restore",
    "migrate",
    "move",
    "token",
    "token inspect",
    "token verify",
    "token sign",
    "token encrypt",
    "token decrypt",
    "token key",
    "token key generate",
    "token key thumbprint",
    "token key convert",
    "version",
];

#[test]
fn every_command_has_help() {
    let folder = TempDir::new();
    for command in COMMANDS {
        let mut args: Vec<&str> = command.split(' ').collect();
        args.push("--help");
        let output = run(folder.path(), &args);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(text.contains("Usage: countersign"), "{command}: {text}");
    }
    let general = run(folder.path(), &["--help"]);
    let text = String::from_utf8_lossy(&general.stdout);
    for command in COMMANDS.iter().filter(|command| !command.contains(' ')) {
        assert!(
            text.contains(&format!("  {command} ")),
            "{command} is not in the help"
        );
    }
}

/// In a row of its group, of which the first names the group: "`user add`, `list`, …".
#[test]
fn the_papers_list_every_command() {
    let page = include_str!("../../../../docs/operators.md");
    let listed: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .flat_map(|(names, _)| {
            let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
            let group = names.first().and_then(|first| first.split_once(' '));
            let grouped = names.iter().map(move |name| match group {
                Some((group, _)) if !name.contains(' ') => format!("{group} {name}"),
                _ => (*name).to_owned(),
            });
            grouped.collect::<Vec<_>>()
        })
        .collect();
    for command in COMMANDS {
        let is_listed = listed.iter().any(|name| {
            let rest = name.strip_prefix(command);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        let is_finer = command.starts_with("token key ");
        assert!(is_listed || is_finer, "{command}: {listed:?}");
    }
}

#[test]
fn what_is_not_understood_ends_with_2() {
    let folder = TempDir::new();
    for args in [
        "fly",
        "user",
        "user add",
        "user show",
        "user list --limit many",
        "user set ada --name A --no-name",
        "user add a@example.com --no-password --password-file x",
        "user add a@example.com --attribute =1",
        "client add UPPER",
        "client add shop --kind toaster",
        "client add shop --style eternal",
        "client add shop --access-ttl 5",
        "client add shop --claim role",
        "client add shop --claim role=shoe-size",
        "sessions end",
        "sessions end not-an-id",
        "sessions end-all",
        "sessions end-all ada --everybody",
        "revoke",
        "revoke everything",
        "revoke session not-an-id",
        "revoke client UPPER",
        "revoke token eyJhbGciOiJFUzI1NiJ9.e30.c2ln",
        "revoke all ada",
        "backup",
        "restore",
        "restore saved.db --in-place",
        "audit --since yesterday",
        "serve --listen nowhere",
        "init --issuer http://auth.example.com",
        "doctor --issuer http://auth.example.com",
        "doctor --issuer https://auth.example.com/path",
        "doctor --app-origin https://app.example.com/page",
        "doctor --client shop",
        "doctor --service orders",
        "completions dos",
        "--port 80",
    ] {
        let output = run(folder.path(), &args.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{args}: {output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.starts_with("error: ") || text.contains("Usage:"),
            "{args}: {text}"
        );
    }
    let nothing = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(
        nothing, 0,
        "a command that was not understood left something behind"
    );
}

#[test]
fn a_password_must_come_from_somewhere() {
    let folder = TempDir::new();
    let output = run_with(folder.path(), &["user", "add", "ada@example.com"], "");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("standard input or by --password-file"),
        "{text}"
    );
    let argument = ["user", "add", "ada@example.com", "--password", "secret"];
    assert_eq!(run(folder.path(), &argument).status.code(), Some(2));
}

#[test]
fn shells_complete_it() {
    let folder = TempDir::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(folder.path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8_lossy(&output.stdout);
        for word in ["end-all", "rotate", "--json"] {
            assert!(
                script.contains(word.trim_start_matches('-')),
                "{shell}: {word}"
            );
        }
    }
    // What bash makes of it.
    let script = format!(
        "source <('{BINARY}' completions bash); COMP_WORDS=(countersign sessions e); COMP_CWORD=2; \
         _countersign countersign e sessions; echo \"${{COMPREPLY[@]}}\""
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .output()
        .unwrap();
    let offered = String::from_utf8_lossy(&output.stdout);
    assert_eq!(offered.trim(), "end end-all", "{output:?}");
}

/// What changes data speaks it in `commands`, beside a server and without one.
#[test]
fn what_needs_no_data_speaks_json_as_well() {
    let folder = TempDir::new();
    for (args, key) in [
        (&["init"][..], "file"),
        (&["check"], "issuer"),
        (&["version"], "version"),
    ] {
        let spoken = json(&run(folder.path(), &[args, &["--json"]].concat()));
        assert!(spoken.get(key).is_some(), "{args:?}: {spoken}");
    }
}

#[test]
fn the_version_is_said() {
    let folder = TempDir::new();
    for args in [&["version"][..], &["--version"]] {
        let output = run(folder.path(), args);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            text.trim(),
            concat!("countersign ", env!("CARGO_PKG_VERSION"))
        );
    }
}
