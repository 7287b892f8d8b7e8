//! How often a check asks for memory, as `countersign-allocations` counts it.

use std::process::Command;

use crate::report::{Goal, Report};

const COUNTER: &str = "countersign-allocations";

/// Prints the counts.
pub fn print(report: &mut Report) {
    report.say(
        "Allocations, counted by a program of its own: how often one check asks Rust's allocator, once everything that \
         is made once has been made. (AWS-LC, which is C, has its own.) The goal is what the caller keeps: one for the \
         claims' shared home, one for each string among them; for a token that is refused, nothing.",
    );
    let path = std::env::current_exe()
        .expect("a path")
        .with_file_name(COUNTER);
    if !path.exists() {
        report.say(&format!(
            "Left out: `cargo build --release -p countersign-bench` builds {COUNTER}."
        ));
        return;
    }
    let output = Command::new(path).output().expect("a program that starts");
    assert!(output.status.success(), "{COUNTER}: {output:?}");
    let counts = String::from_utf8(output.stdout).expect("UTF-8");
    for line in counts.lines() {
        let [name, count, at_most] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{COUNTER} says {line}");
        };
        let goal = at_most.parse().ok().map(Goal::AtMost);
        let count = count.parse().expect("a number");
        report.once(&format!("allocations: {name}"), count, "", goal);
    }
}
