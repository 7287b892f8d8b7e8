//! Backups that are none, and schemas of other versions.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::binary::{Server, command, json, run};
use crate::temp::TempDir;

fn database(folder: &Path) -> std::path::PathBuf {
    folder.join("countersign-data/countersign.db")
}

/// The code of a failure, and its words.
#[track_caller]
fn refused(folder: &Path, args: &[&str]) -> (String, String) {
    let output = run(folder, &[args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let failure: Value = serde_json::from_slice(&output.stderr).unwrap();
    let text = |key: &str| failure["error"][key].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

/// As a later version would leave it, which promises to live with whoever knows the schema up to `oldest`.
fn migrate_ahead(database: &Path, oldest: u32) {
    let file = Connection::open(database).unwrap();
    file.execute(
        "INSERT INTO refinery_schema_history VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')",
        [],
    )
    .unwrap();
    file.pragma_update(None, "user_version", oldest).unwrap();
}

#[test]
fn what_is_no_whole_backup_is_refused() {
    let folder = TempDir::new();
    let path = folder.path();
    Server::start(path, 0, &[]).stop();
    // Without a server, too.
    let made = json(&run(path, &["backup", "good.db", "--json"]));
    assert_eq!(made["clients"], 2, "{made}");
    let good = fs::read(path.join("good.db")).unwrap();
    fs::write(
        path.join("text.db"),
        "not a database, but long enough to be taken for one".repeat(99),
    )
    .unwrap();
    fs::write(path.join("empty.db"), "").unwrap();
    fs::write(path.join("short.db"), &good[..good.len() / 2]).unwrap();
    // A page in the middle is of another life of the disk.
    let mut torn = good.clone();
    let middle = good.len() / 4096 / 2 * 4096;
    torn[middle..middle + 4096].fill(0xa5);
    fs::write(path.join("torn.db"), torn).unwrap();
    fs::write(path.join("newer.db"), &good).unwrap();
    migrate_ahead(&path.join("newer.db"), 999);
    let other = Connection::open(path.join("other.db")).unwrap();
    other
        .execute_batch("CREATE TABLE users (name TEXT)")
        .unwrap();
    other.close().unwrap();

    fs::create_dir(path.join("lost")).unwrap();
    fs::rename(database(path), path.join("lost/countersign.db")).unwrap();
    for (file, codes, words) in [
        ("missing.db", &["file"][..], "No such file"),
        ("text.db", &["no_backup"], "no backup"),
        ("empty.db", &["no_backup"], "no backup"),
        ("other.db", &["no_backup"], "no backup"),
        ("short.db", &["damaged", "no_backup"], "short.db"),
        ("torn.db", &["damaged"], "take another backup"),
        ("newer.db", &["cannot_open"], "run the newer version"),
    ] {
        let (code, message) = refused(path, &["restore", file]);
        assert!(codes.contains(&code.as_str()), "{file}: {code}: {message}");
        assert!(message.contains(words), "{file}: {message}");
        let data = fs::read_dir(path.join("countersign-data")).unwrap();
        let names: Vec<_> = data
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("countersign.db"))
            .collect();
        assert!(names.is_empty(), "{file} left {names:?}");
    }
    // A log that a lost store left would be taken for the restored one's.
    fs::write(database(path).with_extension("db-wal"), "left").unwrap();
    assert_eq!(refused(path, &["restore", "good.db"]).0, "occupied");
    fs::remove_file(database(path).with_extension("db-wal")).unwrap();
    json(&run(path, &["restore", "good.db", "--json"]));
    assert_eq!(fs::read(path.join("good.db")).unwrap(), good);
    Server::start(path, 0, &[]).stop();
}

#[test]
fn a_schema_of_another_version() {
    let folder = TempDir::new();
    let path = folder.path();
    let check = || {
        let output = run(path, &["migrate", "--check", "--json"]);
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code().unwrap(), shown)
    };
    assert_eq!(refused(path, &["migrate", "--check"]).0, "no_data");
    fs::create_dir(path.join("countersign-data")).unwrap();
    fs::write(database(path), "").unwrap();
    let (code, shown) = check();
    assert_eq!((code, &shown["verdict"]), (3, &"behind".into()), "{shown}");
    assert_eq!(
        (&shown["schema"], &shown["steps"][0]),
        (&0.into(), &"first".into())
    );
    assert_eq!(check().0, 3, "looking changed it");
    json(&run(path, &["migrate", "--json"]));
    let (code, shown) = check();
    assert_eq!((code, &shown["verdict"]), (0, &"current".into()), "{shown}");
    assert_eq!(shown["schema"], shown["known"]);
    let known = u32::try_from(shown["known"].as_u64().unwrap()).unwrap();

    // The next version's schema, with which this one can live; and one with which it cannot.
    migrate_ahead(&database(path), known);
    let (code, shown) = check();
    assert_eq!(
        (code, &shown["verdict"]),
        (0, &"lives_with".into()),
        "{shown}"
    );
    Server::start(path, 0, &[]).stop();
    Connection::open(database(path))
        .unwrap()
        .pragma_update(None, "user_version", known + 1)
        .unwrap();
    let (code, shown) = check();
    assert_eq!((code, &shown["verdict"]), (1, &"ahead".into()), "{shown}");
    let served = command(path, &["serve"])
        .env("COUNTERSIGN_LISTEN", "localhost:0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&served.stderr);
    assert_eq!(served.status.code(), Some(1), "{said}");
    assert!(said.contains("run the newer version"), "{said}");
}
