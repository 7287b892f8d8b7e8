//! The directory's verbs about clients.

use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Happening;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind, Style};
use countersign_auth::model::secret::{SecretHash, SecretSpan, StoredSecret};
use countersign_auth::sessions::Rotate;
use countersign_guard::Revocation;
use countersign_jose::Algorithm;
use serde_json::json;

use super::world::{Store, World, origin, secs};

fn client_below(client: &Client, below: u64) -> Revocation {
    Revocation::Client {
        client_id: client.id.to_string(),
        below,
    }
}

pub async fn puts<S: Store>(world: World<S>) {
    let mut watch = world.watch().await;
    let reader = json!({
        "jwks_uri": "https://api.example.com/keys", "alg": "ECDH-ES+A256KW", "enc": "A128CBC-HS256",
    });
    let mut native = Client::new("native-1".parse().unwrap(), ClientKind::Native, secs(3));
    native.name = String::from("A \"native\" one");
    native.audience = Some("https://api.example.com".to_owned());
    native.scope = Some("orders:read orders:write".to_owned());
    native.origins = vec!["https://app.example.com".to_owned()];
    native.claims = [
        ("email".to_owned(), ClaimSource::Email),
        ("plan".to_owned(), ClaimSource::Attribute("plan".to_owned())),
    ]
    .into();
    native.more_audiences = vec!["https://b.example.com".to_owned()];
    native.serves = Some("https://c.example.com".to_owned());
    native.signing_algorithm = Some(Algorithm::PS384);
    native.encrypt_to = Some(serde_json::from_value(reader).unwrap());
    native.access_ttl = Duration::from_secs(61);
    native.cookie_domain = Some("example.com".to_owned());
    native.with_account = true;
    native.redirect_uris = vec!["com.example.app:/signed-in".to_owned()];
    let put = async |client: &Client, at| {
        let put = world
            .store
            .put_client(client.clone(), &origin(secs(at)))
            .await;
        put.unwrap()
    };
    assert_eq!(put(&native, 3).await, native);
    world.told(&mut watch, &[], &[Happening::ClientAdded]).await;
    let line = world.trail().await.pop().unwrap();
    assert_eq!(line.client, Some(native.id.clone()));

    let all = world.store.clients().await.unwrap();
    assert_eq!(all, [world.client.clone(), native.clone()]);
    // The same again changes nothing; epoch and creation are not for the caller to set.
    let mut again = native.clone();
    again.epoch = 7;
    again.created_at = secs(4);
    assert_eq!(put(&again, 5).await, native);
    world.told(&mut watch, &[], &[]).await;
    again.name = String::from("Another");
    let changed = put(&again, 6).await;
    assert_eq!(changed.name, "Another");
    assert_eq!((changed.epoch, changed.created_at), (0, secs(3)));
    world
        .told(&mut watch, &[], &[Happening::ClientChanged])
        .await;
    assert_eq!(world.store.clients().await.unwrap()[1], changed);
}

pub async fn disables<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    let mut client = world.client.clone();
    client.enabled = false;
    let disabled = world.store.put_client(client.clone(), &now).await.unwrap();
    assert_eq!((disabled.enabled, disabled.epoch), (false, 1));
    // It is known all the same: whoever asks for it is told that it is disabled.
    assert_eq!(world.store.clients().await.unwrap(), [disabled]);
    world
        .told(
            &mut watch,
            &[client_below(&client, 1)],
            &[Happening::ClientDisabled],
        )
        .await;
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);
    client.enabled = true;
    let enabled = world.store.put_client(client, &now).await.unwrap();
    assert_eq!((enabled.enabled, enabled.epoch), (true, 1));
    world
        .told(&mut watch, &[], &[Happening::ClientEnabled])
        .await;
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);
}

pub async fn changes_style<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let ann = world.sign_in(&user).await;
    let mut watch = world.watch().await;
    let mut client = world.client.clone();
    client.style = Style::Session;
    // Whoever is told is who the tokens of before were for.
    client.audience = Some("https://api.example.com".to_owned());
    let now = origin(secs(5));
    let changed = world.store.put_client(client.clone(), &now).await.unwrap();
    assert_eq!((changed.style, changed.epoch), (Style::Session, 1));
    world
        .told(
            &mut watch,
            &[client_below(&client, 1)],
            &[Happening::ClientChanged],
        )
        .await;
    assert_eq!(world.present(&ann, 0, secs(20)).await, Rotate::Stale);
    // Another name for the same style ends nothing.
    client.name = String::from("Another");
    let named = world.store.put_client(client, &now).await.unwrap();
    assert_eq!(named.epoch, 1);
    world
        .told(&mut watch, &[], &[Happening::ClientChanged])
        .await;
}

