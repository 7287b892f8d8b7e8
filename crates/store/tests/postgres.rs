//! PostgreSQL does what every store must, and what several nodes on one server need.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod cluster;
mod conformance;
#[path = "../../../tests/free_port.rs"]
mod free_port;
mod moving;
mod scratch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::Cluster;
use conformance::restarts::Restart;
use conformance::{World, at};
use countersign_auth::directory::Directory;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{Actor, AuditEntry, AuditQuery, Happening, Origin};
use countersign_auth::model::grant::Network;
use countersign_auth::rotation::Interval;
use countersign_auth::sessions::{Open, Presented, Rotate, Sessions, Touch};
use countersign_auth::store::StoreError;
use countersign_store::{ConnectError, Postgres, PostgresOptions, Verdict};
use free_port::free_port;

conformance::suite!("PostgreSQL", crate::fresh, crate::alone);

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

/// On a server of its own, which crashes when it is stopped.
async fn alone() -> (Postgres, (Close, Arc<Cluster>)) {
    let cluster = tokio::task::spawn_blocking(Cluster::new).await.unwrap();
    let store = connect(&cluster.database()).await.unwrap();
    (store.clone(), (Close(store), Arc::new(cluster)))
}

impl Restart<Postgres> for (Close, Arc<Cluster>) {
    async fn stop(&self, _: &Postgres) {
        crash(&self.1).await;
    }

