//! Several nodes on one PostgreSQL, in this process, where a test can set their clocks and stop their ears.

use std::sync::Arc;
use std::time::Duration;

use countersign::config::{Config, Sources};
use countersign::hearing::hear;
use countersign::nodes::Neighbours;
use countersign_auth::Auth;
use countersign_auth::env::{Clock, Env, Timestamp};
use countersign_auth::feed::News;
use countersign_auth::model::revocation::Cursor;
use countersign_auth::seal::MasterKey;
use countersign_auth::sessions::Sessions;
use countersign_auth::settings::{Secrets, Settings};
use countersign_auth::visitor::Visitor;
use countersign_store::{Bell, Postgres, PostgresOptions, Redis};
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::cluster::Cluster;
use crate::free_port::free_port;
use crate::redis_server::RedisServer;
use crate::temp::TempDir;

/// A poll that never comes while a test runs.
const NEVER: Duration = Duration::from_hours(24);
/// What an event may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

struct Node {
    auth: Arc<Auth>,
    store: Postgres,
    stop: watch::Sender<bool>,
}

impl Node {
    async fn start(database: &str) -> Self {
        Self::start_with(database, Env::system()).await
    }

    async fn start_with(database: &str, env: Env) -> Self {
        let store = Self::connect(database).await;
        let sessions = Arc::new(store.clone());
        Self::start_on(store, sessions, env).await
    }

    /// With its sessions in Redis.
    async fn start_beside(database: &str, redis: &Redis) -> Self {
        let store = Self::connect(database).await;
        let sessions = Arc::new(redis.beside_postgres(store.clone()));
        Self::start_on(store, sessions, Env::system()).await
    }

    async fn connect(database: &str) -> Postgres {
        let options = PostgresOptions::default();
        Postgres::connect(database, &options).await.unwrap()
    }

    async fn start_on(store: Postgres, sessions: Arc<dyn Sessions>, env: Env) -> Self {
        let secrets = Secrets {
            master: MasterKey::new(&Zeroizing::new([7; 32])),
            shared: None,
            own_key: None,
            pepper: None,
        };
        let directory = Arc::new(store.clone());
        let settings = Settings::new("http://localhost");
        let auth = Auth::start(settings, secrets, directory, sessions, env);
        Self {
            auth: Arc::new(auth.await.unwrap()),
            store,
            stop: watch::channel(false).0,
        }
    }

    fn hear(&self, bell: Option<Bell>, every: Duration) {
        tokio::spawn(hear(self.auth.clone(), bell, every, self.stop.subscribe()));
    }

    /// Takes a token of this id back. The place after it.
    async fn revoke(&self, jti: &str) -> Cursor {
        let done = self.auth.revoke_token(jti, &Visitor::operator()).await;
        done.unwrap();
        self.auth.feed_head().0
    }

    /// Until it has heard of all up to there.
    async fn heard(&self, place: Cursor) {
        let mut bell = self.auth.feed_bell();
        let heard = bell.wait_for(|heard| *heard == place);
        timeout(SOON, heard).await.expect("it hears").unwrap();
        let news = self.auth.feed_news(place, 1);
        assert!(matches!(news, News::Nothing { .. }), "{news:?}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.store.close();
    }
}

/// A machine's clock, and how much has passed on it beside the true time.
struct Later(Arc<dyn Clock>, Duration);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        self.0.now().plus(self.1)
    }
}

fn revocations(store: &Postgres) -> Option<Bell> {
    store.listen().map(|bells| bells.revocations)
}

/// How many of this database's connections listen.
async fn listeners(cluster: &'static Cluster, database: &str) -> usize {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE 'LISTEN%'"
    );
    let count = tokio::task::spawn_blocking(move || cluster.sql("postgres", &sql));
    count.await.unwrap().parse().unwrap()
}

