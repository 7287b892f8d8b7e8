//! A store on its way to PostgreSQL: what changes meanwhile, and what does not arrive.
use std::path::PathBuf;

use countersign_auth::directory::{ChangeUser, Directory, Spend};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{Actor, Origin};
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::grant::Network;
use countersign_auth::model::id::{ClientId, KeyId, UserId};
use countersign_auth::model::key::{KeyPurpose, KeyState, StoredKey};
use countersign_auth::model::revocation::Audience;
use countersign_auth::model::user::{NewUser, UserChange};
use countersign_auth::password::StoredPassword;
use countersign_auth::sessions::{Rotate, Sessions};
use countersign_store::{
    ConnectError, Move, MoveError, Postgres, PostgresOptions, Since, Sqlite, SqliteOptions,
};

use crate::cluster::Cluster;
use crate::conformance::joining;
use crate::conformance::world::{World, present_to, secs};
use crate::scratch::Scratch;

fn origin() -> Origin {
    Origin {
        at: Timestamp::from_secs(1_800_000_000),
        actor: Actor::Operator,
        address: None,
        agent: None,
    }
}

fn id(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

async fn add(store: &Sqlite, number: u8) {
    let user = NewUser {
        id: id(number),
        email: format!("u{number}@example.com"),
        username: Some(format!("u{number}")),
        name: None,
        roles: vec!["a".to_owned()],
        attributes: serde_json::Map::new(),
        password: Some(StoredPassword::from_stored(format!("$fake${number}"))),
        at: origin().at,
    };
    store.add_user(user, &origin()).await.unwrap();
}

async fn rename(store: &Sqlite, number: u8, username: Option<&str>) {
    let change = UserChange {
        username: Some(username.map(ToOwned::to_owned)),
        ..UserChange::default()
    };
    let changed = store.change_user(id(number), change, &origin()).await;
    assert!(matches!(changed.unwrap(), ChangeUser::Changed(_)));
}

async fn add_key(store: &Sqlite, number: u8) {
    let id = KeyId::from_bytes([number; 16]);
    let key = StoredKey {
        id,
        purpose: KeyPurpose::Signing,
        algorithm: "ES256".to_owned(),
        kid: format!("kid-{number}"),
        sealed: vec![number, 0, 255],
        state: KeyState::Active,
        created_at: origin().at,
        since: origin().at,
    };
    assert!(store.add_key(key, false, &origin()).await.unwrap());
}

struct Source {
    scratch: Scratch,
    store: Sqlite,
    incarnation: i64,
}

impl Source {
    async fn new() -> Self {
        let scratch = Scratch::new();
        let store = Sqlite::open(&scratch.database(), &SqliteOptions::default()).unwrap();
        let client = Client::new(ClientId::default(), ClientKind::Browser, origin().at);
        store.put_client(client, &origin()).await.unwrap();
        for number in 1..=4 {
            add(&store, number).await;
        }
        add_key(&store, 1).await;
        // What no verb of this store alone leaves behind.
        let beside = rusqlite::Connection::open(scratch.database()).unwrap();
        beside
            .execute_batch(
                "INSERT INTO ended_sessions VALUES (x'0102');
                 INSERT INTO spent VALUES ('told', 1, 2, 3, '', 1), ('untold', 1, 2, 3, '', 0);",
            )
            .unwrap();
        let incarnation = Sqlite::identify(&scratch.database()).unwrap().incarnation;
        Self {
            scratch,
            store,
            incarnation,
        }
    }

    async fn copy(&self, name: &str) -> PathBuf {
        let copy = self.scratch.database().with_file_name(name);
        self.store.back_up(&copy).await.unwrap();
        copy
    }
}

/// One has now what another had before: a name, an address, a short number of a row, the place of the active key.
#[tokio::test]
async fn what_changes_hands_meanwhile() {
    let source = Source::new().await;
    let store = &source.store;
    let url = Cluster::shared().database();
    let first = source.copy("first").await;
    let mut target = begin(&url, source.incarnation).await.unwrap();
    target.start_over("first").await.unwrap();
    target.fill(&first, &mut |_| ()).await.unwrap();
    target.verify(&first).await.unwrap();

    rename(store, 1, None).await;
    rename(store, 2, Some("u1")).await;
    rename(store, 1, Some("u2")).await;
    store.delete_user(id(4), &origin()).await.unwrap();
    add(store, 5).await;
    store.delete_user(id(3), &origin()).await.unwrap();
    add(store, 3).await;
    add_key(store, 2).await;
    add_key(store, 3).await;
    let second = source.copy("second").await;
    let caught = target.catch_up(&first, &second, "second").await.unwrap();
    assert!(caught.put > 6 && caught.dropped > 0, "{caught:?}");
    target.verify(&second).await.unwrap();
    // Nothing more is nothing more.
    let third = source.copy("third").await;
    let caught = target.catch_up(&second, &third, "third").await.unwrap();
    assert_eq!((caught.put, caught.dropped), (0, 0));
    assert_eq!(target.copy(), "third");

    // Until it is finished it is nobody's database, and no other store's.
    let early = Postgres::connect(&url, &PostgresOptions::default()).await;
    assert!(matches!(early.unwrap_err(), ConnectError::HalfMoved));
    let beside = begin(&url, source.incarnation).await.unwrap_err();
    assert!(
        matches!(beside, MoveError::Connect(ConnectError::BeingMoved)),
        "{beside:?}"
    );
    // What was written since goes along; what can be written meanwhile does not count.
    rename(store, 2, Some("last")).await;
    let database = source.scratch.database();
    let refused = target
        .hand_over(Since::Copy(&third), &database, async || {
            Ok::<_, MoveError>(false)
        })
        .await;
    assert_eq!(refused.unwrap(), None);
    let handed = target
        .hand_over(Since::Copy(&third), &database, async || {
            Ok::<_, MoveError>(true)
        })
        .await;
    assert!(handed.unwrap().unwrap().put > 0);
    target.analyze().await.unwrap();
    let moved = Postgres::connect(&url, &PostgresOptions::default())
        .await
        .unwrap();
    for number in [1, 2, 3, 5] {
        let (here, there) = (store.user(id(number)).await, moved.user(id(number)).await);
        assert_eq!(here.unwrap(), there.unwrap());
    }
    assert_eq!(moved.user(id(4)).await.unwrap(), None);
    let sorted = |mut keys: Vec<StoredKey>| {
        keys.sort_by_key(|key| key.id);
        keys
    };
    let (here, there) = (store.keys().await.unwrap(), moved.keys().await.unwrap());
    assert_eq!(sorted(here), sorted(there));
    assert_eq!(
        store.clients().await.unwrap(),
        moved.clients().await.unwrap()
    );
    moved.close();
}

/// At last only the rows are looked at that were written since the copy, whatever was done with them.
#[tokio::test]
async fn what_was_written_is_put_at_last() {
    let source = Source::new().await;
    let store = &source.store;
    let world = World::new(store.clone()).await;
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    let [renews, ends] = [world.sign_in(&ann).await, world.sign_in(&ann).await];
    world.sign_in(&bob).await;
    let watch = store.watch(7).await.unwrap();
    let copy = source.copy("copy").await;
    let mut target = begin(&Cluster::shared().database(), source.incarnation)
        .await
        .unwrap();
    target.start_over("copy").await.unwrap();
    target.fill(&copy, &mut |_| ()).await.unwrap();
    target.verify(&copy).await.unwrap();

    rename(store, 1, None).await;
    rename(store, 2, Some("u1")).await;
    rename(store, 1, Some("u2")).await;
    // With his password, his session and his grant; and somebody else has his number.
    store.delete_user(bob.id, &origin()).await.unwrap();
    add(store, 5).await;
    let hash = StoredPassword::from_stored("$fake$another".to_owned());
    store.set_password(id(2), hash, &origin()).await.unwrap();
    let renewed = world.present(&renews, 0, secs(60)).await;
    assert!(matches!(renewed, Rotate::Rotated(_)), "{renewed:?}");
    store.end(ends.session, None, &origin()).await.unwrap();
    world.sign_in(&ann).await;
    world.other_client("phone").await;
    add_key(store, 2).await;
    let (session, _) = world.sign_in_form(&ann, &world.client, secs(1));
    let spend = Spend {
        jti: "\"exchanged\" [1]",
        session: &session,
        client: &world.client.id,
        client_epoch: world.client.epoch,
        audience: &Audience::Service("orders".to_owned()),
        from: secs(1).unix(),
        until: secs(2).unix(),
    };
    store.spend(spend, &origin()).await.unwrap();
    let freeze = store.freeze(8).await.unwrap().unwrap();
    let written = store.written(7).await.unwrap().unwrap();
    let mark = async || {
        let marked = store.hand_over(freeze.name(), "elsewhere", origin().at);
        Ok::<_, MoveError>(marked.await.unwrap())
    };
    let database = source.scratch.database();
    let handed = target.hand_over(Since::Written(&written), &database, mark);
    let caught = handed.await.unwrap().unwrap();
    assert!(caught.put > 10 && caught.dropped > 2, "{caught:?}");
    target.verify(&database).await.unwrap();
    drop(watch);
}

#[tokio::test]
async fn what_does_not_arrive_is_seen() {
    let source = Source::new().await;
    let url = Cluster::shared().database();
    let name = url.rsplit('/').next().unwrap();
    let copy = source.copy("copy").await;
    let mut target = begin(&url, source.incarnation).await.unwrap();
    target.start_over("copy").await.unwrap();
    target.fill(&copy, &mut |_| ()).await.unwrap();
    for (sql, table) in [
        (
            "UPDATE countersign.passwords SET hash = hash || 'x' WHERE user_key = 1",
            "passwords",
        ),
        ("DELETE FROM countersign.keys", "keys"),
        (
            "UPDATE countersign.users SET enabled = false WHERE key = 2",
            "users",
        ),
    ] {
        Cluster::shared().sql(name, sql);
        let seen = target.verify(&copy).await.unwrap_err();
        assert!(
            matches!(seen, MoveError::Differs { table: t, .. } if t == table),
            "{seen:?}"
        );
        drop(target);
        target = resumed(&url, source.incarnation).await;
        target.start_over("copy").await.unwrap();
        target.fill(&copy, &mut |_| ()).await.unwrap();
        target.verify(&copy).await.unwrap();
    }
    drop(target);
    let other = loop {
        match begin(&url, source.incarnation ^ 1).await {
            Err(MoveError::Connect(ConnectError::BeingMoved)) => pause().await,
            other => break other.unwrap_err(),
        }
    };
    assert!(matches!(other, MoveError::Another), "{other:?}");
}

/// A mover that died between the hand-over and its own end is followed by one that sees for itself.
#[tokio::test]
async fn what_was_handed_over_is_looked_at_again() {
    let source = Source::new().await;
    let url = Cluster::shared().database();
    let name = url.rsplit('/').next().unwrap();
    let database = source.scratch.database();
    let copy = source.copy("copy").await;
    let mut empty = begin(&url, source.incarnation).await.unwrap();
    let lost = empty.finish_after(&copy, &database, &mut |_| ()).await;
    assert!(matches!(lost.unwrap_err(), MoveError::Lost));
    drop(empty);

    let mut target = resumed(&url, source.incarnation).await;
    target.start_over("copy").await.unwrap();
    target.fill(&copy, &mut |_| ()).await.unwrap();
    // It had put these, and was cut off before they stayed.
    rename(&source.store, 2, Some("last")).await;
    source.store.delete_user(id(4), &origin()).await.unwrap();
    let disabled = "UPDATE countersign.users SET enabled = false WHERE key = 1";
    Cluster::shared().sql(name, disabled);
    let seen = target.finish_after(&copy, &database, &mut |_| ()).await;
    assert!(
        matches!(seen.unwrap_err(), MoveError::Differs { table: "users", .. }),
        "it is compared"
    );
    // Without the copy all of it is put again.
    let gone = copy.with_file_name("gone");
    drop(target);
    let mut target = resumed(&url, source.incarnation).await;
    target
        .finish_after(&gone, &database, &mut |_| ())
        .await
        .unwrap();
    let options = PostgresOptions::default();
    let moved = Postgres::connect(&url, &options).await.unwrap();
    for number in [1, 2, 3, 4] {
        let (here, there) = (
            source.store.user(id(number)).await,
            moved.user(id(number)).await,
        );
        assert_eq!(here.unwrap(), there.unwrap());
    }
    moved.close();
}

/// As above, and the copy is there: what differs from it is put again.
#[tokio::test]
async fn what_was_cut_off_at_the_end_is_put_again() {
    let source = Source::new().await;
    let url = Cluster::shared().database();
    let copy = source.copy("copy").await;
    let mut target = begin(&url, source.incarnation).await.unwrap();
    target.start_over("copy").await.unwrap();
    target.fill(&copy, &mut |_| ()).await.unwrap();
    drop(target);
    rename(&source.store, 2, Some("last")).await;
    let mut target = resumed(&url, source.incarnation).await;
    let mut told = 0;
    target
        .finish_after(&copy, &source.scratch.database(), &mut |_| told += 1)
        .await
        .unwrap();
    assert_eq!(told, 0, "no table was filled anew");
    let moved = Postgres::connect(&url, &PostgresOptions::default())
        .await
        .unwrap();
    let renamed = moved.user(id(2)).await.unwrap().unwrap();
    assert_eq!(renamed.username.as_deref(), Some("last"));
    moved.close();
}

/// A session that several applications joined goes along whole: each goes on there, and it ends for all of them at once.
#[tokio::test]
async fn a_session_of_several_applications() {
    let source = Source::new().await;
    let world = World::new(source.store.clone()).await;
    let user = world.user("ann").await;
    let (shop, forum) = (
        world.other_client("shop").await,
        world.other_client("forum").await,
    );
    let ann = world.sign_in(&user).await;
    let at_shop = joining::joined(&world, &ann, &shop, secs(1)).await;
    let views = world.store.of_user(user.id, secs(40)).await.unwrap();
    let url = Cluster::shared().database();
    let copy = source.copy("copy").await;
    let mut target = begin(&url, source.incarnation).await.unwrap();
    target.start_over("copy").await.unwrap();
    target.fill(&copy, &mut |_| ()).await.unwrap();
    // One joins, and one is renewed, when most has been put there.
    let at_forum = joining::joined(&world, &ann, &forum, secs(30)).await;
    let renewed = world.present(&at_shop, 0, secs(40)).await;
    assert!(matches!(renewed, Rotate::Rotated(_)), "{renewed:?}");
    assert_eq!(views[0].clients.len(), 2);
    let views = world.store.of_user(user.id, secs(40)).await.unwrap();
    target
        .finish_after(&copy, &source.scratch.database(), &mut |_| ())
        .await
        .unwrap();

    let moved = Postgres::connect(&url, &PostgresOptions::default())
        .await
        .unwrap();
    assert_eq!(moved.of_user(user.id, secs(40)).await.unwrap(), views);
    assert_eq!(views[0].clients.len(), 3);
    for (who, generation) in [(&ann, 0), (&at_shop, 1), (&at_forum, 0)] {
        let renewed = present_to(&moved, who, generation, secs(100), Network(1)).await;
        assert!(matches!(renewed, Rotate::Rotated(_)), "{renewed:?}");
    }
    let theft = present_to(&moved, &at_shop, 0, secs(200), Network(1)).await;
    assert_eq!(theft, Rotate::Reused(ann.session));
    for who in [&ann, &at_forum] {
        let gone = present_to(&moved, who, 1, secs(201), Network(1)).await;
        assert_eq!(gone, Rotate::Unknown);
    }
    moved.close();
}

async fn begin(url: &str, incarnation: i64) -> Result<Move, MoveError> {
    Move::begin(url, &PostgresOptions::default(), incarnation).await
}

/// PostgreSQL takes a moment to see that whoever held the move has gone.
async fn resumed(url: &str, incarnation: i64) -> Move {
    loop {
        match begin(url, incarnation).await {
            Err(MoveError::Connect(ConnectError::BeingMoved)) => pause().await,
            begun => return begun.unwrap(),
        }
    }
}

async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
}
