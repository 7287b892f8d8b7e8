//! The verbs of `Sessions` but `rotate`.

use countersign_auth::model::audit::Happening;
use countersign_auth::model::client::Client;
use countersign_auth::model::id::UserId;
use countersign_auth::model::user::{Identifier, User};
use countersign_auth::sessions::{ChangePassword, Open, PasswordChange, Rotate};
use countersign_guard::Revocation;

use super::world::{SignedIn, Store, World, origin, password, secs, session_ended, subject_below};

pub async fn opens<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let mut watch = world.watch().await;
    let (session, grant) = world.sign_in_form(&user, &world.client, secs(0));
    let opened = world
        .store
        .open(session.clone(), grant.clone(), &origin(secs(0)))
        .await;
    let Open::Opened(entitlement) = opened.unwrap() else {
        panic!("not opened");
    };
    assert_eq!(entitlement.user, user);
    assert_eq!(entitlement.session, session);
    assert_eq!(entitlement.grant, grant);
    world.told(&mut watch, &[], &[Happening::SignedIn]).await;
    let line = world.trail().await.pop().unwrap();
    assert_eq!((line.user, line.session), (Some(user.id), Some(session.id)));
    assert_eq!(line.client, Some(grant.client.clone()));

    // What was stored is what was answered.
    let ann = SignedIn {
        user: user.id,
        session: session.id,
        handle: grant.handle,
        client: grant.client.clone(),
    };
    let Rotate::Held(stored) = world.present(&ann, 0, secs(0)).await else {
        panic!("not held");
    };
    assert_eq!(stored, entitlement);
}

pub async fn opens_stale<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let now = origin(secs(1));
    let stale = async |user: &User, client: &Client| {
        let mut watch = world.watch().await;
        let (session, grant) = world.sign_in_form(user, client, secs(1));
        let opened = world.store.open(session, grant, &now).await.unwrap();
        world.told(&mut watch, &[], &[]).await;
        assert!(
            world
                .store
                .of_user(user.id, secs(1))
                .await
                .unwrap()
                .is_empty()
        );
        opened
    };

    // The user's epoch moved between the check of the password and this.
    world
        .store
        .set_password(user.id, password("new"), &now)
        .await
        .unwrap();
    assert_eq!(stale(&user, &world.client).await, Open::Stale);
    // The user is disabled, gone, or never was.
    let disabled = world.store.set_user_enabled(user.id, false, &now).await;
    let disabled = disabled.unwrap().unwrap();
    assert_eq!(stale(&disabled, &world.client).await, Open::Stale);
    world.store.delete_user(user.id, &now).await.unwrap();
    assert_eq!(stale(&disabled, &world.client).await, Open::Stale);
    // The client's epoch moved, it is disabled, or there is none.
    let bea = world.user("bea").await;
    let native = world.other_client("native").await;
    world.store.cut_off_client(&native.id, &now).await.unwrap();
    assert_eq!(stale(&bea, &native).await, Open::Stale);
    let disabled = Client {
        enabled: false,
        ..native.clone()
    };
    let disabled = world.store.put_client(disabled, &now).await.unwrap();
    assert_eq!(stale(&bea, &disabled).await, Open::Stale);
    let nobody = Client {
        id: "nobody".parse().unwrap(),
        ..native
    };
    assert_eq!(stale(&bea, &nobody).await, Open::Stale);
    // The issuer's epoch moved.
    world
        .store
        .revoke(Revocation::All { below: 0 }, &now)
        .await
        .unwrap();
    assert_eq!(stale(&bea, &world.client).await, Open::Stale);
}

pub async fn ends<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let other = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    assert!(world.store.end(ann.session, None, &now).await.unwrap());
    world
        .told(
            &mut watch,
            &[session_ended(&ann)],
            &[Happening::SessionEnded],
        )
        .await;
    assert!(!world.store.end(ann.session, None, &now).await.unwrap());
    world.told(&mut watch, &[], &[]).await;
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Unknown);
    assert!(matches!(
        world.present(&other, 0, secs(20)).await,
        Rotate::Rotated(_)
    ));
}

