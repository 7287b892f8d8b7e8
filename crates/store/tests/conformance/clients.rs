//! The directory's verbs about clients.

use std::time::Duration;

use countersign_auth::model::audit::Happening;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind};
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
    native.signing_algorithm = Some(Algorithm::PS384);
    native.encrypt_to = Some(serde_json::from_value(reader).unwrap());
    native.access_ttl = Duration::from_secs(61);
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
