//! Sessions in Redis, beside each directory in SQL, do what every store must; and what is particular to two stores.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

#[expect(dead_code, reason = "TLS to it is another file's business")]
mod cluster;
mod conformance;
#[path = "../../../tests/free_port.rs"]
mod free_port;
mod redis_server;
mod scratch;
mod tallies;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cluster::Cluster;
use conformance::joining;
use conformance::restarts::Restart;
use conformance::world::{SignedIn, origin, password, session_ended};
use conformance::{World, at};
use countersign_auth::directory::Directory;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Happening;
use countersign_auth::model::grant::Network;
use countersign_auth::rotation::{Generation, Interval};
use countersign_auth::sessions::{Presented, Rotate, Sessions};
use countersign_auth::store::StoreError;
use countersign_store::{Postgres, PostgresOptions, Redis, SqlAndRedis, Sqlite, SqliteOptions};
use redis_server::RedisServer;
use scratch::Scratch;

mod beside_sqlite {
    crate::conformance::suite!(
        "Redis beside SQLite",
        crate::beside_sqlite,
        crate::redis_crashes
    );
}

mod beside_postgres {
    crate::conformance::suite!(
        "Redis beside PostgreSQL",
        crate::beside_postgres,
        crate::both_crash
    );
}

type Keep = (RedisServer, Scratch);

/// Nothing here outlives the process, and no verb waits for a disk.
async fn beside_sqlite() -> (SqlAndRedis, Keep) {
    on(RedisServer::with(&[]), false).await
}

async fn durable_beside_sqlite() -> (SqlAndRedis, Keep) {
    on(RedisServer::new(), true).await
}

async fn on(server: RedisServer, durable: bool) -> (SqlAndRedis, Keep) {
    let redis = Redis::connect(&server.url()).await.unwrap();
    let scratch = Scratch::new();
    let options = SqliteOptions {
        durable,
        ..SqliteOptions::default()
    };
    let sqlite = Sqlite::open(&scratch.database(), &options).unwrap();
    (redis.beside_sqlite(sqlite), (server, scratch))
}

struct Close(Postgres);

impl Drop for Close {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn beside_postgres() -> (SqlAndRedis, (Close, RedisServer)) {
    let server = RedisServer::with(&[]);
    let redis = Redis::connect(&server.url()).await.unwrap();
    let postgres = postgres(&Cluster::shared().database()).await;
    let store = redis.beside_postgres(postgres.clone());
    (store, (Close(postgres), server))
}

/// Redis crashes when this is stopped; and what is beside it, if that is PostgreSQL.
struct Crashing {
    redis: Arc<RedisServer>,
    postgres: Option<Arc<Cluster>>,
    _keep: (Option<Close>, Option<Scratch>),
}

async fn redis_crashes() -> (SqlAndRedis, Crashing) {
    let (store, (server, scratch)) = durable_beside_sqlite().await;
    let crashing = Crashing {
        redis: Arc::new(server),
        postgres: None,
        _keep: (None, Some(scratch)),
    };
    (store, crashing)
}

async fn both_crash() -> (SqlAndRedis, Crashing) {
    let server = RedisServer::new();
    let redis = Redis::connect(&server.url()).await.unwrap();
    let cluster = blocking(Cluster::new).await;
    let postgres = postgres(&cluster.database()).await;
    let crashing = Crashing {
        redis: Arc::new(server),
        postgres: Some(Arc::new(cluster)),
        _keep: (Some(Close(postgres.clone())), None),
    };
    (redis.beside_postgres(postgres), crashing)
}

impl Restart<SqlAndRedis> for Crashing {
    async fn stop(&self, _: &SqlAndRedis) {
        stop(&self.redis, "crash").await;
        if let Some(cluster) = self.postgres.clone() {
            blocking(move || cluster.stop("crash")).await;
        }
    }

