//! The revocation log and the audit trail.

use std::time::Duration;

use countersign_auth::directory::Directory;
use countersign_auth::model::audit::{AuditEntry, AuditQuery, Happening};
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::key::KeyState;
use countersign_auth::model::revocation::{Audience, Cursor};
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
            assert!(page.anew, "a tail for {after:?}");
            let events: Vec<_> = page.entries.into_iter().map(|entry| entry.event).collect();
            assert_eq!(events, expected[lapsed..]);
            assert_eq!((page.cursor, page.head), (head, head));
        }
    }
}

/// Read page by page, while events come and lapse, the log says what one read would have said.
pub async fn pages_a_snapshot<S: Store>(world: World<S>) {
    for number in 1..=10 {
        revoke(&world, number).await;
    }
    let before = world.head().await;
    let mut page = world.store.revocations(None, secs(0), 4).await.unwrap();
    assert!(page.anew);
    let mut numbers = Vec::new();
    let mut pages = 1;
    loop {
        assert!(page.entries.len() <= 4);
        numbers.extend(page.entries.iter().map(|entry| entry.sequence));
        if page.cursor.sequence >= before.sequence {
            break;
        }
        // One more comes, and the first few go.
        revoke(&world, 10 + pages).await;
        let now = secs(LIFETIME.as_secs() + 3);
        Directory::sweep(&world.store, now, secs(0), 100)
            .await
            .unwrap();
        page = world
            .store
            .revocations(Some(page.cursor), secs(0), 4)
            .await
            .unwrap();
        assert!(!page.anew);
        pages += 1;
    }
    assert_eq!(pages, 3);
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    // Nothing of it is read that has lapsed, swept or not.
    let late = secs(LIFETIME.as_secs() + 6);
    let page = world.store.revocations(None, late, 4).await.unwrap();
    let numbers: Vec<_> = page.entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, [6, 7, 8, 9]);
    assert!(!page.is_last());
}

