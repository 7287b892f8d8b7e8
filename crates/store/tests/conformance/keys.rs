//! The directory's verbs about keys.

use countersign_auth::model::audit::Happening;
use countersign_auth::model::id::KeyId;
use countersign_auth::model::key::{KeyPurpose, KeyState, StoredKey};
use countersign_guard::Revocation;

use super::world::{Store, World, origin, secs};

fn key<S: Store>(world: &World<S>, purpose: KeyPurpose, state: KeyState) -> StoredKey {
    let id = KeyId::from_bytes(world.unique());
    StoredKey {
        id,
        purpose,
        algorithm: "ES256".to_owned(),
        kid: format!("kid-{id}"),
        sealed: vec![0, 1, 2, 255],
        state,
        created_at: secs(1),
        since: secs(1),
    }
}

async fn add<S: Store>(world: &World<S>, key: &StoredKey, unless_active: bool) -> bool {
    let added = world
        .store
        .add_key(key.clone(), unless_active, &origin(secs(1)))
        .await;
    added.unwrap()
}

async fn stored<S: Store>(world: &World<S>, id: KeyId) -> Option<StoredKey> {
    let keys = world.store.keys().await.unwrap();
    keys.into_iter().find(|key| key.id == id)
}

pub async fn live_and_die<S: Store>(world: World<S>) {
    use KeyState::{Active, Removed, Retired, Staged};

    let mut watch = world.watch().await;
    let key = key(&world, KeyPurpose::Signing, Staged);
    assert!(add(&world, &key, false).await);
    assert_eq!(stored(&world, key.id).await, Some(key.clone()));
    assert!(!add(&world, &key, false).await);
    world.told(&mut watch, &[], &[Happening::KeyAdded]).await;
    let step = async |from, to, at| {
        let step = world
            .store
            .move_key(key.id, from, to, &origin(secs(at)))
            .await;
        step.unwrap()
    };
    let drop_key = async || {
        world
            .store
            .drop_key(key.id, &origin(secs(9)))
            .await
            .unwrap()
    };
    assert!(!step(Active, Retired, 2).await, "it is not active");
    assert!(!drop_key().await, "it is not retired");
    world.told(&mut watch, &[], &[]).await;
    assert!(step(Staged, Active, 3).await);
    assert!(!step(Staged, Active, 3).await);
    assert!(!step(Active, Staged, 3).await, "a key only moves down");
    assert!(!step(Active, Active, 3).await);
    assert!(!step(Active, Removed, 3).await, "that is another verb");
    let active = stored(&world, key.id).await.unwrap();
    assert_eq!((active.state, active.since), (Active, secs(3)));
    assert_eq!(active.created_at, secs(1));
    assert!(!drop_key().await);
    assert!(step(Active, Retired, 4).await);
    world
        .told(&mut watch, &[], &[Happening::KeyMoved, Happening::KeyMoved])
        .await;
    assert!(drop_key().await);
    assert!(!drop_key().await);
    assert_eq!(stored(&world, key.id).await, None);
    world.told(&mut watch, &[], &[Happening::KeyMoved]).await;
    let nobody = KeyId::from_bytes([9; 16]);
    let step = world
        .store
        .move_key(nobody, Staged, Active, &origin(secs(9)))
        .await;
    assert!(!step.unwrap());
}

pub async fn one_active<S: Store>(world: World<S>) {
    use KeyState::{Active, Retired, Staged};

    let first = key(&world, KeyPurpose::Signing, Active);
    let second = key(&world, KeyPurpose::Signing, Active);
    let third = key(&world, KeyPurpose::Signing, Staged);
    let refresh = key(&world, KeyPurpose::Refresh, Active);
    assert!(add(&world, &first, true).await);
    assert!(!add(&world, &second, true).await, "there is an active one");
    assert_eq!(stored(&world, second.id).await, None);
    assert!(add(&world, &refresh, true).await, "of another purpose");
    assert!(add(&world, &third, true).await, "a staged one is welcome");
    let mut watch = world.watch().await;
    assert!(add(&world, &second, false).await);
    world
        .told(&mut watch, &[], &[Happening::KeyMoved, Happening::KeyAdded])
        .await;
    let states = async || {
        let mut states = Vec::new();
        for key in [&first, &second, &third, &refresh] {
            states.push(stored(&world, key.id).await.unwrap().state);
        }
        states
    };
    assert_eq!(states().await, [Retired, Active, Staged, Active]);
    let step = world
        .store
        .move_key(third.id, Staged, Active, &origin(secs(8)))
        .await;
    assert!(step.unwrap());
    assert_eq!(states().await, [Retired, Retired, Active, Active]);
    let retired = stored(&world, second.id).await.unwrap();
    assert_eq!(retired.since, secs(8));
}

