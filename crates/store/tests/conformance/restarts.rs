//! What was answered is there after a restart, whoever was in the middle of what.

use std::time::Duration;

use countersign_auth::directory::{Spend, Spent};
use countersign_auth::model::audit::{AuditQuery, Happening};
use countersign_auth::model::grant::Network;
use countersign_auth::model::id::KeyId;
use countersign_auth::model::key::{KeyPurpose, KeyState, StoredKey};
use countersign_auth::model::revocation::Audience;
use countersign_auth::model::user::User;
use countersign_auth::sessions::{PasswordChange, Rotate};
use countersign_auth::store::StoreError;
use countersign_guard::Revocation;

use super::clients;
use super::races::{RACERS, count, race};
use super::tally;
use super::world::{
    SignedIn, Store, World, entitled, origin, password, secs, session_ended, try_to_present,
};

/// What a store lies on, and can be stopped under it.
pub trait Restart<S> {
    /// Stops it, as abruptly as can be.
    async fn stop(&self, store: &S);

    /// Starts it again; the store as a node has it then.
    async fn start(&self, store: S) -> S;
}

/// Of every kind of thing something, and all of it is as it was: what is listed, what is answered, and what comes next.
pub async fn what_was_answered<S: Store>(mut world: World<S>, keep: &impl Restart<S>) {
    let [ann, bea, cid, dan] = [
        world.user("ann").await,
        world.user("bea").await,
        world.user("cid").await,
        world.user("dan").await,
    ];
    let renewed = world.sign_in(&ann).await;
    for generation in 0..3 {
        let now = secs(u64::from(generation + 1) * 20);
        let answer = world.present(&renewed, generation, now).await;
        assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    }
    let [ended, fresh] = [world.sign_in(&bea).await, world.sign_in(&bea).await];
    let now = origin(secs(60));
    assert!(world.store.end(ended.session, None, &now).await.unwrap());
    let changed = world.sign_in(&cid).await;
    let (mut form, _) = world.sign_in_form(&cid, &world.client, secs(60));
    form.id = changed.session;
    let change = PasswordChange {
        user: cid.id,
        seen_epoch: 0,
        password: password("new"),
        grant: world.grant(&form, &world.client, secs(60)),
    };
    let goes_on = SignedIn {
        handle: change.grant.handle,
        ..changed.clone()
    };
    world.store.change_password(change, &now).await.unwrap();
    let disabled = world.sign_in(&dan).await;
    let disable = world.store.set_user_enabled(dan.id, false, &now);
    disable.await.unwrap();
    let id = KeyId::from_bytes(world.unique());
    let key = StoredKey {
        id,
        purpose: KeyPurpose::Signing,
        algorithm: "ES256".to_owned(),
        kid: format!("kid-{id}"),
        sealed: vec![0, 1, 2, 255],
        state: KeyState::Active,
        created_at: secs(1),
        since: secs(1),
    };
    assert!(world.store.add_key(key, true, &now).await.unwrap());
    let secret = clients::secret(&world.client, 1, secs(60));
    let added = world.store.add_client_secret(secret, secs(60), &now).await;
    assert!(added.unwrap());
    world.other_client("native").await;
    let cursor = world
        .store
        .revoke(session_ended(&fresh), &now)
        .await
        .unwrap();
    let first = spend(&world, &ann, 60).await;

    let before = listed(&world).await;
    keep.stop(&world.store).await;
    world.store = keep.start(world.store).await;
    tally::restarted();
    assert_eq!(listed(&world).await, before);

    // The log goes on where it was.
    let next = Revocation::Token {
        jti: "t9".to_owned(),
        from: secs(61).unix(),
    };
    let next = world.store.revoke(next, &now).await.unwrap();
    assert_eq!(
        (next.incarnation, next.sequence),
        (cursor.incarnation, cursor.sequence + 1)
    );
    assert_eq!(spend(&world, &ann, 4000).await, first);
    // Each in its place: retried, held, over, superseded, gone on, disabled; and spent, which is theft.
    let present = async |who: &SignedIn, generation, at| {
        let answer = world.present(who, generation, secs(at)).await;
        let answer = format!("{answer:?}");
        answer.split(['(', ' ']).next().unwrap().to_owned()
    };
    assert_eq!(present(&renewed, 2, 61).await, "Retried");
    assert_eq!(present(&renewed, 3, 62).await, "Held");
    assert_eq!(present(&ended, 0, 62).await, "Unknown");
    assert_eq!(present(&changed, 0, 62).await, "Superseded");
    assert_eq!(present(&goes_on, 0, 62).await, "Held");
    assert_eq!(present(&disabled, 0, 62).await, "Stale");
    assert_eq!(present(&renewed, 1, 62).await, "Reused");
    assert_eq!(present(&renewed, 3, 63).await, "Unknown");
}

