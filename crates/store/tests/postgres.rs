//! PostgreSQL does what every store must, and what several nodes on one server need.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod cluster;
mod conformance;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::Cluster;
use conformance::{World, at};
use countersign_auth::directory::Directory;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{Actor, AuditEntry, AuditQuery, Happening, Origin};
use countersign_auth::model::grant::Network;
use countersign_auth::rotation::Interval;
use countersign_auth::sessions::{Presented, Rotate, Sessions};
use countersign_auth::store::StoreError;
use countersign_store::{ConnectError, Postgres, PostgresOptions};

conformance::suite!(crate::fresh);

/// Closes what the store has open when its test is over.
struct Close(Postgres);

impl Drop for Close {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn fresh() -> (Postgres, Close) {
    let store = connect(&Cluster::shared().database()).await.unwrap();
    (store.clone(), Close(store))
}

async fn connect(url: &str) -> Result<Postgres, ConnectError> {
    Postgres::connect(url, &PostgresOptions::default()).await
}

/// The name of the database in an address that the cluster gave.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

fn origin(at: Timestamp) -> Origin {
    Origin {
        at,
        actor: Actor::User,
        address: None,
        agent: None,
    }
}

/// Disabling raises an epoch, which would be enough; but what somebody disabled by hand is disabled as well.
#[tokio::test]
async fn disabled_by_hand() {
    let url = Cluster::shared().database();
    let world = World::new(connect(&url).await.unwrap()).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    for table in ["users", "clients"] {
        for (enabled, expected) in [(false, "Stale"), (true, "Held")] {
            let sql = format!("UPDATE countersign.{table} SET enabled = {enabled}");
            Cluster::shared().sql(name(&url), &sql);
            let answer = world.present(&ann, 0, at(0)).await;
            let answer = format!("{answer:?}");
            assert!(answer.starts_with(expected), "{table}: {answer}");
        }
    }
}

/// The server crashes under fire, and comes back: every line that was answered is there, although the database's own
/// settings would allow to lose some; meanwhile the store says that it does not answer, and afterwards it does, by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crash_of_the_server() {
    let cluster = Arc::new(Cluster::new());
    let url = cluster.database();
    cluster.sql(
        "postgres",
        &format!("ALTER DATABASE {} SET synchronous_commit = off", name(&url)),
    );
    let store = connect(&url).await.unwrap();
    let world = World::new(store.clone()).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut answered, mut refused) = (Vec::new(), 0);
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let line = format!("{writer}/{number}");
                    let entry = AuditEntry::new(Happening::SignInFailed, &origin(at(0)));
                    match store.note(entry.detail(line.as_str())).await {
                        Ok(()) => answered.push(line),
                        Err(StoreError::Unavailable(_)) => {
                            refused += 1;
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
                (answered, refused)
            })
        })
        .collect();
    wait_for_lines(&store, 200).await;
    crash(&cluster).await;
    let away = store.user(user.id).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
    let began = tokio::time::Instant::now();
    let starting = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || starting.start())
        .await
        .unwrap();
    while store.user(user.id).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut promised = Vec::new();
    for writer in writers {
        let (answered, refused) = writer.await.unwrap();
        assert!(refused > 0);
        promised.extend(answered);
    }
    let there = lines(&store).await;
    for line in promised {
        assert!(there.contains(&line), "{line} was answered, and is lost");
    }
    let answer = world.present(&ann, 0, at(30_000)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    store.close();
    let closed = store.user(user.id).await;
    assert!(
        matches!(closed, Err(StoreError::Unavailable(_))),
        "{closed:?}"
    );
}

async fn crash(cluster: &Arc<Cluster>) {
    let cluster = Arc::clone(cluster);
    tokio::task::spawn_blocking(move || cluster.stop("crash"))
        .await
        .unwrap();
}

async fn lines(store: &Postgres) -> std::collections::HashSet<String> {
    let everything = AuditQuery {
        limit: u32::MAX,
        ..AuditQuery::default()
    };
    let lines = store.audit(everything).await.unwrap();
    lines.into_iter().filter_map(|line| line.detail).collect()
}

async fn wait_for_lines(store: &Postgres, many: usize) {
    while lines(store).await.len() < many {
        tokio::task::yield_now().await;
    }
}