async fn until_it_listens(cluster: &'static Cluster, database: &str) {
    while listeners(cluster, database).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What one node revokes wakes the other: no poll comes in this test. The connection that listens is lost, and comes
/// back by itself; what was revoked in between is heard then.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_revokes_wakes_the_other() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let database = url.rsplit('/').next().unwrap();
    let (here, there) = (Node::start(&url).await, Node::start(&url).await);
    there.hear(revocations(&there.store), NEVER);
    until_it_listens(cluster, database).await;
    for round in 0..20 {
        let place = here.revoke(&format!("token {round}")).await;
        there.heard(place).await;
    }

    let cut = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = '{database}' AND query LIKE 'LISTEN%'"
    );
    assert_eq!(cluster.sql("postgres", &cut), "t");
    let place = here.revoke("while nobody listens").await;
    there.heard(place).await;
    let place = here.revoke("and again").await;
    there.heard(place).await;
}

/// Without `NOTIFY`, or while the connection that listens is away, the log is looked at now and then.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_woken_looks() {
    let url = Cluster::shared().database();
    let (here, there) = (Node::start(&url).await, Node::start(&url).await);
    // A bell that never rings: nobody listens where it does.
    let elsewhere = Cluster::shared().database();
    let deaf = Node::start(&elsewhere).await;
    there.hear(revocations(&deaf.store), Duration::from_millis(50));
    for round in 0..3 {
        let place = here.revoke(&format!("token {round}")).await;
        there.heard(place).await;
    }

    let options = PostgresOptions {
        notify: false,
        ..PostgresOptions::default()
    };
    let quiet = Postgres::connect(&url, &options).await.unwrap();
    assert!(quiet.listen().is_none());
    quiet.close();
}

/// Nodes whose settings differ where they must not say so, each of the other and by the names of the settings; a node
/// that is started again with the right ones is the same node; one that is silent is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_say_which_settings_differ() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let database = url.rsplit('/').next().unwrap();
    let (here, there) = (Node::start(&url).await, Node::start(&url).await);
    let (one, other) = (TempDir::new(), TempDir::new());
    let usual = [
        ("COUNTERSIGN_PASSWORDS_PEPPER", "pepper that nobody guesses"),
        ("COUNTERSIGN_SESSIONS_CLIENT_TIMEOUT", "8s"),
        ("COUNTERSIGN_LISTEN", "localhost:1"),
    ];
    let config = |folder: &TempDir, vars: &[(&str, &str)]| {
        let sources = Sources {
            data: Some(folder.path().to_owned()),
            vars: vars
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            ..Sources::default()
        };
        Config::load(&sources).unwrap()
    };
    let first = Neighbours::new(here.auth.clone(), &config(&one, &usual));
    first.meet().await.unwrap();
    assert_eq!(first.heard().nodes, 0);

    // A secret, a setting that is left out of the file, and two that are a node's own.
    let differing = [
        (
            "COUNTERSIGN_PASSWORDS_PEPPER",
            "another pepper, in one node",
        ),
        ("COUNTERSIGN_SESSIONS_CLIENT_TIMEOUT", "9s"),
        ("COUNTERSIGN_FORWARD_AUTH_COOKIE", "access"),
        ("COUNTERSIGN_LISTEN", "localhost:2"),
        ("COUNTERSIGN_PASSWORDS_THREADS", "3"),
    ];
    let second = Neighbours::new(there.auth.clone(), &config(&other, &differing));
    second.meet().await.unwrap();
    first.meet().await.unwrap();
    for node in [&first, &second] {
        let heard = node.heard();
        assert_eq!(heard.nodes, 1);
        let settings: Vec<_> = heard.disagree.into_values().collect();
        assert_eq!(
            settings,
            [[
                "forward_auth.cookie",
                "passwords.pepper",
                "sessions.client_timeout"
            ]]
        );
    }
    let kept = cluster.sql(database, "SELECT settings FROM countersign.nodes");
    assert!(!kept.contains("9s") && !kept.contains("pepper,"), "{kept}");

    let second = Neighbours::new(there.auth.clone(), &config(&other, &usual));
    second.meet().await.unwrap();
    first.meet().await.unwrap();
    assert_eq!(first.heard().nodes, 1, "it is the same node");
    assert!(first.heard().disagree.is_empty());

    let silent = "UPDATE countersign.nodes SET seen_at = seen_at - 91000 WHERE name LIKE '%' || ";
    let folder = other.path().canonicalize().unwrap();
    cluster.sql(database, &format!("{silent}'{}'", folder.display()));
    first.meet().await.unwrap();
    assert_eq!(first.heard().nodes, 0);
    second.meet().await.unwrap();
    assert_eq!(second.heard().nodes, 1);
    first.leave().await;
    second.meet().await.unwrap();
    assert_eq!(second.heard().nodes, 0);
}

