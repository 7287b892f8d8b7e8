//! `join`: a session with several grants, in which every other verb is as right as with one.

use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Happening;
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::model::grant::Entitlement;
use countersign_auth::model::revocation::Audience;
use countersign_auth::sessions::{
    ChangePassword, JOINED, Join, Joining, MAX_GRANTS, PasswordChange, Rotate, Sessions, Touch,
    Touched,
};
use countersign_guard::Revocation;

use super::world::{
    INTERVAL, SignedIn, Store, World, entitled, origin, password, secs, session_ended,
};

/// A grant for this client, on the word of `by`.
pub fn form<S: Store>(
    world: &World<S>,
    by: &SignedIn,
    client: &Client,
    now: Timestamp,
) -> (Joining, SignedIn) {
    let grant = world.grant_in(by.session, client, now);
    let joined = SignedIn {
        handle: grant.handle,
        client: client.id.clone(),
        ..by.clone()
    };
    let joining = Joining {
        by: by.handle,
        vouching: by.client.clone(),
        grant,
        replaces_until: now.minus(INTERVAL),
    };
    (joining, joined)
}

async fn join<S: Store>(
    world: &World<S>,
    by: &SignedIn,
    client: &Client,
    now: Timestamp,
) -> (Join, SignedIn) {
    let (joining, joined) = form(world, by, client, now);
    let answer = world.store.join(joining, &origin(now)).await;
    (answer.unwrap(), joined)
}

/// The same, where it is given.
pub async fn joined<S: Store>(
    world: &World<S>,
    by: &SignedIn,
    client: &Client,
    now: Timestamp,
) -> SignedIn {
    let (answer, joined) = join(world, by, client, now).await;
    assert!(matches!(answer, Join::Joined(_)), "{answer:?}");
    joined
}

async fn touch<S: Store>(world: &World<S>, who: &SignedIn, idle_end: Timestamp, now: u64) -> Touch {
    let touched = Touched {
        handle: who.handle,
        absolute_end: who.session.absolute_end(),
        client: &who.client,
        idle_end,
    };
    world.store.touch(touched, secs(now)).await.unwrap()
}

pub async fn joins<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    let Touch::Live(before) = touch(&world, &ann, secs(0), 0).await else {
        panic!("not live");
    };
    let mut watch = world.watch().await;
    let (joining, at_shop) = form(&world, &ann, &shop, secs(60));
    let grant = joining.grant.clone();
    let answer = world.store.join(joining, &origin(secs(60))).await;
    let Join::Joined(given) = answer.unwrap() else {
        panic!("not joined");
    };
    // Who, how and when, until when, and under which epochs: all of it is the session's, which stays as it was.
    let expected = Entitlement {
        user: user.clone(),
        session: before.session.clone(),
        grant,
    };
    assert_eq!(*given, expected);
    world.told(&mut watch, &[], &[Happening::SignedIn]).await;
    let line = world.trail().await.pop().unwrap();
    assert_eq!(
        (line.user, line.session),
        (Some(user.id), Some(ann.session))
    );
    assert_eq!(line.client, Some(shop.id.clone()));
    assert_eq!(line.detail.as_deref(), Some(JOINED));

    // What was stored is what was answered; and it is one session, at two applications.
    assert_eq!(
        entitled(world.present(&at_shop, 0, secs(60)).await),
        expected
    );
    let views = world.store.of_user(user.id, secs(61)).await.unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].clients, [world.client.id.clone(), shop.id.clone()]);
    assert_eq!(views[0].last_used_at, secs(60));
    // A grant of one client is no grant of another's.
    let stranger = SignedIn {
        client: ann.client.clone(),
        ..at_shop.clone()
    };
    assert_eq!(world.present(&stranger, 0, secs(60)).await, Rotate::Unknown);
}

