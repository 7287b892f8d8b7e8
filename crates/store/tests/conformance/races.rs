//! Simultaneous calls, on real threads: of any number that cannot all succeed, exactly one does.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_auth::directory::{AddUser, ChangeUser};
use countersign_auth::model::audit::Happening;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::grant::Network;
use countersign_auth::model::id::KeyId;
use countersign_auth::model::key::{KeyPurpose, KeyState, StoredKey};
use countersign_auth::model::revocation::Audience;
use countersign_auth::model::user::UserChange;
use countersign_auth::sessions::{
    ChangePassword, Join, MAX_GRANTS, Open, PasswordChange, Rotate, Touch,
};
use countersign_auth::store::StoreError;
use countersign_guard::Revocation;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::clients;
use super::joining;
use super::tally;
use super::using;
use super::world::{
    SignedIn, Store, World, entitled, origin, password, present_to, secs, subject_below,
};

pub const RACERS: usize = 100;

/// Runs one future for each racer, all at once; the answers.
pub async fn race<T, F>(racer: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    tally::raced();
    let start = Arc::new(Barrier::new(RACERS));
    let mut racers = JoinSet::new();
    for number in 0..RACERS {
        let (start, racer) = (Arc::clone(&start), racer(number));
        racers.spawn(async move {
            start.wait().await;
            racer.await
        });
    }
    racers.join_all().await
}

pub fn count<T>(answers: &[T], of: impl Fn(&T) -> bool) -> usize {
    answers.iter().filter(|answer| of(answer)).count()
}

pub async fn one_of_a_hundred_renews<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    for generation in 0..10 {
        let now = secs(u64::from(generation + 1) * 20);
        let answers = race(|_| {
            let (store, ann) = (world.store.clone(), ann.clone());
            async move { present_to(&store, &ann, generation, now, Network(1)).await }
        })
        .await;
        let rotated = count(&answers, |answer| matches!(answer, Rotate::Rotated(_)));
        let retried = count(&answers, |answer| matches!(answer, Rotate::Retried(_)));
        assert_eq!((rotated, retried), (1, RACERS - 1));
        for answer in answers {
            assert_eq!(entitled(answer).grant.generations.cur, generation + 1);
        }
    }
    world.told(&mut watch, &[], &[]).await;
}

pub async fn one_of_a_hundred_recovers<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    world.present(&ann, 0, secs(20)).await;
    let answers = race(|_| {
        let (store, ann) = (world.store.clone(), ann.clone());
        async move { present_to(&store, &ann, 0, secs(3600), Network(1)).await }
    })
    .await;
    let recovered = count(&answers, |answer| matches!(answer, Rotate::Recovered(_)));
    let retried = count(&answers, |answer| matches!(answer, Rotate::Retried(_)));
    assert_eq!((recovered, retried), (1, RACERS - 1));
    for answer in answers {
        assert_eq!(entitled(answer).grant.generations.cur, 2);
    }
}

pub async fn one_user_of_an_address<S: Store>(world: World<S>) {
    let answers = race(|number| {
        let store = world.store.clone();
        let mut new = world.new_user("ann");
        new.username = Some(format!("ann{number}"));
        async move { store.add_user(new, &origin(secs(0))).await.unwrap() }
    })
    .await;
    assert_eq!(
        count(&answers, |answer| matches!(answer, AddUser::Added(_))),
        1
    );
    let taken = count(&answers, |answer| *answer == AddUser::EmailTaken);
    assert_eq!(taken, RACERS - 1);

    let mut ids = Vec::new();
    for number in 0..RACERS {
        ids.push(world.user(&format!("user{number}")).await.id);
    }
    let mut watch = world.watch().await;
    let answers = race(|number| {
        let (store, id) = (world.store.clone(), ids[number]);
        let change = UserChange {
            username: Some(Some("wanted".to_owned())),
            ..UserChange::default()
        };
        async move {
            let changed = store.change_user(id, change, &origin(secs(1))).await;
            changed.unwrap()
        }
    })
    .await;
    let changed: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            ChangeUser::Changed(user) => Some(user.id),
            _ => None,
        })
        .collect();
    assert_eq!(changed.len(), 1);
    let told = Revocation::Changed {
        sub: changed[0].to_string(),
    };
    world
        .told(&mut watch, &[told], &[Happening::UserChanged])
        .await;
}