/// A verb that waits too long for a row that somebody holds is told so in good time, and harms nobody.
#[tokio::test]
async fn a_verb_that_waits_too_long() {
    let url = Cluster::shared().database();
    let options = PostgresOptions {
        patience: Duration::from_millis(300),
        ..PostgresOptions::default()
    };
    let store = Postgres::connect(&url, &options).await.unwrap();
    let world = World::new(connect(&url).await.unwrap()).await;
    let user = world.user("ann").await;
    let database = name(&url).to_owned();
    let asleep = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event = 'PgSleep'"
    );
    let holder = tokio::task::spawn_blocking(move || {
        let hold = "BEGIN; SELECT 1 FROM countersign.users FOR UPDATE; SELECT pg_sleep(2); COMMIT";
        Cluster::shared().sql(&database, hold);
    });
    while Cluster::shared().sql("postgres", &asleep) == "0" {
        tokio::task::yield_now().await;
    }
    let disable = async || store.set_user_enabled(user.id, false, &origin(at(0))).await;
    match disable().await {
        Err(StoreError::Unavailable(why)) => {
            assert!(why.to_string().contains("in time"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    // Others go on.
    assert!(world.store.user(user.id).await.unwrap().is_some());
    holder.await.unwrap();
    assert!(!disable().await.unwrap().unwrap().enabled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_at_once_on_an_empty_database() {
    let url = Cluster::shared().database();
    let starting: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { connect(&url).await.map(|store| store.close()) })
        })
        .collect();
    for node in starting {
        node.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_words() {
    let url = Cluster::shared().database();
    connect(&url).await.unwrap().close();
    Cluster::shared().sql(
        name(&url),
        "INSERT INTO countersign.refinery_schema_history (version, name, applied_on, checksum)
         VALUES (999, 'newer', '2026-01-01T00:00:00Z', '1')",
    );
    let refused = connect(&url).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Newer { found: 999, .. }));
    let words = refused.to_string();
    assert!(words.contains("run the newer version"), "{words}");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_in_words() {
    Cluster::shared().sql(
        "postgres",
        "CREATE DATABASE latin ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0",
    );
    let latin = Cluster::shared().database();
    let latin = latin.replace(name(&latin), "latin");
    for (url, expected) in [
        ("postgres://ann:hush-hush@localhost:no/x", "cannot be read"),
        (
            "postgres://ann:hush-hush@db.example.com/x",
            "is another machine",
        ),
        ("postgres://ann:hush-hush@192.0.2.1/x", "is another machine"),
        (
            "postgres://ann:hush-hush@localhost/x?sslmode=require",
            "asks for TLS",
        ),
        ("postgres://ann:hush-hush@127.0.0.1:1/x", "cannot connect"),
        (&latin, "ENCODING 'UTF8'"),
    ] {
        let refused = connect(url).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{url}: {refused}");
        assert!(!refused.contains("hush-hush"), "{refused}");
    }
}

/// What ends on one day lies in tables of its own: made with the first sign-in, ahead from then on, and dropped behind,
/// by any number of nodes at once, while people renew.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn days_are_made_ahead_and_dropped_behind() {
    const DAY: Duration = Duration::from_hours(24);
    let url = Cluster::shared().database();
    let (one, other) = (connect(&url).await.unwrap(), connect(&url).await.unwrap());
    let world = World::new(one.clone()).await;
    let days = || {
        let sql =
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'countersign.sessions'::regclass";
        Cluster::shared()
            .sql(name(&url), sql)
            .parse::<u32>()
            .unwrap()
    };
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    assert_eq!(days(), 1);
    let sweep = async |now: Timestamp| {
        let mut nodes = tokio::task::JoinSet::new();
        for node in [&one, &other, &one, &other, &one, &other] {
            let node = node.clone();
            nodes.spawn(async move { Sessions::sweep(&node, now, 100).await.unwrap() });
        }
        nodes.join_all().await.into_iter().sum::<u32>()
    };
    assert_eq!(sweep(at(0)).await, 0);
    assert_eq!(days(), 2, "tomorrow's is there");
    assert_eq!(sweep(at(0)).await, 0);
    assert_eq!(days(), 2, "and no more");
    let bea = world
        .sign_in_at(&user, &world.client, at(0).plus(DAY))
        .await;
    assert_eq!(days(), 2);

    let after = ann.session.absolute_end().plus(DAY);
    let mut renewing = Vec::new();
    for store in [one.clone(), other.clone()] {
        let (bea, client) = (bea.clone(), world.client.id.clone());
        renewing.push(tokio::spawn(async move {
            for generation in 0..50 {
                let presented = Presented {
                    handle: bea.handle,
                    absolute_end: bea.session.absolute_end(),
                    generation,
                    client: &client,
                    idle_end: bea.session.absolute_end(),
                    interval: Interval::default(),
                    network: Network(1),
                };
                let now = at(u64::from(generation + 1) * 20_000).plus(DAY);
                let answer = store.rotate(presented, &origin(now)).await.unwrap();
                assert!(
                    matches!(
                        answer,
                        Rotate::Rotated(_)
                            | Rotate::Retried(_)
                            | Rotate::Reused(_)
                            | Rotate::Unknown
                    ),
                    "{answer:?}"
                );
            }
        }));
    }
    // Whoever cannot have the lock at once leaves it to the next time.
    let began = tokio::time::Instant::now();
    while days() > 2 || present(&ann, &one).await != Rotate::Unknown {
        assert!(began.elapsed() < Duration::from_secs(30));
        sweep(after).await;
    }
    for task in renewing {
        task.await.unwrap();
    }
}

async fn present(who: &conformance::world::SignedIn, store: &Postgres) -> Rotate {
    let presented = Presented {
        handle: who.handle,
        absolute_end: who.session.absolute_end(),
        generation: 0,
        client: &who.client,
        idle_end: who.session.absolute_end(),
        interval: Interval::default(),
        network: Network(1),
    };
    store.rotate(presented, &origin(at(0))).await.unwrap()
}
