//! The directory's verbs about users.

use countersign_auth::directory::{AddUser, ChangeUser};
use countersign_auth::model::audit::Happening;
use countersign_auth::model::id::UserId;
use countersign_auth::model::user::{Identifier, UserChange};
use countersign_auth::sessions::Rotate;
use countersign_guard::Revocation;
use serde_json::{Map, Value, json};

use super::world::{Store, World, origin, password, secs, subject_below};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

pub async fn adds<S: Store>(world: World<S>) {
    let mut watch = world.watch().await;
    let mut new = world.new_user("ann");
    new.name = Some("Ann ‘Ñ’ 李".to_owned());
    new.roles = vec!["b".to_owned(), "a".to_owned(), "b".to_owned()];
    new.attributes = object(json!({"plan": "gold", "seats": [1, 2.5, null]}));
    let added = world.store.add_user(new.clone(), &origin(secs(0))).await;
    let AddUser::Added(user) = added.unwrap() else {
        panic!("not added");
    };
    assert_eq!((user.id, &user.email), (new.id, &new.email));
    assert_eq!((&user.username, &user.name), (&new.username, &new.name));
    assert_eq!(user.roles, ["a", "b"]);
    assert_eq!(user.attributes, new.attributes);
    assert!(user.enabled);
    assert_eq!(user.epoch, 0);
    assert_eq!((user.created_at, user.updated_at), (secs(0), secs(0)));
    assert_eq!(world.store.user(user.id).await.unwrap(), Some(user.clone()));
    world
        .told(&mut watch, &[], &[Happening::UserRegistered])
        .await;
    assert_eq!(world.trail().await.pop().unwrap().user, Some(user.id));
    let nobody = UserId::from_bytes([9; 16]);
    assert_eq!(world.store.user(nobody).await.unwrap(), None);
}

pub async fn refuses_what_is_taken<S: Store>(world: World<S>) {
    let ann = world.user("ann").await;
    let mut watch = world.watch().await;
    let now = origin(secs(1));
    let mut same_email = world.new_user("bea");
    same_email.email = ann.email.clone();
    let mut same_name = world.new_user("bea");
    same_name.username = ann.username.clone();
    let add = async |new| world.store.add_user(new, &now).await.unwrap();
    assert_eq!(add(same_email).await, AddUser::EmailTaken);
    assert_eq!(add(same_name).await, AddUser::UsernameTaken);
    assert_eq!(add(world.new_user("ann")).await, AddUser::EmailTaken);
    world.told(&mut watch, &[], &[]).await;

    // One's own is not taken.
    let own = UserChange {
        email: Some(ann.email.clone()),
        username: Some(ann.username.clone()),
        name: Some(Some("Ann".to_owned())),
        ..UserChange::default()
    };
    let changed = world.store.change_user(ann.id, own, &now).await.unwrap();
    assert!(matches!(changed, ChangeUser::Changed(_)), "{changed:?}");

    // Any number of people have no name to sign in with.
    for name in ["cleo", "dora"] {
        let mut new = world.new_user(name);
        new.username = None;
        assert!(matches!(add(new).await, AddUser::Added(_)));
    }
    let bea = world.user("bea").await;
    let mut watch = world.watch().await;
    let change = async |change| world.store.change_user(bea.id, change, &now).await.unwrap();
    let email = UserChange {
        email: Some(ann.email.clone()),
        name: Some(Some("Bea".to_owned())),
        ..UserChange::default()
    };
    assert_eq!(change(email).await, ChangeUser::EmailTaken);
    let username = UserChange {
        username: Some(ann.username.clone()),
        ..UserChange::default()
    };
    assert_eq!(change(username).await, ChangeUser::UsernameTaken);
    assert_eq!(world.store.user(bea.id).await.unwrap(), Some(bea.clone()));
    world.told(&mut watch, &[], &[]).await;
}

pub async fn finds_credentials<S: Store>(world: World<S>) {
    let ann = world.user("ann").await;
    let mut without = world.new_user("bea");
    without.password = None;
    world
        .store
        .add_user(without.clone(), &origin(secs(0)))
        .await
        .unwrap();
    let find = async |who| world.store.credentials(&who).await.unwrap();
    for who in [
        Identifier::Email("ann@example.com".to_owned()),
        Identifier::Username("ann".to_owned()),
    ] {
        let found = find(who).await.unwrap();
        assert_eq!(found.user, ann);
        assert_eq!(found.password, Some(password("ann")));
    }
    let found = find(Identifier::Username("bea".to_owned())).await.unwrap();
    assert_eq!((found.user.id, found.password), (without.id, None));
    // Neither the case nor the kind is guessed.
    for who in [
        Identifier::Email("Ann@example.com".to_owned()),
        Identifier::Email("ann".to_owned()),
        Identifier::Username("ann@example.com".to_owned()),
        Identifier::Username(String::new()),
        Identifier::Username("' OR 1 = 1 --".to_owned()),
    ] {
        assert!(find(who.clone()).await.is_none(), "{who:?}");
    }
}

