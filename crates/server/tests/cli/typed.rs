//! Commands that somebody types something into.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::binary::command;

/// Runs a command with this on its standard input.
pub fn run_with(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = command(folder, args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who does not read it has no need of it.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}
