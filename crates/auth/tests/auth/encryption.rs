//! Tokens that only their audience can read.

use countersign_auth::clients::ClientError;
use countersign_auth::env::Timestamp;
use countersign_auth::issue::{IssueError, Outcome, Signed};
use countersign_auth::login::LoginError;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::encryption::EncryptTo;
use countersign_auth::protection::{ProtectionError, Unprotected};
use countersign_auth::recipients::UnusableKeySet;
use countersign_auth::refresh::RefreshError;
use countersign_auth::settings::Audience;
use countersign_auth::start::StartError;
use countersign_auth::visitor::Visitor;
use countersign_guard::{Claims, Verified};
use countersign_jose::{
    Algorithm, DecryptionKey, DecryptionKeySet, KeyManagement, KeySet, SigningKey, Verifier,
};
use serde_json::{Value, json};

use crate::world::{ISSUER, PASSWORD, Server, World, somebody};

const API: &str = "https://api.example";
const KEYS: &str = "https://api.example/keys";

fn to(form: Value) -> EncryptTo {
    serde_json::from_value(form).unwrap()
}

fn jwk(key: &DecryptionKey) -> Value {
    json!(key.encryption_key().public_jwk().unwrap())
}

fn private_jwk(key: &DecryptionKey) -> Value {
    serde_json::from_str(&key.to_jwk().unwrap()).unwrap()
}

fn client(id: &str, change: impl FnOnce(&mut Client)) -> Client {
    let mut client = Client::new(
        id.parse().unwrap(),
        ClientKind::Native,
        Timestamp::default(),
    );
    client.audience = Some(API.to_owned());
    change(&mut client);
    client
}

async fn put(server: &Server, id: &str, change: impl FnOnce(&mut Client)) {
    let client = client(id, change);
    let put = server.auth.put_client(client, &Visitor::operator()).await;
    put.unwrap();
}

async fn login_to(server: &Server, client: &str) -> Result<Signed, LoginError> {
    server
        .try_login("a@example.org", PASSWORD, Some(client))
        .await
}

/// As the audience reads it, with its own key alone.
fn read(server: &Server, signed: &Signed, own: &DecryptionKey) -> Verified<Claims> {
    let keys = KeySet::from_json(server.auth.key_set().json.as_bytes()).unwrap();
    let own = DecryptionKeySet::new(vec![own.clone()]).unwrap();
    let verifier = Verifier::new(ISSUER, API, "at+jwt", keys).encrypted_to(own);
    let now = server.auth.env().now().unix();
    verifier.verify(&signed.access_token, now).unwrap()
}

fn audience(encrypt_to: EncryptTo) -> Audience {
    Audience {
        name: API.to_owned(),
        signing_algorithm: None,
        encrypt_to: Some(encrypt_to),
    }
}

#[tokio::test]
async fn a_token_is_signed_then_encrypted_to_its_audience() {
    for alg in [
        KeyManagement::RsaOaep256,
        KeyManagement::EcdhEs,
        KeyManagement::EcdhEsA128KW,
        KeyManagement::EcdhEsA256KW,
    ] {
        let own = DecryptionKey::generate(alg).unwrap();
        let mut world = World::new();
        world.settings.audiences = vec![audience(to(json!({ "jwk": jwk(&own) })))];
        let server = world.start().await;
        let user = server.register("a@example.org").await;
        put(&server, "desk", |_| {}).await;
        let signed = login_to(&server, "desk").await.unwrap();
        assert_eq!(signed.access_token.split('.').count(), 5, "{alg}");
        let claims = read(&server, &signed, &own);
        assert_eq!(claims.sub, user.id.to_string());
        assert_eq!(claims.aud, API);
        // The account API is another audience, and could not read it.
        assert_eq!(server.refused(&signed), "token_encrypted");
        server.rest();
        let token = signed.refresh_token.expose();
        let renewed = server.auth.refresh(Some("desk"), token, &somebody()).await;
        read(&server, &renewed.unwrap(), &own);
        // Who has no such audience gets tokens as ever.
        server.check(&server.login("a@example.org").await);
    }
}