    async fn start(&self, store: Postgres) -> Postgres {
        start(&self.1).await;
        while store.issuer_epoch().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        store
    }
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
    start(&cluster).await;
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

async fn start(cluster: &Arc<Cluster>) {
    let cluster = Arc::clone(cluster);
    tokio::task::spawn_blocking(move || cluster.start())
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
        patience: Duration::from_secs(1),
        ..PostgresOptions::default()
    };
    let store = Postgres::connect(&url, &options).await.unwrap();
    let world = World::new(connect(&url).await.unwrap()).await;
    let user = world.user("ann").await;
    let (holder, line) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(line);
    let hold = "BEGIN; SELECT 1 FROM countersign.users FOR UPDATE";
    holder.batch_execute(hold).await.unwrap();
    let origin = origin(at(0));
    let disable = async |store: &Postgres| store.set_user_enabled(user.id, false, &origin).await;
    match disable(&store).await {
        Err(StoreError::Unavailable(why)) => {
            assert!(why.to_string().contains("in time"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    // Others go on.
    assert!(world.store.user(user.id).await.unwrap().is_some());
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(!disable(&world.store).await.unwrap().unwrap().enabled);
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

/// A renewal reads row by row. If a change of password comes in between, at whichever row, the old token is superseded: it
/// gets nothing that bears the new epoch, and its session is not said to be over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_password_between_its_steps() {
    let url = Cluster::shared().database();
    let store = connect(&url).await.unwrap();
    let world = Arc::new(World::new(store.clone()).await);
    for table in ["sessions", "users", "clients"] {
        let user = world.user(table).await;
        let who = world.sign_in(&user).await;
        // The first makes the plans, and would wait before its first step.
        let held = world.present(&who, 0, at(0)).await;
        assert!(matches!(held, Rotate::Held(_)), "{held:?}");
        let (hand, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let lock = format!("BEGIN; SET search_path = countersign; LOCK TABLE {table}");
        hand.batch_execute(&lock).await.unwrap();
        let renewing = {
            let (world, who) = (world.clone(), who.clone());
            tokio::spawn(async move { world.present(&who, 0, at(1)).await })
        };
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database =
                       (SELECT oid FROM pg_database WHERE datname = current_database())";
        while Cluster::shared().sql(name(&url), waiting) == "0" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // What the verb does to these rows.
        let change = format!(
            "UPDATE users SET epoch = epoch + 1 WHERE email = '{table}@example.com';
             UPDATE grants SET cur = cur + 1, floor = cur + 1, prev = NULL
             WHERE session = (SELECT s.id FROM sessions s JOIN users u ON u.key = s.user_key
                              WHERE u.email = '{table}@example.com');
             UPDATE sessions SET user_epoch = user_epoch + 1
             WHERE user_key = (SELECT key FROM users WHERE email = '{table}@example.com');
             COMMIT"
        );
        hand.batch_execute(&change).await.unwrap();
        let answer = renewing.await.unwrap();
        assert!(matches!(answer, Rotate::Superseded), "{table}: {answer:?}");
    }
    store.close();
}

/// A new schema waits for the nodes that could not live with it, and they cannot come back afterwards.
#[tokio::test]
async fn versions_that_cannot_live_together() {
    let url = Cluster::shared().database();
    let sql = |sql: &str| Cluster::shared().sql(name(&url), sql);
    let state = Postgres::schema(&url, &PostgresOptions::default())
        .await
        .unwrap();
    let known = state.known;
    assert_eq!(
        (state.found, state.verdict),
        (0, Verdict::Behind),
        "{state:?}"
    );
    for _ in 0..2 {
        let old = old_node(&url, known - 2).await;
        let refused = connect(&url).await.unwrap_err();
        let ConnectError::OldNodes { connected, oldest } = refused else {
            panic!("{refused:?}");
        };
        // The newest lives with the one before it.
        assert_eq!((connected, oldest), (known - 2, known - 1));
        assert_eq!(sql("SELECT oldest FROM countersign.lives_with"), "0");
        drop(old);
        gone(&url).await;
    }
    let store = connect(&url).await.unwrap();
    assert_eq!(store.issuer_epoch().await.unwrap(), 0);
    let state = Postgres::schema(&url, &PostgresOptions::default())
        .await
        .unwrap();
    assert_eq!(state.verdict, Verdict::Current);

    // Somebody goes on to a schema with which this version cannot live: a new connection of it is no use.
    sql(&format!(
        "UPDATE countersign.lives_with SET oldest = {known} + 1"
    ));
    let late = connect(&url).await.unwrap();
    let refused = late.issuer_epoch().await.unwrap_err();
    let words = refused.to_string();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{words}");
    assert!(words.contains("run the newer version"), "{words}");
    store.close();
}

async fn on_one_connection(url: &str) -> (Postgres, World<Postgres>) {
    let one = PostgresOptions {
        connections: std::num::NonZeroUsize::MIN,
        ..PostgresOptions::default()
    };
    let store = Postgres::connect(url, &one).await.unwrap();
    let world = World::new(store.clone()).await;
    (store, world)
}

/// A newer version may widen what a statement gives that older nodes have prepared: their callers notice nothing.
#[tokio::test]
async fn a_schema_that_grows_under_a_connection() {
    let url = Cluster::shared().database();
    let (store, world) = on_one_connection(&url).await;
    let ann = conformance::using::ann(&world).await;
    let use_it = async |hour: u64| {
        let now = at(hour * 3_600_000);
        let Touch::Live(it) = conformance::using::touch_at(&store, &ann, now).await else {
            panic!("it is live");
        };
        assert_eq!(it.grant.generations.handed_at, now);
    };
    use_it(1).await;
    let wider = "DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW countersign.answers AS '
         || replace(pg_get_viewdef('countersign.answers'), ' AS current', ' AS current, 1 AS more'); END $$";
    Cluster::shared().sql(name(&url), wider);
    use_it(2).await;
}

/// A migration that waits for somebody lets those go first who come after it: else all nodes would wait with it.
#[tokio::test]
async fn a_migration_lets_others_go_first() {
    let url = Cluster::shared().database();
    let connected = async || {
        let (client, line) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(line);
        client
    };
    let (holder, other) = (connected().await, connected().await);
    let history = "CREATE SCHEMA countersign;
         CREATE TABLE countersign.refinery_schema_history (
             version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255)
         )";
    holder.batch_execute(history).await.unwrap();
    // Nobody writes there, but whoever wants to can still read.
    let lock = "BEGIN; LOCK TABLE countersign.refinery_schema_history IN SHARE MODE";
    holder.batch_execute(lock).await.unwrap();
    let starting = tokio::spawn({
        let url = url.clone();
        async move { connect(&url).await }
    });
    let waits = format!(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE d.datname = '{}' AND l.locktype = 'relation' AND NOT l.granted",
        name(&url)
    );
    while Cluster::shared().sql("postgres", &waits) == "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let patient = format!("SET lock_timeout = '3s'; {lock}; COMMIT");
    other.batch_execute(&patient).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();
    starting.await.unwrap().unwrap().close();
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
            "postgres://ann:hush-hush@localhost/x?sslmode=allow",
            "cannot be read",
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

/// Revocations wake whoever listens, as soon as they are committed; nothing else does, a renewal least of all. And none
/// does where the engine is said to have no `NOTIFY`.
#[tokio::test]
async fn revocations_alone_wake_those_that_listen() {
    let url = Cluster::shared().database();
    let store = connect(&url).await.unwrap();
    let mut raw = Raw::listen(&url).await;
    let world = World::new(store.clone()).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let renewed = world.present(&ann, 0, at(30_000)).await;
    assert!(matches!(renewed, Rotate::Rotated(_)), "{renewed:?}");
    raw.say("nothing yet").await;
    assert_eq!(raw.next().await, "nothing yet");

    let revoke = async |store: &Postgres| {
        let done = store.set_user_enabled(user.id, false, &origin(at(0))).await;
        assert!(!done.unwrap().unwrap().enabled);
        let done = store.set_user_enabled(user.id, true, &origin(at(0))).await;
        assert!(done.unwrap().unwrap().enabled);
    };
    revoke(&store).await;
    assert_eq!(raw.next().await, "");
    let head = store.revocations(None, at(0), 1).await.unwrap().head;
    raw.say("the log").await;
    assert_eq!(raw.next().await, "the log");
    let ahead = countersign_auth::model::revocation::Cursor {
        sequence: head.sequence + 5,
        ..head
    };
    assert!(store.revocations(Some(ahead), at(0), 1).await.unwrap().anew);
    assert_eq!(raw.next().await, "", "a new incarnation is news, too");

    let options = PostgresOptions {
        notify: false,
        ..PostgresOptions::default()
    };
    let quiet = Postgres::connect(&url, &options).await.unwrap();
    assert!(quiet.listen().is_none());
    revoke(&quiet).await;
    raw.say("still nothing").await;
    assert_eq!(raw.next().await, "still nothing");
}

/// Listens without any of our code.
struct Raw {
    client: tokio_postgres::Client,
    messages: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Raw {
    async fn listen(url: &str) -> Self {
        let (client, mut connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let (tell, messages) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) =
                std::future::poll_fn(|context| connection.poll_message(context)).await
            {
                if let tokio_postgres::AsyncMessage::Notification(notification) = message
                    && tell.send(notification.payload().to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let listens = client.batch_execute("LISTEN countersign_revocations");
        listens.await.unwrap();
        Self { client, messages }
    }

    async fn say(&self, word: &str) {
        let said = format!("NOTIFY countersign_revocations, '{word}'");
        self.client.batch_execute(&said).await.unwrap();
    }

    async fn next(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(20), self.messages.recv());
        next.await.expect("it is told").unwrap()
    }
}

/// What the certificates of the server's tests are for: `localhost`, signed by themselves.
const FIRST: (&str, &str) = (
    include_str!("../../server/tests/http/data/first.pem"),
    include_str!("../../server/tests/http/data/first.key.pem"),
);
const SECOND: &str = include_str!("../../server/tests/http/data/second.pem");

/// A server with TLS is believed if somebody trusted vouches for it under the very name that was asked for; else
/// nothing is sent to it, whatever the address says but `sslmode=disable`.
#[tokio::test(flavor = "multi_thread")]
async fn tls_to_whoever_is_trusted_under_that_name() {
    let port = free_port();
    let cluster = Cluster::with_tls(port, FIRST.0, FIRST.1);
    let database = cluster.database();
    let database = name(&database);
    let scratch = scratch::Scratch::new();
    let file = |name: &str, text: &str| {
        let path = scratch.database().with_file_name(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (right, wrong) = (file("right.pem", FIRST.0), file("wrong.pem", SECOND));
    let (empty, missing) = (
        file("empty.pem", ""),
        scratch.database().with_file_name("missing.pem"),
    );
    let at = |host: &str, rest: &str| {
        format!("postgres://countersign:hush-hush@{host}:{port}/{database}{rest}")
    };
    let reach = async |url: &str, roots: Option<&std::path::Path>| {
        let options = PostgresOptions {
            root_certificates: roots.map(Into::into),
            ..PostgresOptions::default()
        };
        let store = Postgres::connect(url, &options).await?;
        // A connection of the pool's, and the one that listens.
        let mut bell = store.listen().unwrap().revocations;
        store.users(None, 1).await.unwrap();
        bell.rung().await;
        let sql = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
             WHERE a.application_name = 'countersign' AND a.datname = current_database()";
        let encrypted = cluster.sql(database, sql);
        store.close();
        Ok::<_, ConnectError>(encrypted)
    };
    // Naming who is trusted asks for TLS, on this machine, too.
    for rest in ["", "?sslmode=require", "?sslmode=verify-full"] {
        let encrypted = reach(&at("localhost", rest), Some(&right)).await.unwrap();
        assert_eq!(encrypted, "t", "{rest}");
    }
    let pairs = format!(
        "host=localhost port={port} user=countersign dbname={database} sslmode=verify-full"
    );
    assert_eq!(reach(&pairs, Some(&right)).await.unwrap(), "t");
    // The connections of before take a moment to go.
    let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'");
    while cluster.sql("postgres", &gone) != "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let plain = reach(&at("localhost", "?sslmode=disable"), None).await;
    assert_eq!(plain.unwrap(), "f");

    for (host, rest, roots, expected) in [
        ("localhost", "", Some(&wrong), "invalid peer certificate"),
        (
            "localhost",
            "?sslmode=verify-full",
            None,
            "invalid peer certificate",
        ),
        ("127.0.0.1", "", Some(&right), "not valid for name"),
        ("localhost", "", Some(&empty), "no certificate"),
        ("localhost", "", Some(&missing), "missing.pem"),
        ("localhost", "?sslmode=disable", Some(&right), "contradict"),
        (
            "localhost",
            "?channel_binding=require",
            Some(&right),
            "channel binding",
        ),
    ] {
        let refused = reach(&at(host, rest), roots.map(std::path::PathBuf::as_path)).await;
        let words = refused.unwrap_err().to_string();
        assert!(words.contains(expected), "{host}{rest}: {words}");
        assert!(!words.contains("hush-hush"), "{words}");
    }
    // Another machine is spoken to in TLS without being asked. One whose address belongs to this machine all the same.
    let elsewhere = format!("{pairs} hostaddr=127.0.0.1")
        .replace("host=localhost", "host=db.example.com")
        .replace(" sslmode=verify-full", "");
    let refused = reach(&elsewhere, Some(&right))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("not valid for name"), "{refused}");
    // This machine's name at an address that is not known to be this machine's.
    let astray = elsewhere.replace("db.example.com", "localhost");
    let astray = astray.replace("127.0.0.1", "0.0.0.0");
    for url in [&elsewhere, &astray] {
        let refused = reach(url, None).await.unwrap_err().to_string();
        assert!(refused.contains("invalid peer certificate"), "{refused}");
    }

    // Nor is one that says it has no TLS, which whoever sits in between would say.
    cluster.sql("postgres", "ALTER SYSTEM SET ssl = off");
    cluster.stop("fast");
    cluster.start();
    let url = at("localhost", "?sslmode=verify-full");
    let refused = reach(&url, Some(&right)).await.unwrap_err().to_string();
    assert!(refused.contains("does not support TLS"), "{refused}");
}

/// `open` waits for whoever is raising the user's epoch, and comes wholly after: it never answers from what was true
/// before. Without that, a sign-in would be answered with a session that was dead before it began.
#[tokio::test]
async fn a_sign_in_waits_for_a_change_of_epoch_that_is_under_way() {
    let url = Cluster::shared().database();
    let world = World::new(connect(&url).await.unwrap()).await;
    let user = world.user("ann").await;
    let (changer, line) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(line);
    let change = "BEGIN; UPDATE countersign.users SET epoch = epoch + 1";
    changer.batch_execute(change).await.unwrap();

    let (session, grant) = world.sign_in_form(&user, &world.client, at(0));
    // Its day is there, so that nothing else keeps it waiting.
    world.sign_in(&world.user("bea").await).await;
    let origin = origin(at(0));
    let mut opening = std::pin::pin!(world.store.open(session, grant, &origin));
    let waits = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'",
        name(&url)
    );
    loop {
        tokio::select! {
            answer = &mut opening => panic!("answered before the change was committed: {answer:?}"),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
        if changer
            .query_one(&waits, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 1
        {
            break;
        }
    }
    changer.batch_execute("COMMIT").await.unwrap();
    let answer = opening.await.unwrap();
    assert!(matches!(answer, Open::Stale), "{answer:?}");
}

/// A renewal is one round trip: whatever it answers, one batch of messages goes out and one comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_is_one_round_trip() {
    let url = Cluster::shared().database();
    let world = World::new(connect(&url).await.unwrap()).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let counter = Counter::before(&url);
    let one = PostgresOptions {
        connections: std::num::NonZeroUsize::MIN,
        ..PostgresOptions::default()
    };
    let store = Postgres::connect(&counter.url, &one).await.unwrap();
    let rotate = async |generation: u32, now: u64| {
        let presented = Presented {
            handle: ann.handle,
            absolute_end: ann.session.absolute_end(),
            generation,
            client: &ann.client,
            // Far enough that the session's own row is written, too.
            idle_end: ann.session.absolute_end(),
            interval: Interval::default(),
            network: Network(1),
        };
        store.rotate(presented, &origin(at(now))).await.unwrap()
    };
    // The first prepares the statement.
    assert!(matches!(rotate(0, 0).await, Rotate::Held(_)));
    for (generation, now, expected) in [
        (0, 30_000, "Rotated"),
        (0, 31_000, "Retried"),
        (1, 32_000, "Held"),
        (0, 90_000, "Recovered"),
        (2, 120_000, "Rotated"),
    ] {
        let before = counter.round_trips();
        let answer = format!("{:?}", rotate(generation, now).await);
        assert!(answer.starts_with(expected), "{expected}: {answer}");
        assert_eq!(counter.round_trips() - before, 1, "{expected}");
    }
}

/// What is renewed as usual is renewed by one statement about the tables of its day, without the verb, which is there for all
/// else; and where there is no such table, the verb does it.
#[tokio::test(flavor = "multi_thread")]
async fn the_usual_renewal_is_one_statement() {
    let url = Cluster::shared().database();
    let (store, world) = on_one_connection(&url).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let (hand, line) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(line);
    let rotate = async |store: &Postgres, generation: u32, now: u64| {
        let presented = Presented {
            handle: ann.handle,
            absolute_end: ann.session.absolute_end(),
            generation,
            client: &ann.client,
            idle_end: at(0),
            interval: Interval::default(),
            network: Network(1),
        };
        store.rotate(presented, &origin(at(now))).await
    };
    let day = ann.session.absolute_end().as_millis() / 86_400_000;
    let rename = |from: &str, to: &str| {
        format!("ALTER TABLE countersign.grants_{from}{day} RENAME TO grants_{to}{day}")
    };
    hand.batch_execute(&rename("d", "of_")).await.unwrap();
    assert!(matches!(
        rotate(&store, 0, 30_000).await,
        Ok(Rotate::Rotated(_))
    ));
    hand.batch_execute(&rename("of_", "d")).await.unwrap();

    let store = connect(&url).await.unwrap();
    hand.batch_execute(
        "SET search_path = countersign;
         CREATE OR REPLACE FUNCTION rotate(
            p_by origin, p_end bigint, p_handle bytea, p_client text, p_generation bigint, p_idle_end bigint,
            p_interval bigint, p_network bigint
         ) RETURNS answers LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the verb was called'; END $$",
    )
    .await
    .unwrap();
    assert!(matches!(
        rotate(&store, 1, 60_000).await,
        Ok(Rotate::Rotated(_))
    ));
    let Ok(Rotate::Rotated(last)) = rotate(&store, 2, 90_000).await else {
        panic!("not as usual");
    };
    // Too soon, and at the very end.
    let end = last.session.idle_end.as_millis() - at(0).as_millis();
    for now in [91_000, end] {
        let other = rotate(&store, 3, now).await.unwrap_err();
        assert!(
            format!("{other:?}").contains("the verb was called"),
            "{other:?}"
        );
    }
}

/// Stands between a store and its database, and counts how often the store waits for an answer: each `Sync` of the
/// extended protocol, each simple query (PostgreSQL's manual, 55.2).
struct Counter {
    url: String,
    round_trips: Arc<std::sync::atomic::AtomicUsize>,
    _folder: scratch::Scratch,
}

impl Counter {
    fn before(url: &str) -> Self {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let tokio_postgres::config::Host::Unix(server) = &config.get_hosts()[0] else {
            panic!("{url}");
        };
        let server = server.join(".s.PGSQL.5432");
        let folder = scratch::Scratch::new();
        let own = folder.database();
        let own = own.parent().unwrap();
        let listener = tokio::net::UnixListener::bind(own.join(".s.PGSQL.5432")).unwrap();
        let round_trips = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = round_trips.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = tokio::net::UnixStream::connect(&server).await.unwrap();
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = server.into_split();
                tokio::spawn(count(from_client, to_server, counted.clone()));
                tokio::spawn(async move {
                    tokio::io::copy(&mut from_server, &mut to_client).await.ok();
                });
            }
        });
        let folder_in_url = own.display().to_string().replace('/', "%2F");
        Self {
            url: format!("postgres://countersign@{folder_in_url}/{}", name(url)),
            round_trips,
            _folder: folder,
        }
    }

    fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::SeqCst)
    }
}

/// Hands on message by message. The first has no letter.
async fn count(
    mut from: tokio::net::unix::OwnedReadHalf,
    mut to: tokio::net::unix::OwnedWriteHalf,
    round_trips: Arc<std::sync::atomic::AtomicUsize>,
) -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut letter = None;
    loop {
        let length = from.read_u32().await?;
        let mut rest = vec![0; usize::try_from(length).unwrap() - 4];
        from.read_exact(&mut rest).await?;
        if matches!(letter, Some(b'S' | b'Q')) {
            round_trips.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(letter) = letter {
            to.write_u8(letter).await?;
        }
        to.write_u32(length).await?;
        to.write_all(&rest).await?;
        letter = Some(from.read_u8().await?);
    }
}

/// Who waits for a connection is counted, and so is for how long.
#[tokio::test]
async fn what_the_connections_are_doing() {
    let url = Cluster::shared().database();
    let (store, world) = on_one_connection(&url).await;
    let user = world.user("ann").await;
    let before = store.stats();
    assert_eq!((before.limit, before.in_use, before.waiting), (1, 0, 0));
    let (holder, line) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(line);
    let lock = "BEGIN; SELECT 1 FROM countersign.users FOR UPDATE";
    holder.batch_execute(lock).await.unwrap();
    let blocked = tokio::spawn({
        let store = store.clone();
        async move { store.set_user_enabled(user.id, false, &origin(at(0))).await }
    });
    while store.stats().in_use == 0 {
        tokio::task::yield_now().await;
    }
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.issuer_epoch().await }
    });
    let given_up = tokio::spawn({
        let store = store.clone();
        async move { store.issuer_epoch().await }
    });
    while store.stats().waiting < 2 {
        tokio::task::yield_now().await;
    }
    given_up.abort();
    while store.stats().waiting > 1 {
        tokio::task::yield_now().await;
    }
    holder.batch_execute("COMMIT").await.unwrap();
    blocked.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    let after = store.stats();
    assert_eq!((after.in_use, after.waiting), (0, 0));
    assert_eq!(after.verbs - before.verbs, 3);
    assert!(after.waited > before.waited, "{after:?}");
}