/// Each is renewed, retried, recovered for itself, by whatever name it has.
pub async fn goes_on_side_by_side<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let forum = world.other_client("forum").await;
    let ann = world.sign_in(&user).await;
    let at_shop = joined(&world, &ann, &shop, secs(1)).await;
    let (mut named, at_forum) = form(&world, &ann, &forum, secs(2));
    named.grant.style = Style::Session;
    let answer = world.store.join(named, &origin(secs(2))).await;
    assert!(matches!(answer.unwrap(), Join::Joined(_)));

    let mut watch = world.watch().await;
    for generation in 0..5 {
        let now = secs(100 * u64::from(generation + 1));
        let before = world.state(&ann, 0, secs(0)).await;
        let answer = world.present(&at_shop, generation, now).await;
        assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
        assert_eq!(world.state(&ann, 0, secs(0)).await, before);
    }
    let answer = world.present(&ann, 0, secs(600)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    let answer = world.present(&at_shop, 4, secs(505)).await;
    assert!(matches!(answer, Rotate::Retried(_)), "{answer:?}");
    let answer = world.present(&at_shop, 4, secs(3600)).await;
    assert!(matches!(answer, Rotate::Recovered(_)), "{answer:?}");
    let answer = world.present(&ann, 1, secs(3600)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    let live = touch(&world, &at_forum, secs(0), 3600).await;
    assert!(matches!(live, Touch::Live(_)), "{live:?}");
    world.told(&mut watch, &[], &[]).await;
}

/// The use of any of them keeps the session, and so all of them, alive; never beyond its absolute end.
pub async fn lives_by_the_use_of_any<S: Store>(world: World<S>) {
    const DAY: u64 = 24 * 3600;
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    let at_shop = joined(&world, &ann, &shop, secs(1)).await;
    let end = ann.session.absolute_end();
    let seen_by = async |who, now| match touch(&world, who, secs(0), now).await {
        Touch::Live(seen) => seen.session,
        other => panic!("{other:?}"),
    };
    // For fourteen days it may rest, and it never rests for more than thirteen, though each of them does.
    let mut generation = 0;
    for turn in 1..=6 {
        let now = turn * 13 * DAY;
        let idle_end = secs(now + 14 * DAY).min(end);
        if turn % 2 == 0 {
            let touched = touch(&world, &ann, secs(now + 14 * DAY), now).await;
            assert!(matches!(touched, Touch::Live(_)), "{touched:?}");
        } else {
            let renewed = world.present(&at_shop, generation, secs(now)).await;
            assert!(matches!(renewed, Rotate::Rotated(_)), "{renewed:?}");
            generation += 1;
        }
        for who in [&ann, &at_shop] {
            assert_eq!(seen_by(who, now).await.idle_end, idle_end);
        }
    }
    assert_eq!(
        world.present(&at_shop, generation, end).await,
        Rotate::Expired
    );
    assert_eq!(touch(&world, &ann, end, 90 * DAY).await, Touch::Expired);
}

/// What a client had gives way to what it gets; but for what it has just got, whose answer may be under way.
pub async fn takes_the_place_of_what_was_given_before<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let forum = world.other_client("forum").await;
    let ann = world.sign_in(&user).await;
    let at_forum = joined(&world, &ann, &forum, secs(1)).await;

    // Two tabs at once: the browser keeps one answer or the other.
    let first = joined(&world, &ann, &shop, secs(10)).await;
    let second = joined(&world, &ann, &shop, secs(29)).await;
    for tab in [&first, &second] {
        let held = world.present(tab, 0, secs(29)).await;
        assert!(matches!(held, Rotate::Held(_)), "{held:?}");
    }
    // A thief has the one, and keeps it fresh by renewing it; the owner signs in anew.
    let stolen = world.present(&first, 0, secs(40)).await;
    assert!(matches!(stolen, Rotate::Rotated(_)), "{stolen:?}");
    let mut watch = world.watch().await;
    let third = joined(&world, &ann, &shop, secs(41)).await;
    world.told(&mut watch, &[], &[Happening::SignedIn]).await;
    for generation in 0..2 {
        assert_eq!(
            world.present(&first, generation, secs(42)).await,
            Rotate::Unknown
        );
    }
    let held = world.present(&second, 0, secs(42)).await;
    assert!(matches!(held, Rotate::Held(_)), "{held:?}");
    // An interval after it was given, what nobody renewed gives way, too.
    let fourth = joined(&world, &ann, &shop, secs(61)).await;
    for gone in [&second, &third] {
        assert_eq!(world.present(gone, 0, secs(61)).await, Rotate::Unknown);
    }
    // Nobody is signed out by it, and nobody else's grant is touched.
    world.told(&mut watch, &[], &[Happening::SignedIn]).await;
    for kept in [&ann, &at_forum, &fourth] {
        let answer = world.present(kept, 0, secs(100)).await;
        assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    }
    let views = world.store.of_user(user.id, secs(100)).await.unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].clients, [ann.client, forum.id, shop.id]);
}

