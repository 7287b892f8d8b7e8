//! The account behind a token: asked for once, and again when it changed.

use countersign_guard::net::{Denied, WhenStale};
use countersign_guard::{Guard, Revocation};
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
