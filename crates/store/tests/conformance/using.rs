//! `touch`: a session that is used by a name that stays the same.

use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::client::Client;
use countersign_auth::sessions::{ChangePassword, PasswordChange, Touch, Touched};
use countersign_guard::Revocation;

use super::world::{SignedIn, Store, World, at, origin, password, secs};

const IDLE: Duration = Duration::from_hours(16);
const HOUR: u64 = 3600;

/// Somebody whose session may rest for sixteen hours.
pub async fn ann<S: Store>(world: &World<S>) -> SignedIn {
    let user = world.user("ann").await;
    sign_in(world, &user, &world.client).await
}

async fn sign_in<S: Store>(
    world: &World<S>,
    user: &countersign_auth::model::user::User,
    client: &Client,
) -> SignedIn {
    let (mut session, grant) = world.sign_in_form(user, client, secs(0));
    session.idle_end = secs(0).plus(IDLE);
    let signed_in = SignedIn {
        user: user.id,
        session: session.id,
        handle: grant.handle,
        client: client.id.clone(),
    };
    world
        .store
        .open(session, grant, &origin(secs(0)))
        .await
        .unwrap();
    signed_in
}

pub async fn touch_at<S: Store>(store: &S, who: &SignedIn, now: Timestamp) -> Touch {
    let touched = Touched {
        handle: who.handle,
        absolute_end: who.session.absolute_end(),
        client: &who.client,
        idle_end: now.plus(IDLE),
    };
    store.touch(touched, now).await.unwrap()
}

/// The idle end, and when it was last used, as an answer says.
fn times(touch: Touch) -> (Timestamp, Timestamp) {
    match touch {
        Touch::Live(it) => (it.session.idle_end, it.grant.generations.handed_at),
        other => panic!("{other:?}"),
    }
}

pub async fn live<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = sign_in(&world, &user, &world.client).await;
    let mut watch = world.watch().await;
    let Touch::Live(entitlement) = touch_at(&world.store, &ann, secs(0)).await else {
        panic!("not live");
    };
    assert_eq!(entitlement.user, user);
    assert_eq!(entitlement.session.id, ann.session);
    assert_eq!(entitlement.session.amr, ["pwd"]);
    assert_eq!(entitlement.grant.handle, ann.handle);
    assert_eq!(entitlement.grant.client, ann.client);
    assert_eq!(entitlement.grant.scope.as_deref(), Some("orders"));
    // Used again and again it lives on, until its absolute end and not beyond.
    let end = ann.session.absolute_end().as_millis() - super::world::START;
    for now in (0..end).step_by(15 * 3600 * 1000) {
        let (idle_end, _) = times(touch_at(&world.store, &ann, at(now)).await);
        assert!(idle_end <= ann.session.absolute_end());
    }
    let (idle_end, _) = times(touch_at(&world.store, &ann, at(end - 1)).await);
    assert_eq!(idle_end, ann.session.absolute_end());
    assert_eq!(touch_at(&world.store, &ann, at(end)).await, Touch::Expired);
    world.told(&mut watch, &[], &[]).await;
}

pub async fn writes_little<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let stored = async |now| {
        let views = world.store.of_user(ann.user, now).await.unwrap();
        (views[0].idle_end, views[0].last_used_at)
    };
    let first = (secs(0).plus(IDLE), secs(0));
    // Less than a sixteenth of the sixteen hours: as it was, stored and said.
    for now in [secs(0), at(HOUR * 1000 - 1)] {
        assert_eq!(times(touch_at(&world.store, &ann, now).await), first);
        assert_eq!(stored(now).await, first);
    }
    // A sixteenth: it moves to what was asked for.
    let hour = secs(HOUR);
    let moved = (hour.plus(IDLE), hour);
    assert_eq!(times(touch_at(&world.store, &ann, hour).await), moved);
    assert_eq!(stored(hour).await, moved);
    // Never back: not by a clock that was set back, nor by a client whose sessions may rest for less now.
    assert_eq!(times(touch_at(&world.store, &ann, secs(0)).await), moved);
    let shorter = Touched {
        handle: ann.handle,
        absolute_end: ann.session.absolute_end(),
        client: &ann.client,
        idle_end: secs(2 * HOUR),
    };
    let touched = world.store.touch(shorter, hour).await.unwrap();
    assert_eq!(times(touched), moved);
    assert_eq!(stored(hour).await, moved);
}