/// An event says for whom the tokens are that it can concern, but only if that can be told.
pub async fn says_for_whom<S: Store>(world: World<S>) {
    let shop = Some(Audience::Service("https://shop".to_owned()));
    let user = world.user("ann").await;
    let mut client = Client::new("shop".parse().unwrap(), ClientKind::Native, secs(0));
    client.audience = Some("https://shop".to_owned());
    let put = async |client: &Client, at| {
        let put = world.store.put_client(client.clone(), &origin(at)).await;
        put.unwrap()
    };
    let mut client = put(&client, secs(0)).await;
    let newest = async || {
        let page = world.store.revocations(None, secs(0), 1000).await.unwrap();
        page.entries.last().unwrap().clone()
    };

    // A session's: its client's, by default the issuer's.
    for (client, audience) in [
        (&world.client, Some(Audience::Issuer)),
        (&client, shop.clone()),
    ] {
        for by_id in [false, true] {
            let ann = world.sign_in_at(&user, client, secs(1)).await;
            let ended = session_ended(&ann);
            if by_id {
                let revoked = world.store.revoke(ended.clone(), &origin(secs(1))).await;
                revoked.unwrap();
            } else {
                let ended = world.store.end(ann.session, None, &origin(secs(1))).await;
                assert!(ended.unwrap());
            }
            let entry = newest().await;
            assert_eq!(
                (entry.event.kind, entry.audience),
                (ended, audience.clone())
            );
        }
    }
    // A client's own.
    let now = origin(secs(1));
    let cut_off = world.store.cut_off_client(&client.id, &now).await;
    cut_off.unwrap();
    assert_eq!(newest().await.audience, shop);
    client.epoch += 1;
    // A service has tokens for whom it asks.
    let mut service = Client::new("till".parse().unwrap(), ClientKind::Service, secs(0));
    service.audience = Some("https://shop".to_owned());
    put(&service, secs(0)).await;
    let cut_off = world.store.cut_off_client(&service.id, &now).await;
    cut_off.unwrap();
    assert_eq!(newest().await.audience, None);

    // A user's may be anybody's, and so may what is not known here.
    for what in [
        subject_below(user.id, 1),
        token(1),
        Revocation::Session {
            sid: super::world::nobodys_session(&world).to_string(),
        },
    ] {
        let revoked = world.store.revoke(what.clone(), &origin(secs(1))).await;
        revoked.unwrap();
        let entry = newest().await;
        assert_eq!((entry.event.kind, entry.audience), (what, None));
    }

    // Disabled and changed at once: what lives was issued before.
    let user = world.user("bea").await;
    client.enabled = false;
    client.audience = None;
    client = put(&client, secs(100)).await;
    assert_eq!(newest().await.audience, shop);
    client.enabled = true;
    client = put(&client, secs(100)).await;
    // While a token for the old audience can live, everybody is told; then those of the new one are.
    let lifetime = LIFETIME + Duration::from_mins(1);
    for (after, audience) in [
        (Duration::ZERO, None),
        (lifetime, None),
        (lifetime + Duration::from_millis(1), Some(Audience::Issuer)),
    ] {
        let now = secs(100).plus(after);
        let bea = world.sign_in_at(&user, &client, now).await;
        let ended = world.store.end(bea.session, None, &origin(now)).await;
        assert!(ended.unwrap());
        assert_eq!(newest().await.audience, audience, "{after:?}");
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
        let page = page.unwrap();
        assert!(!page.anew);
        assert_eq!(page.entries.len(), expected);
        assert_eq!(page.cursor.sequence, cursor.sequence + expected as u64);
        assert_eq!(page.is_last(), page.cursor.sequence == page.head.sequence);
        seen.extend(page.entries.into_iter().map(|entry| entry.event.kind));
        cursor = page.cursor;
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
        let page = page.unwrap();
        assert!(page.anew, "a tail");
        (page.entries, page.cursor)
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

/// What was ended since the store was as it is now is known to guards alone: no number of theirs may fit anything that
/// is issued from now on.
pub async fn begins_again<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let keys = world.add_keys().await;
    let before = world.head().await;
    let mut last = 0;
    for round in 1..=2 {
        // Twice in the same millisecond is once more, too.
        let now = origin(secs(5));
        let epoch = world.store.begin_again(&now).await.unwrap();
        assert!(epoch > last && epoch >= now.at.as_millis(), "{epoch}");
        last = epoch;
        assert_eq!(world.store.issuer_epoch().await.unwrap(), epoch);
        let page = world.store.revocations(Some(before), secs(5), 100).await;
        let page = page.unwrap();
        assert!(page.anew, "the incarnation of before goes on");
        let told: Vec<_> = page.entries.iter().map(|entry| &entry.event.kind).collect();
        assert!(told.contains(&&Revocation::All { below: epoch }));
        for kid in &keys {
            assert!(told.contains(&&Revocation::Key { kid: kid.clone() }));
        }
        let user = world.store.user(user.id).await.unwrap().unwrap();
        let client = world.store.clients().await.unwrap().remove(0);
        for epoch in [user.epoch, client.epoch] {
            assert!(epoch >= now.at.as_millis() + round - 1, "{epoch}");
        }
    }
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);
    for key in world.store.keys().await.unwrap() {
        assert_eq!((key.state, key.sealed), (KeyState::Removed, Vec::new()));
    }
    let lines = world.trail().await;
    let restored = |line: &&AuditEntry| line.what == Happening::StoreRestored;
    assert_eq!(lines.iter().filter(restored).count(), 2);
    // And life goes on.
    let user = world.store.user(user.id).await.unwrap().unwrap();
    let client = world.store.clients().await.unwrap().remove(0);
    let (mut session, grant) = world.sign_in_form(&user, &client, secs(6));
    session.issuer_epoch = last;
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