    async fn start(&self, store: SqlAndRedis) -> SqlAndRedis {
        start(&self.redis).await;
        if let Some(cluster) = self.postgres.clone() {
            blocking(move || cluster.start()).await;
        }
        while store.is_ready().await.is_err() || store.issuer_epoch().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        store
    }
}

async fn postgres(url: &str) -> Postgres {
    let options = PostgresOptions::default();
    Postgres::connect(url, &options).await.unwrap()
}

/// Every case that touches Redis, in a cluster of three: no script and no command reaches across slots, and whatever lies
/// with another member is found there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_of_three() {
    use conformance::{races, renewal, sessions, sweeping};

    let (members, url) = blocking(|| members_of_a_cluster(3)).await;
    macro_rules! cases {
        ($($group:ident::$case:ident),* $(,)?) => {
            $(
                println!(stringify!($case));
                for member in &members {
                    member.cli(&["FLUSHALL"]);
                }
                let scratch = Scratch::new();
                let sqlite = Sqlite::open(&scratch.database(), &SqliteOptions::default()).unwrap();
                let redis = Redis::connect(&url).await.unwrap();
                $group::$case(World::new(redis.beside_sqlite(sqlite)).await).await;
            )*
        };
    }
    cases! {
        sessions::opens, sessions::opens_stale, sessions::ends, sessions::ends_of_grant, sessions::ends_all_of_user,
        sessions::ends_all_but_one, sessions::lists, sessions::changes_password, renewal::rotated, renewal::reused,
        renewal::ahead, renewal::stale, sweeping::sweeps_sessions, races::one_of_a_hundred_renews,
        races::sign_in_against_cut_off, joining::joins, joining::takes_the_place_of_what_was_given_before,
        joining::a_new_password_supersedes_all, races::a_hundred_join_one_that_ends,
    }
    let redis = Redis::connect(&url).await.unwrap();
    tallies::of_many_owners(&redis).await;
    // Sessions of different ends are spread over the members.
    for member in &members {
        member.cli(&["FLUSHALL"]);
    }
    let redis = Redis::connect(&url).await.unwrap();
    let scratch = Scratch::new();
    let sqlite = Sqlite::open(&scratch.database(), &SqliteOptions::default()).unwrap();
    let world = World::new(redis.beside_sqlite(sqlite)).await;
    let user = world.user("ann").await;
    for number in 0..60 {
        world.sign_in_at(&user, &world.client, at(number)).await;
    }
    for member in &members {
        let keys: u32 = member.cli(&["DBSIZE"]).parse().unwrap();
        assert!(keys > 20, "{keys}");
    }
    assert_eq!(
        world.store.of_user(user.id, at(60)).await.unwrap().len(),
        60
    );
}

/// Redis dies under fire, and comes back: every renewal that was answered is there; meanwhile the store says that it does
/// not answer, and afterwards it does, by itself, at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crash_of_redis() {
    let (store, (server, _scratch)) = durable_beside_sqlite().await;
    let server = Arc::new(server);
    let world = World::new(store.clone()).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let renewing = {
        let (store, ann) = (store.clone(), ann.clone());
        tokio::spawn(async move {
            let mut answered = 0;
            loop {
                let now = at(u64::from(answered + 1) * 20_000);
                match rotate(&store, &ann, answered, now).await {
                    Ok(Rotate::Rotated(_)) => answered += 1,
                    Ok(other) => panic!("{other:?}"),
                    Err(StoreError::Unavailable(_)) => return answered,
                    Err(other) => panic!("{other}"),
                }
            }
        })
    };
    while store.of_user(user.id, at(0)).await.unwrap()[0].last_used_at < at(100 * 20_000) {
        tokio::task::yield_now().await;
    }
    stop(&server, "crash").await;
    let answered = renewing.await.unwrap();
    let away = rotate(&store, &ann, answered, at(0)).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
    start(&server).await;
    let began = tokio::time::Instant::now();
    let now = at(u64::from(answered + 1) * 20_000);
    let answer = loop {
        match rotate(&store, &ann, answered, now).await {
            Ok(answer) => break answer,
            Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
        assert!(began.elapsed() < Duration::from_secs(5));
    };
    // The one in flight may have happened, unanswered; none that was answered is lost.
    assert!(
        matches!(answer, Rotate::Rotated(_) | Rotate::Retried(_)),
        "{answer:?}"
    );
}

