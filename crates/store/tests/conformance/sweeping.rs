//! What has lapsed goes, in small steps; what has not, stays.

use countersign_auth::directory::Directory;
use countersign_auth::model::audit::{AuditEntry, Happening};
use countersign_auth::sessions::{Rotate, Sessions};
use countersign_guard::Revocation;

use super::world::{LIFETIME, Store, World, origin, secs};

pub async fn sweeps_sessions<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let mut short = Vec::new();
    for number in 0..5 {
        let (mut session, grant) = world.sign_in_form(&user, &world.client, secs(0));
        session.idle_end = secs(100 + number);
        let signed_in = super::world::SignedIn {
            user: user.id,
            session: session.id,
            handle: grant.handle,
            client: grant.client.clone(),
        };
        world
            .store
            .open(session, grant, &origin(secs(0)))
            .await
            .unwrap();
        short.push(signed_in);
    }
    let long = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let sweep = async |now, limit| {
        Sessions::sweep(&world.store, secs(now), limit)
            .await
            .unwrap()
    };
    assert_eq!(sweep(99, 100).await, 0);
    // Up to and including the moment of the end; never more than allowed.
    let mut swept = 0;
    for _ in 0..10 {
        let step = sweep(103, 2).await;
        assert!(step <= 2);
        swept += step;
    }
    assert!(swept >= 4, "{swept}");
    for (number, signed_in) in short.iter().enumerate() {
        let answer = world.present(signed_in, 0, secs(0)).await;
        let gone = answer == Rotate::Unknown;
        assert_eq!(gone, number < 4, "{number}: {answer:?}");
    }
    assert!(sweep(1000, 100).await >= 1);
    assert_eq!(sweep(1000, 100).await, 0);
    let answer = world.present(&long, 0, secs(1000)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    // What ended by itself is nobody's deed.
    world.told(&mut watch, &[], &[]).await;
    assert_eq!(
        Sessions::sweep(&world.store, long.session.absolute_end(), 100)
            .await
            .unwrap()
            .min(1),
        1
    );
}

pub async fn sweeps_the_log_and_the_trail<S: Store>(world: World<S>) {
    let lines = world.trail().await.len();
    for number in 0..10 {
        let token = Revocation::Token {
            jti: format!("t{number}"),
            from: secs(number).unix(),
        };
        world
            .store
            .revoke(token, &origin(secs(number)))
            .await
            .unwrap();
    }
    for number in 0..10 {
        let line = AuditEntry::new(Happening::SignInFailed, &origin(secs(100 + number)));
        world.store.note(line).await.unwrap();
    }
    let head = world.head().await;
    let sweep = async |now, before| {
        let step = Directory::sweep(&world.store, secs(now), secs(before), 3).await;
        let step = step.unwrap();
        assert!(step <= 3);
        step
    };
    let sweep_all = async |now, before| {
        let mut swept = 0;
        loop {
            match sweep(now, before).await {
                0 => return swept,
                step => swept += step,
            }
        }
    };
    assert_eq!(sweep_all(0, 0).await, 0);
    // An event may go when its last second is over.
    assert_eq!(sweep_all(LIFETIME.as_secs() + 4, 0).await, 4);
    let page = world.store.revocations(None, secs(0), 10).await.unwrap();
    assert_eq!(page.entries.len(), 6);
    assert_eq!(page.cursor, head, "the numbers go on");
    assert_eq!(sweep_all(0, 105).await, u32::try_from(lines + 15).unwrap());
    assert_eq!(world.trail().await.len(), 5);
    assert_eq!(world.trail().await[0].origin.at, secs(105));
    assert_eq!(sweep_all(10_000_000, 10_000_000).await, 11);
    assert_eq!(world.head().await, head);
    // A late reader's tail lacks what had lapsed, and nothing else.
    let late = countersign_auth::model::revocation::Cursor {
        sequence: 0,
        ..head
    };
    let page = world.store.revocations(Some(late), secs(0), 10).await;
    let page = page.unwrap();
    assert!(!page.anew && page.entries.is_empty());
    assert_eq!(page.cursor, head);
}
