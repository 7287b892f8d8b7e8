//! `rotate`: each row of the renewal table, with the state before and after, and what is told to whom.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Happening;
use countersign_auth::model::grant::Network;
use countersign_auth::rotation::{Generations, MAX_RECOVERIES, MAX_RETRIES};
use countersign_auth::sessions::{ChangePassword, PasswordChange, Rotate};

use super::world::{
    SignedIn, Store, World, at, entitled, origin, password, present_to, secs, session_ended,
};

async fn ann<S: Store>(world: &World<S>) -> SignedIn {
    let user = world.user("ann").await;
    world.sign_in(&user).await
}

fn state(answer: Rotate) -> Generations {
    entitled(answer).grant.generations
}

pub async fn rotated<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let mut watch = world.watch().await;
    let answer = world.present(&ann, 0, secs(20)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    let made = state(answer);
    assert_eq!((made.cur, made.prev, made.floor), (1, Some(0), 0));
    assert_eq!((made.rotated_at, made.handed_at), (secs(20), secs(20)));
    assert_eq!((made.retries, made.recoveries), (0, 0));
    assert_eq!(world.state(&ann, 1, secs(20)).await, made);
    world.told(&mut watch, &[], &[]).await;
}

pub async fn held<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let mut watch = world.watch().await;
    for now in [0, 1, 19_999] {
        let answer = world.present(&ann, 0, at(now)).await;
        assert!(matches!(answer, Rotate::Held(_)), "{answer:?}");
        // Nothing was written: the time by which the next one is judged is still the first.
        assert_eq!(state(answer), Generations::first(secs(0), Network(1)));
    }
    world.told(&mut watch, &[], &[]).await;
    // A clock that was set back is no reason to rotate.
    let answer = world
        .present(
            &ann,
            0,
            Timestamp::from_millis(super::world::START - 60_000),
        )
        .await;
    assert!(matches!(answer, Rotate::Held(_)), "{answer:?}");
}

pub async fn retried<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    world.present(&ann, 0, secs(20)).await;
    let mut watch = world.watch().await;
    let answer = world.present(&ann, 0, at(39_999)).await;
    assert!(matches!(answer, Rotate::Retried(_)), "{answer:?}");
    let made = state(answer);
    assert_eq!((made.cur, made.prev, made.retries), (1, Some(0), 1));
    assert_eq!((made.rotated_at, made.handed_at), (secs(20), at(39_999)));
    // It was handed out anew, so the interval began anew.
    let again = world.present(&ann, 0, at(59_998)).await;
    assert!(matches!(again, Rotate::Retried(_)), "{again:?}");
    let held = world.present(&ann, 1, at(79_997)).await;
    assert!(matches!(held, Rotate::Held(_)), "{held:?}");
    world.told(&mut watch, &[], &[]).await;
}

pub async fn retried_up_to_six_intervals<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    world.present(&ann, 0, secs(20)).await;
    // Somebody hammers the old one. The moment of handing out follows, but not beyond six intervals (120 s).
    for now in (20..=140).step_by(2) {
        let answer = world.present(&ann, 0, secs(now)).await;
        assert!(matches!(answer, Rotate::Retried(_)), "at {now}: {answer:?}");
        assert_eq!(state(answer).handed_at, secs(now), "at {now}");
    }
    // The last answer may still be on its way: nothing may make a poison of what it brings.
    for now in (141..160).step_by(2) {
        let answer = world.present(&ann, 0, secs(now)).await;
        assert_eq!(answer, Rotate::TooManyRetries, "at {now}");
    }
    let answer = world.present(&ann, 0, secs(160)).await;
    assert!(matches!(answer, Rotate::Recovered(_)), "{answer:?}");
}