#[tokio::test]
async fn a_client_may_ask_for_it_alone_and_for_its_own_signature() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let form = json!({ "jwk": jwk(&own), "enc": "A128CBC-HS256" });
    let mut world = World::new();
    world.settings.audiences = vec![Audience {
        signing_algorithm: Some(Algorithm::PS256),
        encrypt_to: None,
        name: API.to_owned(),
    }];
    let server = world.start().await;
    server.register("a@example.org").await;
    put(&server, "desk", |client| client.encrypt_to = Some(to(form))).await;
    put(&server, "other", |_| {}).await;
    let signed = login_to(&server, "desk").await.unwrap();
    let claims = read(&server, &signed, &own);
    let key = server.auth.keys().into_iter();
    let mut key = key.filter(|key| Some(key.kid.as_str()) == claims.key_id());
    assert_eq!(
        key.next_back().unwrap().algorithm,
        "PS256",
        "what either says holds"
    );
    let other = login_to(&server, "other").await.unwrap();
    assert_eq!(other.access_token.split('.').count(), 3);
}

#[tokio::test]
async fn without_the_key_of_the_reader_nothing_begins_and_nothing_is_spent() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let next = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let mut world = World::new();
    world.settings.audiences = vec![audience(to(json!({ "jwks_uri": KEYS })))];
    let server = world.start().await;
    let user = server.register("a@example.org").await;
    put(&server, "desk", |_| {}).await;
    assert_eq!(server.auth.key_set_addresses(), [(KEYS.to_owned(), false)]);
    // The right password, and a wrong one: nothing of it is looked at.
    for password in [PASSWORD, "wrong"] {
        let refused = server
            .try_login("a@example.org", password, Some("desk"))
            .await;
        assert!(
            matches!(
                refused,
                Err(LoginError::Issue(IssueError::Unprotected(
                    Unprotected::NoEncryptionKey { .. }
                )))
            ),
            "{refused:?}"
        );
    }
    let sessions = server.auth.user_sessions(user.id).await.unwrap();
    assert_eq!(sessions, []);
    // Whoever fetches is told.
    server.auth.key_set_wanted().await;

    let learn = |keys: Value| {
        let set = json!({ "keys": keys }).to_string();
        server.auth.learn_key_set(KEYS, set.as_bytes())
    };
    learn(json!([jwk(&own)])).unwrap();
    assert_eq!(server.auth.key_set_addresses(), [(KEYS.to_owned(), true)]);
    let signed = login_to(&server, "desk").await.unwrap();
    read(&server, &signed, &own);

    // What cannot be read changes nothing.
    let broken = server.auth.learn_key_set(KEYS, b"<html>");
    assert_eq!(broken, Err(UnusableKeySet::NotAKeySet));
    read(&server, &login_to(&server, "desk").await.unwrap(), &own);
    // The first that is usable counts.
    learn(json!([jwk(&next), jwk(&own)])).unwrap();
    read(&server, &login_to(&server, "desk").await.unwrap(), &next);
    // A set without one takes it back: nobody is to encrypt to it any more.
    let none = learn(json!([]));
    assert!(matches!(none, Err(UnusableKeySet::NoKey { keys: 0, .. })));
    server.rest();
    let token = signed.refresh_token.expose();
    let renewal = server.auth.refresh(Some("desk"), token, &somebody()).await;
    assert!(matches!(
        renewal,
        Err(RefreshError::Issue(IssueError::Unprotected(_)))
    ));
    learn(json!([jwk(&own)])).unwrap();
    let renewal = server.auth.refresh(Some("desk"), token, &somebody()).await;
    let renewed = renewal.unwrap();
    assert_eq!(renewed.outcome, Outcome::Rotated, "nothing was spent");
    read(&server, &renewed, &own);
}