pub async fn lists<S: Store>(world: World<S>) {
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(world.user(&format!("user{number}")).await.id);
    }
    ids.sort_unstable();
    let mut seen = Vec::new();
    loop {
        let page = world.store.users(seen.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        seen.extend(page.iter().map(|user| user.id));
    }
    assert_eq!(seen, ids);
}

pub async fn changes<S: Store>(world: World<S>) {
    let ann = world.user("ann").await;
    let changed = Revocation::Changed {
        sub: ann.id.to_string(),
    };
    let mut watch = world.watch().await;
    let change = async |change, at| {
        let changed = world.store.change_user(ann.id, change, &origin(at)).await;
        match changed.unwrap() {
            ChangeUser::Changed(user) => user,
            other => panic!("{other:?}"),
        }
    };
    let user = change(
        UserChange {
            email: Some("new@example.com".to_owned()),
            username: Some(None),
            name: Some(Some("Ann".to_owned())),
            roles: Some(vec!["z".to_owned(), "a".to_owned(), "z".to_owned()]),
            attributes: object(json!({"plan": "gold", "gone": null})),
        },
        secs(5),
    )
    .await;
    assert_eq!(user.email, "new@example.com");
    assert_eq!(
        (user.username.as_deref(), user.name.as_deref()),
        (None, Some("Ann"))
    );
    assert_eq!(user.roles, ["a", "z"]);
    assert_eq!(
        Value::from(user.attributes.clone()),
        json!({"plan": "gold"})
    );
    assert_eq!((user.epoch, user.created_at), (0, secs(0)));
    assert_eq!(user.updated_at, secs(5));
    assert_eq!(world.store.user(ann.id).await.unwrap(), Some(user.clone()));
    world
        .told(
            &mut watch,
            std::slice::from_ref(&changed),
            &[Happening::UserChanged],
        )
        .await;

    // Setting what is set is no change.
    let same = UserChange {
        email: Some(user.email.clone()),
        roles: Some(user.roles.clone()),
        attributes: object(json!({"plan": "gold", "gone": null})),
        ..UserChange::default()
    };
    assert_eq!(change(same, secs(6)).await, user);
    assert_eq!(change(UserChange::default(), secs(6)).await, user);
    world.told(&mut watch, &[], &[]).await;

    let cleared = UserChange {
        name: Some(None),
        attributes: object(json!({"plan": null})),
        ..UserChange::default()
    };
    let user = change(cleared, secs(7)).await;
    assert_eq!((user.name, user.attributes.len()), (None, 0));
    world
        .told(&mut watch, &[changed], &[Happening::UserChanged])
        .await;
    let nobody = UserId::from_bytes([9; 16]);
    let change = world
        .store
        .change_user(nobody, UserChange::default(), &origin(secs(8)))
        .await;
    assert_eq!(change.unwrap(), ChangeUser::Unknown);
}

pub async fn sets_password<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    let set = async |id, text| {
        world
            .store
            .set_password(id, password(text), &now)
            .await
            .unwrap()
    };
    assert_eq!(set(user.id, "new").await, Some(1));
    world
        .told(
            &mut watch,
            &[subject_below(user.id, 1)],
            &[Happening::PasswordChanged],
        )
        .await;
    let who = Identifier::Username("ann".to_owned());
    let found = world.store.credentials(&who).await.unwrap().unwrap();
    assert_eq!(
        (found.password, found.user.epoch),
        (Some(password("new")), 1)
    );
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);
    assert_eq!(set(user.id, "newer").await, Some(2));
    assert_eq!(set(UserId::from_bytes([9; 16]), "new").await, None);
}

