use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use countersign_auth::admin::users::AccountChange;
use countersign_auth::clients::ClientError;
use countersign_auth::env::Timestamp;
use countersign_auth::login::LoginError;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind};
use countersign_auth::refresh::RefreshError;
use countersign_auth::visitor::Visitor;
use serde_json::json;

use crate::world::{PASSWORD, World, somebody};

fn client(id: &str) -> Client {
    Client::new(
        id.parse().unwrap(),
        ClientKind::Native,
        Timestamp::default(),
    )
}

#[tokio::test]
async fn a_client_gets_the_claims_audience_and_scope_that_it_asks_for() {
    let world = World::new();
    let server = world.start().await;
    let operator = Visitor::operator();
    let user = server.register("a@example.org").await;
    let change = AccountChange {
        roles: Some(vec![
            "staff".to_owned(),
            "admin".to_owned(),
            "staff".to_owned(),
        ]),
        attributes: json!({"team": {"id": 7}, "unused": 1})
            .as_object()
            .unwrap()
            .clone(),
        ..AccountChange::default()
    };
    server
        .auth
        .change_user(user.id, change, &operator)
        .await
        .unwrap();
    let claims = [
        ("mail", ClaimSource::Email),
        ("roles", ClaimSource::Roles),
        ("team", ClaimSource::Attribute("team".to_owned())),
        ("missing", ClaimSource::Attribute("missing".to_owned())),
        ("username", ClaimSource::Username),
    ];
    let orders = Client {
        scope: Some("orders:read orders:write".to_owned()),
        claims: claims
            .map(|(name, source)| (name.to_owned(), source))
            .into(),
        access_ttl: Duration::from_mins(1),
        ..client("orders")
    };
    server.auth.put_client(orders, &operator).await.unwrap();
    let signed = server
        .try_login("a@example.org", PASSWORD, Some("orders"))
        .await
        .unwrap();
    let token = server.check(&signed);
    assert_eq!(token.client_id, "orders");
    assert_eq!(token.exp - token.iat, 60);
    assert_eq!(
        token.scope.as_ref().unwrap().to_string(),
        "orders:read orders:write"
    );
    let extra = json!({"mail": "a@example.org", "roles": ["admin", "staff"], "team": {"id": 7}});
    assert_eq!(json!(token.extra), extra);

    let elsewhere = Client {
        audience: Some("https://orders.example".to_owned()),
        ..client("elsewhere")
    };
    server.auth.put_client(elsewhere, &operator).await.unwrap();
    let signed = server
        .try_login("a@example.org", PASSWORD, Some("elsewhere"))
        .await
        .unwrap();
    assert_eq!(
        server.refused(&signed),
        "token_audience",
        "it is for another service"
    );
}

#[tokio::test]
async fn nobody_signs_in_to_a_service() {
    let world = World::new();
    let server = world.start().await;
    let orders = Client {
        kind: ClientKind::Service,
        ..client("orders")
    };
    let operator = Visitor::operator();
    server.auth.put_client(orders, &operator).await.unwrap();
    server.register("a@example.org").await;
    let refused = server
        .try_login("a@example.org", PASSWORD, Some("orders"))
        .await;
    assert!(matches!(refused, Err(LoginError::Service)));
}

#[tokio::test]
async fn a_refresh_token_is_of_use_to_its_own_client_alone() {
    let world = World::new();
    let server = world.start().await;
    server
        .auth
        .put_client(client("orders"), &Visitor::operator())
        .await
        .unwrap();
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    server.rest();
    let token = signed.refresh_token.expose();
    let foreign = server
        .auth
        .refresh(Some("orders"), token, &somebody())
        .await;
    assert!(matches!(foreign, Err(RefreshError::Invalid)));
    let nobody = server
        .auth
        .refresh(Some("nobody"), token, &somebody())
        .await;
    assert!(matches!(nobody, Err(RefreshError::UnknownClient)));
    server.auth.refresh(None, token, &somebody()).await.unwrap();
}

#[tokio::test]
async fn a_client_can_be_cut_off_and_disabled() {
    let world = World::new();
    let server = world.start().await;
    let operator = Visitor::operator();
    let orders = client("orders");
    server
        .auth
        .put_client(orders.clone(), &operator)
        .await
        .unwrap();
    server.register("a@example.org").await;
    let login = async || {
        server
            .try_login("a@example.org", PASSWORD, Some("orders"))
            .await
    };
    let first = login().await.unwrap();
    let other = server.login("a@example.org").await;

    server
        .auth
        .cut_off_client(&orders.id, &operator)
        .await
        .unwrap();
    assert_eq!(server.refused(&first), "client_revoked");
    let renew = async |token: &str| {
        server
            .auth
            .refresh(Some("orders"), token, &somebody())
            .await
    };
    assert!(matches!(
        renew(first.refresh_token.expose()).await,
        Err(RefreshError::Stale)
    ));
    let second = login().await.unwrap();
    assert_eq!(server.check(&second).epochs.client, 1);

    server
        .auth
        .set_client_enabled(&orders.id, false, &operator)
        .await
        .unwrap();
    assert_eq!(server.refused(&second), "client_revoked");
    assert!(matches!(login().await, Err(LoginError::ClientDisabled)));
    let renewed = renew(second.refresh_token.expose()).await;
    assert!(matches!(renewed, Err(RefreshError::UnknownClient)));
    server
        .auth
        .set_client_enabled(&orders.id, true, &operator)
        .await
        .unwrap();
    let renewed = renew(second.refresh_token.expose()).await;
    assert!(
        matches!(renewed, Err(RefreshError::Stale)),
        "what was taken back stays so"
    );
    server.check(&login().await.unwrap());
    server.check(&other);
}