#[tokio::test]
async fn of_a_set_the_first_key_is_taken_that_is_for_encryption_and_fits() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let rsa = DecryptionKey::generate(KeyManagement::RsaOaep256).unwrap();
    let signs = SigningKey::generate(Algorithm::ES256).unwrap();
    let signs = json!(signs.verifying_key().public_jwk().unwrap());
    let without = |jwk: &Value, members: &[&str]| {
        let mut jwk = jwk.clone();
        for member in members {
            jwk.as_object_mut().unwrap().remove(*member);
        }
        jwk
    };
    let with = |jwk: &Value, member: &str, value: &str| {
        let mut jwk = jwk.clone();
        jwk[member] = value.into();
        jwk
    };
    let good = jwk(&own);
    let unusable = [
        json!({}),
        json!({"kty": "oct", "k": "AAECAwQFBgcICQoLDA0ODw", "use": "enc", "alg": "A128KW"}),
        signs.clone(),
        // It may be one that signs.
        without(&signs, &["use", "alg"]),
        without(&good, &["use", "alg"]),
        with(&good, "use", "sig"),
        // Everybody could decrypt.
        private_jwk(&own),
        with(&good, "alg", "ECDH-ES+A192KW"),
        with(&jwk(&rsa), "alg", "RSA1_5"),
        with(&jwk(&rsa), "alg", "RSA-OAEP"),
        with(&good, "y", "AAAA"),
        with(&good, "crv", "secp256k1"),
    ];
    let mut world = World::new();
    let form = json!({ "jwks_uri": KEYS, "alg": "ECDH-ES" });
    world.settings.audiences = vec![audience(to(form.clone()))];
    let server = world.start().await;
    server.register("a@example.org").await;
    put(&server, "desk", |_| {}).await;
    let learn = |keys: &[Value]| {
        let set = json!({ "keys": keys }).to_string();
        server.auth.learn_key_set(KEYS, set.as_bytes())
    };
    for key in &unusable {
        let learned = learn(std::slice::from_ref(key));
        assert!(learned.is_err(), "{key}");
    }
    for usable in [
        good.clone(),
        without(&good, &["use"]),
        // The settings say with what it is used.
        without(&good, &["alg"]),
    ] {
        learn(&[&unusable[..], &[usable]].concat()).unwrap();
        read(&server, &login_to(&server, "desk").await.unwrap(), &own);
    }
    // Only so many are looked at, and the bytes may be anything.
    let many = [vec![json!({}); 100], vec![good.clone()]].concat();
    assert!(learn(&many).is_err());
    for set in [
        &b""[..],
        b"[]",
        b"{}",
        b"[[]]",
        b"{\"keys\":{}}",
        b"{\"keys\":[1]}",
        b"\xff",
    ] {
        let learned = server.auth.learn_key_set(KEYS, set);
        assert_eq!(learned, Err(UnusableKeySet::NotAKeySet));
    }
    // An address that nobody named teaches nothing.
    let set = json!({ "keys": [good] }).to_string();
    let elsewhere = server
        .auth
        .learn_key_set("https://x.example", set.as_bytes());
    elsewhere.unwrap();
    assert!(login_to(&server, "desk").await.is_err());
}