pub async fn one_active_of_each_ring<S: Store>(world: World<S>) {
    use KeyState::{Active, Removed, Retired, Staged};

    let of = |algorithm: &str, state| StoredKey {
        algorithm: algorithm.to_owned(),
        ..key(&world, KeyPurpose::Signing, state)
    };
    let [es, rs, next, late] = [
        of("ES256", Active),
        of("RS256", Active),
        of("RS256", Staged),
        of("RS256", Active),
    ];
    assert!(add(&world, &es, true).await);
    assert!(add(&world, &rs, true).await, "of another ring");
    assert!(!add(&world, &late, true).await, "there is an active one");
    assert!(add(&world, &next, true).await);
    let states = async || {
        let mut states = Vec::new();
        for key in [&es, &rs, &next] {
            states.push(stored(&world, key.id).await.unwrap().state);
        }
        states
    };
    assert_eq!(states().await, [Active, Active, Staged]);
    let now = origin(secs(2));
    let moved = world.store.move_key(next.id, Staged, Active, &now).await;
    assert!(moved.unwrap());
    assert_eq!(states().await, [Active, Retired, Active]);
    world.store.remove_key(next.id, &now).await.unwrap();
    assert_eq!(states().await, [Active, Retired, Removed]);
    assert!(add(&world, &late, true).await, "a tombstone is not active");
}

pub async fn issuers_algorithm<S: Store>(world: World<S>) {
    let said = async || world.store.issuer_algorithm().await.unwrap();
    assert_eq!(said().await, None);
    let mut watch = world.watch().await;
    for algorithm in ["ES256", "ML-DSA-65"] {
        let set = world
            .store
            .set_issuer_algorithm(algorithm, &origin(secs(1)))
            .await;
        set.unwrap();
        assert_eq!(said().await.as_deref(), Some(algorithm));
        world.told(&mut watch, &[], &[Happening::KeyMoved]).await;
    }
}

pub async fn removed_in_an_emergency<S: Store>(world: World<S>) {
    let signing = key(&world, KeyPurpose::Signing, KeyState::Active);
    let refresh = key(&world, KeyPurpose::Refresh, KeyState::Active);
    add(&world, &signing, false).await;
    add(&world, &refresh, false).await;
    let mut watch = world.watch().await;
    let now = origin(secs(7));
    let removed = world.store.remove_key(signing.id, &now).await.unwrap();
    let tombstone = StoredKey {
        sealed: Vec::new(),
        state: KeyState::Removed,
        since: secs(7),
        ..signing.clone()
    };
    assert_eq!(removed, Some(tombstone.clone()));
    assert_eq!(stored(&world, signing.id).await, Some(tombstone.clone()));
    let told = Revocation::Key {
        kid: signing.kid.clone(),
    };
    world
        .told(&mut watch, &[told], &[Happening::KeyRemoved])
        .await;
    // Once is enough, and it cannot return.
    let removed = world.store.remove_key(signing.id, &now).await.unwrap();
    assert_eq!(removed, Some(tombstone));
    let mut again = key(&world, KeyPurpose::Signing, KeyState::Active);
    again.kid = signing.kid.clone();
    assert!(!add(&world, &again, false).await);
    assert!(!world.store.drop_key(signing.id, &now).await.unwrap());
    world.told(&mut watch, &[], &[]).await;
    // A key that signs no access token is no news to guards.
    let removed = world.store.remove_key(refresh.id, &now).await.unwrap();
    assert_eq!(removed.unwrap().state, KeyState::Removed);
    world.told(&mut watch, &[], &[Happening::KeyRemoved]).await;
    let nobody = KeyId::from_bytes([9; 16]);
    assert_eq!(world.store.remove_key(nobody, &now).await.unwrap(), None);
}

impl<S: Store> World<S> {
    /// A signing key that is active, one that is staged, and one for refresh tokens. The `kid`s that guards may know.
    pub async fn add_keys(&self) -> [String; 2] {
        let active = key(self, KeyPurpose::Signing, KeyState::Active);
        let staged = key(self, KeyPurpose::Signing, KeyState::Staged);
        let refresh = key(self, KeyPurpose::Refresh, KeyState::Active);
        for key in [&active, &staged, &refresh] {
            assert!(add(self, key, false).await);
        }
        [active.kid, staged.kid]
    }
}