/// Everything that can be listed, as text.
async fn listed<S: Store>(world: &World<S>) -> String {
    let store = &world.store;
    let (now, everything) = (
        secs(61),
        AuditQuery {
            limit: u32::MAX,
            ..AuditQuery::default()
        },
    );
    let users = store.users(None, u32::MAX).await.unwrap();
    let mut sessions = Vec::new();
    for user in &users {
        sessions.push(store.of_user(user.id, now).await.unwrap());
    }
    format!(
        "{users:#?}\n{sessions:#?}\n{:#?}\n{:#?}\n{:#?}\n{:?}\n{:#?}\n{:#?}\n{:?}",
        store.clients().await.unwrap(),
        store.client_secrets().await.unwrap(),
        store.keys().await.unwrap(),
        store.issuer_epoch().await.unwrap(),
        store.revocations(None, now, 1000).await.unwrap(),
        store.audit(everything).await.unwrap(),
        store.event_lifetime(Duration::ZERO).await.unwrap(),
    )
}

async fn spend<S: Store>(world: &World<S>, user: &User, at: u64) -> Spent {
    let (mut session, _) = world.sign_in_form(user, &world.client, secs(1));
    session.user_epoch = user.epoch;
    let spend = Spend {
        jti: "t1",
        session: &session,
        client: &world.client.id,
        client_epoch: world.client.epoch,
        audience: &Audience::Issuer,
        from: secs(at + 20).unix(),
        until: secs(5000).unix(),
    };
    let answer = world.store.spend(spend, &origin(secs(at))).await;
    answer.unwrap()
}

/// A hundred renew at once while it is stopped under them: of each generation there is one, whoever was answered, and
/// what was answered holds.
pub async fn a_race<S: Store>(mut world: World<S>, keep: &impl Restart<S>) {
    const STOPPED_IN: u32 = 2;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    for generation in 0..5 {
        let now = secs(u64::from(generation + 1) * 20);
        let racing = race(|_| {
            let (store, ann) = (world.store.clone(), ann.clone());
            async move { try_to_present(&store, &ann, generation, now, Network(1)).await }
        });
        let answers = if generation == STOPPED_IN {
            tokio::join!(racing, keep.stop(&world.store)).0
        } else {
            racing.await
        };
        let mut winners = count(&answers, |answer| matches!(answer, Ok(Rotate::Rotated(_))));
        let unanswered = count(&answers, |answer| {
            matches!(answer, Err(StoreError::Unavailable(_)))
        });
        for answer in answers {
            match answer {
                Ok(answer) => assert_eq!(entitled(answer).grant.generations.cur, generation + 1),
                Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
            }
        }
        if generation == STOPPED_IN {
            let away = try_to_present(&world.store, &ann, generation, now, Network(1)).await;
            assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
            world.store = keep.start(world.store).await;
            tally::restarted();
            println!("{unanswered} of {RACERS} were not answered when it was stopped");
            // If nobody was told that they won, whoever did was not answered, or nobody did.
            match try_to_present(&world.store, &ann, generation, now, Network(1)).await {
                Ok(Rotate::Rotated(_)) => winners += 1,
                Ok(Rotate::Retried(it)) => {
                    assert_eq!(it.grant.generations.cur, generation + 1);
                    winners = winners.max(usize::from(unanswered > 0));
                }
                other => panic!("{other:?}"),
            }
        } else {
            assert_eq!(unanswered, 0);
        }
        assert_eq!(winners, 1, "in generation {generation}");
    }
    world.told(&mut watch, &[], &[] as &[Happening]).await;
}