pub async fn one_active_key<S: Store>(world: World<S>) {
    let key = |number: usize, state| {
        let id = KeyId::from_bytes(world.unique());
        StoredKey {
            id,
            purpose: KeyPurpose::Signing,
            algorithm: "ES256".to_owned(),
            kid: format!("{number} {id}"),
            sealed: vec![1],
            state,
            created_at: secs(0),
            since: secs(0),
        }
    };
    let added = race(|number| {
        let (store, key) = (world.store.clone(), key(number, KeyState::Active));
        async move { store.add_key(key, true, &origin(secs(0))).await.unwrap() }
    })
    .await;
    assert_eq!(count(&added, |added| *added), 1);

    let staged = key(RACERS, KeyState::Staged);
    world
        .store
        .add_key(staged.clone(), true, &origin(secs(0)))
        .await
        .unwrap();
    let moved = race(|_| {
        let (store, id) = (world.store.clone(), staged.id);
        async move {
            let moved = store
                .move_key(id, KeyState::Staged, KeyState::Active, &origin(secs(1)))
                .await;
            moved.unwrap()
        }
    })
    .await;
    assert_eq!(count(&moved, |moved| *moved), 1);
    let keys = world.store.keys().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.id, key.state)).collect();
    assert_eq!(states.len(), 2);
    assert!(states.contains(&(staged.id, KeyState::Active)));
    assert!(states.iter().any(|(_, state)| *state == KeyState::Retired));
}

pub async fn password_changes_exclude_each_other<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let mut forms = Vec::new();
    for _ in 0..RACERS {
        let signed_in = world.sign_in(&user).await;
        let (mut session, _) = world.sign_in_form(&user, &world.client, secs(1));
        session.id = signed_in.session;
        forms.push(world.grant(&session, &world.client, secs(1)));
    }
    let mut watch = world.watch().await;
    let answers = race(|number| {
        let store = world.store.clone();
        let change = PasswordChange {
            user: user.id,
            seen_epoch: 0,
            password: password(&number.to_string()),
            grant: forms[number].clone(),
        };
        async move {
            let changed = store.change_password(change, &origin(secs(1))).await;
            changed.unwrap()
        }
    })
    .await;
    let changed = count(&answers, |answer| {
        matches!(answer, ChangePassword::Changed(_))
    });
    assert_eq!(changed, 1);
    world
        .told(
            &mut watch,
            &[subject_below(user.id, 1)],
            &[Happening::PasswordChanged],
        )
        .await;
    let views = world.store.of_user(user.id, secs(2)).await.unwrap();
    assert_eq!(views.len(), 1);
}

pub async fn sign_in_against_cut_off<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let answers = race(|number| {
        let store = world.store.clone();
        let (session, grant) = world.sign_in_form(&user, &world.client, secs(1));
        let id = user.id;
        async move {
            if number == RACERS / 2 {
                let ended = store.end_all_of_user(id, None, &origin(secs(1))).await;
                (true, ended.unwrap())
            } else {
                let opened = store.open(session, grant, &origin(secs(1))).await.unwrap();
                (false, u64::from(matches!(opened, Open::Opened(_))))
            }
        }
    })
    .await;
    // Every sign-in came wholly before, and was ended, or wholly after, and was refused.
    let opened: u64 = answers.iter().filter(|(end, _)| !end).map(|(_, n)| n).sum();
    let ended: u64 = answers.iter().filter(|(end, _)| *end).map(|(_, n)| n).sum();
    assert_eq!(opened, ended);
    let views = world.store.of_user(user.id, secs(2)).await.unwrap();
    assert!(views.is_empty());
}

