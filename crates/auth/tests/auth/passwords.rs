use countersign_auth::account::{PasswordError, PasswordForm};
use countersign_auth::login::LoginError;
use countersign_auth::model::audit::{AuditQuery, Happening};
use countersign_auth::model::client::{Client, Style};
use countersign_auth::password::HashAlgorithm;
use countersign_auth::refresh::RefreshError;
use countersign_auth::style::Given;
use countersign_auth::visitor::Visitor;

use crate::world::{PASSWORD, World, password, somebody};

const NEXT: &str = "a better horse battery";

#[tokio::test]
async fn a_new_password_ends_all_but_the_session_that_chose_it() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let (mine, other) = (
        server.login("a@example.org").await,
        server.login("a@example.org").await,
    );
    let form = PasswordForm {
        current: password(PASSWORD),
        new: password(NEXT),
    };
    let caller = server.check(&mine);
    let visitor = somebody();
    let changed = server.auth.change_password(&caller, form, &visitor).await;
    let Given::Tokens(signed) = changed.unwrap() else {
        panic!("not a client with tokens");
    };

    assert_eq!(server.check(&signed).sid, caller.sid);
    assert_eq!(server.check(&signed).auth_time, caller.auth_time);
    assert_eq!(server.refused(&mine), "subject_revoked");
    assert_eq!(server.refused(&other), "subject_revoked");
    let renew = async |token: &str| server.auth.refresh(None, token, &somebody()).await;
    assert!(matches!(
        renew(mine.refresh_token.expose()).await,
        Err(RefreshError::Superseded)
    ));
    assert!(matches!(
        renew(other.refresh_token.expose()).await,
        Err(RefreshError::Stale)
    ));
    server.rest();
    let next = renew(signed.refresh_token.expose()).await.unwrap();
    assert_eq!(server.check(&next).epochs.subject, 1);
    assert_eq!(
        server
            .auth
            .my_sessions(&server.check(&next))
            .await
            .unwrap()
            .len(),
        1
    );

    let old = server.try_login("a@example.org", PASSWORD, None).await;
    assert!(matches!(old, Err(LoginError::InvalidCredentials)));
    server.try_login("a@example.org", NEXT, None).await.unwrap();
}

/// Whoever asked before their sessions were ended, and is answered after it.
#[tokio::test]
async fn a_session_that_is_over_chooses_no_password() {
    let world = World::new();
    let server = world.start().await;
    let user = server.register("a@example.org").await;
    for style in [Style::Rotating, Style::Stateless, Style::Sliding] {
        let client = server.auth.client(None).unwrap();
        let client = Client::clone(&client).with_style(style);
        let operator = Visitor::operator();
        server.auth.put_client(client, &operator).await.unwrap();
        let caller = server.check(&server.login("a@example.org").await);
        let ended = server.auth.end_user_sessions(user.id, &operator).await;
        ended.unwrap();
        let form = PasswordForm {
            current: password(PASSWORD),
            new: password(NEXT),
        };
        let refused = server
            .auth
            .change_password(&caller, form, &somebody())
            .await;
        assert!(
            matches!(refused, Err(PasswordError::SessionOver)),
            "{style:?}"
        );
    }
    server
        .try_login("a@example.org", PASSWORD, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_password_is_changed_only_by_who_knows_it_and_to_a_good_one() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let caller = server.check(&signed);
    let change = async |current: &str, new: &str| {
        let form = PasswordForm {
            current: password(current),
            new: password(new),
        };
        server
            .auth
            .change_password(&caller, form, &somebody())
            .await
    };
    assert!(matches!(
        change("not the password", NEXT).await,
        Err(PasswordError::WrongPassword)
    ));
    assert!(matches!(
        change(PASSWORD, "short").await,
        Err(PasswordError::Policy(_))
    ));
    assert!(matches!(
        change(PASSWORD, "a@example.org").await,
        Err(PasswordError::Policy(_))
    ));
    server.check(&signed);
    server.login("a@example.org").await;
}

#[tokio::test]
async fn an_operators_new_password_ends_everything() {
    let world = World::new();
    let server = world.start().await;
    let user = server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let operator = Visitor::operator();
    server
        .auth
        .set_password(user.id, password(NEXT), &operator)
        .await
        .unwrap();
    assert_eq!(server.refused(&signed), "subject_revoked");
    let token = signed.refresh_token.expose();
    let renewed = server.auth.refresh(None, token, &somebody()).await;
    assert!(matches!(renewed, Err(RefreshError::Stale)));
    server.try_login("a@example.org", NEXT, None).await.unwrap();
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_settings_moved() {
    let mut world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    server.stop().await;

    world.settings.passwords.algorithm = HashAlgorithm::Bcrypt { cost: 4 };
    let server = world.start().await;
    let rehashed = async || {
        let query = AuditQuery {
            what: Some(Happening::PasswordRehashed),
            limit: 10,
            ..AuditQuery::default()
        };
        server.auth.audit(query).await.unwrap().len()
    };
    assert_eq!(rehashed().await, 0);
    server.login("a@example.org").await;
    assert_eq!(rehashed().await, 1);
    server.login("a@example.org").await;
    assert_eq!(rehashed().await, 1, "once is enough");
    // It is the same password: nobody is signed out by it.
    server.check(&signed);
}