pub async fn touch_unknown<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let native = world.other_client("native").await;
    let mut nobody = ann.clone();
    nobody.handle.0[31] ^= 1;
    assert_eq!(
        touch_at(&world.store, &nobody, secs(1)).await,
        Touch::Unknown
    );
    // Another application's session is not this one's, whatever state it is in.
    let other = SignedIn {
        client: native.id,
        ..ann.clone()
    };
    for now in [secs(1), secs(0).plus(IDLE)] {
        assert_eq!(touch_at(&world.store, &other, now).await, Touch::Unknown);
    }
    let by = origin(secs(1));
    assert!(world.store.end(ann.session, None, &by).await.unwrap());
    assert_eq!(touch_at(&world.store, &ann, secs(1)).await, Touch::Unknown);
}

pub async fn touch_expired<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let mut watch = world.watch().await;
    let idle = HOUR * 16;
    for now in [idle, idle + 1, 1_000_000] {
        assert_eq!(
            touch_at(&world.store, &ann, secs(now)).await,
            Touch::Expired
        );
    }
    // That it was tried did not prolong it.
    let views = world.store.of_user(ann.user, secs(idle)).await.unwrap();
    assert!(views.is_empty());
    let late = touch_at(&world.store, &ann, at(idle * 1000 - 1)).await;
    assert!(matches!(late, Touch::Live(_)), "{late:?}");
    world.told(&mut watch, &[], &[]).await;
}

pub async fn touch_stale<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let user = world.store.user(ann.user).await.unwrap().unwrap();
    let native = world.other_client("native").await;
    let other = sign_in(&world, &user, &native).await;
    let now = origin(secs(1));
    // By the client, by the user, and by the issuer; each though it is worth moving.
    world.store.cut_off_client(&native.id, &now).await.unwrap();
    assert_eq!(
        touch_at(&world.store, &other, secs(2 * HOUR)).await,
        Touch::Stale
    );
    let live = touch_at(&world.store, &ann, secs(1)).await;
    assert!(matches!(live, Touch::Live(_)), "{live:?}");
    let disabled = world.store.set_user_enabled(ann.user, false, &now).await;
    assert!(disabled.unwrap().is_some());
    assert_eq!(
        touch_at(&world.store, &ann, secs(2 * HOUR)).await,
        Touch::Stale
    );
    world
        .store
        .set_user_enabled(ann.user, true, &now)
        .await
        .unwrap();
    assert_eq!(
        touch_at(&world.store, &ann, secs(2 * HOUR)).await,
        Touch::Stale
    );
    let bea = world.user("bea").await;
    let bea = sign_in(&world, &bea, &world.client).await;
    let all = Revocation::All { below: 0 };
    world.store.revoke(all, &now).await.unwrap();
    assert_eq!(
        touch_at(&world.store, &bea, secs(2 * HOUR)).await,
        Touch::Stale
    );
    // At its end it is at its end, whoever took it back.
    let end = secs(0).plus(IDLE);
    assert_eq!(touch_at(&world.store, &bea, end).await, Touch::Expired);
}

pub async fn touch_superseded<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let user = world.store.user(ann.user).await.unwrap().unwrap();
    let (mut form, _) = world.sign_in_form(&user, &world.client, secs(0));
    form.id = ann.session;
    let change = PasswordChange {
        user: user.id,
        seen_epoch: 0,
        password: password("new"),
        grant: world.grant(&form, &world.client, secs(60)),
    };
    let renewed = SignedIn {
        handle: change.grant.handle,
        ..ann.clone()
    };
    let changed = world.store.change_password(change, &origin(secs(60))).await;
    assert!(matches!(changed.unwrap(), ChangePassword::Changed(_)));
    // The old name is nobody's, and keeps nothing alive; the new one is as good as the old one was.
    assert_eq!(
        touch_at(&world.store, &ann, secs(15 * HOUR)).await,
        Touch::Superseded
    );
    let views = world.store.of_user(ann.user, secs(60)).await.unwrap();
    assert_eq!(views[0].idle_end, secs(0).plus(IDLE));
    let live = touch_at(&world.store, &renewed, secs(61)).await;
    assert!(matches!(live, Touch::Live(_)), "{live:?}");
}
