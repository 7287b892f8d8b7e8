use std::time::Duration;

use countersign_auth::admin::users::{AccountChange, ChangeUserError};
use countersign_auth::model::audit::{Actor, AuditQuery, Happening};
use countersign_auth::register::NewAccount;
use countersign_auth::visitor::Visitor;
use serde_json::{Map, json};

use crate::world::{PASSWORD, World, password, somebody};

#[tokio::test]
async fn a_user_is_found_by_any_name_and_changed() {
    let world = World::new();
    let server = world.start().await;
    let operator = Visitor::operator();
    let account = NewAccount {
        email: "A@example.org".to_owned(),
        password: Some(password(PASSWORD)),
        name: Some("Ada".to_owned()),
        username: Some("ada".to_owned()),
        roles: vec!["admin".to_owned()],
        attributes: Map::new(),
    };
    let user = server.auth.add_user(account, &operator).await.unwrap();
    for name in ["a@EXAMPLE.org", "ADA", &user.id.to_string()] {
        let found = server.auth.find_user(name).await.unwrap();
        assert_eq!(found.as_ref(), Some(&user), "{name}");
    }
    assert_eq!(server.auth.find_user("nobody").await.unwrap(), None);

    let set = |value| json!({ "plan": value }).as_object().unwrap().clone();
    let change = |attributes| AccountChange {
        name: Some(None),
        email: Some("ada@example.org".to_owned()),
        attributes,
        ..AccountChange::default()
    };
    let changed = server
        .auth
        .change_user(user.id, change(set(json!("gold"))), &operator);
    let changed = changed.await.unwrap();
    assert_eq!(
        (changed.name.as_deref(), changed.email.as_str()),
        (None, "ada@example.org")
    );
    assert_eq!(json!(changed.attributes), json!({"plan": "gold"}));
    let emptied = server
        .auth
        .change_user(user.id, change(set(json!(null))), &operator);
    assert!(emptied.await.unwrap().attributes.is_empty());

    let bad_role = AccountChange {
        roles: Some(vec!["two words".to_owned()]),
        ..AccountChange::default()
    };
    let refused = server.auth.change_user(user.id, bad_role, &operator).await;
    assert!(matches!(refused, Err(ChangeUserError::Role(_))));
}

#[tokio::test]
async fn a_user_can_take_their_data_along_and_be_forgotten() {
    let world = World::new();
    let server = world.start().await;
    let operator = Visitor::operator();
    let user = server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let export = server.auth.export_user(user.id, &operator).await.unwrap();
    assert_eq!(export["user"]["email"], "a@example.org");
    assert_eq!(export["sessions"].as_array().unwrap().len(), 1);
    assert!(export["audit"].as_array().unwrap().len() >= 2);
    assert!(
        !export.to_string().contains("$argon2"),
        "the hash stays here"
    );

    assert!(server.auth.delete_user(user.id, &operator).await.unwrap());
    assert!(!server.auth.delete_user(user.id, &operator).await.unwrap());
    assert_eq!(server.refused(&signed), "subject_revoked");
    let token = signed.refresh_token.expose();
    assert!(server.auth.refresh(None, token, &somebody()).await.is_err());
    let query = AuditQuery {
        user: Some(user.id),
        limit: 100,
        ..AuditQuery::default()
    };
    let trail = server.auth.audit(query).await.unwrap();
    assert!(
        trail
            .iter()
            .any(|entry| entry.what == Happening::UserDeleted)
    );
    for entry in &trail {
        assert_eq!(
            (&entry.origin.address, &entry.origin.agent),
            (&None, &None),
            "{entry:?}"
        );
    }
    // The address is free again, for somebody who is not the same.
    assert_ne!(server.register("a@example.org").await.id, user.id);
}

#[tokio::test]
async fn the_trail_tells_who_did_what_and_is_not_kept_for_ever() {
    let world = World::new();
    let server = world.start().await;
    let user = server.register("a@example.org").await;
    let operator = Visitor::operator();
    server
        .auth
        .set_user_enabled(user.id, false, &operator)
        .await
        .unwrap();
    let query = AuditQuery {
        user: Some(user.id),
        limit: 100,
        ..AuditQuery::default()
    };
    let trail = server.auth.audit(query.clone()).await.unwrap();
    let told: Vec<_> = trail
        .iter()
        .map(|entry| (entry.what, entry.origin.actor))
        .collect();
    assert_eq!(
        told,
        [
            (Happening::UserDisabled, Actor::Operator),
            (Happening::UserRegistered, Actor::User)
        ]
    );
    assert_eq!(trail[1].origin.address.as_deref(), Some("203.0.113.9"));

    server.pass(Duration::from_hours(365 * 24));
    server.auth.upkeep().await.unwrap();
    assert_eq!(server.auth.audit(query.clone()).await.unwrap().len(), 2);
    server.pass(Duration::from_secs(1));
    server.auth.upkeep().await.unwrap();
    assert_eq!(server.auth.audit(query).await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_has_ended_is_dropped() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    server.login("a@example.org").await;
    server
        .auth
        .logout(signed.refresh_token.expose(), &somebody())
        .await
        .unwrap();
    assert_eq!(server.auth.stats().guard.sessions, 1);
    server.pass(Duration::from_hours(90 * 24));
    let done = server.auth.upkeep().await.unwrap();
    assert!(done.sessions >= 1, "{done:?}");
    assert!(done.directory >= 1, "{done:?}");
    assert_eq!(server.auth.stats().guard.sessions, 0);
}
