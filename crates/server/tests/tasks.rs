//! The developer's tasks: each is listed, CI runs what `make test` runs, and a summary counts what it says it counts.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// What `make` prints for these arguments; nothing is run.
fn make(args: &[&str]) -> String {
    let output = Command::new("make")
        .arg("--no-print-directory")
        .args(args)
        .current_dir(root())
        .env_remove("MAKEFLAGS")
        .output()
        .expect("make starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn make_alone_lists_every_task() {
    let help = make(&[]);
    let makefile = read("Makefile");
    let mut tasks = 0;
    for line in makefile.lines().filter(|line| line.starts_with(".PHONY:")) {
        for task in line.split_whitespace().skip(1) {
            tasks += 1;
            let listed = help.lines().any(|line| {
                let mut words = line.split_whitespace();
                (words.next(), words.next()) == (Some("make"), Some(task)) && words.next().is_some()
            });
            assert!(listed, "{task} is not in:\n{help}");
        }
    }
    for task in [
        "run", "check", "test", "test-all", "chaos", "bench", "mutants", "fuzz", "lint", "docs",
    ] {
        assert!(makefile.contains(&format!("\n{task}: ")), "{task}");
    }
    assert!(tasks >= 9, "{tasks}");
}

#[test]
fn the_tasks_run_the_steps_that_they_promise() {
    let steps = |task: &str| -> Vec<String> {
        let plan = make(&["-n", task]);
        let line = plan.lines().find(|line| line.contains("scripts/checks"));
        let line = line.unwrap_or_else(|| panic!("{task} checks nothing: {plan}"));
        let (_, steps) = line.split_once("scripts/checks").expect("found before");
        steps.split_whitespace().map(str::to_owned).collect()
    };
    let test = [
        "format",
        "lint",
        "dependencies",
        "tests",
        "model",
        "fuzz",
        "docs",
    ];
    assert_eq!(steps("test"), test);
    let mut all = test.to_vec();
    all.insert(6, "fuzz-lint");
    assert_eq!(steps("test-all"), all);
    assert!(make(&["-n", "test-all"]).contains("LONG=1"));
    assert_eq!(steps("check"), ["format", "lint", "fast-tests"]);
    for step in ["format", "lint", "walls", "dependencies"] {
        assert!(steps("lint").contains(&step.to_owned()), "{step}");
    }
    assert!(read(".ci/run").contains("\nexec make test"));
    let fuzz = make(&["-n", "fuzz", "SECONDS=60", "ARGS=jws pem"]);
    assert_eq!(fuzz, "scripts/fuzz run --seconds 60 jws pem\n");
    assert!(make(&["-n", "fuzz"]).contains("--seconds 1800"));
    let chaos = make(&["-n", "chaos"]);
    assert!(
        chaos.contains("LONG=1 cargo test") && chaos.contains("--test chaos with_sessions"),
        "{chaos}"
    );
}

/// The committed corpus is small, and says what the inputs look like.
#[test]
fn each_fuzz_target_is_built_and_has_a_corpus() {
    let manifest = read("fuzz/Cargo.toml");
    let mut bytes = 0;
    for target in ["jws", "jwe", "jwk", "key_set", "pem", "claims"] {
        let path = format!("path = \"fuzz_targets/{target}.rs\"");
        assert!(manifest.contains(&path), "{target}");
        assert!(read(&format!("fuzz/fuzz_targets/{target}.rs")).starts_with("//! "));
        let corpus = fs::read_dir(root().join("fuzz/corpus").join(target)).expect(target);
        let sizes = corpus.map(|file| file.expect("a file").metadata().expect("a size").len());
        let sizes: Vec<u64> = sizes.collect();
        assert!(sizes.len() > 10, "{target}: {}", sizes.len());
        bytes += sizes.iter().sum::<u64>();
    }
    assert!(bytes < 1_000_000, "{bytes}");
}

/// Writes a program into a folder.
///
/// Another process writes it: a child that another test starts meanwhile inherits what is open here for a moment,
/// and a program that is open for writing anywhere cannot be run ("text file busy").
fn install(name: &str, text: &str, folder: &Path) {
    let mut install = Command::new("install")
        .args(["-D", "-m", "755", "/dev/stdin"])
        .arg(folder.join(name))
        .stdin(Stdio::piped())
        .spawn()
        .expect("install starts");
    let mut stdin = install.stdin.take().expect("piped");
    stdin.write_all(text.as_bytes()).expect("a file");
    drop(stdin);
    assert!(install.wait().expect("install ends").success(), "{name}");
}

/// `scripts/checks` in a folder of its own, where `cargo` says this and ends so.
struct Checks(PathBuf);

impl Checks {
    fn new(name: &str, cargo_says: &str, status: u8) -> Self {
        let name = format!("countersign-tasks-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let cargo = format!("#!/bin/sh\ncat <<'END'\n{cargo_says}\nEND\nexit {status}\n");
        install("scripts/checks", &read("scripts/checks"), &folder);
        install("bin/cargo", &cargo, &folder);
        Self(folder)
    }

    /// The last line, and whether all is well.
    fn run(&self, steps: &[&str], strict: bool) -> (String, bool) {
        let path = std::env::var("PATH").expect("a path");
        let Output { status, stdout, .. } = Command::new(self.0.join("scripts/checks"))
            .args(steps)
            .env("PATH", format!("{}:{path}", self.0.join("bin").display()))
            .env("STRICT", if strict { "1" } else { "" })
            .env_remove("JOSE_VECTORS")
            .output()
            .expect("the script starts");
        let said = String::from_utf8(stdout).expect("UTF-8");
        let last = said.lines().last().unwrap_or_default().to_owned();
        (last, status.success())
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_summary_counts_what_ran_and_strict_forbids_to_skip() {
    const GOOD: &str = "test a ... ok\ntest result: ok. 40 passed; 0 failed; 0 ignored; 0 measured\n\
                        test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured";
    let checks = Checks::new("good", GOOD, 0);
    let all = String::from("42 passed, 0 failed, 0 skipped");
    assert_eq!(checks.run(&["tests"], true), (all, true));

    let skipping =
        format!("{GOOD}\ntest result: ok. 1 passed; 0 failed; 3 ignored\nSKIPPED: no vectors");
    let checks = Checks::new("skipping", &skipping, 0);
    // One of those that "passed" only said that it did not run.
    let some = String::from("42 passed, 0 failed, 4 skipped");
    assert_eq!(checks.run(&["tests"], false), (some, true));
    let (last, well) = checks.run(&["tests"], true);
    assert!(!well, "{last}");
    assert_eq!(last, "42 passed, 4 failed, 4 skipped");

    let failing =
        format!("{GOOD}\ntest b ... FAILED\ntest result: FAILED. 1 passed; 2 failed; 0 ignored");
    let checks = Checks::new("failing", &failing, 101);
    let bad = String::from("43 passed, 2 failed, 0 skipped");
    assert_eq!(checks.run(&["tests"], false), (bad, false));

    // A step that fails without a test, and tests of which there are none.
    let checks = Checks::new("broken", "error: it does not compile", 101);
    assert!(!checks.run(&["lint"], false).1);
    let checks = Checks::new("none", "nothing", 0);
    assert!(!checks.run(&["tests"], false).1);
}
