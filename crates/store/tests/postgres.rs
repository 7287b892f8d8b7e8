//! PostgreSQL does what every store must, and what several nodes on one server need.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod cluster;
mod conformance;
mod moving;
mod scratch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::Cluster;
use conformance::{World, at};
use countersign_auth::directory::Directory;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{Actor, AuditEntry, AuditQuery, Happening, Origin};
use countersign_auth::model::grant::Network;
use countersign_auth::rotation::{Generations, Interval, Move};
use countersign_auth::sessions::{Open, Presented, Rotate, Sessions};
use countersign_auth::store::StoreError;
use countersign_store::{ConnectError, Postgres, PostgresOptions, Verdict};

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

/// The renewal table stands in Rust and, so that a renewal is one round trip, in SQL: from states of all kinds, the two
/// say the same and store the same.
#[tokio::test]
async fn the_table_in_sql_is_the_table() {
    let (store, _close) = fresh().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let interval = Interval::default();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..1500 {
        let start = at(0);
        let cur = *dice.of(&[0, 1, 2, 3, 7, u32::MAX - 1, u32::MAX]);
        let rotated_at = start.plus(Duration::from_secs(dice.below(100)));
        let state = Generations {
            cur,
            prev: (cur > 0 && dice.below(5) > 0).then(|| cur - 1 - dice.small(2).min(cur - 1)),
            floor: if dice.below(4) == 0 {
                dice.small(4).min(cur)
            } else {
                0
            },
            rotated_at,
            handed_at: rotated_at.plus(Duration::from_secs(dice.below(121))),
            retries: *dice.of(&[0, 0, 1, 99, 100]),
            recoveries: *dice.of(&[0, 0, 1, 4, 5]),
            network: Network(dice.small(3)),
            strangers: *dice.of(&[0, 1, 2, 3, 255]),
            stranger_now: dice.below(2) == 0,
        };
        let presented = *dice.of(&[
            cur,
            state.prev.unwrap_or(cur),
            state.prev.unwrap_or(cur),
            cur.saturating_add(1),
            cur.saturating_sub(1),
            cur.saturating_sub(3),
        ]);
        // About the moments at which the table turns.
        let since = *dice.of(&[0, 1, 19_999, 20_000, 20_001, 60_000, 120_000, 140_000]);
        let now = (*dice.of(&[state.handed_at, rotated_at])).plus(Duration::from_millis(since));
        let from = Network(dice.small(3));

        let (session, mut grant) = world.sign_in_form(&user, &world.client, start);
        grant.generations = state;
        let (handle, end) = (grant.handle, session.absolute_end());
        let opened = world.store.open(session, grant, &origin(start)).await;
        assert!(matches!(opened.unwrap(), Open::Opened(_)));
        let answer = world
            .store
            .rotate(
                Presented {
                    handle,
                    absolute_end: end,
                    generation: presented,
                    client: &world.client.id,
                    idle_end: end,
                    interval,
                    network: from,
                },
                &origin(now),
            )
            .await
            .unwrap();
        let alarms = alarms(&world.store, user.id).await;
        let meaning = state.present(presented, now, interval, from);
        let (kind, stored, alarm) = match meaning {
            Move::Rotated(state) => ("rotated", Some(state), false),
            Move::Held => ("held", Some(state), false),
            Move::Retried { state, alarm } => ("retried", Some(state), alarm),
            Move::TooManyRetries => ("too many retries", None, false),
            Move::Recovered(state) => ("recovered", Some(state), false),
            Move::Lost => ("lost", None, false),
            Move::Superseded => ("superseded", None, false),
            Move::Reused => ("reused", None, false),
            Move::Ahead => ("ahead", None, false),
        };
        *seen.entry(kind).or_default() += 1;
        let said = match answer {
            Rotate::Rotated(it) => ("rotated", Some(it.grant.generations)),
            Rotate::Held(it) => ("held", Some(it.grant.generations)),
            Rotate::Retried(it) => ("retried", Some(it.grant.generations)),
            Rotate::Recovered(it) => ("recovered", Some(it.grant.generations)),
            Rotate::TooManyRetries => ("too many retries", None),
            Rotate::Expired => ("lost", None),
            Rotate::Superseded => ("superseded", None),
            Rotate::Reused(_) => ("reused", None),
            Rotate::Ahead(_) => ("ahead", None),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, (kind, stored), "{state:?} at {now:?}");
        let before = *seen.get("alarm").unwrap_or(&0);
        if alarm {
            *seen.entry("alarm").or_default() += 1;
        }
        assert_eq!(alarms, before + u32::from(alarm), "{state:?}");
    }
    println!("{seen:?}");
    assert_eq!(seen.len(), 10);
    assert!(seen.values().all(|often| *often >= 10), "{seen:?}");
}

