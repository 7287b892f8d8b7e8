//! The account behind a token: asked for once, and again when it changed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_guard::net::{Denied, WhenStale};
use countersign_guard::{Guard, Revocation};
use countersign_jose::{
    ContentEncryption, DecryptionKey, DecryptionKeySet, KeyManagement, encrypt,
};
use serde_json::json;

use crate::fixture::{Issuer, soon};

#[tokio::test]
async fn an_account_is_remembered_until_it_changed() {
    remembered(false).await;
    remembered(true).await;
}

async fn remembered(hashed: bool) {
    let issuer = Issuer::start().await;
    let options = issuer.options(WhenStale::refuse());
    let options = if hashed {
        options.hashed_ids()
    } else {
        options
    };
    let guard = Guard::connect(options).await.unwrap();
    let token = issuer.token("a");
    let say = |roles| {
        *issuer.world.account.lock().unwrap() =
            json!({ "active": true, "sub": "u", "account": { "roles": roles } });
    };
    say(json!(["clerk"]));
    for _ in 0..5 {
        assert_eq!(
            guard.account(&token).await.unwrap().unwrap()["roles"],
            json!(["clerk"])
        );
    }
    assert_eq!(issuer.count("introspect"), 1);
    say(json!([]));
    // Of somebody else: nothing to this one.
    issuer.revoke(Revocation::Changed { sub: "v".into() });
    let events = guard.knowing().events;
    soon("it is heard", async || {
        guard.knowing().events > events || events > 0
    })
    .await;
    assert_eq!(
        guard.account(&token).await.unwrap().unwrap()["roles"],
        json!(["clerk"])
    );
    issuer.revoke(Revocation::Changed { sub: "u".into() });
    soon("the change is seen", async || {
        guard.account(&token).await.unwrap().unwrap()["roles"] == json!([])
    })
    .await;
    assert_eq!(issuer.count("introspect"), 2);
}

#[tokio::test]
async fn an_account_is_not_had_with_a_bad_token_nor_of_another() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let token = issuer.token("a");
    *issuer.world.account.lock().unwrap() = json!({ "active": true, "sub": "somebody else" });
    assert_eq!(guard.account(&token).await, Err(Denied::Inactive));
    *issuer.world.account.lock().unwrap() = json!({ "active": true, "sub": "u" });
    // What is told of the token is nothing of the account.
    assert_eq!(guard.account(&token).await, Ok(None));
    *issuer.world.account.lock().unwrap() = json!({ "active": true, "sub": "u", "account": {} });
    guard.account(&token).await.unwrap().unwrap();
    issuer.end_session_of("a");
    soon("it is heard", async || guard.check(&token).await.is_err()).await;
    // Remembered, and still not had.
    assert_eq!(
        guard.account(&token).await.unwrap_err().code(),
        "session_revoked"
    );
}

/// The issuer cannot read what is encrypted to a service: it is asked about what is inside, and
/// nobody is refused because of that.
#[tokio::test]
async fn the_issuer_is_shown_what_it_signed() {
    let issuer = Issuer::start().await;
    *issuer.world.account.lock().unwrap() = json!({ "active": true, "sub": "u", "account": {} });
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let ask = WhenStale::AskTheIssuer {
        after: Duration::from_millis(200),
    };
    let keys = DecryptionKeySet::new(vec![own.clone()]).unwrap();
    let guard = Guard::connect(issuer.options(ask).encrypted_to(keys))
        .await
        .unwrap();
    let signed = issuer.token("a");
    let encrypted = encrypt(&own.encryption_key(), ContentEncryption::A256GCM, &signed).unwrap();
    guard.account(&encrypted).await.unwrap().unwrap();
    issuer.world.silent.store(true, Ordering::Relaxed);
    let asked = issuer.count("introspect");
    soon("it asks", async || {
        guard.check(&encrypted).await.unwrap();
        issuer.count("introspect") > asked
    })
    .await;
    // What is only signed is refused as ever.
    let denied = guard.check(&signed).await.unwrap_err();
    assert_eq!(denied.code(), "token_not_encrypted");
}
