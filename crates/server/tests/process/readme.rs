//! The commands of README.md, docs/tokens.md, docs/operations.md and docs/styles do what they say. CONTRIBUTING.md says how they are marked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::binary::{BINARY, Server};
use crate::skip::skip;
use crate::temp::TempDir;

/// Where the papers say that the server is.
const ADDRESS: &str = "http://localhost:8080";

#[test]
fn the_commands_of_the_readme_work() {
    if tools().join("python3").exists() {
        works("README.md");
    } else {
        skip("the tools of `make setup` are missing (target/tools)");
    }
}

#[test]
fn the_commands_of_the_page_on_tokens_work() {
    works("docs/tokens.md");
}

#[test]
fn the_commands_of_the_page_on_operations_work() {
    works("docs/operations.md");
}

#[test]
fn the_commands_of_the_pages_on_styles_work() {
    works("docs/styles/rotating.md");
    works("docs/styles/stateless.md");
    works("docs/styles/sliding.md");
    works("docs/styles/gateway.md");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tools() -> PathBuf {
    root().join("target/tools/venv/bin")
}

/// Runs every command of a paper.
fn works(paper: &str) {
    let text = std::fs::read_to_string(root().join(paper)).unwrap();
    let tests = blocks(&text);
    assert!(!tests.is_empty(), "{paper} shows no command that is tested");
    for (name, script) in tests {
        run(&name, &script, &tools());
    }
}

/// The blocks of one name, one after the other, by name.
fn blocks(readme: &str) -> BTreeMap<String, String> {
    let mut tests: BTreeMap<String, String> = BTreeMap::new();
    let mut marker = None;
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("<!-- test: ") {
            marker = Some(comment.trim_end_matches("-->").trim().to_owned());
        } else if line == "```sh" {
            let name = marker
                .take()
                .unwrap_or_else(|| panic!("a block of commands without a test"));
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if !name.starts_with("none:") {
                let script = tests.entry(name).or_default();
                script.push_str(&body.join("\n"));
                script.push('\n');
            }
        } else if !line.is_empty() {
            marker = None;
        }
    }
    tests
}

fn run(name: &str, script: &str, tools: &Path) {
    let folder = TempDir::new();
    let server = Server::first(folder.path(), 0);
    let script = script.replace(ADDRESS, &server.issuer);
    let mut path = vec![
        PathBuf::from(BINARY).parent().unwrap().to_owned(),
        tools.to_owned(),
    ];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("PATH", std::env::join_paths(path).unwrap())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success(),
        "{name}: {:?}\n{script}\n{said}",
        output.status
    );
    println!("{name}:\n{said}");
    server.stop();
}

#[test]
fn a_block_that_nobody_runs_is_seen() {
    let untested = "text\n\n```sh\nrm -rf /\n```\n";
    assert!(std::panic::catch_unwind(|| blocks(untested)).is_err());
    let tested = "<!-- test: a -->\n```sh\none\n```\n\n<!-- test: none: why -->\n```sh\nno\n```\n\n<!-- test: a -->\n```sh\ntwo\n```\n";
    let expected = BTreeMap::from([("a".to_owned(), "one\ntwo\n".to_owned())]);
    assert_eq!(blocks(tested), expected);
}
