//! Tokens that are exchanged: spent once, told, and forgotten when they could be of no use.

use std::time::Duration;

use countersign_auth::directory::{Directory, Spend, Spent};
use countersign_auth::env::Timestamp;
use countersign_auth::model::client::Client;
use countersign_auth::model::revocation::Audience;
use countersign_auth::model::session::Session;
use countersign_auth::model::user::User;
use countersign_guard::Revocation;

use super::races::race;
use super::world::{Store, World, origin, password, secs};

const INTERVAL: Duration = Duration::from_secs(20);
/// When the tokens of this page could be valid last.
fn until() -> Timestamp {
    secs(5000)
}

async fn spend<S: Store>(
    world: &World<S>,
    session: &Session,
    client: &Client,
    jti: &str,
    at: Timestamp,
) -> Spent {
    let spend = Spend {
        jti,
        session,
        client: &client.id,
        client_epoch: client.epoch,
        audience: &Audience::Service("orders".to_owned()),
        from: at.plus(INTERVAL).unix(),
        until: until().unix(),
    };
    world.store.spend(spend, &origin(at)).await.unwrap()
}

fn since(user: &User, at: Timestamp) -> Spent {
    Spent::Since(at, Box::new(user.clone()))
}

fn spent(jti: &str, at: Timestamp) -> Revocation {
    Revocation::Token {
        jti: jti.to_owned(),
        from: at.plus(INTERVAL).unix(),
    }
}

pub async fn spends_once<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let (session, _) = world.sign_in_form(&user, &world.client, secs(1));
    let mut watch = world.watch().await;
    // The first says since when, whoever comes later, and whatever they ask for.
    for at in [5, 5, 9, 4, 4000] {
        let answer = spend(&world, &session, &world.client, "t1", secs(at)).await;
        assert_eq!(answer, since(&user, secs(5)));
    }
    let other = spend(&world, &session, &world.client, "t2", secs(6)).await;
    assert_eq!(other, since(&user, secs(6)));
    // Nothing is told at once, and renewals leave no line.
    world.told(&mut watch, &[], &[]).await;
}

pub async fn spends_stale<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let bea = world.user("bea").await;
    let now = origin(secs(2));
    let native = world.other_client("native").await;
    let (session, _) = world.sign_in_form(&user, &native, secs(1));
    let (beas, _) = world.sign_in_form(&bea, &native, secs(1));
    let is_stale = async |session, client: &Client| {
        spend(&world, session, client, "t1", secs(3)).await == Spent::Stale
    };
    let set = world.store.set_password(user.id, password("new"), &now);
    set.await.unwrap();
    assert!(is_stale(&session, &native).await);
    let disabled = world.store.set_user_enabled(user.id, false, &now).await;
    let disabled = Session {
        user_epoch: disabled.unwrap().unwrap().epoch,
        ..session.clone()
    };
    assert!(is_stale(&disabled, &native).await);
    world.store.delete_user(user.id, &now).await.unwrap();
    assert!(is_stale(&disabled, &native).await);
    world.store.cut_off_client(&native.id, &now).await.unwrap();
    assert!(is_stale(&beas, &native).await);
    let all = Revocation::All { below: 0 };
    world.store.revoke(all, &now).await.unwrap();
    assert!(is_stale(&beas, &world.client).await);
    // What was refused is not spent.
    let session = Session {
        issuer_epoch: 1,
        ..beas
    };
    let answer = spend(&world, &session, &world.client, "t1", secs(4)).await;
    assert_eq!(answer, since(&bea, secs(4)));
}

pub async fn tells_the_log<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let (session, _) = world.sign_in_form(&user, &world.client, secs(1));
    let mut watch = world.watch().await;
    let before = world.head().await;
    assert_eq!(world.store.tell_spent(10).await.unwrap(), 0);
    for (jti, at) in [("t1", 5), ("t2", 6), ("t3", 7), ("t1", 8)] {
        spend(&world, &session, &world.client, jti, secs(at)).await;
    }
    assert_eq!(world.store.tell_spent(2).await.unwrap(), 2);
    let first = [spent("t1", secs(5)), spent("t2", secs(6))];
    world.told(&mut watch, &first, &[]).await;
    assert_eq!(world.store.tell_spent(2).await.unwrap(), 1);
    world.told(&mut watch, &[spent("t3", secs(7))], &[]).await;
    // Each once.
    assert_eq!(world.store.tell_spent(2).await.unwrap(), 0);
    world.told(&mut watch, &[], &[]).await;
    // For whom, and for as long as the token could be of use.
    let page = world.store.revocations(Some(before), secs(0), 10).await;
    for entry in page.unwrap().entries {
        assert_eq!(entry.event.until, until().unix());
        assert_eq!(entry.audience, Some(Audience::Service("orders".to_owned())));
    }
}

pub async fn one_moment_for_a_hundred<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let (session, _) = world.sign_in_form(&user, &world.client, secs(1));
    let answers = race(|racer| {
        let (store, session, client) = (
            world.store.clone(),
            session.clone(),
            world.client.id.clone(),
        );
        async move {
            let at = secs(10 + racer as u64 % 7);
            let spend = Spend {
                jti: "t1",
                session: &session,
                client: &client,
                client_epoch: 0,
                audience: &Audience::Issuer,
                from: at.plus(INTERVAL).unix(),
                until: until().unix(),
            };
            let answer = store.spend(spend, &origin(at)).await.unwrap();
            store.tell_spent(10).await.unwrap();
            answer
        }
    })
    .await;
    let moments: Vec<_> = answers
        .into_iter()
        .map(|answer| match answer {
            Spent::Since(at, _) => at,
            Spent::Stale => panic!("nothing moved"),
        })
        .collect();
    assert!(moments.iter().all(|at| *at == moments[0]), "{moments:?}");
    let start = countersign_auth::model::revocation::Cursor {
        sequence: 0,
        ..world.head().await
    };
    assert_eq!(world.tail(start).await.len(), 1, "and one event");
}

pub async fn sweeps_what_expired<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let (session, _) = world.sign_in_form(&user, &world.client, secs(1));
    for jti in ["t1", "t2", "t3"] {
        spend(&world, &session, &world.client, jti, secs(5)).await;
    }
    let sweep = async |now| {
        let swept = Directory::sweep(&world.store, now, secs(0), 2).await;
        swept.unwrap()
    };
    assert_eq!(sweep(until()).await, 0);
    let over = until().plus(Duration::from_secs(1));
    assert_eq!(sweep(over).await, 2);
    assert_eq!(sweep(over).await, 1);
    assert_eq!(sweep(over).await, 0);
    assert_eq!(world.store.tell_spent(10).await.unwrap(), 0);
}
