use std::time::Duration;

use countersign_auth::directory::Directory;
use countersign_auth::keys::{KeyInfo, KeysError};
use countersign_auth::model::audit::{Actor, Origin};
use countersign_auth::model::id::KeyId;
use countersign_auth::model::key::{KeyPurpose, KeyState, StoredKey};
use countersign_auth::start::StartError;
use countersign_auth::visitor::Visitor;
use countersign_jose::Algorithm;

use crate::world::{Server, World, somebody};

/// What is in the life of the signing keys now, oldest first.
fn states(server: &Server) -> Vec<KeyState> {
    let mut keys = signing(server);
    keys.sort_by_key(|key| (key.created_at, key.state));
    keys.iter().map(|key| key.state).collect()
}

fn signing(server: &Server) -> Vec<KeyInfo> {
    let keys = server.auth.keys().into_iter();
    keys.filter(|key| key.purpose == KeyPurpose::Signing)
        .collect()
}

fn active(server: &Server) -> String {
    let key = signing(server)
        .into_iter()
        .find(|key| key.state == KeyState::Active);
    key.unwrap().kid
}

fn published(server: &Server) -> usize {
    server.auth.key_set().json.matches("\"kid\"").count()
}

#[tokio::test]
async fn keys_move_on_by_themselves_and_nobody_notices() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    assert_eq!(states(&server), [KeyState::Active]);
    server.pass(Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    assert_eq!(
        states(&server),
        [KeyState::Active, KeyState::Staged],
        "published ahead"
    );
    let (first, etag) = (active(&server), server.auth.key_set().etag.clone());
    assert_eq!(published(&server), 2);

    // The last moment of the first key.
    server.pass(Duration::from_hours(90 * 24) - Duration::from_secs(2));
    server.auth.upkeep().await.unwrap();
    assert_eq!(active(&server), first);
    let old = server.login("a@example.org").await;
    server.pass(Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    assert_eq!(
        states(&server),
        [KeyState::Retired, KeyState::Active, KeyState::Staged]
    );
    assert_ne!(active(&server), first);
    assert_ne!(server.auth.key_set().etag, etag);
    server.check(&old);
    let new = server.login("a@example.org").await;
    assert_eq!(server.check(&new).key_id(), Some(active(&server).as_str()));

    // Gone when its last token has expired: five minutes, and the largest leeway.
    server.pass(Duration::from_secs(330));
    server.auth.upkeep().await.unwrap();
    assert_eq!(states(&server).len(), 3);
    server.pass(Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    assert_eq!(states(&server), [KeyState::Active, KeyState::Staged]);

    // The refresh keys moved on as well, and the old one is still good.
    let token = old.refresh_token.expose();
    server.auth.refresh(None, token, &somebody()).await.unwrap();
}

#[tokio::test]
async fn a_rotation_at_once_takes_a_key_that_verifiers_know() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    server.auth.upkeep().await.unwrap();
    let known = server.auth.key_set().json.clone();
    let old = server.login("a@example.org").await;
    let first = active(&server);
    server.auth.rotate_keys(&Visitor::operator()).await.unwrap();
    assert_ne!(active(&server), first);
    assert!(known.contains(&active(&server)));
    server.check(&old);
    server.rest();
    let token = old.refresh_token.expose();
    let new = server.auth.refresh(None, token, &somebody()).await.unwrap();
    assert_eq!(server.check(&new).key_id(), Some(active(&server).as_str()));
}

#[tokio::test]
async fn a_removed_key_is_worth_nothing_from_that_moment() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let first = active(&server);
    let operator = Visitor::operator();
    let removed = server.auth.remove_key(&first, &operator).await.unwrap();
    assert_eq!(removed.state, KeyState::Removed);
    assert_ne!(active(&server), first);
    assert!(!server.auth.key_set().json.contains(&first));
    assert!(server.auth.check(&signed.access_token).is_err());
    // The session goes on, under another key.
    server.rest();
    let token = signed.refresh_token.expose();
    let renewed = server.auth.refresh(None, token, &somebody()).await.unwrap();
    server.check(&renewed);

    let again = server.auth.remove_key(&first, &operator).await;
    assert!(
        matches!(again, Err(KeysError::Unknown)),
        "a tombstone is no key"
    );
    server.stop().await;
    let server = world.start().await;
    assert!(server.auth.check(&signed.access_token).is_err());
    server.check(&renewed);
}