pub async fn too_many_retries<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    world.present(&ann, 0, secs(20)).await;
    for number in 1..=MAX_RETRIES {
        let answer = world.present(&ann, 0, secs(21)).await;
        assert_eq!(state(answer).retries, number);
    }
    let mut watch = world.watch().await;
    let before = world.state(&ann, 1, secs(21)).await;
    for _ in 0..3 {
        assert_eq!(
            world.present(&ann, 0, secs(22)).await,
            Rotate::TooManyRetries
        );
    }
    assert_eq!(world.state(&ann, 1, secs(21)).await, before);
    world.told(&mut watch, &[], &[]).await;
    // The successor is as good as ever.
    let answer = world.present(&ann, 1, secs(60)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
}

pub async fn recovered<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    world.present(&ann, 0, secs(20)).await;
    let mut watch = world.watch().await;
    // The answer was lost; the browser comes back after an hour.
    let answer = world.present(&ann, 0, secs(3620)).await;
    assert!(matches!(answer, Rotate::Recovered(_)), "{answer:?}");
    let made = state(answer);
    assert_eq!((made.cur, made.prev, made.recoveries), (2, Some(0), 1));
    assert_eq!((made.rotated_at, made.handed_at), (secs(3620), secs(3620)));
    world.told(&mut watch, &[], &[]).await;
    // Once the new one has been used, the count of losses begins anew.
    let made = state(world.present(&ann, 2, secs(3640)).await);
    assert_eq!((made.cur, made.prev, made.recoveries), (3, Some(2), 0));
}

pub async fn lost_six_times<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    world.present(&ann, 0, secs(20)).await;
    for lost in 1..=u64::from(MAX_RECOVERIES) {
        let answer = world.present(&ann, 0, secs(20 + 100 * lost)).await;
        assert!(matches!(answer, Rotate::Recovered(_)), "{answer:?}");
    }
    let mut watch = world.watch().await;
    assert_eq!(world.present(&ann, 0, secs(1000)).await, Rotate::Expired);
    world
        .told(
            &mut watch,
            &[session_ended(&ann)],
            &[Happening::SessionEnded],
        )
        .await;
    assert_eq!(world.present(&ann, 0, secs(1001)).await, Rotate::Unknown);
}

pub async fn superseded<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    world.present(&ann, 0, secs(20)).await;
    let (mut session, _) = world.sign_in_form(&user, &world.client, secs(30));
    session.id = ann.session;
    let change = PasswordChange {
        user: user.id,
        seen_epoch: 0,
        password: password("new"),
        grant: world.grant(&session, &world.client, secs(30)),
    };
    let changed = world.store.change_password(change, &origin(secs(30))).await;
    assert!(matches!(changed.unwrap(), ChangePassword::Changed(_)));

    let mut watch = world.watch().await;
    for (generation, now) in [(0, 30), (1, 31), (0, 1000), (1, 100_000)] {
        let answer = world.present(&ann, generation, secs(now)).await;
        assert_eq!(answer, Rotate::Superseded, "{generation} at {now}");
    }
    world.told(&mut watch, &[], &[]).await;
}

pub async fn reused<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    world.present(&ann, 0, secs(20)).await;
    world.present(&ann, 1, secs(40)).await;
    let mut watch = world.watch().await;
    assert_eq!(
        world.present(&ann, 0, secs(41)).await,
        Rotate::Reused(ann.session)
    );
    world
        .told(
            &mut watch,
            &[session_ended(&ann)],
            &[Happening::RefreshTokenReused],
        )
        .await;
    let line = world.trail().await.pop().unwrap();
    assert_eq!(
        (line.user, line.session),
        (Some(ann.user), Some(ann.session))
    );
    assert_eq!(line.client, Some(ann.client.clone()));
    assert_eq!(line.origin, origin(secs(41)));
    // The session is over for everybody.
    for generation in 0..3 {
        let answer = world.present(&ann, generation, secs(42)).await;
        assert_eq!(answer, Rotate::Unknown);
    }
    world.told(&mut watch, &[], &[]).await;
}