pub async fn ends_only_its_owners<S: Store>(world: World<S>) {
    let ann = world.user("ann").await;
    let bea = world.user("bea").await;
    let ann = world.sign_in(&ann).await;
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    assert!(
        !world
            .store
            .end(ann.session, Some(bea.id), &now)
            .await
            .unwrap()
    );
    world.told(&mut watch, &[], &[]).await;
    assert!(
        world
            .store
            .end(ann.session, Some(ann.user), &now)
            .await
            .unwrap()
    );
    // A session that its user's epoch has left behind is not there any more.
    let stale = world.sign_in(&bea).await;
    world
        .store
        .set_password(bea.id, password("new"), &now)
        .await
        .unwrap();
    let mut watch = world.watch().await;
    assert!(!world.store.end(stale.session, None, &now).await.unwrap());
    world.told(&mut watch, &[], &[]).await;
}

pub async fn ends_of_grant<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    world.present(&ann, 0, secs(20)).await;
    let mut watch = world.watch().await;
    let now = origin(secs(30));
    let end = ann.session.absolute_end();
    let ended = world.store.end_of_grant(ann.handle, end, &now).await;
    assert_eq!(ended.unwrap(), Some(ann.session));
    world
        .told(
            &mut watch,
            &[session_ended(&ann)],
            &[Happening::SessionEnded],
        )
        .await;
    let ended = world.store.end_of_grant(ann.handle, end, &now).await;
    assert_eq!(ended.unwrap(), None);
    world.told(&mut watch, &[], &[]).await;

    // What an epoch has left behind is not there any more.
    let bea = world.user("bea").await;
    let stale = world.sign_in(&bea).await;
    world
        .store
        .set_password(bea.id, password("new"), &now)
        .await
        .unwrap();
    let mut watch = world.watch().await;
    let end = stale.session.absolute_end();
    let ended = world.store.end_of_grant(stale.handle, end, &now).await;
    assert_eq!(ended.unwrap(), None);
    world.told(&mut watch, &[], &[]).await;

    // Who signs out of an application that was cut off signs out.
    let cid = world.user("cid").await;
    let cut_off = world.sign_in(&cid).await;
    let client = &world.client.id;
    world.store.cut_off_client(client, &now).await.unwrap();
    let mut watch = world.watch().await;
    let end = cut_off.session.absolute_end();
    let ended = world.store.end_of_grant(cut_off.handle, end, &now).await;
    assert_eq!(ended.unwrap(), Some(cut_off.session));
    let (told, lines) = ([session_ended(&cut_off)], [Happening::SessionEnded]);
    world.told(&mut watch, &told, &lines).await;
}

pub async fn ends_all_of_user<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let bea = world.user("bea").await;
    let first = world.sign_in(&user).await;
    let second = world.sign_in(&user).await;
    let bea = world.sign_in(&bea).await;
    let (late_session, late_grant) = world.sign_in_form(&user, &world.client, secs(4));
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    let ended = world.store.end_all_of_user(user.id, None, &now).await;
    assert_eq!(ended.unwrap(), 2);
    // One event, however many there were.
    world
        .told(
            &mut watch,
            &[subject_below(user.id, 1)],
            &[Happening::SessionsEnded],
        )
        .await;
    for ann in [&first, &second] {
        assert_eq!(world.present(ann, 0, secs(20)).await, Rotate::Stale);
    }
    assert!(
        world
            .store
            .of_user(user.id, secs(6))
            .await
            .unwrap()
            .is_empty()
    );
    // A sign-in in flight is reached, too.
    let opened = world.store.open(late_session, late_grant, &now).await;
    assert_eq!(opened.unwrap(), Open::Stale);
    // Nobody else is.
    assert!(matches!(
        world.present(&bea, 0, secs(20)).await,
        Rotate::Rotated(_)
    ));
    // Again: none are left, and the epoch rises all the same.
    let ended = world.store.end_all_of_user(user.id, None, &now).await;
    assert_eq!(ended.unwrap(), 0);
    world
        .told(
            &mut watch,
            &[subject_below(user.id, 2)],
            &[Happening::SessionsEnded],
        )
        .await;
    let nobody = UserId::from_bytes([9; 16]);
    let ended = world.store.end_all_of_user(nobody, None, &now).await;
    assert_eq!(ended.unwrap(), 0);
    world.told(&mut watch, &[], &[]).await;
}

