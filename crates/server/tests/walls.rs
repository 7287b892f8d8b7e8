//! The walls between the crates: who may depend on whom, read from `cargo metadata`.
//!
//! A tower of five floors, each importing only floors below it, and no HTTP or SQL below the floor
//! that is for it. `docs/design.md`, "The tree", has the reasons.

use std::process::Command;

/// The floors, from the ground up.
const TOWER: [&str; 5] = [
    "countersign-jose",
    "countersign-guard",
    "countersign-auth",
    "countersign-store",
    "countersign",
];

/// Tools beside the tower: they may use every floor, nothing may use them.
const TOOLS: [&str; 2] = ["countersign-bench", "countersign-mutants"];

/// Floors which speak neither HTTP nor SQL.
const PURE: [&str; 3] = ["countersign-jose", "countersign-guard", "countersign-auth"];

/// Crates (and families, by prefix) which speak HTTP or SQL.
const HTTP_AND_SQL: [&str; 14] = [
    "axum",
    "deadpool",
    "h2",
    "http",
    "hyper",
    "libsqlite3",
    "postgres",
    "redis",
    "refinery",
    "reqwest",
    "rusqlite",
    "sqlx",
    "tokio-postgres",
    "tower",
];

/// A crate of the workspace, and what it needs when it is built for use (not for its tests).
struct Member {
    name: String,
    needs: Vec<String>,
}

impl Member {
    fn new(name: &str, needs: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
        }
    }
}

#[test]
fn each_crate_uses_only_the_floors_below_it() {
    assert_eq!(breaches(&workspace()), [""; 0]);
}

#[test]
fn nothing_that_speaks_http_or_sql_reaches_a_pure_crate_by_a_detour() {
    for floor in PURE {
        let tree = cargo(&[
            "tree",
            "-p",
            floor,
            "-e",
            "normal,build",
            "--prefix",
            "none",
        ]);
        let names: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert!(names.contains(&floor), "{floor} is not listed:\n{tree}");
        let found: Vec<&&str> = names
            .iter()
            .filter(|name| speaks_http_or_sql(name))
            .collect();
        assert!(found.is_empty(), "{floor} needs {found:?}");
    }
}

/// No runtime, and so no waiting: `jose` and the guard's core are bytes in, claims out.
#[test]
fn nothing_that_waits_reaches_the_two_lowest_floors() {
    for floor in &TOWER[..2] {
        let tree = cargo(&["tree", "-p", floor, "-e", "normal", "--prefix", "none"]);
        for line in tree.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            let waits = ["tokio", "mio", "futures-executor", "async-std", "smol"].contains(&name);
            assert!(!waits, "{floor} needs {name}");
        }
    }
}

#[test]
fn a_breach_is_seen() {
    let cases = [
        (
            Member::new("countersign-jose", &["countersign-guard"]),
            "countersign-jose may not use countersign-guard: it is not below it",
        ),
        (
            Member::new(
                "countersign-auth",
                &["countersign-jose", "countersign-store"],
            ),
            "countersign-auth may not use countersign-store: it is not below it",
        ),
        (
            Member::new("countersign-auth", &["serde", "hyper-util"]),
            "countersign-auth may not use hyper-util: this floor speaks neither HTTP nor SQL",
        ),
        (
            Member::new("countersign-guard", &["rusqlite"]),
            "countersign-guard may not use rusqlite: this floor speaks neither HTTP nor SQL",
        ),
        (
            Member::new("countersign", &["countersign-bench"]),
            "countersign may not use countersign-bench: it is a tool",
        ),
        (
            Member::new(
                "example-orders",
                &["countersign-guard", "countersign-store"],
            ),
            "example-orders may not use countersign-store: an example uses the guard alone",
        ),
        (
            Member::new("countersign-utils", &[]),
            "countersign-utils has no place in the tower: docs/design.md must say why it is needed",
        ),
    ];
    for (member, expected) in cases {
        assert_eq!(breaches(&[member]), [expected]);
    }
}

#[test]
fn what_is_allowed_is_no_breach() {
    let members = [
        Member::new("countersign-jose", &["aws-lc-rs", "serde", "httpdate"]),
        Member::new("countersign-store", &["countersign-auth", "rusqlite"]),
        Member::new(
            "countersign",
            &["countersign-jose", "countersign-store", "axum"],
        ),
        Member::new("countersign-bench", &["countersign", "axum"]),
        Member::new("example-orders", &["countersign-guard", "axum"]),
    ];
    assert_eq!(breaches(&members), [""; 0]);
}

/// What stands against the rules, a sentence each.
fn breaches(members: &[Member]) -> Vec<String> {
    members.iter().flat_map(breaches_of).collect()
}

fn breaches_of(member: &Member) -> Vec<String> {
    let name = member.name.as_str();
    let floor = floor_of(name);
    let is_example = name.starts_with("example-");
    if floor.is_none() && !is_example && !TOOLS.contains(&name) {
        return vec![format!(
            "{name} has no place in the tower: docs/design.md must say why it is needed"
        )];
    }

    let mut found = Vec::new();
    for need in member.needs.iter().map(String::as_str) {
        let reason = if TOOLS.contains(&need) {
            "it is a tool"
        } else if floor.is_some() && floor_of(need) >= floor {
            "it is not below it"
        } else if is_example && floor_of(need).is_some() && need != "countersign-guard" {
            "an example uses the guard alone"
        } else if PURE.contains(&name) && speaks_http_or_sql(need) {
            "this floor speaks neither HTTP nor SQL"
        } else {
            continue;
        };
        found.push(format!("{name} may not use {need}: {reason}"));
    }
    found
}

/// Its place in [`TOWER`]; `None` (which is below every floor) for what is not of ours.
fn floor_of(name: &str) -> Option<usize> {
    TOWER.iter().position(|&floor| floor == name)
}

/// Whether this is one of [`HTTP_AND_SQL`], or of its family: `hyper-util` is of `hyper`.
fn speaks_http_or_sql(name: &str) -> bool {
    HTTP_AND_SQL.iter().any(|family| {
        name.strip_prefix(family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    })
}

/// The members of this workspace, with their direct normal and build dependencies. What the guard needs for its features
/// (`net`, `axum`) is left out: its core is built without, and whether a floor above takes them in, its tree tells.
fn workspace() -> Vec<Member> {
    let text = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let members: Vec<Member> = list(&metadata["packages"])
        .iter()
        .map(|package| Member {
            name: text_of(&package["name"]),
            needs: list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .filter(|dependency| {
                    package["name"] != "countersign-guard" || dependency["optional"] != true
                })
                .map(|dependency| text_of(&dependency["name"]))
                .collect(),
        })
        .collect();
    for floor in TOWER {
        let is_there = members.iter().any(|member| member.name == floor);
        assert!(is_there, "the workspace has no crate {floor}");
    }
    members
}

fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    value.as_array().expect("an array in cargo's metadata")
}

fn text_of(value: &serde_json::Value) -> String {
    let text = value.as_str().expect("a text in cargo's metadata");
    text.to_owned()
}

/// What a `cargo` command prints, which needs no network and must succeed.
fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8 from cargo")
}
