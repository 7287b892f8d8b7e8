//! A script of `tests/browser`, and what it may ask for while it runs.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::skip::{is_long, skip};

/// What a script prints before something that it asks for; the answer is a line on its standard input.
const ASKS: &str = "ASK: ";

/// Runs `tests/browser/<name>.mjs`, which is told this, and whether the long form is wanted (`told` in lib/harness.mjs). What
/// it asks for (`ask` there), it is given. Skipped, loudly, where Chromium or Node.js is missing.
pub fn run(name: &str, mut told: Value, mut give: impl FnMut(&Value) -> Value) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (Some(tools), Some(chromium)) = (tools(&root), chromium()) else {
        skip("Chromium or the tools of `make setup` are missing (target/tools)");
        return;
    };
    told["long"] = is_long().into();
    told["chromium"] = json!(chromium);
    told["packages"] = json!(tools.join("browser"));
    let script = root.join("tests/browser").join(name);
    let mut child = Command::new(tools.join("venv/bin/node"))
        .arg(script.with_extension("mjs"))
        .arg(told.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = child.stdin.take().unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some(asked) = line.strip_prefix(ASKS) else {
            println!("{line}");
            continue;
        };
        let answer = give(&serde_json::from_str(asked).unwrap());
        writeln!(answers, "{answer}").unwrap();
    }
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{name}: {ended}");
}

/// Where the tools are: in this checkout, or in that of which this one is a copy (`make mutants`).
fn tools(root: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().unwrap();
    root.ancestors()
        .map(|folder| folder.join("target/tools"))
        .find(|tools| tools.join("venv/bin/node").exists() && tools.join("browser").exists())
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("chromium"))
        .find(|file| file.exists())
}