pub async fn ends_all_but_one<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let kept = world.sign_in(&user).await;
    let others = [world.sign_in(&user).await, world.sign_in(&user).await];
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    let end_others = || {
        world
            .store
            .end_all_of_user(user.id, Some(kept.session), &now)
    };
    assert_eq!(end_others().await.unwrap(), 2);
    let events = others.each_ref().map(session_ended);
    world
        .told(&mut watch, &events, &[Happening::SessionsEnded])
        .await;
    for ended in &others {
        assert_eq!(world.present(ended, 0, secs(20)).await, Rotate::Unknown);
    }
    let answer = world.present(&kept, 0, secs(20)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    assert_eq!(end_others().await.unwrap(), 0);
    world.told(&mut watch, &[], &[]).await;
}

pub async fn lists<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let native = world.other_client("native").await;
    let first = world.sign_in(&user).await;
    let second = world.sign_in_at(&user, &native, secs(10)).await;
    let bea = world.user("bea").await;
    world.sign_in(&bea).await;

    let list = async |now| world.store.of_user(user.id, secs(now)).await.unwrap();
    let views = list(11).await;
    let ids: Vec<_> = views.iter().map(|view| view.id).collect();
    assert_eq!(ids, [second.session, first.session], "latest use first");
    let view = &views[1];
    assert_eq!(view.user, user.id);
    assert_eq!(view.clients, std::slice::from_ref(&world.client.id));
    assert_eq!((view.auth_time, view.last_used_at), (secs(0), secs(0)));
    assert_eq!(view.amr, ["pwd"]);
    assert_eq!(view.absolute_end, first.session.absolute_end());
    assert_eq!(view.device.as_deref(), Some("Suite/1"));
    assert_eq!(view.address.as_deref(), Some("192.0.2.7"));

    world.present(&first, 0, secs(30)).await;
    let views = list(31).await;
    assert_eq!(views[0].id, first.session);
    assert_eq!(views[0].last_used_at, secs(30));
    // What is at its end, or left behind by its client, is not shown.
    world
        .store
        .cut_off_client(&native.id, &origin(secs(32)))
        .await
        .unwrap();
    assert_eq!(list(32).await.len(), 1);
    let end = views[0].idle_end;
    assert!(world.store.of_user(user.id, end).await.unwrap().is_empty());
}

pub async fn changes_password<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let here = world.sign_in(&user).await;
    let elsewhere = world.sign_in(&user).await;
    let (mut session, _) = world.sign_in_form(&user, &world.client, secs(0));
    session.id = here.session;
    let grant = world.grant(&session, &world.client, secs(60));
    let mut watch = world.watch().await;
    let change = PasswordChange {
        user: user.id,
        seen_epoch: 0,
        password: password("new"),
        grant: grant.clone(),
    };
    let changed = world.store.change_password(change, &origin(secs(60))).await;
    let ChangePassword::Changed(entitlement) = changed.unwrap() else {
        panic!("not changed");
    };
    assert_eq!(entitlement.user.epoch, 1);
    assert_eq!(entitlement.session.user_epoch, 1);
    assert_eq!(entitlement.session.id, here.session);
    assert_eq!(entitlement.grant, grant);
    world
        .told(
            &mut watch,
            &[subject_below(user.id, 1)],
            &[Happening::PasswordChanged],
        )
        .await;

    let who = Identifier::Email(user.email.clone());
    let found = world.store.credentials(&who).await.unwrap().unwrap();
    assert_eq!(found.password, Some(password("new")));
    assert_eq!(found.user.epoch, 1);
    // The new grant goes on, the old one of this session is superseded, other sessions are over.
    let renewed = SignedIn {
        handle: grant.handle,
        ..here.clone()
    };
    assert!(matches!(
        world.present(&renewed, 0, secs(61)).await,
        Rotate::Held(_)
    ));
    assert!(matches!(
        world.present(&renewed, 0, secs(80)).await,
        Rotate::Rotated(_)
    ));
    assert_eq!(world.present(&here, 0, secs(61)).await, Rotate::Superseded);
    assert_eq!(world.present(&elsewhere, 0, secs(61)).await, Rotate::Stale);
    let views = world.store.of_user(user.id, secs(62)).await.unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].clients.len(), 1);
}