pub async fn skipped_is_poison<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    world.present(&ann, 0, secs(20)).await;
    let made = state(world.present(&ann, 0, secs(100)).await);
    assert_eq!((made.cur, made.prev), (2, Some(0)));
    // Generation 1 was given up as lost. Whoever has it now took it.
    assert_eq!(
        world.present(&ann, 1, secs(101)).await,
        Rotate::Reused(ann.session)
    );
}

pub async fn ahead<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let mut watch = world.watch().await;
    assert_eq!(
        world.present(&ann, 1, secs(1)).await,
        Rotate::Ahead(ann.session)
    );
    world
        .told(
            &mut watch,
            &[session_ended(&ann)],
            &[Happening::StoreLostWrites],
        )
        .await;
    assert_eq!(world.present(&ann, 0, secs(2)).await, Rotate::Unknown);
}

pub async fn unknown<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let native = world.other_client("native").await;
    let mut watch = world.watch().await;
    let mut nobody = ann.clone();
    nobody.handle.0[0] ^= 1;
    assert_eq!(world.present(&nobody, 0, secs(20)).await, Rotate::Unknown);
    // Another application's token is not this one's, whatever state it is in.
    let other = SignedIn {
        client: native.id,
        ..ann.clone()
    };
    for generation in 0..3 {
        let answer = world.present(&other, generation, secs(20)).await;
        assert_eq!(answer, Rotate::Unknown);
    }
    world.told(&mut watch, &[], &[]).await;
    assert_eq!(world.state(&ann, 0, secs(0)).await.cur, 0);
}

pub async fn expired<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let (mut session, grant) = world.sign_in_form(&user, &world.client, secs(0));
    session.idle_end = secs(600);
    let ann = SignedIn {
        user: user.id,
        session: session.id,
        handle: grant.handle,
        client: world.client.id.clone(),
    };
    world
        .store
        .open(session, grant, &origin(secs(0)))
        .await
        .unwrap();
    let mut watch = world.watch().await;
    for now in [600, 601, 1_000_000] {
        // The end comes first: not even a generation that was never handed out says more.
        for generation in [0, 7] {
            let answer = world.present(&ann, generation, secs(now)).await;
            assert_eq!(answer, Rotate::Expired, "{generation} at {now}");
        }
    }
    world.told(&mut watch, &[], &[]).await;
    let answer = world.present(&ann, 0, at(599_999)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");

    // However often it is renewed, the absolute end stays.
    let bea = world.user("bea").await;
    let bea = world.sign_in(&bea).await;
    let end = bea.session.absolute_end().as_millis() - super::world::START;
    let day = 24 * 3600 * 1000;
    let mut generation = 0;
    for now in (day..end).step_by(usize::try_from(day).unwrap()) {
        let answer = world.present(&bea, generation, at(now)).await;
        assert!(matches!(answer, Rotate::Rotated(_)), "day {}", now / day);
        generation += 1;
    }
    assert_eq!(
        world.present(&bea, generation, at(end)).await,
        Rotate::Expired
    );
    let answer = world.present(&bea, generation, at(end - 1)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
}

pub async fn stale<S: Store>(world: World<S>) {
    use countersign_guard::Revocation;

    let now = origin(secs(1));
    // By the client.
    let ann = ann(&world).await;
    let native = world.other_client("native").await;
    let user = world.store.user(ann.user).await.unwrap().unwrap();
    let other = world.sign_in_at(&user, &native, secs(0)).await;
    world.store.cut_off_client(&native.id, &now).await.unwrap();
    for generation in [0, 1] {
        let answer = world.present(&other, generation, secs(20)).await;
        assert_eq!(answer, Rotate::Stale);
    }
    assert_eq!(world.state(&ann, 0, secs(0)).await.cur, 0);
    // By a client that is disabled, though it had been enabled again since.
    let mut disabled = native.clone();
    disabled.enabled = false;
    let disabled = world.store.put_client(disabled, &now).await.unwrap();
    assert_eq!(world.present(&other, 0, secs(20)).await, Rotate::Stale);
    let enabled = countersign_auth::model::client::Client {
        enabled: true,
        ..disabled
    };
    world.store.put_client(enabled, &now).await.unwrap();
    assert_eq!(world.present(&other, 0, secs(20)).await, Rotate::Stale);
    // By the issuer.
    let mut watch = world.watch().await;
    world
        .store
        .revoke(Revocation::All { below: 0 }, &now)
        .await
        .unwrap();
    for generation in [0, 1] {
        let answer = world.present(&ann, generation, secs(20)).await;
        assert_eq!(answer, Rotate::Stale);
    }
    world
        .told(
            &mut watch,
            &[Revocation::All { below: 1 }],
            &[Happening::EverybodySignedOut],
        )
        .await;
    // By the user.
    let bea = world.user("bea").await;
    let (mut session, grant) = world.sign_in_form(&bea, &world.client, secs(0));
    session.issuer_epoch = 1;
    let signed_in = SignedIn {
        user: bea.id,
        session: session.id,
        handle: grant.handle,
        client: world.client.id.clone(),
    };
    world.store.open(session, grant, &now).await.unwrap();
    world
        .store
        .set_password(bea.id, password("new"), &now)
        .await
        .unwrap();
    assert_eq!(world.present(&signed_in, 0, secs(20)).await, Rotate::Stale);
}

pub async fn alarm_about_strangers<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let mut watch = world.watch().await;
    let mut lines = Vec::new();
    for generation in 0..5 {
        let now = 100 * u64::from(generation) + 100;
        let answer = world.present(&ann, generation, secs(now)).await;
        assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
        // The one before, soon after, from elsewhere, more than once.
        for _ in 0..2 {
            let answer = world
                .present_from(&ann, generation, secs(now + 1), Network(2))
                .await;
            assert!(matches!(answer, Rotate::Retried(_)), "{answer:?}");
        }
        if generation >= 2 {
            lines.push(Happening::RetriedFromElsewhere);
        }
        world.told(&mut watch, &[], &lines).await;
        lines.clear();
    }
    // One quiet generation, and it was no series.
    world.present(&ann, 5, secs(700)).await;
    world.present(&ann, 6, secs(800)).await;
    world.present_from(&ann, 6, secs(801), Network(2)).await;
    world.told(&mut watch, &[], &[]).await;
}