/// Nodes that keep sessions in different places say so, whatever the addresses by which they reach them.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_say_that_their_sessions_are_apart() {
    let url = Cluster::shared().database();
    let (sessions, others) = tokio::task::spawn_blocking(|| {
        let port = free_port();
        let sessions = RedisServer::with(&["--port", &port.to_string()]);
        ((sessions, port), RedisServer::new())
    })
    .await
    .unwrap();
    let (sessions, port) = sessions;
    let node = async |address: &str| {
        let redis = Redis::connect(address).await.unwrap();
        Node::start_beside(&url, &redis).await
    };
    let by_socket = node(&sessions.url()).await;
    let by_port = node(&format!("redis://localhost:{port}")).await;
    let elsewhere = node(&others.url()).await;
    let nodes = [by_socket, by_port, elsewhere].map(|node| {
        let folder = TempDir::new();
        let sources = Sources {
            data: Some(folder.path().to_owned()),
            ..Sources::default()
        };
        let neighbours = Neighbours::new(node.auth.clone(), &Config::load(&sources).unwrap());
        (neighbours, node, folder)
    });
    for _ in 0..2 {
        for (neighbours, ..) in &nodes {
            neighbours.meet().await.unwrap();
        }
    }
    for ((neighbours, ..), strangers) in nodes.iter().zip([1, 1, 2]) {
        let heard = neighbours.heard();
        assert_eq!(heard.nodes, 2);
        assert_eq!(heard.disagree.len(), strangers);
        for settings in heard.disagree.values() {
            assert_eq!(settings, &["store.redis"]);
        }
    }
}

/// Whether two nodes rotate keys because it is time, or because somebody says so on both at once: each ring has one
/// active key, both come to the same set, and what one signed the other takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_rotate_keys_at_once() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let database = url.rsplit('/').next().unwrap();
    let active = || {
        let sql = "SELECT string_agg(purpose || ' ' || kid, ', ' ORDER BY purpose, algorithm) \
                   FROM countersign.keys WHERE state = 'active'";
        cluster.sql(database, sql)
    };
    let mut before = String::new();
    for round in 0..4 {
        let after = Duration::from_hours(24 * 91) * round;
        let later = || Env {
            clock: Arc::new(Later(Env::system().clock, after)),
            ..Env::system()
        };
        let (one, other) = tokio::join!(
            Node::start_with(&url, later()),
            Node::start_with(&url, later())
        );
        // Because it is time, from the second round on.
        let (a, b) = tokio::join!(one.auth.upkeep(), other.auth.upkeep());
        a.unwrap();
        b.unwrap();
        let now = active();
        assert_ne!(now, before, "they rotated");
        assert_eq!(now.matches(',').count(), 2, "one for each ring: {now}");
        // Because somebody says so.
        let operator = Visitor::operator();
        let (a, b) = tokio::join!(
            one.auth.rotate_keys(None, &operator),
            other.auth.rotate_keys(None, &operator)
        );
        a.unwrap();
        b.unwrap();
        before = active();
        assert_ne!(now, before, "they rotated");
        assert_eq!(before.matches(',').count(), 2, "{before}");
        one.auth.upkeep().await.unwrap();
        other.auth.upkeep().await.unwrap();
        let [here, there] = [&one, &other].map(|node| {
            let mut keys: Vec<_> = node.auth.keys().into_iter().map(|key| key.kid).collect();
            keys.sort();
            keys
        });
        assert_eq!(here, there);
        println!("round {round}: {} keys; active: {before}", here.len());
    }
}