pub async fn the_log_under_fire<S: Store>(world: World<S>) {
    let begin = world.head().await;
    let answers = race(|number| {
        let store = world.store.clone();
        async move {
            let mut mine = Vec::new();
            if number % 10 == 0 {
                // A reader: what it has seen is never missing later, and never in another order.
                let mut cursor = begin;
                while cursor.sequence < begin.sequence + 900 {
                    let page = store.revocations(Some(cursor), secs(0), 37).await.unwrap();
                    assert!(!page.anew);
                    let numbers = page.entries.iter().map(|entry| entry.sequence);
                    assert!(numbers.eq(cursor.sequence + 1..=page.cursor.sequence));
                    for entry in page.entries {
                        mine.push((entry.sequence, entry.event.kind));
                    }
                    cursor = page.cursor;
                    tokio::task::yield_now().await;
                }
            } else {
                for event in 0..10 {
                    let token = Revocation::Token {
                        jti: format!("{number}/{event}"),
                        from: secs(0).unix(),
                    };
                    let cursor = store.revoke(token.clone(), &origin(secs(0))).await.unwrap();
                    mine.push((cursor.sequence, token));
                }
            }
            (number % 10 == 0, mine)
        }
    })
    .await;
    let mut truth = HashMap::new();
    for (sequence, event) in answers
        .iter()
        .filter(|(reader, _)| !reader)
        .flat_map(|(_, told)| told)
    {
        assert!(
            truth.insert(*sequence, event.clone()).is_none(),
            "a number twice"
        );
    }
    assert_eq!(truth.len(), 900);
    for (_, told) in answers.iter().filter(|(reader, _)| *reader) {
        assert_eq!(told.len(), 900);
        assert!(
            told.iter()
                .all(|(sequence, event)| truth[sequence] == *event)
        );
    }
}

pub async fn two_live_secrets<S: Store>(world: World<S>) {
    let added = race(|number| {
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        let (store, secret) = (
            world.store.clone(),
            clients::secret(&world.client, number, secs(0)),
        );
        async move {
            store
                .add_client_secret(secret, secs(60), &origin(secs(0)))
                .await
        }
    })
    .await;
    assert_eq!(count(&added, |added| matches!(added, Ok(true))), RACERS);
    let kept = world.store.client_secrets().await.unwrap();
    let ends: Vec<_> = kept.iter().map(|secret| secret.span.ends_at).collect();
    assert_eq!(ends, [Some(secs(60)), None]);
}

/// While a hundred use it, it moves on as if one did; and when it has ended, it has ended for all.
pub async fn a_session_that_a_hundred_use<S: Store>(world: World<S>) {
    let ann = using::ann(&world).await;
    let mut watch = world.watch().await;
    for turn in 1..10 {
        let now = secs(turn * 10 * 3600);
        let answers = race(|_| {
            let (store, ann) = (world.store.clone(), ann.clone());
            async move { using::touch_at(&store, &ann, now).await }
        })
        .await;
        assert_eq!(
            count(&answers, |answer| matches!(answer, Touch::Live(_))),
            RACERS
        );
        let views = world.store.of_user(ann.user, now).await.unwrap();
        assert_eq!(views[0].last_used_at, now);
    }
    world.told(&mut watch, &[], &[]).await;
    let now = secs(10 * 10 * 3600);
    let answers = race(|number| {
        let (store, ann) = (world.store.clone(), ann.clone());
        async move {
            if number == RACERS / 2 {
                assert!(store.end(ann.session, None, &origin(now)).await.unwrap());
                return (using::touch_at(&store, &ann, now).await, Touch::Unknown);
            }
            let first = using::touch_at(&store, &ann, now).await;
            (first, using::touch_at(&store, &ann, now).await)
        }
    })
    .await;
    for (number, (first, second)) in answers.iter().enumerate() {
        let ended = *first == Touch::Unknown;
        assert!(ended || matches!(first, Touch::Live(_)), "{first:?}");
        assert!(
            !ended || *second == Touch::Unknown,
            "{number} found it again: {second:?}"
        );
    }
    assert_eq!(
        using::touch_at(&world.store, &ann, now).await,
        Touch::Unknown
    );
}