pub async fn idle_end_moves<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    let idle = 14 * 24 * 3600;
    let first = secs(idle);
    // A renewal that would move it by next to nothing may leave it.
    let session = entitled(world.present(&ann, 0, secs(20)).await).session;
    assert!(session.idle_end >= first);
    // It moves to within a sixteenth of what was asked for, and is what it says.
    let session = entitled(world.present(&ann, 1, secs(idle / 2)).await).session;
    assert!(session.idle_end >= secs(idle / 2 + idle * 15 / 16));
    assert!(session.idle_end <= secs(idle / 2 + idle));
    let answer = world.present(&ann, 2, first).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    let views = world.store.of_user(ann.user, first).await.unwrap();
    assert!(views[0].idle_end > session.idle_end);
    assert_eq!(views[0].last_used_at, first);
}

pub async fn hundreds_of_generations<S: Store>(world: World<S>) {
    let ann = ann(&world).await;
    for generation in 0..500 {
        let now = secs(u64::from(generation + 1) * 20);
        let answer = world.present(&ann, generation, now).await;
        assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
        assert_eq!(state(answer).cur, generation + 1);
    }
    let now = secs(501 * 20);
    let answer = present_to(&world.store, &ann, 500, now, Network(1)).await;
    let entitlement = entitled(answer);
    assert_eq!(entitlement.user.id, ann.user);
    assert_eq!(entitlement.session.id, ann.session);
    assert_eq!(entitlement.session.amr, ["pwd"]);
    assert_eq!(entitlement.grant.scope.as_deref(), Some("orders"));
}