/// While the directory is away, nothing is spent and nothing is left half begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crash_of_the_directory() {
    let cluster = Arc::new(blocking(Cluster::new).await);
    let server = RedisServer::new();
    let redis = Redis::connect(&server.url()).await.unwrap();
    let postgres = postgres(&cluster.database()).await;
    let world = World::new(redis.beside_postgres(postgres)).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let (session, grant) = world.sign_in_form(&user, &world.client, at(0));
    let crashing = Arc::clone(&cluster);
    blocking(move || crashing.stop("crash")).await;

    for generation in [0, 7] {
        let away = rotate(&world.store, &ann, generation, at(20_000)).await;
        assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
    }
    let away = world.store.open(session, grant, &origin(at(0))).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
    let away = world.store.end(ann.session, None, &origin(at(0))).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
    let (joining, joined) = joining::form(&world, &ann, &world.client, at(0));
    let away = world.store.join(joining, &origin(at(0))).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");

    let starting = Arc::clone(&cluster);
    blocking(move || starting.start()).await;
    let answer = loop {
        match rotate(&world.store, &ann, 0, at(20_000)).await {
            Ok(answer) => break answer,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    let answer = rotate(&world.store, &joined, 0, at(20_000)).await.unwrap();
    assert_eq!(answer, Rotate::Unknown);
    let views = world.store.of_user(user.id, at(1)).await.unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(
        server.cli(&["ZCARD", "countersign:user:WlpaWlpaWloAAAAAAAAAAQ"]),
        "2"
    );
    assert_eq!(sessions_in(&server), 1);
}

/// What was ended while Redis was away is over when it comes back, long after the event has lapsed.
#[tokio::test]
async fn ended_while_redis_was_away() {
    let (store, (server, _scratch)) = durable_beside_sqlite().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let [one, two] = [world.sign_in(&user).await, world.sign_in(&user).await];
    server.stop("term");
    let revoked = session_ended(&one);
    world.store.revoke(revoked, &origin(at(0))).await.unwrap();
    server.start();
    let now = at(10_000_000);
    let swept = Directory::sweep(&world.store, now, at(0), 100).await;
    assert_eq!(swept.unwrap(), 1);
    let ended = world.store.end(one.session, None, &origin(now)).await;
    assert!(!ended.unwrap());
    let end = one.session.absolute_end();
    let of_grant = world
        .store
        .end_of_grant(one.handle, end, &origin(now))
        .await;
    assert_eq!(of_grant.unwrap(), None);
    let views = world.store.of_user(user.id, now).await.unwrap();
    assert_eq!(views.len(), 1);
    let answer = rotate(&world.store, &one, 0, now).await.unwrap();
    assert_eq!(answer, Rotate::Unknown);
    let answer = rotate(&world.store, &two, 0, now).await.unwrap();
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    // Until nothing of it could be good any more.
    for (now, forgotten) in [(end, 2), (end.plus(Duration::from_hours(25)), 1)] {
        let swept = Sessions::sweep(&world.store, now, 100).await.unwrap();
        assert_eq!(swept, forgotten);
    }
}

/// If Redis fails between the two, nobody knows who joined in that moment: everybody is told, whoever ends it.
#[tokio::test]
async fn ended_while_redis_drops_nothing() {
    let (store, (server, _scratch)) = beside_sqlite().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let kept = world.sign_in(&user).await;
    let now = origin(at(1));
    for way in 0..4 {
        let ann = world.sign_in(&user).await;
        server.cli(&["ACL", "SETUSER", "default", "-del"]);
        match way {
            0 => assert!(world.store.end(ann.session, None, &now).await.unwrap()),
            1 => {
                let end = ann.session.absolute_end();
                let ended = world.store.end_of_grant(ann.handle, end, &now).await;
                assert_eq!(ended.unwrap(), Some(ann.session));
            }
            2 => {
                let others = Some(kept.session);
                let ended = world.store.end_all_of_user(user.id, others, &now).await;
                assert_eq!(ended.unwrap(), 1);
            }
            _ => drop(world.store.revoke(session_ended(&ann), &now).await.unwrap()),
        }
        let told = joining::audiences(&world, &ann).await;
        assert!(told.contains(&None), "{way}: {told:?}");
        server.cli(&["ACL", "SETUSER", "default", "+del"]);
        assert_eq!(
            rotate(&world.store, &ann, 0, at(2)).await.unwrap(),
            Rotate::Unknown
        );
    }
}

/// Redis is taken back to a state from before: what was ended stays ended, what was renewed is noticed, what changed
/// its password is over, and the operator is told.
#[tokio::test]
async fn taken_back_to_a_snapshot() {
    let (store, (server, _scratch)) = durable_beside_sqlite().await;
    let world = World::new(store).await;
    let [user, bea] = [world.user("ann").await, world.user("bea").await];
    let [ended, renewed, idle, others] = [
        world.sign_in(&user).await,
        world.sign_in(&user).await,
        world.sign_in(&user).await,
        world.sign_in(&bea).await,
    ];
    Sessions::sweep(&world.store, at(0), 1).await.unwrap();
    let folder = server.cli(&["CONFIG", "GET", "dir"]);
    let folder = Path::new(folder.lines().nth(1).unwrap());
    server.stop("term");
    let kept = folder.join("appendonlydir");
    let aside = folder.join("aside");
    copy(&kept, &aside);
    server.start();

    let log = Log::new();
    let _guard = log.listen();
    Sessions::sweep(&world.store, at(0), 1).await.unwrap();
    assert_eq!(log.errors(), "");
    let now = origin(at(1000));
    assert!(world.store.end(ended.session, None, &now).await.unwrap());
    assert_eq!(
        world
            .store
            .end_all_of_user(bea.id, None, &now)
            .await
            .unwrap(),
        1
    );
    for generation in 0..3 {
        let now = at(u64::from(generation + 1) * 20_000);
        let answer = rotate(&world.store, &renewed, generation, now).await;
        assert!(matches!(answer.unwrap(), Rotate::Rotated(_)));
    }
    Sessions::sweep(&world.store, at(0), 1).await.unwrap();
    let late = world.sign_in(&user).await;
    server.stop("term");
    std::fs::remove_dir_all(&kept).unwrap();
    copy(&aside, &kept);
    server.start();

    let now = at(10_000_000);
    Directory::sweep(&world.store, now, at(0), 100)
        .await
        .unwrap();
    let present = async |who: &SignedIn, generation| {
        rotate(&world.store, who, generation, now).await.unwrap()
    };
    assert_eq!(present(&ended, 0).await, Rotate::Unknown);
    assert_eq!(present(&late, 0).await, Rotate::Unknown);
    assert_eq!(present(&others, 0).await, Rotate::Stale);
    assert_eq!(present(&renewed, 3).await, Rotate::Ahead(renewed.session));
    assert_eq!(present(&renewed, 0).await, Rotate::Unknown);
    assert!(matches!(present(&idle, 0).await, Rotate::Rotated(_)));
    Sessions::sweep(&world.store, at(0), 1).await.unwrap();
    assert!(
        log.errors().contains("taken back to an earlier state"),
        "{}",
        log.errors()
    );

    server.cli(&["FLUSHALL"]);
    Sessions::sweep(&world.store, at(0), 1).await.unwrap();
    assert!(
        log.errors().contains("has lost its memory"),
        "{}",
        log.errors()
    );
    assert_eq!(present(&idle, 1).await, Rotate::Unknown);
    let again = world.sign_in(&user).await;
    assert!(matches!(present(&again, 0).await, Rotate::Rotated(_)));
}

/// Between the two stores of a change of password, a renewal is told to come back, not that its session is over.
#[tokio::test]
async fn a_password_that_is_being_changed() {
    let (store, (server, _scratch)) = beside_sqlite().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let end = ann.session.absolute_end().as_millis();
    let key = format!("countersign:{{{end}}}:session:{}", ann.session);
    let until = at(10_000).as_millis().to_string();
    server.cli(&["HSET", &key, "changing", &until]);
    let now = origin(at(0));
    let set = world
        .store
        .set_password(user.id, password("new"), &now)
        .await;
    set.unwrap();
    let meanwhile = rotate(&world.store, &ann, 0, at(9_999)).await;
    assert!(
        matches!(meanwhile, Err(StoreError::Unavailable(_))),
        "{meanwhile:?}"
    );
    let after = rotate(&world.store, &ann, 0, at(10_000)).await.unwrap();
    assert_eq!(after, Rotate::Stale);
}

/// Between the two stores nothing joins, for what the change supersedes is known already. If it never ends, that passes.
#[tokio::test]
async fn nothing_joins_while_a_password_is_being_changed() {
    let (store, (server, _scratch)) = beside_sqlite().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    let end = ann.session.absolute_end().as_millis();
    let key = format!("countersign:{{{end}}}:session:{}", ann.session);
    let until = at(10_000).as_millis().to_string();
    server.cli(&["HSET", &key, "changing", &until]);
    let before = server.cli(&["HGETALL", &key]);
    let (joining, _) = joining::form(&world, &ann, &shop, at(9_999));
    let meanwhile = world.store.join(joining, &origin(at(9_999))).await;
    assert!(
        matches!(meanwhile, Err(StoreError::Unavailable(_))),
        "{meanwhile:?}"
    );
    assert_eq!(server.cli(&["HGETALL", &key]), before);
    joining::joined(&world, &ann, &shop, at(10_000)).await;
}

/// A sign-in that was cut off before it was answered is listed nowhere, counts nowhere, and can be used by nobody.
#[tokio::test]
async fn a_sign_in_that_never_ended() {
    let (store, (server, _scratch)) = beside_sqlite().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let end = ann.session.absolute_end().as_millis();
    let key = format!("countersign:{{{end}}}:session:{}", ann.session);
    server.cli(&["HSET", &key, "pending", "1"]);
    let now = origin(at(1));
    assert!(
        world
            .store
            .of_user(user.id, at(1))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        rotate(&world.store, &ann, 0, at(1)).await.unwrap(),
        Rotate::Unknown
    );
    assert!(!world.store.end(ann.session, None, &now).await.unwrap());
    let other = world.sign_in(&user).await;
    let ended = world
        .store
        .end_all_of_user(user.id, Some(other.session), &now)
        .await;
    assert_eq!(ended.unwrap(), 0);
    assert_eq!(
        world
            .store
            .end_all_of_user(user.id, None, &now)
            .await
            .unwrap(),
        1
    );
    assert_eq!(sessions_in(&server), 1);
}

/// Of a deleted user nothing is left in Redis either.
#[tokio::test]
async fn a_deleted_user() {
    let (store, (server, _scratch)) = beside_sqlite().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    world.sign_in(&user).await;
    world.sign_in(&user).await;
    assert!(
        world
            .store
            .delete_user(user.id, &origin(at(1)))
            .await
            .unwrap()
    );
    assert_eq!(sessions_in(&server), 0);
    assert_eq!(server.cli(&["KEYS", "countersign:user:*"]), "");
}

/// A hundred thieves at once raise one alarm.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_alarm_for_a_hundred_thieves() {
    let (store, _keep) = beside_sqlite().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    for generation in 0..2 {
        rotate(
            &world.store,
            &ann,
            generation,
            at(u64::from(generation + 1) * 20_000),
        )
        .await
        .unwrap();
    }
    let mut watch = world.watch().await;
    let mut thieves = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (store, ann) = (world.store.clone(), ann.clone());
        thieves.spawn(async move { rotate(&store, &ann, 0, at(50_000)).await.unwrap() });
    }
    let answers = thieves.join_all().await;
    let reused = answers
        .iter()
        .filter(|answer| **answer == Rotate::Reused(ann.session));
    assert_eq!(reused.count(), 1);
    let unknown = answers.iter().filter(|answer| **answer == Rotate::Unknown);
    assert_eq!(unknown.count(), 99);
    world
        .told(
            &mut watch,
            &[session_ended(&ann)],
            &[Happening::RefreshTokenReused],
        )
        .await;
}