#[tokio::test]
async fn a_client_that_makes_no_sense_is_refused() {
    let world = World::new();
    let server = world.start().await;
    let origin = |text: &str| Client {
        origins: vec![text.to_owned()],
        ..client("x")
    };
    for good in [
        "https://app.example.com",
        "https://app.example.com:8443",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
    ] {
        server
            .auth
            .put_client(origin(good), &Visitor::operator())
            .await
            .unwrap();
    }
    let mut bad: Vec<Client> = [
        "*",
        "null",
        "https://app.example.com/",
        "https://App.example.com",
        "http://app.example.com",
        "https://",
        "https://app.example.com:0",
        "https://app.example.com:65536",
        "https://app.example.com:",
        "https://user@app.example.com",
        "javascript:alert(1)",
    ]
    .map(origin)
    .into();
    bad.extend([
        Client {
            access_ttl: Duration::ZERO,
            ..client("x")
        },
        // Tokens and the store count whole seconds: this would be none.
        Client {
            access_ttl: Duration::from_millis(999),
            ..client("x")
        },
        Client {
            idle_ttl: Duration::from_millis(900_500),
            ..client("x")
        },
        Client {
            access_ttl: Duration::from_hours(25),
            ..client("x")
        },
        Client {
            idle_ttl: Duration::from_mins(1),
            ..client("x")
        },
        Client {
            absolute_ttl: Duration::from_hours(401 * 24),
            ..client("x")
        },
        Client {
            claims: BTreeMap::from([("sub".to_owned(), ClaimSource::Email)]),
            ..client("x")
        },
        Client {
            scope: Some("two  spaces".to_owned()),
            ..client("x")
        },
        Client {
            name: String::new(),
            ..client("x")
        },
        Client {
            audience: Some("line\nbreak".to_owned()),
            ..client("x")
        },
    ]);
    for client in bad {
        let refused = server
            .auth
            .put_client(client.clone(), &Visitor::operator())
            .await;
        assert!(
            matches!(&refused, Err(error) if !matches!(error, ClientError::Store(_))),
            "{client:?}"
        );
    }
}

#[tokio::test]
async fn a_key_is_kept_as_long_as_the_longest_token_that_was_ever_allowed() {
    let world = World::new();
    let server = world.start().await;
    let operator = Visitor::operator();
    server.register("a@example.org").await;
    let long = Client {
        access_ttl: Duration::from_hours(10),
        ..client("long")
    };
    server
        .auth
        .put_client(long.clone(), &operator)
        .await
        .unwrap();
    let signed = server
        .try_login("a@example.org", PASSWORD, Some("long"))
        .await
        .unwrap();
    server.auth.upkeep().await.unwrap();
    server.auth.rotate_keys(None, &operator).await.unwrap();
    // A shorter life from now on changes nothing for what is out there.
    server
        .auth
        .put_client(client("long"), &operator)
        .await
        .unwrap();
    server.pass(Duration::from_hours(10) - Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    server.check(&signed);
    server
        .auth
        .revoke_token(&server.check(&signed).jti, &operator)
        .await
        .unwrap();
    server.auth.upkeep().await.unwrap();
    assert_eq!(server.refused(&signed), "token_revoked");
}

/// Whoever reads the clients beside it may have read them before: what they saw must not come last.
#[tokio::test]
async fn a_client_that_is_registered_stays_known() {
    let world = World::new();
    let server = world.start().await;
    let operator = Visitor::operator();
    for number in 0..200 {
        let id = format!("client-{number}");
        let is_done = Cell::new(false);
        let chores = async {
            while !is_done.get() {
                server.auth.upkeep().await.unwrap();
            }
        };
        let registering = async {
            let put = server.auth.put_client(client(&id), &operator).await;
            put.unwrap();
            // A look that began before it may end after it.
            for _ in 0..100 {
                assert!(server.auth.client(Some(&id)).is_some(), "{id}");
                tokio::task::yield_now().await;
            }
            is_done.set(true);
        };
        tokio::join!(chores, registering);
    }
}
