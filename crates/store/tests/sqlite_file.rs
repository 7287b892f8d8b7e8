//! What concerns SQLite alone: the file, its lock and its schema, what a crash leaves, how writes are gathered.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod scratch;

use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::task::Poll;
use std::time::Duration;

use countersign_auth::directory::Directory;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{Actor, AuditEntry, AuditQuery, Happening, Origin};
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::key::KeyState;
use countersign_auth::model::user::NewUser;
use countersign_auth::password::StoredPassword;
use countersign_auth::sessions::Sessions;
use countersign_auth::store::StoreError;
use countersign_guard::Revocation;
use countersign_store::{OpenError, Sqlite, SqliteOptions, Written};
use rusqlite::Connection;
use scratch::Scratch;

fn open(path: &Path) -> Result<Sqlite, OpenError> {
    Sqlite::open(path, &SqliteOptions::default())
}

fn origin() -> Origin {
    Origin {
        at: Timestamp::from_secs(1_800_000_000),
        actor: Actor::Server,
        address: None,
        agent: None,
    }
}

fn line(detail: &str) -> AuditEntry {
    AuditEntry::new(Happening::SignInFailed, &origin()).detail(detail)
}

async fn lines(store: &Sqlite) -> usize {
    let everything = AuditQuery {
        limit: u32::MAX,
        ..AuditQuery::default()
    };
    store.audit(everything).await.unwrap().len()
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_new_start() {
    let scratch = Scratch::new();
    let client = Client::new(ClientId::default(), ClientKind::Browser, origin().at);
    let store = open(&scratch.database()).unwrap();
    store.put_client(client.clone(), &origin()).await.unwrap();
    let cursor = store
        .revoke(Revocation::All { below: 0 }, &origin())
        .await
        .unwrap();
    store.close().await.unwrap();

    let store = open(&scratch.database()).unwrap();
    assert_eq!(store.clients().await.unwrap(), [client]);
    assert_eq!(store.issuer_epoch().await.unwrap(), 1);
    let page = store.revocations(Some(cursor), origin().at, 10).await;
    let page = page.unwrap();
    assert!(!page.anew, "the same incarnation");
    assert_eq!((page.entries, page.cursor), (Vec::new(), cursor));
}

#[tokio::test]
async fn one_process_at_a_time() {
    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    let clone = store.clone();
    let refused = open(&scratch.database()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains("in use by another process"));
    drop(store);
    assert!(open(&scratch.database()).is_err(), "a clone has it");
    drop(clone);
    let again = open(&scratch.database()).unwrap();
    again.close().await.unwrap();
    // Closed is free, though a handle is left.
    open(&scratch.database()).unwrap();
    drop(again);
}

#[tokio::test]
async fn closed_is_closed() {
    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    let clone = store.clone();
    store.note(line("before")).await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    let written = clone.note(line("after")).await;
    assert!(matches!(written, Err(StoreError::Unavailable(_))));
    let read = clone.clients().await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))));
    // The log was copied back: the file alone is the whole.
    assert!(
        !scratch
            .database()
            .with_file_name("countersign.db-wal")
            .exists()
    );
    let file = Connection::open(scratch.database()).unwrap();
    let lines: i64 = file
        .query_row("SELECT count(*) FROM audit", [], |row| row.get(0))
        .unwrap();
    assert_eq!(lines, 1);
}

#[tokio::test]
async fn closing_does_what_waits() {
    let scratch = Scratch::new();
    let slow = SqliteOptions {
        commit_delay: Duration::from_millis(200),
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&scratch.database(), &slow).unwrap();
    let mut waiting = Vec::new();
    for number in 0..600 {
        let writer = store.clone();
        let mut note = Box::pin(async move { writer.note(line(&number.to_string())).await });
        // Asked for, but not waited for.
        assert!(poll_once(&mut note).await.is_none());
        waiting.push(note);
    }
    store.close().await.unwrap();
    for note in waiting {
        note.await.unwrap();
    }
    assert_eq!(lines(&open(&scratch.database()).unwrap()).await, 600);
}