pub async fn changes_password_stale<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let bea = world.user("bea").await;
    let here = world.sign_in(&user).await;
    let idle_end = world.store.of_user(user.id, secs(1)).await.unwrap()[0].idle_end;
    let change = |of: UserId, session, seen_epoch| {
        let (mut form, _) = world.sign_in_form(&user, &world.client, secs(0));
        form.id = session;
        PasswordChange {
            user: of,
            seen_epoch,
            password: password("new"),
            grant: world.grant(&form, &world.client, secs(60)),
        }
    };
    let mut watch = world.watch().await;
    let now = secs(60);
    for (change, now) in [
        // The epoch moved; the session is somebody else's, not there, or at its end; there is no such user.
        (change(user.id, here.session, 1), now),
        (change(bea.id, here.session, 0), now),
        (
            change(user.id, super::world::nobodys_session(&world), 0),
            now,
        ),
        (change(user.id, here.session, 0), idle_end),
        (change(UserId::from_bytes([9; 16]), here.session, 0), now),
    ] {
        let changed = world.store.change_password(change, &origin(now)).await;
        assert_eq!(changed.unwrap(), ChangePassword::Stale);
    }
    world.told(&mut watch, &[], &[]).await;
    let who = Identifier::Email(user.email.clone());
    let found = world.store.credentials(&who).await.unwrap().unwrap();
    assert_eq!(found.password, Some(password("ann")));
    assert!(matches!(
        world.present(&here, 0, secs(61)).await,
        Rotate::Rotated(_)
    ));
}

pub async fn admits<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let (session, grant) = world.sign_in_form(&user, &world.client, secs(1));
    let mut watch = world.watch().await;
    let now = origin(secs(1));
    let admitted = world.store.admit(&session, &grant.client, 0, &now).await;
    assert!(admitted.unwrap());
    world.told(&mut watch, &[], &[Happening::SignedIn]).await;
    let line = world.trail().await.pop().unwrap();
    assert_eq!(line.user, Some(user.id));
    assert_eq!(line.session, Some(session.id));
    assert_eq!(line.client, Some(grant.client));
    // The trail alone tells of it.
    let views = world.store.of_user(user.id, secs(1)).await.unwrap();
    assert_eq!(views, []);
}

pub async fn admits_stale<S: Store>(world: World<S>) {
    let now = origin(secs(1));
    let refused = async |user: &User, client: &Client, issuer_epoch| {
        let (mut session, grant) = world.sign_in_form(user, client, secs(1));
        session.issuer_epoch = issuer_epoch;
        let mut watch = world.watch().await;
        let admitted = world
            .store
            .admit(&session, &grant.client, grant.client_epoch, &now)
            .await;
        world.told(&mut watch, &[], &[]).await;
        !admitted.unwrap()
    };
    // The user's epoch moved, they are disabled, or gone.
    let user = world.user("ann").await;
    let set = world.store.set_password(user.id, password("new"), &now);
    set.await.unwrap();
    assert!(refused(&user, &world.client, 0).await);
    let disabled = world.store.set_user_enabled(user.id, false, &now).await;
    assert!(refused(&disabled.unwrap().unwrap(), &world.client, 0).await);
    world.store.delete_user(user.id, &now).await.unwrap();
    assert!(refused(&user, &world.client, 0).await);
    // The client's epoch moved, it is disabled, or there is none.
    let bea = world.user("bea").await;
    let native = world.other_client("native").await;
    world.store.cut_off_client(&native.id, &now).await.unwrap();
    assert!(refused(&bea, &native, 0).await);
    let disabled = Client {
        enabled: false,
        epoch: 1,
        ..native.clone()
    };
    let disabled = world.store.put_client(disabled, &now).await.unwrap();
    assert!(refused(&bea, &disabled, 0).await);
    let nobodys = Client {
        id: "nobodys".parse().unwrap(),
        ..native
    };
    assert!(refused(&bea, &nobodys, 0).await);
    // Everybody has to sign in again.
    let all = Revocation::All { below: 0 };
    world.store.revoke(all, &now).await.unwrap();
    assert!(refused(&bea, &world.client, 0).await);
    let (mut session, grant) = world.sign_in_form(&bea, &world.client, secs(1));
    session.issuer_epoch = 1;
    let admitted = world.store.admit(&session, &grant.client, 0, &now).await;
    assert!(admitted.unwrap(), "nothing moved");
}