#[tokio::test]
async fn a_removed_refresh_key_makes_its_tokens_unknown() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let keys = server.auth.keys();
    let refresh = keys
        .iter()
        .find(|key| key.purpose == KeyPurpose::Refresh)
        .unwrap();
    let operator = Visitor::operator();
    server
        .auth
        .remove_key(&refresh.kid, &operator)
        .await
        .unwrap();
    let token = signed.refresh_token.expose();
    assert!(server.auth.refresh(None, token, &somebody()).await.is_err());
    let again = server.login("a@example.org").await;
    server.rest();
    let token = again.refresh_token.expose();
    server.auth.refresh(None, token, &somebody()).await.unwrap();
}

#[tokio::test]
async fn another_algorithm_is_published_before_it_signs() {
    let mut world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    server.stop().await;

    world.settings.signing.algorithm = Algorithm::EdDSA;
    let server = world.start().await;
    server.auth.upkeep().await.unwrap();
    let algorithms = |server: &Server| {
        let keys = signing(server).into_iter();
        let mut found: Vec<_> = keys.map(|key| (key.state, key.algorithm)).collect();
        found.sort();
        found
    };
    assert_eq!(
        algorithms(&server),
        [
            (KeyState::Staged, "EdDSA".to_owned()),
            (KeyState::Active, "ES256".to_owned())
        ]
    );
    server.pass(Duration::from_hours(1));
    server.auth.upkeep().await.unwrap();
    let token = signed.refresh_token.expose();
    let renewed = server.auth.refresh(None, token, &somebody()).await.unwrap();
    assert_eq!(
        server.check(&renewed).key_id(),
        Some(active(&server).as_str())
    );
    assert!(algorithms(&server).contains(&(KeyState::Retired, "ES256".to_owned())));
}

#[tokio::test]
async fn a_shared_secret_signs_but_is_never_published() {
    let mut world = World::new();
    world.settings.signing.algorithm = Algorithm::HS256;
    let missing = world.try_start(None).await;
    assert!(matches!(missing, Err(StartError::NoSharedSecret("HS256"))));
    let short = world.try_start(Some(b"too short")).await;
    assert!(matches!(short, Err(StartError::OwnKey(_))));

    let secret = b"an example of a secret that services share";
    let server = world.try_start(Some(secret)).await.unwrap();
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    server.check(&signed);
    server.auth.upkeep().await.unwrap();
    assert_eq!(server.auth.key_set().json, r#"{"keys":[]}"#);
    let keys = signing(&server);
    assert_eq!(keys.len(), 1);
    assert!(!keys[0].rotates);
    let operator = Visitor::operator();
    let rotated = server.auth.rotate_keys(&operator).await;
    assert!(matches!(rotated, Err(KeysError::OwnKey)));
}

#[tokio::test]
async fn beside_a_shared_secret_no_other_key_is_trusted() {
    let mut world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    server.stop().await;

    world.settings.signing.algorithm = Algorithm::HS256;
    let secret = b"an example of a secret that services share";
    let server = world.try_start(Some(secret)).await.unwrap();
    assert_eq!(server.auth.key_set().json, r#"{"keys":[]}"#);
    assert!(server.auth.check(&signed.access_token).is_err());
    // The session goes on, with tokens under the secret.
    server.rest();
    let token = signed.refresh_token.expose();
    let renewed = server.auth.refresh(None, token, &somebody()).await.unwrap();
    server.check(&renewed);
}

#[tokio::test]
async fn a_sealed_key_is_of_use_in_its_own_row_alone() {
    let world = World::new();
    let server = world.start().await;
    let keys = server.store.keys().await.unwrap();
    let signing = keys.iter().find(|key| key.purpose == KeyPurpose::Signing);
    let moved = StoredKey {
        id: KeyId::from_bytes([9; 16]),
        kid: "moved".to_owned(),
        state: KeyState::Staged,
        ..signing.unwrap().clone()
    };
    let origin = Origin {
        at: moved.since,
        actor: Actor::Operator,
        address: None,
        agent: None,
    };
    assert!(server.store.add_key(moved, false, &origin).await.unwrap());
    server.stop().await;
    let refused = world.try_start(None).await;
    assert!(matches!(refused, Err(StartError::Keys(KeysError::Ring(_)))));
}

#[tokio::test]
async fn keys_are_sealed_under_the_master_key() {
    let mut world = World::new();
    world.start().await.stop().await;
    world.master += 1;
    let refused = world.try_start(None).await;
    let Err(StartError::Keys(error)) = refused else {
        panic!("another master key opened them");
    };
    assert!(error.to_string().contains("master key"), "{error}");
    world.master -= 1;
    world.start().await;
}
