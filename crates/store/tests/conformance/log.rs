//! The revocation log and the audit trail.

use std::time::Duration;

use countersign_auth::model::audit::{AuditEntry, AuditQuery, Happening};
use countersign_auth::model::revocation::{Cursor, LogPage};
use countersign_auth::sessions::{Open, Rotate};
use countersign_guard::{Event, Revocation, UnixTime};

use super::world::{LIFETIME, START, Store, World, at, origin, secs, session_ended, subject_below};

fn token(number: u64) -> Revocation {
    Revocation::Token {
        jti: format!("t{number}"),
        from: UnixTime::from_secs(START / 1000 + number),
    }
}

async fn revoke<S: Store>(world: &World<S>, number: u64) -> Cursor {
    let revoked = world
        .store
        .revoke(token(number), &origin(secs(number)))
        .await;
    revoked.unwrap()
}

fn until(number: u64) -> UnixTime {
    UnixTime::from_secs(START / 1000 + number + LIFETIME.as_secs())
}

pub async fn has_no_gaps<S: Store>(world: World<S>) {
    let before = world.head().await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    // Verbs that fail, that change nothing and that take something back, mixed.
    for number in 1..=50 {
        assert_eq!(
            revoke(&world, number).await.sequence,
            before.sequence + number
        );
        assert!(
            !world
                .store
                .end(
                    super::world::nobodys_session(&world),
                    None,
                    &origin(secs(0))
                )
                .await
                .unwrap()
        );
        world.present(&ann, 0, secs(0)).await;
    }
    assert_eq!(world.head().await.sequence, before.sequence + 50);
    assert_eq!(world.tail(before).await.len(), 50);
}

pub async fn tells_a_snapshot<S: Store>(world: World<S>) {
    revoke(&world, 0).await;
    revoke(&world, 100).await;
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    world
        .store
        .end(ann.session, None, &origin(at(100_001)))
        .await
        .unwrap();
    let expected = [
        Event {
            kind: token(0),
            until: until(0),
        },
        Event {
            kind: token(100),
            until: until(100),
        },
        Event {
            kind: session_ended(&ann),
            // A part of a second counts as a whole one.
            until: until(101),
        },
    ];
    let head = world.head().await;
    assert_eq!(head.sequence, 3);
    let elsewhere = Cursor {
        incarnation: head.incarnation ^ 1,
        ..head
    };
    for after in [None, Some(elsewhere)] {
        for (now, lapsed) in [(0, 0), (LIFETIME.as_secs(), 0), (LIFETIME.as_secs() + 1, 1)] {
            let page = world.store.revocations(after, secs(now), 10).await.unwrap();
            let LogPage::Snapshot { events, cursor } = page else {
                panic!("a tail for {after:?}");
            };
            assert_eq!(events, expected[lapsed..]);
            assert_eq!(cursor, head);
        }
    }
}

pub async fn pages_a_tail<S: Store>(world: World<S>) {
    let mut cursor = world.head().await;
    for number in 1..=10 {
        revoke(&world, number).await;
    }
    let mut seen = Vec::new();
    for expected in [4, 4, 2, 0, 0] {
        let page = world.store.revocations(Some(cursor), secs(0), 4).await;
        let LogPage::Tail {
            events,
            cursor: next,
        } = page.unwrap()
        else {
            panic!("a snapshot");
        };
        assert_eq!(events.len(), expected);
        assert_eq!(next.sequence, cursor.sequence + expected as u64);
        seen.extend(events.into_iter().map(|event| event.kind));
        cursor = next;
    }
    let expected: Vec<_> = (1..=10).map(token).collect();
    assert_eq!(seen, expected);
}

pub async fn notices_a_roll_back<S: Store>(world: World<S>) {
    revoke(&world, 1).await;
    let head = world.head().await;
    let ahead = Cursor {
        sequence: head.sequence + 1,
        ..head
    };
    let read = async |after| {
        let page = world.store.revocations(Some(after), secs(1), 10).await;
        match page.unwrap() {
            LogPage::Snapshot { events, cursor } => (events, cursor),
            LogPage::Tail { .. } => panic!("a tail"),
        }
    };
    let (events, cursor) = read(ahead).await;
    assert_eq!(events.len(), 1);
    assert_ne!(cursor.incarnation, head.incarnation);
    assert_eq!(cursor.sequence, head.sequence);
    // Everybody moves to the new one, by a snapshot; nobody begins another.
    for old in [ahead, head] {
        assert_eq!(read(old).await, (events.clone(), cursor));
    }
    assert_eq!(world.head().await, cursor);
    assert!(world.tail(cursor).await.is_empty());
    assert_eq!(revoke(&world, 2).await.sequence, cursor.sequence + 1);
}