pub async fn rehashes<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    let rehash = async |old, new| {
        let (old, new) = (password(old), password(new));
        world
            .store
            .rehash_password(user.id, &old, new, &now)
            .await
            .unwrap()
    };
    assert!(!rehash("other", "ann, better").await);
    world.told(&mut watch, &[], &[]).await;
    assert!(rehash("ann", "ann, better").await);
    assert!(!rehash("ann", "ann, better").await);
    world
        .told(&mut watch, &[], &[Happening::PasswordRehashed])
        .await;
    // Nobody is signed out by it.
    let answer = world.present(&ann, 0, secs(20)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    let who = Identifier::Username("ann".to_owned());
    let found = world.store.credentials(&who).await.unwrap().unwrap();
    assert_eq!(found.password, Some(password("ann, better")));
}

pub async fn disables<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let set = async |enabled, at| {
        let set = world
            .store
            .set_user_enabled(user.id, enabled, &origin(secs(at)))
            .await;
        set.unwrap().unwrap()
    };
    let disabled = set(false, 5).await;
    assert!(!disabled.enabled);
    assert_eq!((disabled.epoch, disabled.updated_at), (1, secs(5)));
    world
        .told(
            &mut watch,
            &[subject_below(user.id, 1)],
            &[Happening::UserDisabled],
        )
        .await;
    assert_eq!(set(false, 6).await, disabled);
    world.told(&mut watch, &[], &[]).await;
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);

    let enabled = set(true, 7).await;
    assert!(enabled.enabled);
    assert_eq!(enabled.epoch, 1, "an epoch never falls");
    world.told(&mut watch, &[], &[Happening::UserEnabled]).await;
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);
    assert_eq!(world.store.user(user.id).await.unwrap(), Some(enabled));
    let nobody = UserId::from_bytes([9; 16]);
    let set = world
        .store
        .set_user_enabled(nobody, false, &origin(secs(8)))
        .await;
    assert_eq!(set.unwrap(), None);
}

pub async fn replaces_password<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let now = origin(secs(5));
    let replace = async |seen_epoch, new| {
        let replaced = world
            .store
            .replace_password(user.id, seen_epoch, password(new), &now);
        replaced.await.unwrap()
    };
    let who = Identifier::Username("ann".to_owned());
    let stored = async || world.store.credentials(&who).await.unwrap().unwrap();
    let mut watch = world.watch().await;
    assert_eq!(replace(0, "new").await, Some(1));
    world
        .told(
            &mut watch,
            &[subject_below(user.id, 1)],
            &[Happening::PasswordChanged],
        )
        .await;
    assert_eq!(stored().await.password, Some(password("new")));
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);
    // Somebody was quicker; the user is disabled; there is none.
    assert_eq!(replace(0, "other").await, None);
    let disabled = world.store.set_user_enabled(user.id, false, &now).await;
    let epoch = disabled.unwrap().unwrap().epoch;
    let mut watch = world.watch().await;
    assert_eq!(replace(epoch, "other").await, None);
    assert_eq!(stored().await.password, Some(password("new")));
    let nobody = UserId::from_bytes([9; 16]);
    let replaced = world
        .store
        .replace_password(nobody, 0, password("other"), &now);
    assert_eq!(replaced.await.unwrap(), None);
    world.told(&mut watch, &[], &[]).await;
}

pub async fn deletes<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let bea = world.user("bea").await;
    let ann = world.sign_in(&user).await;
    world.sign_in(&bea).await;
    world
        .store
        .end_all_of_user(user.id, None, &origin(secs(4)))
        .await
        .unwrap();
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    assert!(world.store.delete_user(user.id, &now).await.unwrap());
    world
        .told(
            &mut watch,
            &[subject_below(user.id, 2)],
            &[Happening::UserDeleted],
        )
        .await;
    assert!(!world.store.delete_user(user.id, &now).await.unwrap());
    world.told(&mut watch, &[], &[]).await;
    assert_eq!(world.store.user(user.id).await.unwrap(), None);
    let who = Identifier::Username("ann".to_owned());
    assert!(world.store.credentials(&who).await.unwrap().is_none());
    let end = ann.session.absolute_end();
    let grant = world.store.end_of_grant(ann.handle, end, &now).await;
    assert_eq!(grant.unwrap(), None);
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Unknown);

    // What remains of them is a pseudonym; of others, everything.
    let trail = world.trail().await;
    let of = |id| trail.iter().filter(move |line| line.user == Some(id));
    assert_eq!(of(user.id).count(), 4);
    for line in of(user.id) {
        assert_eq!((&line.origin.address, &line.origin.agent), (&None, &None));
    }
    assert!(of(bea.id).all(|line| line.origin.address.is_some()));
    // Address and name are free again.
    world.user("ann").await;
}