pub async fn join_unknown<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    let other = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let refused = async |by: &SignedIn| {
        let (answer, joined) = join(&world, by, &shop, secs(1)).await;
        assert_eq!(world.present(&joined, 0, secs(1)).await, Rotate::Unknown);
        answer
    };
    // By a handle that nobody has, by another client's, for another session.
    let mut nobody = ann.clone();
    nobody.handle.0[31] ^= 1;
    assert_eq!(refused(&nobody).await, Join::Unknown);
    let stranger = SignedIn {
        client: shop.id.clone(),
        ..ann.clone()
    };
    assert_eq!(refused(&stranger).await, Join::Unknown);
    let elsewhere = SignedIn {
        session: other.session,
        ..ann.clone()
    };
    assert_eq!(refused(&elsewhere).await, Join::Unknown);
    world.told(&mut watch, &[], &[]).await;
    // By a session that has ended.
    let by = origin(secs(1));
    assert!(world.store.end(ann.session, None, &by).await.unwrap());
    assert_eq!(refused(&ann).await, Join::Unknown);
    let views = world.store.of_user(user.id, secs(1)).await.unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].clients, [other.client]);
}

pub async fn join_expired<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    let idle_end = world.store.of_user(user.id, secs(1)).await.unwrap()[0].idle_end;
    let mut watch = world.watch().await;
    for now in [idle_end, ann.session.absolute_end()] {
        assert_eq!(join(&world, &ann, &shop, now).await.0, Join::Expired);
    }
    world.told(&mut watch, &[], &[]).await;
    // Until then it can be joined, and that does not prolong it.
    let last = idle_end.minus(Duration::from_millis(1));
    let at_shop = joined(&world, &ann, &shop, last).await;
    assert_eq!(world.present(&at_shop, 0, idle_end).await, Rotate::Expired);
}

pub async fn join_stale<S: Store>(world: World<S>) {
    let now = origin(secs(1));
    let refused = async |by: &SignedIn, client: &Client| {
        let mut watch = world.watch().await;
        let (answer, joined) = join(&world, by, client, secs(2)).await;
        assert_eq!(answer, Join::Stale);
        world.told(&mut watch, &[], &[]).await;
        let found = world.present(&joined, 0, secs(2)).await;
        assert_eq!(found, Rotate::Unknown);
    };
    let shop = world.other_client("shop").await;
    // The new client's epoch moved, it is disabled, or there is none.
    let ann = world.user("ann").await;
    let ann = world.sign_in(&ann).await;
    let native = world.other_client("native").await;
    world.store.cut_off_client(&native.id, &now).await.unwrap();
    refused(&ann, &native).await;
    let disabled = Client {
        enabled: false,
        epoch: native.epoch + 1,
        ..native.clone()
    };
    let disabled = world.store.put_client(disabled, &now).await.unwrap();
    refused(&ann, &disabled).await;
    let nobodys = Client {
        id: "nobodys".parse().unwrap(),
        ..native
    };
    refused(&ann, &nobodys).await;
    // The client that vouches was cut off: it vouches for nobody any more.
    let other = world.other_client("other").await;
    let user = world.user("bea").await;
    let bea = world.sign_in_at(&user, &other, secs(0)).await;
    world.store.cut_off_client(&other.id, &now).await.unwrap();
    refused(&bea, &shop).await;
    // The user was cut off, disabled, and is enabled again.
    for enabled in [false, true] {
        world
            .store
            .set_user_enabled(ann.user, enabled, &now)
            .await
            .unwrap();
        refused(&ann, &shop).await;
    }
    // Everybody has to sign in again.
    let cid = world.user("cid").await;
    let cid = world.sign_in(&cid).await;
    let all = Revocation::All { below: 0 };
    world.store.revoke(all, &now).await.unwrap();
    refused(&cid, &shop).await;
}

