//! Several nodes on one PostgreSQL, in this process, where a test can set their clocks and stop their ears.

use std::sync::Arc;
use std::time::Duration;

use countersign::hearing::hear;
use countersign_auth::Auth;
use countersign_auth::env::Env;
use countersign_auth::feed::News;
use countersign_auth::model::revocation::Cursor;
use countersign_auth::seal::MasterKey;
use countersign_auth::settings::{Secrets, Settings};
use countersign_auth::visitor::Visitor;
use countersign_store::{Bell, Postgres, PostgresOptions};
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::cluster::Cluster;

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
        let store = Postgres::connect(database, &PostgresOptions::default())
            .await
            .unwrap();
        let secrets = Secrets {
            master: MasterKey::new(&Zeroizing::new([7; 32])),
            shared: None,
            own_key: None,
            pepper: None,
        };
        let (directory, sessions) = (Arc::new(store.clone()), Arc::new(store.clone()));
        let settings = Settings::new("http://localhost");
        let auth = Auth::start(settings, secrets, directory, sessions, Env::system());
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
    there.hear(there.store.listen(), NEVER);
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
    there.hear(deaf.store.listen(), Duration::from_millis(50));
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