/// Polls once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| match Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_writes_share_a_commit() {
    let scratch = Scratch::new();
    let slow = SqliteOptions {
        commit_delay: Duration::from_millis(5),
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&scratch.database(), &slow).unwrap();
    let before = store.stats();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let store = store.clone();
        tasks.spawn(async move { store.note(line(&number.to_string())).await.unwrap() });
    }
    tasks.join_all().await;
    let after = store.stats();
    assert_eq!(after.jobs - before.jobs, 200);
    let commits = after.commits - before.commits;
    assert!(commits < 50, "{commits} commits");
    assert!(after.largest_batch > 4 && after.largest_batch <= 256);
    assert_eq!(lines(&store).await, 200);
}

/// What comes faster than it can be done is refused, and takes no more memory.
#[tokio::test]
async fn more_than_can_wait_is_turned_away() {
    let scratch = Scratch::new();
    let slow = SqliteOptions {
        commit_delay: Duration::from_millis(100),
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&scratch.database(), &slow).unwrap();
    let (mut reads, mut refused) = (0, 0);
    let (mut waiting, mut noted) = (Vec::new(), Vec::new());
    for number in 0..8_000 {
        let writer = store.clone();
        let mut note = Box::pin(async move { writer.note(line(&number.to_string())).await });
        match poll_once(&mut note).await {
            Some(Err(StoreError::Unavailable(_))) => refused += 1,
            Some(done) => done.unwrap(),
            None => noted.push(note),
        }
    }
    for _ in 0..50_000 {
        let reader = store.clone();
        let mut read = Box::pin(async move { reader.users(None, 1).await });
        match poll_once(&mut read).await {
            Some(Err(StoreError::Unavailable(_))) => reads += 1,
            Some(Err(error)) => panic!("{error}"),
            Some(Ok(_)) => {}
            None => waiting.push(read),
        }
    }
    println!("{refused} writes and {reads} reads turned away");
    assert!(refused > 1_000 && reads > 1_000);
    for read in waiting {
        read.await.unwrap();
    }
    for note in noted {
        note.await.unwrap();
    }
    store.users(None, 1).await.unwrap();
    store.note(line("after")).await.unwrap();
}

/// Reads have connections of their own.
#[tokio::test]
async fn a_read_does_not_wait_for_a_commit() {
    let scratch = Scratch::new();
    let slow = SqliteOptions {
        commit_delay: Duration::from_secs(2),
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&scratch.database(), &slow).unwrap();
    let writer = store.clone();
    let mut note = Box::pin(async move { writer.note(line("slow")).await });
    assert!(poll_once(&mut note).await.is_none());

    // What is not committed is not seen, either.
    assert_eq!(lines(&store).await, 0);
    assert!(
        poll_once(&mut note).await.is_none(),
        "the read came after the commit"
    );
    note.await.unwrap();
    assert_eq!(lines(&store).await, 1);
}