async fn alarms(store: &Postgres, user: countersign_auth::model::id::UserId) -> u32 {
    let query = AuditQuery {
        user: Some(user),
        what: Some(Happening::RetriedFromElsewhere),
        limit: u32::MAX,
        ..AuditQuery::default()
    };
    u32::try_from(store.audit(query).await.unwrap().len()).unwrap()
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn small(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(limit.into())).unwrap()
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
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
         VALUES (999, 'newer', '2026-01-01T00:00:00Z', '1');
         UPDATE countersign.lives_with SET oldest = 999",
    );
    let refused = connect(&url).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Newer { found: 999, .. }));
    let words = refused.to_string();
    assert!(words.contains("run the newer version"), "{words}");
}

/// A node of an older version, as far as others can see it: what its connections hold.
async fn old_node(url: &str, knows: i32) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let lock = format!("SELECT pg_advisory_lock_shared(1668248942, {knows})");
    client.batch_execute(&lock).await.unwrap();
    client
}

/// A new schema waits for the nodes that could not live with it, and they cannot come back afterwards.
#[tokio::test]
async fn versions_that_cannot_live_together() {
    let url = Cluster::shared().database();
    connect(&url).await.unwrap().close();
    let sql = |sql: &str| Cluster::shared().sql(name(&url), sql);
    let known = Postgres::schema(&url).await.unwrap().known;
    sql(
        "DROP FUNCTION countersign.begin_again; DELETE FROM countersign.refinery_schema_history WHERE name = 'restored'",
    );
    sql("DELETE FROM countersign.lives_with");
    let state = Postgres::schema(&url).await.unwrap();
    assert_eq!(
        (state.verdict, state.steps.len()),
        (Verdict::Behind, 1),
        "{state:?}"
    );
    for _ in 0..2 {
        let old = old_node(&url, known - 2).await;
        let refused = connect(&url).await.unwrap_err();
        let ConnectError::OldNodes { connected, oldest } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!((connected, oldest), (known - 2, known));
        assert_eq!(sql("SELECT oldest FROM countersign.lives_with"), "0");
        drop(old);
        gone(&url).await;
    }
    let store = connect(&url).await.unwrap();
    assert_eq!(store.issuer_epoch().await.unwrap(), 0);
    let state = Postgres::schema(&url).await.unwrap();
    assert_eq!(state.verdict, Verdict::Current);

    // Somebody goes on to a schema with which this version cannot live: a new connection of it is no use.
    sql("UPDATE countersign.lives_with SET oldest = oldest + 1");
    let late = connect(&url).await.unwrap();
    let refused = late.issuer_epoch().await.unwrap_err();
    let words = refused.to_string();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{words}");
    assert!(words.contains("run the newer version"), "{words}");
    store.close();
}

/// Waits until PostgreSQL has seen everybody go.
async fn gone(url: &str) {
    for _ in 0..500 {
        let held = Cluster::shared().sql(
            name(url),
            "SELECT count(*) FROM pg_locks WHERE classid = 1668248942 AND database =
             (SELECT oid FROM pg_database WHERE datname = current_database())",
        );
        if held == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("somebody stays");
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
