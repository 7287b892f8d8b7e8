//! An upgrade, node by node, under load. Nobody's request fails.
//!
//! The next version is made of this one in a folder of its own: a migration more, and a column read by its new name. The
//! short form takes its migration alone, and starts the present version again on what comes of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinSet, block_in_place};
use tokio::time::sleep;

use crate::ALONE;
use crate::binary::BINARY;
use crate::field::{Machines, NODES, Way};
use crate::guards::Guards;
use crate::skip::is_long;
use crate::{newcomers, owners};

const MIGRATION: &str = include_str!("next.sql");
const OWNERS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn node_by_node_without_a_failed_request() {
    let _alone = ALONE.lock().await;
    let mut machines = Machines::start(Way::ThroughTheBalancer, None, [0; NODES]).await;
    let known = machines.sql("SELECT max(version) FROM refinery_schema_history");
    let known: i32 = known.parse().unwrap();
    let next = is_long().then(|| block_in_place(|| build_next(known)));
    let guards = Arc::new(Guards::connect(&machines).await);
    let field = Arc::clone(&machines.field);
    let mut owners = JoinSet::new();
    for number in 0..OWNERS {
        let email = format!("owner-{number}@example.com");
        let token = machines.sign_up(&email).await;
        owners.spawn(owners::own(Arc::clone(&field), number, token));
    }
    let mut newcomers = JoinSet::new();
    newcomers.spawn(newcomers::come(Arc::clone(&field), Arc::clone(&guards), 0));
    // Everything has been asked once, and is prepared.
    sleep(Duration::from_secs(2)).await;

    let program = next.as_deref().unwrap_or(Path::new(BINARY));
    if next.is_none() {
        let next = known + 1;
        machines.sql(&format!(
            "BEGIN; {MIGRATION}
             INSERT INTO refinery_schema_history VALUES ({next}, 'next', '2026-01-01T00:00:00Z', '1'); COMMIT"
        ));
    }
    for node in 0..NODES {
        sleep(Duration::from_secs(2)).await;
        machines.take_out(node).await;
        machines.bring_back(node, program).await;
    }
    for _ in 0..600 {
        sleep(Duration::from_millis(100)).await;
        if field.journal.counted("signed out") > 10 {
            break;
        }
    }
    sleep(Duration::from_secs(2)).await;
    let there = machines.sql("SELECT max(version) FROM refinery_schema_history");
    assert_eq!(there, (known + 1).to_string());

    field.stop.send_replace(true);
    owners.join_all().await;
    let facts = newcomers.join_all().await;
    for facts in &facts {
        facts.check(&machines, &guards).await;
    }
    let differing =
        "SELECT count(*) FROM users WHERE name IS DISTINCT FROM display_name OR region <> 'here'";
    assert_eq!(machines.sql(differing), "0");
    println!("{NODES} nodes, one after the other:");
    field.journal.print();
    let mut wrongs = field.journal.wrongs();
    wrongs.extend(machines.defects());
    let some: Vec<_> = wrongs.iter().take(20).collect();
    assert!(wrongs.is_empty(), "{} of these: {some:#?}", wrongs.len());
    assert!(field.journal.counted("signed out") > 10);

    // The version after that one drops the old name, and says that the next one is the least that may come.
    machines.sql(&format!("UPDATE lives_with SET oldest = {}", known + 1));
    machines.take_out(0).await;
    let said = machines.refused(0, Path::new(BINARY));
    assert!(said.contains("run the newer version"), "{said}");
    if let Some(next) = &next {
        machines.bring_back(0, next).await;
        machines.sql(&format!("UPDATE lives_with SET oldest = {}", known + 2));
        machines.take_out(0).await;
        let said = machines.refused(0, next);
        assert!(said.contains("run the newer version"), "{said}");
    }
    machines.stop();
}

/// The binary of a version that is made of this one, in a folder of its own. What we build on is built already, beside
/// this one; and it has another name, so that nothing else runs it.
fn build_next(known: i32) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let beside = Path::new(BINARY).parent().unwrap();
    let target = beside.parent().unwrap();
    let folder = &target.join("next");
    let copied = Command::new("sh")
        .args([
            "-c",
            r#"rm -rf "$2" && mkdir "$2" && tar -C "$1" --exclude=target --exclude=.git -cf - . | tar -C "$2" -xf -"#,
            "sh",
        ])
        .args([&root, folder])
        .status();
    assert!(copied.unwrap().success());
    let next = known + 1;
    let migration = format!("-- lives with: {known}\n{MIGRATION}");
    let schema = folder.join("crates/store/src/postgres/schema");
    std::fs::write(schema.join(format!("V{next}__next.sql")), migration).unwrap();
    replace(
        folder,
        "crates/store/src/postgres/columns.rs",
        "u.username, u.name, ",
        "u.username, u.display_name, ",
    );
    let bin = "[dependencies]\n";
    let named = "[[bin]]\nname = \"countersign-next\"\npath = \"src/main.rs\"\n\n[dependencies]\n";
    replace(folder, "crates/server/Cargo.toml", bin, named);

    let mut build = Command::new(env!("CARGO"));
    build
        .args([
            "build",
            "--locked",
            "--offline",
            "-p",
            "countersign",
            "--bin",
            "countersign-next",
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(folder);
    if beside.ends_with("release") {
        build.arg("--release");
    }
    let made = build.output().unwrap();
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    beside.join("countersign-next")
}

/// What stands there once.
fn replace(folder: &Path, file: &str, old: &str, new: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(old).count(), 1, "{file}: {old}");
    std::fs::write(path, text.replace(old, new)).unwrap();
}