pub async fn cuts_off<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let native = world.other_client("native").await;
    let ann = world.sign_in(&user).await;
    let other = world.sign_in_at(&user, &native, secs(0)).await;
    let mut watch = world.watch().await;
    let now = origin(secs(5));
    for below in 1..3 {
        let epoch = world.store.cut_off_client(&native.id, &now).await.unwrap();
        assert_eq!(epoch, Some(below));
        world
            .told(
                &mut watch,
                &[client_below(&native, below)],
                &[Happening::Revoked],
            )
            .await;
    }
    assert_eq!(world.present(&other, 0, secs(20)).await, Rotate::Stale);
    let answer = world.present(&ann, 0, secs(20)).await;
    assert!(matches!(answer, Rotate::Rotated(_)), "{answer:?}");
    let nobody = "nobody".parse().unwrap();
    let epoch = world.store.cut_off_client(&nobody, &now).await.unwrap();
    assert_eq!(epoch, None);
    world.told(&mut watch, &[], &[]).await;
}

pub fn secret(client: &Client, number: u8, at: Timestamp) -> StoredSecret {
    StoredSecret {
        client: client.id.clone(),
        hash: SecretHash::from_bytes([number; 32]),
        span: SecretSpan {
            created_at: at,
            ends_at: None,
        },
    }
}

pub async fn keeps_two_secrets<S: Store>(world: World<S>) {
    let orders = world.other_client("orders").await;
    let other = secret(&world.client, 9, secs(0));
    let add = async |secret: &StoredSecret, others_end| {
        let origin = origin(secret.span.created_at);
        let added = world
            .store
            .add_client_secret(secret.clone(), others_end, &origin);
        assert!(added.await.unwrap());
    };
    let kept = async || {
        let kept = world.store.client_secrets().await.unwrap();
        kept.into_iter()
            .filter(|secret| secret.client == orders.id)
            .collect::<Vec<_>>()
    };
    let ending = |mut secret: StoredSecret, end| {
        secret.span.ends_at = Some(end);
        secret
    };
    add(&other, secs(0)).await;
    let mut watch = world.watch().await;
    let [first, second, third] = [1, 2, 3].map(|n| secret(&orders, n, secs(u64::from(n))));
    add(&first, secs(50)).await;
    assert_eq!(kept().await, std::slice::from_ref(&first));
    world
        .told(&mut watch, &[], &[Happening::ClientSecretAdded])
        .await;
    assert_eq!(
        world.trail().await.pop().unwrap().client,
        Some(orders.id.clone())
    );
    add(&second, secs(60)).await;
    assert_eq!(kept().await, [ending(first, secs(60)), second.clone()]);
    // The oldest goes, whenever it was to end.
    add(&third, secs(70)).await;
    assert_eq!(kept().await, [ending(second, secs(70)), third.clone()]);
    // An end is never put off.
    let fourth = secret(&orders, 4, secs(4));
    add(&ending(fourth.clone(), secs(40)), secs(80)).await;
    let fifth = secret(&orders, 5, secs(5));
    add(&fifth, secs(90)).await;
    assert_eq!(kept().await, [ending(fourth, secs(40)), fifth]);

    // A change of the client leaves them, another client's were never touched, and nobody has none.
    let mut changed = orders.clone();
    changed.name = String::from("Orders");
    world
        .store
        .put_client(changed, &origin(secs(6)))
        .await
        .unwrap();
    assert_eq!(kept().await.len(), 2);
    assert!(world.store.client_secrets().await.unwrap().contains(&other));
    let mut nobodys = secret(&orders, 6, secs(6));
    nobodys.client = "nobody".parse().unwrap();
    let now = origin(secs(6));
    let added = world.store.add_client_secret(nobodys, secs(6), &now);
    assert!(!added.await.unwrap());
}