#[tokio::test]
async fn a_job_without_writes_costs_no_commit() {
    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    let before = store.stats();
    let nobody = SessionId::from_bytes([1; 24]);
    for _ in 0..10 {
        assert!(!store.end(nobody, None, &origin()).await.unwrap());
    }
    let after = store.stats();
    assert_eq!(after.jobs - before.jobs, 10);
    assert_eq!(after.commits, before.commits);
    store.note(line("one")).await.unwrap();
    assert_eq!(store.stats().commits, before.commits + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failing_job_takes_nothing_of_the_others_with_it() {
    let scratch = Scratch::new();
    let slow = SqliteOptions {
        commit_delay: Duration::from_millis(5),
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&scratch.database(), &slow).unwrap();
    // A revocation is refused after its line in the audit trail has been written.
    Connection::open(scratch.database())
        .unwrap()
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON revocations BEGIN SELECT raise(ABORT, 'no'); END",
        )
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..90_u32 {
        let store = store.clone();
        tasks.spawn(async move {
            if number % 3 == 0 {
                let everything = Revocation::All { below: 0 };
                let failed = store.revoke(everything, &origin()).await;
                assert!(matches!(failed, Err(StoreError::Broken(_))), "{failed:?}");
            } else {
                store.note(line(&number.to_string())).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert!(store.stats().largest_batch > 4, "they did share commits");
    assert_eq!(lines(&store).await, 60);
    assert_eq!(store.issuer_epoch().await.unwrap(), 0);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_a_broken_store() {
    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    Connection::open(scratch.database())
        .unwrap()
        .execute(
            "INSERT INTO users (id, email, roles, attributes, enabled, epoch, created_at, updated_at)
             VALUES (?1, 'x', 'no JSON', '{}', 1, 0, 0, 0)",
            [[7_u8; 16]],
        )
        .unwrap();
    let id = UserId::from_bytes([7; 16]);
    let read = store.user(id).await;
    assert!(matches!(read, Err(StoreError::Broken(_))), "{read:?}");
    let written = store.set_user_enabled(id, false, &origin()).await;
    assert!(matches!(written, Err(StoreError::Broken(_))), "{written:?}");
}

#[tokio::test]
async fn a_write_that_fails_half_way_leaves_nothing() {
    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    // The audit trail refuses the line that comes last, after the user, their password and the event.
    Connection::open(scratch.database())
        .unwrap()
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON audit WHEN new.what = 'user_registered'
             BEGIN SELECT raise(ABORT, 'no'); END",
        )
        .unwrap();
    let new = NewUser {
        id: UserId::from_bytes([1; 16]),
        email: "ann@example.com".to_owned(),
        username: None,
        name: None,
        roles: Vec::new(),
        attributes: serde_json::Map::new(),
        password: Some(StoredPassword::from_stored("x".to_owned())),
        at: origin().at,
    };
    assert!(store.add_user(new, &origin()).await.is_err());
    assert_eq!(store.users(None, 10).await.unwrap(), []);
    store.note(line("the store goes on")).await.unwrap();
    assert_eq!(lines(&store).await, 1);
}

#[test]
fn a_newer_schema_is_refused_in_words() {
    let scratch = Scratch::new();
    drop(open(&scratch.database()).unwrap());
    Connection::open(scratch.database())
        .unwrap()
        .execute_batch(
            "INSERT INTO refinery_schema_history
             VALUES (999, 'later', '2030-01-01T00:00:00Z', '1');
             PRAGMA user_version = 999;",
        )
        .unwrap();
    let refused = open(&scratch.database()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Newer { found: 999, .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("run the newer version"));
    // Nor is it left locked.
    assert!(matches!(
        open(&scratch.database()).unwrap_err(),
        OpenError::Newer { .. }
    ));
}

/// A schema is brought up to date wholly or not at all.
#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let scratch = Scratch::new();
    let file = Connection::open(scratch.database()).unwrap();
    // Somebody else's table, in the way of one of the last that the first migration makes.
    file.execute_batch("CREATE TABLE audit (of_another_kind TEXT)")
        .unwrap();

    let refused = open(&scratch.database()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Migration { .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("cannot be brought up to date"));
    let tables: Vec<String> = file
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(
        !tables.iter().any(|name| name == "users"),
        "half of it is there: {tables:?}"
    );

    // Out of the way, and all of it is made.
    file.execute_batch("DROP TABLE audit").unwrap();
    drop(open(&scratch.database()).unwrap());
}

/// A file as an earlier version left it is brought up to date, and nothing in it is lost.
#[tokio::test]
async fn an_earlier_schema_is_brought_up_to_date() {
    mod migrations {
        refinery::embed_migrations!("src/sqlite/schema");
    }
    let scratch = Scratch::new();
    let mut file = Connection::open(scratch.database()).unwrap();
    migrations::migrations::runner()
        .set_target(refinery::Target::Version(1))
        .run(&mut file)
        .unwrap();
    let key = "INSERT INTO keys VALUES (?1, ?2, ?3, ?4, x'01', ?5, 1000, 2000)";
    let rows = [
        ("signing", "EdDSA", "a", "active"),
        ("signing", "ES256", "b", "staged"),
        ("refresh", "HS256", "c", "active"),
    ];
    for (number, (purpose, algorithm, kid, state)) in (0_u8..).zip(rows) {
        let id = [number; 16];
        file.execute(key, (id, purpose, algorithm, kid, state))
            .unwrap();
    }
    let client = r#"{"id":"shop","name":"Shop","kind":"native","access_ttl":300,"idle_ttl":300,"absolute_ttl":300,
        "enabled":true}"#;
    file.execute(
        "INSERT INTO clients VALUES (1, 'shop', 1, 4, 0, ?1)",
        [client],
    )
    .unwrap();
    drop(file);

    let store = open(&scratch.database()).unwrap();
    assert_eq!(
        store.issuer_algorithm().await.unwrap().as_deref(),
        Some("EdDSA"),
        "what signed goes on"
    );
    let keys = store.keys().await.unwrap();
    let kept: Vec<_> = keys
        .iter()
        .map(|key| (key.kid.as_str(), key.state))
        .collect();
    let expected = [
        ("a", KeyState::Active),
        ("b", KeyState::Staged),
        ("c", KeyState::Active),
    ];
    assert_eq!(kept, expected);
    let clients = store.clients().await.unwrap();
    assert_eq!(clients[0].epoch, 4);
    assert_eq!(clients[0].signing_algorithm, None);
    assert_eq!(clients[0].encrypt_to, None);
    // Since when its tokens are for whom, nobody knows: for the length of an event, everybody is told.
    let at_once = Origin {
        at: Timestamp::from_secs(1),
        ..origin()
    };
    let ended = store.cut_off_client(&clients[0].id, &at_once).await;
    assert_eq!(ended.unwrap(), Some(5));
    let page = store.revocations(None, at_once.at, 10).await.unwrap();
    assert_eq!(page.entries[0].audience, None);
    // Each ring may have an active key now.
    let moved = store
        .move_key(keys[1].id, KeyState::Staged, KeyState::Active, &origin())
        .await;
    assert!(moved.unwrap());
    let keys = store.keys().await.unwrap();
    let active = keys.iter().filter(|key| key.state == KeyState::Active);
    assert_eq!(active.count(), 3);
    store.close().await.unwrap();
    // Once is enough.
    open(&scratch.database()).unwrap();
}

#[test]
fn what_is_no_database_is_refused() {
    let scratch = Scratch::new();
    std::fs::write(
        scratch.database(),
        "no database at all, but text ".repeat(99),
    )
    .unwrap();
    let refused = open(&scratch.database()).unwrap_err();
    assert!(matches!(refused, OpenError::Sql { .. }), "{refused:?}");
    let nowhere = scratch
        .database()
        .with_file_name("no/such/folder/countersign.db");
    let refused = open(&nowhere).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused:?}");
}

#[test]
#[cfg(unix)]
fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(scratch.database().parent().unwrap()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
        files += 1;
    }
    assert!(files >= 3, "database, log, lock");
    drop(store);
}

#[tokio::test]
async fn the_files_settings_are_as_decided() {
    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    store.note(line("one")).await.unwrap();
    let file = Connection::open(scratch.database()).unwrap();
    let mode: String = file
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    let sound: String = file
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

/// The other half of [`killed_at_any_moment`], in a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn child_that_writes_until_it_is_killed() {
    use std::io::Write;

    let Some(path) = std::env::var_os("COUNTERSIGN_STORE_VICTIM") else {
        return;
    };
    let store = open(Path::new(&path)).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0.. {
                let name = format!("{task}/{number}");
                store.note(line(&name)).await.unwrap();
                // One system call a line: it is said wholly or not at all.
                let said = format!("\nsaid {name} done\n");
                std::io::stdout().write_all(said.as_bytes()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn killed_at_any_moment() {
    use std::io::{BufRead, BufReader};

    let scratch = Scratch::new();
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "child_that_writes_until_it_is_killed",
                "--nocapture",
            ])
            .env("COUNTERSIGN_STORE_VICTIM", scratch.database())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = 0;
        while said < 300 {
            let line = output
                .next()
                .expect("it writes until it is killed")
                .unwrap();
            if let Some(name) = acknowledgement(&line) {
                acknowledged.push(name);
                said += 1;
            }
        }
        child.kill().unwrap();
        // What it had said before it died counts as well.
        acknowledged.extend(
            output
                .map_while(Result::ok)
                .filter_map(|line| acknowledgement(&line)),
        );
        child.wait().unwrap();

        let store = open(&scratch.database()).unwrap();
        let everything = AuditQuery {
            limit: u32::MAX,
            ..AuditQuery::default()
        };
        let kept = store.audit(everything).await.unwrap();
        assert!(kept.len() >= acknowledged.len());
        let mut kept: Vec<_> = kept.into_iter().filter_map(|line| line.detail).collect();
        kept.sort_unstable();
        for name in &acknowledged {
            assert!(kept.binary_search(name).is_ok(), "{name} was lost");
        }
        store.close().await.unwrap();
    }
    println!("{} acknowledged writes, none lost", acknowledged.len());
}

fn acknowledgement(line: &str) -> Option<String> {
    let name = line.strip_prefix("said ")?.strip_suffix(" done")?;
    Some(name.to_owned())
}

/// Work that never rests: the log is copied back beside it, and begins anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_does_not_grow_without_end_while_work_goes_on() {
    const WRITERS: usize = 200;
    const PAGES: u64 = 8192;
    let scratch = Scratch::new();
    let quick = SqliteOptions {
        durable: false,
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&scratch.database(), &quick).unwrap();
    let log = scratch.database().with_file_name("countersign.db-wal");
    let mut longest = 0;
    let mut written = 0;
    // Each line is a page and more: eight times what the log holds before it is copied back.
    let line = line(&"x".repeat(4096));
    while written < 8 * PAGES {
        let notes = (0..WRITERS).map(|_| {
            let (store, line) = (store.clone(), line.clone());
            tokio::spawn(async move { store.note(line).await })
        });
        for note in notes.collect::<Vec<_>>() {
            note.await.unwrap().unwrap();
        }
        written += WRITERS as u64;
        longest = longest.max(log.metadata().unwrap().len() / 4096);
    }
    println!("{written} pages at least were written; the log had {longest} at most");
    assert!((PAGES..4 * PAGES).contains(&longest), "{longest}");
    store.close().await.unwrap();
}

/// As long as it is known; who does not know all of it says so.
#[tokio::test]
async fn what_is_written_is_noted_while_it_is_watched() {
    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    store.note(line("before")).await.unwrap();
    assert_eq!(store.written(1).await.unwrap(), None);
    let first = store.watch(1).await.unwrap();
    let nothing = Some(Written::default());
    assert_eq!(store.written(1).await.unwrap(), nothing);
    // More than the write-ahead log holds: that it is copied back, and begun anew, is nobody else's writing.
    let long = "x".repeat(1 << 20);
    for _ in 0..40 {
        store.note(line(&long)).await.unwrap();
    }
    let written = store.written(1).await.unwrap().unwrap();
    let written = serde_json::to_value(written).unwrap();
    assert_eq!(written.as_object().unwrap().len(), 1, "{written}");
    assert_eq!(written["audit"].as_array().unwrap().len(), 40, "{written}");

    let second = store.watch(2).await.unwrap();
    assert_eq!(store.written(1).await.unwrap(), None);
    drop(first);
    assert_eq!(store.written(2).await.unwrap(), nothing);
    let somebody_else = Connection::open(scratch.database()).unwrap();
    somebody_else
        .execute("UPDATE issuer SET epoch = epoch + 1", [])
        .unwrap();
    assert_eq!(store.written(2).await.unwrap(), None);
    drop(second);
    let third = store.watch(3).await.unwrap();
    assert_eq!(store.written(3).await.unwrap(), nothing);
    drop(third);
    assert_eq!(store.written(3).await.unwrap(), None);
}

#[tokio::test]
async fn a_frozen_store_is_read_and_not_written() {
    let scratch = Scratch::new();
    let store = open(&scratch.database()).unwrap();
    store.note(line("before")).await.unwrap();
    let freeze = store.freeze(1).await.unwrap().unwrap();
    assert!(store.freeze(2).await.unwrap().is_none(), "frozen twice");
    let refused = store.note(line("meanwhile")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert_eq!(lines(&store).await, 1);
    drop(freeze);
    store.note(line("after")).await.unwrap();

    // It was written to since: what was copied then is not all.
    let late = store.hand_over(1, "elsewhere", origin().at).await;
    assert!(!late.unwrap());
    let freeze = store.freeze(3).await.unwrap().unwrap();
    assert!(!store.hand_over(1, "elsewhere", origin().at).await.unwrap());
    assert_eq!(freeze.name(), 3);
    assert!(store.hand_over(3, "elsewhere", origin().at).await.unwrap());
    drop(freeze);
    for closed in [
        store.note(line("afterwards")).await.map(drop),
        store.issuer_epoch().await.map(drop),
    ] {
        assert!(
            matches!(closed, Err(StoreError::Unavailable(_))),
            "{closed:?}"
        );
    }
    drop(store);
    let refused = open(&scratch.database()).unwrap_err();
    assert!(
        matches!(&refused, OpenError::Moved { to, .. } if to == "elsewhere"),
        "{refused:?}"
    );
    let identity = Sqlite::identify(&scratch.database()).unwrap();
    assert_eq!(identity.moved_to.as_deref(), Some("elsewhere"));
}