pub async fn revokes<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    let told = token(1);
    let cursor = world.store.revoke(told.clone(), &now).await.unwrap();
    assert_eq!(world.head().await, cursor);
    world.told(&mut watch, &[told], &[Happening::Revoked]).await;
    // A session that is revoked is over, here too.
    let told = session_ended(&ann);
    world.store.revoke(told.clone(), &now).await.unwrap();
    world.told(&mut watch, &[told], &[Happening::Revoked]).await;
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Unknown);
    // An epoch that is revoked is left behind, and never falls again.
    for (below, epoch) in [(5, 5), (3, 5)] {
        let told = subject_below(user.id, below);
        world.store.revoke(told.clone(), &now).await.unwrap();
        world.told(&mut watch, &[told], &[Happening::Revoked]).await;
        let user = world.store.user(user.id).await.unwrap().unwrap();
        assert_eq!(user.epoch, epoch);
    }
    // So is a client's.
    for (below, epoch) in [(5, 5), (3, 5)] {
        let told = Revocation::Client {
            client_id: world.client.id.to_string(),
            below,
        };
        world.store.revoke(told.clone(), &now).await.unwrap();
        world.told(&mut watch, &[told], &[Happening::Revoked]).await;
        assert_eq!(world.store.clients().await.unwrap()[0].epoch, epoch);
    }
}

pub async fn ends_everything<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    assert_eq!(world.store.issuer_epoch().await.unwrap(), 0);
    for below in 1..=2 {
        // Whatever number comes with it.
        let everything = Revocation::All { below: 77 };
        world
            .store
            .revoke(everything, &origin(secs(5)))
            .await
            .unwrap();
        world
            .told(
                &mut watch,
                &[Revocation::All { below }],
                &[Happening::EverybodySignedOut],
            )
            .await;
        assert_eq!(world.store.issuer_epoch().await.unwrap(), below);
    }
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);
    let views = world.store.of_user(user.id, secs(6)).await.unwrap();
    assert!(views.is_empty());
    let (mut session, grant) = world.sign_in_form(&user, &world.client, secs(6));
    session.issuer_epoch = 2;
    let opened = world.store.open(session, grant, &origin(secs(6))).await;
    assert!(matches!(opened.unwrap(), Open::Opened(_)));
}

pub async fn keeps_the_longest_lifetime<S: Store>(world: World<S>) {
    let longest = LIFETIME + Duration::from_mins(1);
    for (told, answer) in [
        (Duration::ZERO, LIFETIME),
        (longest, longest),
        (LIFETIME, longest),
    ] {
        assert_eq!(world.store.event_lifetime(told).await.unwrap(), answer);
    }
    let before = world.head().await;
    revoke(&world, 0).await;
    let event = world.tail(before).await.remove(0);
    assert_eq!(event.until, until(60));
}

pub async fn notes_and_reads_the_trail<S: Store>(world: World<S>) {
    let ann = world.user("ann").await;
    let bea = world.user("bea").await;
    let mut watch = world.watch().await;
    let mut lines = Vec::new();
    for number in 0..6 {
        let user = if number % 2 == 0 { ann.id } else { bea.id };
        let mut line = AuditEntry::new(Happening::SignInFailed, &origin(secs(number)))
            .user(user)
            .client(world.client.id.clone())
            .detail(format!("number {number}"));
        if number == 5 {
            line.what = Happening::UserExported;
            line.origin.address = None;
        }
        world.store.note(line.clone()).await.unwrap();
        lines.push(line);
    }
    let written: Vec<_> = lines.iter().map(|line| line.what).collect();
    world.told(&mut watch, &[], &written).await;

    let read = async |query: AuditQuery| world.store.audit(query).await.unwrap();
    let all = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let newest: Vec<_> = lines.iter().rev().cloned().collect();
    let limited = AuditQuery {
        limit: 2,
        ..all.clone()
    };
    assert_eq!(read(limited).await, newest[..2]);
    let of_bea = AuditQuery {
        user: Some(bea.id),
        what: Some(Happening::SignInFailed),
        ..all.clone()
    };
    assert_eq!(read(of_bea).await, [newest[2].clone(), newest[4].clone()]);
    let since = AuditQuery {
        since: Some(secs(4)),
        ..all
    };
    assert_eq!(read(since).await, newest[..2]);
}