/// What a hundred were told who joined a session, one of whom did something else to it instead.
struct Joiners(Vec<(Result<Join, StoreError>, SignedIn)>);

impl Joiners {
    /// All at once, each for the client of their number; the one in the middle does `instead`.
    async fn race<S: Store, F: Future<Output = ()> + Send + 'static>(
        world: &World<S>,
        by: &SignedIn,
        client: impl Fn(usize) -> Client,
        instead: impl Fn(S) -> F,
    ) -> Self {
        let answers = race(|number| {
            let (joining, joined) = joining::form(world, by, &client(number), secs(1));
            let store = world.store.clone();
            let instead = (number == RACERS / 2).then(|| instead(store.clone()));
            async move {
                if let Some(instead) = instead {
                    instead.await;
                    return None;
                }
                Some((store.join(joining, &origin(secs(1))).await, joined))
            }
        })
        .await;
        let joiners: Vec<_> = answers.into_iter().flatten().collect();
        assert_eq!(joiners.len(), RACERS - 1);
        Self(joiners)
    }

    /// Those who were given a grant. All others were answered one of these.
    fn joined(&self, others: &[Join]) -> Vec<&SignedIn> {
        self.0
            .iter()
            .filter_map(|(answer, joined)| match answer {
                Ok(Join::Joined(_)) => Some(joined),
                Ok(other) => {
                    assert!(others.contains(other), "{other:?}");
                    None
                }
                Err(StoreError::Unavailable(_)) => None,
                Err(error) => panic!("{error}"),
            })
            .collect()
    }

    fn unavailable(&self) -> usize {
        count(&self.0, |(answer, _)| answer.is_err())
    }
}

/// What was given ends with the session, is listed nowhere, and its application's service has heard of the end.
pub async fn a_hundred_join_one_that_ends<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let mut shops = Vec::new();
    for number in 0..4 {
        let id = format!("shop{number}").parse().unwrap();
        let mut shop = Client::new(id, ClientKind::Native, secs(0));
        shop.audience = Some(format!("https://shop{number}"));
        let put = world.store.put_client(shop, &origin(secs(0))).await;
        shops.push(put.unwrap());
    }
    for _ in 0..5 {
        let ann = world.sign_in(&user).await;
        let id = ann.session;
        let joiners = Joiners::race(
            &world,
            &ann,
            |number| shops[number % 4].clone(),
            |store: S| async move {
                assert!(store.end(id, None, &origin(secs(1))).await.unwrap());
            },
        )
        .await;
        assert_eq!(joiners.unavailable(), 0);
        let told = joining::audiences(&world, &ann).await;
        for joined in joiners.joined(&[Join::Unknown, Join::Full]) {
            assert_eq!(world.present(joined, 0, secs(2)).await, Rotate::Unknown);
            let number = joined.client.as_str().trim_start_matches("shop");
            let service = Audience::Service(format!("https://shop{number}"));
            let has_heard = |who: &Option<Audience>| who.as_ref().is_none_or(|it| *it == service);
            assert!(told.iter().any(has_heard), "{service:?}: {told:?}");
        }
        assert_eq!(world.present(&ann, 0, secs(2)).await, Rotate::Unknown);
        let views = world.store.of_user(user.id, secs(2)).await.unwrap();
        assert_eq!(views, []);
        let (late, _) = joining::form(&world, &ann, &shops[0], secs(2));
        let late = world.store.join(late, &origin(secs(2))).await;
        assert_eq!(late.unwrap(), Join::Unknown);
    }
}