/// One that is full takes no more, but a client that has a grant gets another in its place.
pub async fn join_full<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut clients = Vec::new();
    for number in 1..MAX_GRANTS {
        let client = world.other_client(&format!("c{number}")).await;
        joined(&world, &ann, &client, secs(1)).await;
        clients.push(client);
    }
    let late = world.other_client("late").await;
    let mut watch = world.watch().await;
    assert_eq!(join(&world, &ann, &late, secs(30)).await.0, Join::Full);
    world.told(&mut watch, &[], &[]).await;
    let again = joined(&world, &ann, &clients[0], secs(30)).await;
    // That one has just been given, and so gives way to nobody yet.
    let (answer, _) = join(&world, &ann, &clients[0], secs(31)).await;
    assert_eq!(answer, Join::Full);
    let held = world.present(&again, 0, secs(31)).await;
    assert!(matches!(held, Rotate::Held(_)), "{held:?}");
    let views = world.store.of_user(user.id, secs(31)).await.unwrap();
    assert_eq!(views[0].clients.len(), MAX_GRANTS as usize);
}

/// Whichever of them a thief has, the session ends with all of them, and it is told once, to all of their services.
pub async fn theft_in_one_ends_all<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let mut shop = Client::new("shop".parse().unwrap(), ClientKind::Native, secs(0));
    shop.audience = Some("https://shop".to_owned());
    let shop = world.store.put_client(shop, &origin(secs(0))).await;
    let shop = shop.unwrap();
    for stolen in [0, 1] {
        let ann = world.sign_in(&user).await;
        let bystander = world.sign_in(&user).await;
        let both = [ann.clone(), joined(&world, &ann, &shop, secs(1)).await];
        for generation in 0..2 {
            let now = secs(100 * u64::from(generation + 1));
            for grant in &both {
                world.present(grant, generation, now).await;
            }
        }
        let mut watch = world.watch().await;
        let theft = world.present(&both[stolen], 0, secs(300)).await;
        assert_eq!(theft, Rotate::Reused(ann.session));
        for grant in &both {
            assert_eq!(world.present(grant, 2, secs(301)).await, Rotate::Unknown);
        }
        world
            .told(
                &mut watch,
                &[session_ended(&ann)],
                &[Happening::RefreshTokenReused],
            )
            .await;
        let line = world.trail().await.pop().unwrap();
        assert_eq!(line.client.as_ref(), Some(&both[stolen].client));
        assert_eq!(audiences(&world, &ann).await, [None]);
        let answer = world.present(&bystander, 0, secs(302)).await;
        assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    }
}

/// Who was told of a session's end: `None` is everybody.
pub async fn audiences<S: Store>(world: &World<S>, who: &SignedIn) -> Vec<Option<Audience>> {
    let page = world.store.revocations(None, secs(0), 1_000_000).await;
    page.unwrap()
        .entries
        .into_iter()
        .filter(|entry| entry.event.kind == session_ended(who))
        .map(|entry| entry.audience)
        .collect()
}

