use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_auth::clients::ClientError;
use countersign_auth::directory::Directory;
use countersign_auth::env::Timestamp;
use countersign_auth::issue::{IssueError, Outcome, Signed};
use countersign_auth::keys::{KeyInfo, KeysError};
use countersign_auth::login::LoginError;
use countersign_auth::model::audit::{Actor, Origin};
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::id::KeyId;
use countersign_auth::model::key::{KeyPurpose, KeyState, StoredKey};
use countersign_auth::protection::ProtectionError;
use countersign_auth::refresh::RefreshError;
use countersign_auth::settings::Audience;
use countersign_auth::start::StartError;
use countersign_auth::visitor::Visitor;
use countersign_jose::Algorithm;

use crate::world::{ISSUER, PASSWORD, Server, World, somebody};

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
async fn a_key_that_is_due_signs_on_until_the_next_one_is_known() {
    let world = World::new();
    let server = world.start().await;
    let first = active(&server);
    // Nobody did the chores: the next key is made when it should sign already.
    server.pass(Duration::from_hours(91 * 24));
    server.auth.upkeep().await.unwrap();
    server.pass(Duration::from_hours(1) - Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    assert_eq!(active(&server), first);
    server.pass(Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    assert_ne!(active(&server), first);
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
    server
        .auth
        .rotate_keys(None, &Visitor::operator())
        .await
        .unwrap();
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

/// The signing keys: algorithm and state.
fn rings(server: &Server) -> Vec<(String, KeyState)> {
    let keys = signing(server).into_iter();
    let mut found: Vec<_> = keys.map(|key| (key.algorithm, key.state)).collect();
    found.sort();
    found
}

fn ring(algorithm: &str, states: &[KeyState]) -> Vec<(String, KeyState)> {
    let named = states.iter().map(|state| (algorithm.to_owned(), *state));
    named.collect()
}

/// What the token says that it is signed with.
fn algorithm(signed: &Signed) -> String {
    let header = signed.access_token.split('.').next().unwrap();
    let json = URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&json).unwrap();
    header["alg"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn another_algorithm_is_published_before_it_signs() {
    use KeyState::{Active, Retired, Staged};

    let mut world = World::new();
    // An audience asks for both, the one before and another: neither of them is what signs by default meanwhile.
    world.settings.audiences = ["ES256", "ES384"].map(audience).into();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    server.stop().await;

    world.settings.signing.algorithm = Algorithm::EdDSA;
    let server = world.start().await;
    server.auth.upkeep().await.unwrap();
    let all = ["ES256", "ES384", "EdDSA"].map(|name| ring(name, &[Staged, Active]));
    assert_eq!(rings(&server), all.concat());
    let known = server.auth.key_set().json.clone();
    server.pass(Duration::from_hours(1) - Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    let token = signed.refresh_token.expose();
    let renewed = server.auth.refresh(None, token, &somebody()).await.unwrap();
    assert_eq!(algorithm(&renewed), "ES256", "the one before goes on");
    server.stop().await;

    // Also over a new start.
    world.settings.audiences = ["ES384"].map(audience).into();
    let server = world.start().await;
    assert_eq!(algorithm(&server.login("a@example.org").await), "ES256");
    server.pass(Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    let token = signed.refresh_token.expose();
    let renewed = server.auth.refresh(None, token, &somebody()).await.unwrap();
    assert_eq!(algorithm(&renewed), "EdDSA");
    assert!(known.contains(server.check(&renewed).key_id().unwrap()));
    assert_eq!(rings(&server)[..2], ring("ES256", &[Retired, Retired]));
}

#[tokio::test]
async fn a_rotation_at_once_takes_the_new_algorithm_too() {
    let mut world = World::new();
    world.start().await.stop().await;
    world.settings.signing.algorithm = Algorithm::EdDSA;
    let server = world.start().await;
    server.register("a@example.org").await;
    assert_eq!(algorithm(&server.login("a@example.org").await), "ES256");
    let operator = Visitor::operator();
    server.auth.rotate_keys(None, &operator).await.unwrap();
    let signed = server.login("a@example.org").await;
    assert_eq!(algorithm(&signed), "EdDSA");
    server.check(&signed);
}

fn audience(algorithm: &str) -> Audience {
    Audience {
        name: format!("https://{algorithm}.example"),
        signing_algorithm: Algorithm::from_name(algorithm),
        encrypt_to: None,
    }
}

fn client(id: &str, change: impl FnOnce(&mut Client)) -> Client {
    let mut client = Client::new(
        id.parse().unwrap(),
        ClientKind::Native,
        Timestamp::default(),
    );
    change(&mut client);
    client
}

async fn put(server: &Server, id: &str, change: impl FnOnce(&mut Client)) {
    let client = client(id, change);
    let put = server.auth.put_client(client, &Visitor::operator()).await;
    put.unwrap();
}

async fn login_to(server: &Server, client: &str) -> Signed {
    let signed = server.try_login("a@example.org", PASSWORD, Some(client));
    signed.await.unwrap()
}

#[tokio::test]
async fn each_algorithm_has_a_ring_of_its_own() {
    use KeyState::{Active, Removed, Retired, Staged};

    let mut world = World::new();
    world.settings.audiences = vec![audience("ES384")];
    let server = world.start().await;
    server.register("a@example.org").await;
    put(&server, "mine", |client| {
        client.signing_algorithm = Some(Algorithm::PS256);
    })
    .await;
    put(&server, "theirs", |client| {
        client.audience = Some("https://ES384.example".to_owned());
    })
    .await;
    put(&server, "both", |client| {
        client.audience = Some("https://ES384.example".to_owned());
        client.signing_algorithm = Some(Algorithm::ES384);
    })
    .await;
    for (id, expected) in [
        ("default", "ES256"),
        ("mine", "PS256"),
        ("theirs", "ES384"),
        ("both", "ES384"),
    ] {
        assert_eq!(algorithm(&login_to(&server, id).await), expected, "{id}");
    }
    server.auth.upkeep().await.unwrap();
    let rings_now = ["ES256", "ES384", "PS256"].map(|name| ring(name, &[Staged, Active]));
    assert_eq!(rings(&server), rings_now.concat());
    assert_eq!(published(&server), 6, "every key of every ring");

    // The account API takes whatever is for the issuer; a renewal signs as the sign-in did.
    let signed = login_to(&server, "mine").await;
    server.check(&signed);
    server.rest();
    let token = signed.refresh_token.expose();
    let renewed = server.auth.refresh(Some("mine"), token, &somebody()).await;
    assert_eq!(algorithm(&renewed.unwrap()), "PS256");

    // Each moves by itself.
    let operator = Visitor::operator();
    let rotate = |algorithm| server.auth.rotate_keys(Some(algorithm), &operator);
    rotate(Algorithm::PS256).await.unwrap();
    let moved = [
        ring("ES256", &[Staged, Active]),
        ring("ES384", &[Staged, Active]),
        ring("PS256", &[Staged, Active, Retired]),
    ];
    assert_eq!(rings(&server), moved.concat());
    server.check(&signed);
    let unused = rotate(Algorithm::RS512).await;
    assert!(matches!(unused, Err(KeysError::NotInUse("RS512"))));

    // One is taken out: its ring goes on, and the others are not concerned.
    let signed = login_to(&server, "mine").await;
    let (mine, others) = (server.check(&signed), server.login("a@example.org").await);
    let kid = mine.key_id().unwrap();
    server.auth.remove_key(kid, &operator).await.unwrap();
    assert_eq!(server.refused(&signed), "token_key_unknown");
    server.check(&others);
    let again = login_to(&server, "mine").await;
    assert_eq!(algorithm(&again), "PS256");
    assert_ne!(server.check(&again).key_id(), Some(kid));
    let removed = ring("PS256", &[Staged, Active, Retired, Removed]);
    assert_eq!(rings(&server)[4..], removed);

    // Nobody asks any more: it retires, is kept until its last token has expired, and goes.
    put(&server, "mine", |_| {}).await;
    server.auth.upkeep().await.unwrap();
    let retired = ring("PS256", &[Retired, Retired, Retired, Removed]);
    assert_eq!(rings(&server)[4..], retired);
    server.check(&again);
    server.pass(Duration::from_secs(331));
    server.auth.upkeep().await.unwrap();
    assert_eq!(rings(&server)[4..], ring("PS256", &[Removed]));
}

#[tokio::test]
async fn a_key_can_be_published_before_anybody_asks_for_it() {
    let mut world = World::new();
    world.settings.signing.publish = vec![Algorithm::ES512];
    let server = world.start().await;
    server.register("a@example.org").await;
    let known = server.auth.key_set().json.clone();
    assert_eq!(algorithm(&server.login("a@example.org").await), "ES256");
    put(&server, "default", |client| {
        client.signing_algorithm = Some(Algorithm::ES512);
    })
    .await;
    let signed = server.login("a@example.org").await;
    assert_eq!(algorithm(&signed), "ES512");
    assert!(known.contains(server.check(&signed).key_id().unwrap()));
}

#[tokio::test]
async fn what_cannot_be_signed_as_it_should_be_is_refused() {
    let mut world = World::new();
    world.settings.audiences = vec![audience("ES384")];
    let server = world.start().await;
    let user = server.register("a@example.org").await;
    let refused = async |change: fn(&mut Client)| {
        let client = client("odd", change);
        let put = server.auth.put_client(client, &Visitor::operator()).await;
        match put.unwrap_err() {
            ClientError::Protection(cause) => cause,
            other => panic!("{other}"),
        }
    };
    let symmetric = refused(|client| client.signing_algorithm = Some(Algorithm::HS256)).await;
    assert_eq!(symmetric, ProtectionError::Symmetric("HS256"));
    let contradiction = refused(|client| {
        client.audience = Some("https://ES384.example".to_owned());
        client.signing_algorithm = Some(Algorithm::ES256);
    });
    assert_eq!(
        contradiction.await,
        ProtectionError::OtherAlgorithm {
            client: "ES256",
            audience: "https://ES384.example".to_owned(),
            audiences: "ES384",
        }
    );
    assert!(server.auth.client(Some("odd")).is_none());
    put(&server, "other", |client| {
        client.audience = Some("https://other.example".to_owned());
        client.signing_algorithm = Some(Algorithm::ES256);
    })
    .await;
    let signed = login_to(&server, "other").await;
    server.stop().await;

    // The settings come to contradict a client: it gets no tokens, and no others instead; nothing else is concerned.
    world.settings.audiences[0].name = "https://other.example".to_owned();
    let server = world.start().await;
    server.login("a@example.org").await;
    let sessions = server.auth.user_sessions(user.id).await.unwrap();
    let login = server.try_login("a@example.org", PASSWORD, Some("other"));
    let refused = login.await.unwrap_err();
    assert!(
        matches!(refused, LoginError::Issue(IssueError::Unprotected(_))),
        "{refused}"
    );
    let after = server.auth.user_sessions(user.id).await.unwrap();
    assert_eq!(after, sessions, "no session has begun");
    server.rest();
    let token = signed.refresh_token.expose();
    let renewal = server.auth.refresh(Some("other"), token, &somebody()).await;
    assert!(matches!(
        renewal,
        Err(RefreshError::Issue(IssueError::Unprotected(_)))
    ));
    // An operator can disable and enable it all the same.
    let id = "other".parse().unwrap();
    let enabled = server
        .auth
        .set_client_enabled(&id, true, &Visitor::operator())
        .await;
    assert!(enabled.unwrap().enabled);
    server.stop().await;

    // Nothing was spent: when it can be made again, the same token renews.
    world.settings.audiences.clear();
    let server = world.start().await;
    let renewal = server.auth.refresh(Some("other"), token, &somebody()).await;
    assert_eq!(renewal.unwrap().outcome, Outcome::Rotated);
}

#[tokio::test]
async fn audiences_that_cannot_be_are_refused_at_the_start() {
    let name = |name: &str, algorithm| Audience {
        name: name.to_owned(),
        signing_algorithm: Some(algorithm),
        encrypt_to: None,
    };
    let mut world = World::new();
    let refused = async |world: &World, secret| match world.try_start(secret).await {
        Err(StartError::Audience { name, cause }) => (name, cause),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it starts"),
    };
    let secret = Some(b"an example of a secret that services share".as_slice());
    for (audiences, cause) in [
        (
            vec![name(ISSUER, Algorithm::RS256)],
            ProtectionError::IssuersOwn,
        ),
        (vec![name("", Algorithm::RS256)], ProtectionError::Name),
        (
            vec![name("a", Algorithm::HS512)],
            ProtectionError::Symmetric("HS512"),
        ),
        (
            vec![name("a", Algorithm::ES256), name("a", Algorithm::ES256)],
            ProtectionError::Twice,
        ),
    ] {
        world.settings.audiences = audiences;
        assert_eq!(refused(&world, None).await.1, cause);
    }
    world.settings.audiences = vec![name("a", Algorithm::RS256)];
    world.settings.signing.algorithm = Algorithm::HS256;
    let beside = ProtectionError::BesideSharedSecret {
        chosen: "RS256",
        issuers: "HS256",
    };
    assert_eq!(refused(&world, secret).await, ("a".to_owned(), beside));
    world.settings.audiences.clear();
    world.settings.signing.publish = vec![Algorithm::RS256];
    let published = world.try_start(secret).await;
    assert!(matches!(published, Err(StartError::Publish(_))));
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
    let rotated = server.auth.rotate_keys(None, &operator).await;
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