/// The nodes of a database know of each other for as long as each says that it lives.
#[tokio::test]
async fn nodes_that_announce_themselves() {
    let url = Cluster::shared().database();
    let (one, other) = (connect(&url).await.unwrap(), connect(&url).await.unwrap());
    let node = |name: &str, seen: u64, timeout: &str| countersign_auth::model::node::Node {
        name: name.to_owned(),
        version: "1.2.3".to_owned(),
        settings: BTreeMap::from([("sessions.client_timeout".to_owned(), timeout.to_owned())]),
        seen_at: at(seen),
    };
    let (a, b) = (node("a", 1000, "8s"), node("b", 2000, "9s"));
    assert_eq!(one.announce(&a, at(0)).await.unwrap(), []);
    assert_eq!(
        other.announce(&b, at(0)).await.unwrap(),
        std::slice::from_ref(&a)
    );
    assert_eq!(a.disagrees_about(&b), ["sessions.client_timeout"]);
    // Started again, it is the same node, with what it says now.
    let again = node("b", 3000, "8s");
    other.announce(&again, at(0)).await.unwrap();
    assert_eq!(
        one.announce(&a, at(0)).await.unwrap(),
        std::slice::from_ref(&again)
    );
    assert!(a.disagrees_about(&again).is_empty());
    // Who says nothing any more is forgotten, but never oneself.
    assert_eq!(one.announce(&a, at(3001)).await.unwrap(), []);
    assert_eq!(other.announce(&again, at(500)).await.unwrap(), [a]);
    one.leave("a").await.unwrap();
    assert_eq!(other.announce(&again, at(0)).await.unwrap(), []);
}