/// Keys end by themselves, a day after the session could be good at the latest.
#[tokio::test]
async fn keys_end_by_themselves() {
    let (store, (server, _scratch)) = beside_sqlite().await;
    let world = World::new(store).await;
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    joining::joined(&world, &ann, &shop, at(0)).await;
    let day = 24 * 3600 * 1000;
    let mut seen = 0;
    for key in server.cli(&["KEYS", "countersign:*"]).lines() {
        let left: i64 = server.cli(&["PTTL", key]).parse().unwrap();
        if key.contains(":resting:") || key.ends_with(":memory") {
            continue;
        }
        assert!(left > 90 * day && left <= 91 * day, "{key}: {left}");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[tokio::test]
async fn settings_that_lose_what_was_acknowledged_are_told() {
    let found = async |options: &[&str]| {
        let server = RedisServer::with(options);
        let redis = Redis::connect(&server.url()).await.unwrap();
        let concerns = redis.concerns().iter();
        concerns.map(ToString::to_string).collect::<Vec<_>>()
    };
    let durable = ["--appendonly", "yes", "--appendfsync", "always"];
    assert!(found(&durable).await.is_empty());
    let said = found(&["--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"]).await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("appendfsync everysec"), "{said:?}");
    assert!(said[1].contains("allkeys-lru"), "{said:?}");
    let said = found(&[]).await;
    assert!(said[0].contains("appendonly no"), "{said:?}");
    let said = found(&["--rename-command", "CONFIG", ""]).await;
    assert!(
        said[0].contains("does not let its settings be read"),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_password_is_needed_and_never_shown() {
    let server = RedisServer::with(&["--requirepass", "hush-hush"]);
    for (credentials, expected) in [("", "NOAUTH"), ("?pass=wrong", "cannot connect")] {
        let refused = Redis::connect(&(server.url() + credentials))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
    let redis = Redis::connect(&(server.url() + "?pass=hush-hush"))
        .await
        .unwrap();
    assert!(!format!("{redis:?}").contains("hush"));
}

/// What `docs/operators.md` says that a user must be allowed to do is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_user_who_may_do_no_more_than_is_needed() {
    let manual = include_str!("../../../docs/operators.md");
    let (_, rights) = manual.split_once("must be allowed to do: `").unwrap();
    let (rights, _) = rights.split_once('`').unwrap();
    let server = RedisServer::new();
    let mut create = vec!["ACL", "SETUSER", "auth", "on", ">hush-hush"];
    create.extend(rights.split(' '));
    assert_eq!(server.cli(&create), "OK");
    let url = server.url() + "?user=auth&pass=hush-hush";
    let redis = Redis::connect(&url).await.unwrap();
    assert!(redis.concerns().is_empty(), "{:?}", redis.concerns());
    macro_rules! cases {
        ($($group:ident::$case:ident),*) => {
            $(
                server.cli(&["FLUSHALL"]);
                let scratch = Scratch::new();
                let sqlite = Sqlite::open(&scratch.database(), &SqliteOptions::default()).unwrap();
                let world = World::new(redis.beside_sqlite(sqlite)).await;
                conformance::$group::$case(world).await;
            )*
        };
    }
    cases!(
        sessions::ends_all_but_one,
        sessions::changes_password,
        sessions::lists,
        renewal::recovered,
        sweeping::sweeps_sessions,
        joining::takes_the_place_of_what_was_given_before,
        joining::ends_with_all_its_grants
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_in_words() {
    for (url, expected) in [
        ("hush-hush", "cannot be read"),
        ("http://:hush-hush@localhost", "cannot be read"),
        (
            "rediss://:hush-hush@db.example.com/#insecure",
            "cannot be read",
        ),
        ("redis://:hush-hush@db.example.com", "is another machine"),
        ("redis://:hush-hush@192.0.2.1:6379", "is another machine"),
        ("redis://:hush-hush@127.0.0.1:1", "cannot connect"),
        ("redis://:hush-hush@127.0.0.1:1?tls=off", "cannot connect"),
    ] {
        let refused = Redis::connect(url).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{url}: {refused}");
        assert!(!refused.contains("hush-hush"), "{refused}");
    }
    for url in [
        "rediss://:hush-hush@db.example.com",
        "redis://db.example.com?tls=off",
    ] {
        Redis::check_address(url).unwrap();
    }
}

/// Members of one cluster, each with its share of the slots; and the address of the first.
fn members_of_a_cluster(members: usize) -> (Vec<RedisServer>, String) {
    let mut servers = Vec::new();
    let mut url = String::new();
    for number in 0..members {
        let (port, bus) = (
            free_port::free_port().to_string(),
            free_port::free_port().to_string(),
        );
        let options = [
            "--cluster-enabled",
            "yes",
            "--port",
            &port,
            "--cluster-port",
            &bus,
            // Members that are held up are not given up.
            "--cluster-node-timeout",
            "600000",
        ];
        let server = RedisServer::with(&options);
        let first = (16384 * number / members).to_string();
        let last = (16384 * (number + 1) / members - 1).to_string();
        server.cli(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
        if number == 0 {
            url = format!("redis://127.0.0.1:{port}");
        } else {
            let first: &RedisServer = &servers[0];
            first.cli(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        servers.push(server);
    }
    for server in &servers {
        while !is_whole(&server.cli(&["CLUSTER", "INFO"]), members) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    (servers, url)
}

fn is_whole(info: &str, members: usize) -> bool {
    info.contains("cluster_state:ok")
        && info.contains(&format!("cluster_known_nodes:{members}"))
        && info.contains(&format!("cluster_size:{members}"))
}

async fn rotate(
    store: &SqlAndRedis,
    who: &SignedIn,
    generation: Generation,
    now: Timestamp,
) -> Result<Rotate, StoreError> {
    let presented = Presented {
        handle: who.handle,
        absolute_end: who.session.absolute_end(),
        generation,
        client: &who.client,
        idle_end: who.session.absolute_end(),
        interval: Interval::default(),
        network: Network(1),
    };
    store.rotate(presented, &origin(now)).await
}

/// How many sessions Redis holds, pending ones included.
fn sessions_in(server: &RedisServer) -> usize {
    let keys = server.cli(&["KEYS", "countersign:*:session:*"]);
    keys.lines().filter(|line| !line.is_empty()).count()
}

async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(job).await.unwrap()
}

async fn stop(server: &Arc<RedisServer>, how: &'static str) {
    let server = Arc::clone(server);
    blocking(move || server.stop(how)).await;
}

async fn start(server: &Arc<RedisServer>) {
    let server = Arc::clone(server);
    blocking(move || server.start()).await;
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// What was logged as an error.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn new() -> Self {
        Self::default()
    }

    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(self.clone())
    }

    fn errors(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Message<'a>(&'a mut String);
        impl tracing::field::Visit for Message<'_> {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                use std::fmt::Write as _;
                writeln!(self.0, "{value:?}").unwrap();
            }
        }
        event.record(&mut Message(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