/// Signing out at one application is signing out of the session, and so of all.
pub async fn ends_with_all_its_grants<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let now = origin(secs(10));
    for way in 0..4 {
        let ann = world.sign_in(&user).await;
        let both = [ann.clone(), joined(&world, &ann, &shop, secs(1)).await];
        let end = ann.session.absolute_end();
        let mut watch = world.watch().await;
        let what = if let Some(shown) = both.get(way) {
            let ended = world.store.end_of_grant(shown.handle, end, &now).await;
            assert_eq!(ended.unwrap(), Some(ann.session));
            Happening::SessionEnded
        } else if way == 2 {
            assert!(world.store.end(ann.session, None, &now).await.unwrap());
            Happening::SessionEnded
        } else {
            let kept = world.sign_in(&user).await;
            watch = world.watch().await;
            let ended = world
                .store
                .end_all_of_user(user.id, Some(kept.session), &now);
            assert_eq!(ended.await.unwrap(), 1);
            Happening::SessionsEnded
        };
        world
            .told(&mut watch, &[session_ended(&ann)], &[what])
            .await;
        for grant in &both {
            assert_eq!(world.present(grant, 0, secs(11)).await, Rotate::Unknown);
        }
    }
}

/// The client that the password was shown to goes on; every other one's grant is superseded, and it joins again.
pub async fn a_new_password_supersedes_all<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    let at_shop = joined(&world, &ann, &shop, secs(1)).await;
    let (after, goes_on) = form(&world, &ann, &world.client, secs(60));
    let change = PasswordChange {
        user: user.id,
        seen_epoch: 0,
        password: password("new"),
        grant: after.grant,
    };
    let changed = world.store.change_password(change, &origin(secs(60))).await;
    assert!(matches!(changed.unwrap(), ChangePassword::Changed(_)));
    for old in [&ann, &at_shop] {
        assert_eq!(world.present(old, 0, secs(61)).await, Rotate::Superseded);
    }
    // What is superseded vouches for nobody, and is no application that one is signed in to.
    assert_eq!(
        join(&world, &ann, &shop, secs(61)).await.0,
        Join::Superseded
    );
    let views = world.store.of_user(user.id, secs(61)).await.unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].clients, std::slice::from_ref(&ann.client));

    let again = joined(&world, &goes_on, &shop, secs(62)).await;
    let renewed = entitled(world.present(&again, 0, secs(100)).await);
    assert_eq!(renewed.session.user_epoch, 1);
    assert_eq!(world.present(&at_shop, 0, secs(101)).await, Rotate::Unknown);
    let views = world.store.of_user(user.id, secs(101)).await.unwrap();
    assert_eq!(views[0].clients, [ann.client, shop.id]);
}

/// A client that is cut off takes its own grants along, and nobody else's.
pub async fn a_client_is_cut_off_alone<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    let at_shop = joined(&world, &ann, &shop, secs(1)).await;
    let now = origin(secs(2));
    let shop = {
        world.store.cut_off_client(&shop.id, &now).await.unwrap();
        Client {
            epoch: shop.epoch + 1,
            ..shop
        }
    };
    assert_eq!(world.present(&at_shop, 0, secs(30)).await, Rotate::Stale);
    let answer = world.present(&ann, 0, secs(30)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    let views = world.store.of_user(user.id, secs(30)).await.unwrap();
    assert_eq!(views[0].clients, std::slice::from_ref(&ann.client));
    // The next one is under its new epoch.
    let again = joined(&world, &ann, &shop, secs(31)).await;
    let renewed = entitled(world.present(&again, 0, secs(60)).await);
    assert_eq!(renewed.grant.client_epoch, shop.epoch);
}

/// A session that rested too long goes with all of its grants.
pub async fn sweeps_all_its_grants<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let shop = world.other_client("shop").await;
    let ann = world.sign_in(&user).await;
    let at_shop = joined(&world, &ann, &shop, secs(1)).await;
    let idle_end = world.store.of_user(user.id, secs(1)).await.unwrap()[0].idle_end;
    let swept = Sessions::sweep(&world.store, idle_end, 10).await;
    assert!(swept.unwrap() > 0);
    for gone in [&ann, &at_shop] {
        assert_eq!(world.present(gone, 0, secs(2)).await, Rotate::Unknown);
    }
}