/// The user, then the client that joins: no grant of before is good afterwards, and none is given.
pub async fn a_hundred_join_while_somebody_is_cut_off<S: Store>(world: World<S>) {
    let shop = world.other_client("shop").await;
    let mut joined = 0;
    for (name, by_client) in [("ann", false), ("bea", true)] {
        let user = world.user(name).await;
        let ann = world.sign_in(&user).await;
        let (user, id) = (user.id, shop.id.clone());
        let joiners = Joiners::race(
            &world,
            &ann,
            |_| shop.clone(),
            |store: S| {
                let id = id.clone();
                async move {
                    let now = origin(secs(1));
                    if by_client {
                        store.cut_off_client(&id, &now).await.unwrap();
                    } else {
                        store.set_user_enabled(user, false, &now).await.unwrap();
                    }
                }
            },
        )
        .await;
        assert_eq!(joiners.unavailable(), 0);
        for given in joiners.joined(&[Join::Stale, Join::Full]) {
            assert_eq!(world.present(given, 0, secs(2)).await, Rotate::Stale);
            joined += 1;
        }
        let (late, _) = joining::form(&world, &ann, &shop, secs(2));
        let late = world.store.join(late, &origin(secs(2))).await;
        assert_eq!(late.unwrap(), Join::Stale);
    }
    println!("{joined} were before it");
}

/// None is left that the change did not supersede.
pub async fn a_hundred_join_while_the_password_changes<S: Store>(world: World<S>) {
    let shop = world.other_client("shop").await;
    for round in 0..5 {
        let user = world.user(&format!("ann{round}")).await;
        let ann = world.sign_in(&user).await;
        let (after, goes_on) = joining::form(&world, &ann, &world.client, secs(1));
        let change = PasswordChange {
            user: user.id,
            seen_epoch: 0,
            password: password("new"),
            grant: after.grant,
        };
        let joiners = Joiners::race(
            &world,
            &ann,
            |_| shop.clone(),
            |store: S| {
                let change = change.clone();
                async move {
                    let changed = store.change_password(change, &origin(secs(1))).await;
                    assert!(matches!(changed.unwrap(), ChangePassword::Changed(_)));
                }
            },
        )
        .await;
        for given in joiners.joined(&[Join::Superseded, Join::Full, Join::Stale]) {
            assert_eq!(world.present(given, 0, secs(30)).await, Rotate::Superseded);
        }
        let views = world.store.of_user(user.id, secs(30)).await.unwrap();
        assert_eq!(views.len(), 1);
        assert_eq!(views[0].clients, std::slice::from_ref(&ann.client));
        let renewed = world.present(&goes_on, 0, secs(30)).await;
        assert!(matches!(renewed, Rotate::Rotated(_)), "{renewed:?}");
    }
}

/// As many as there is room for, each of whom goes on.
pub async fn a_hundred_join_what_has_room_for_few<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut clients = Vec::new();
    for number in 0..RACERS {
        clients.push(world.other_client(&format!("c{number}")).await);
    }
    let mut watch = world.watch().await;
    let joiners = Joiners::race(&world, &ann, |number| clients[number].clone(), |_| async {}).await;
    assert_eq!(joiners.unavailable(), 0);
    let joined = joiners.joined(&[Join::Full]);
    let room = MAX_GRANTS as usize - 1;
    assert_eq!(joined.len(), room);
    world
        .told(&mut watch, &[], &vec![Happening::SignedIn; room])
        .await;
    for given in joined {
        let renewed = world.present(given, 0, secs(30)).await;
        assert!(matches!(renewed, Rotate::Rotated(_)), "{renewed:?}");
    }
    let views = world.store.of_user(user.id, secs(30)).await.unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].clients.len(), MAX_GRANTS as usize);
}