#[test]
fn only_public_keys_and_good_algorithms_can_be_registered() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let rsa = DecryptionKey::generate(KeyManagement::RsaOaep256).unwrap();
    let good = jwk(&own);
    let mut nameless = good.clone();
    nameless.as_object_mut().unwrap().remove("alg");
    let mut old = jwk(&rsa);
    old["alg"] = "RSA-OAEP".into();
    let secret = json!({"kty": "oct", "k": "AAECAwQFBgcICQoLDA0ODw", "alg": "A128KW"});
    for (form, word) in [
        (json!({}), "one of jwk and jwks_uri"),
        (
            json!({"jwk": good, "jwks_uri": KEYS}),
            "one of jwk and jwks_uri",
        ),
        (json!({"jwk": 7}), "not a JSON Web Key"),
        (json!({"jwk": "no JSON"}), "not a JSON Web Key"),
        (json!({"jwk": private_jwk(&own)}), "private key"),
        (json!({"jwk": private_jwk(&rsa).to_string()}), "private key"),
        (json!({"jwk": secret}), "private key or a secret"),
        (json!({"jwk": nameless}), "set alg"),
        (
            json!({"jwk": good, "alg": "RSA-OAEP-256"}),
            "cannot be used",
        ),
        (json!({"jwk": old}), "cannot be used"),
        (json!({"jwk": good, "alg": "dir"}), "dir is not offered"),
        (
            json!({"jwks_uri": KEYS, "alg": "A256KW"}),
            "A256KW is not offered",
        ),
        (
            json!({"jwks_uri": KEYS, "alg": "RSA-OAEP"}),
            "RSA-OAEP is not offered",
        ),
        (
            json!({"jwks_uri": KEYS, "alg": "RSA1_5"}),
            "no key management algorithm",
        ),
        (
            json!({"jwks_uri": KEYS, "enc": "A128CBC"}),
            "no content encryption",
        ),
        (
            json!({"jwks_uri": "ftp://api.example"}),
            "https://host/path",
        ),
        (json!({"jwks_uri": KEYS, "zip": "DEF"}), "unknown field"),
    ] {
        let error = serde_json::from_value::<EncryptTo>(form.clone()).unwrap_err();
        let told = error.to_string();
        assert!(told.contains(word), "{form}: {told}");
        for private in [private_jwk(&own), private_jwk(&rsa), secret.clone()] {
            let hidden = private.get("d").or(private.get("k")).unwrap();
            assert!(!told.contains(hidden.as_str().unwrap()), "{told}");
        }
    }
    // In a text or as it is, with or without what follows anyway: the same.
    let plain = to(json!({ "jwk": good, "enc": "A256GCM" }));
    assert_eq!(plain, to(json!({ "jwk": good.to_string() })));
    assert_eq!(to(json!(plain)), plain);
    let named = to(json!({ "jwk": nameless, "alg": "ECDH-ES" }));
    assert_eq!(to(json!(named)), named);
}

#[tokio::test]
async fn encryption_that_cannot_be_is_refused() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let reader = to(json!({ "jwk": jwk(&own) }));
    let other = to(json!({ "jwks_uri": KEYS }));
    let mut world = World::new();
    world.settings.audiences = vec![audience(reader.clone())];
    let server = world.start().await;
    let refused = async |change: &dyn Fn(&mut Client)| {
        let client = client("odd", |client| change(client));
        let put = server.auth.put_client(client, &Visitor::operator()).await;
        match put.unwrap_err() {
            ClientError::Protection(cause) => cause,
            other => panic!("{other}"),
        }
    };
    for audience in [None, Some(ISSUER.to_owned())] {
        let cause = refused(&|client| {
            client.audience.clone_from(&audience);
            client.encrypt_to = Some(reader.clone());
        })
        .await;
        assert_eq!(cause, ProtectionError::EncryptedToIssuer);
    }
    let cause = refused(&|client| client.encrypt_to = Some(other.clone())).await;
    assert!(
        matches!(cause, ProtectionError::OtherReader { .. }),
        "{cause}"
    );
    put(&server, "same", |client| {
        client.encrypt_to = Some(reader.clone());
    })
    .await;
    server.stop().await;

    world.settings.audiences = vec![Audience {
        name: ISSUER.to_owned(),
        ..audience(reader)
    }];
    let started = world.try_start(None).await;
    let Err(StartError::Audience { cause, .. }) = started else {
        panic!("it starts");
    };
    assert_eq!(cause, ProtectionError::IssuersOwn);
}

#[tokio::test]
async fn beside_a_shared_secret_tokens_can_be_encrypted_too() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let secret = b"an example of a secret that services share";
    let mut world = World::new();
    world.settings.signing.algorithm = Algorithm::HS256;
    world.settings.audiences = vec![audience(to(json!({ "jwk": jwk(&own) })))];
    let server = world.try_start(Some(secret)).await.unwrap();
    server.register("a@example.org").await;
    put(&server, "desk", |_| {}).await;
    let signed = login_to(&server, "desk").await.unwrap();
    let shared = SigningKey::hmac(Algorithm::HS256, secret, None).unwrap();
    let keys = KeySet::new(vec![shared.verifying_key()]).unwrap();
    let own = DecryptionKeySet::new(vec![own]).unwrap();
    let verifier = Verifier::new(ISSUER, API, "at+jwt", keys).encrypted_to(own);
    let now = server.auth.env().now().unix();
    let read = verifier.verify::<Claims>(&signed.access_token, now);
    assert_eq!(read.unwrap().client_id, "desk");
}
