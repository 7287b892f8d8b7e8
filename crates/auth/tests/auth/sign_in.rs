use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_auth::env::Timestamp;
use countersign_auth::issue::Signed;
use countersign_auth::login::{Challenge, LoginError};
use countersign_auth::model::audit::{AuditQuery, Happening};
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::register::{RegisterError, Registration};
use countersign_auth::visitor::Visitor;
use countersign_guard::Epochs;
use serde_json::json;

use crate::world::{ISSUER, PASSWORD, World, password, somebody};

#[tokio::test]
async fn a_person_registers_signs_in_and_is_recognised() {
    let world = World::new();
    let server = world.start().await;
    let user = server.register("Alice@Example.org").await;
    let signed = server.login(" alice@example.org ").await;

    let claims = server.check(&signed);
    assert_eq!(claims.iss, ISSUER);
    assert_eq!(claims.aud, ISSUER);
    assert_eq!(claims.sub, user.id.to_string());
    assert_eq!(claims.client_id, "default");
    assert_eq!(claims.amr, ["pwd"]);
    assert_eq!(claims.exp - claims.iat, 300);
    assert_eq!(claims.auth_time, Some(claims.iat));
    assert_eq!(claims.epochs, Epochs::default());
    assert_eq!(signed.expires_in, Duration::from_mins(5));
    assert_eq!(signed.refresh_expires_in, Duration::from_hours(90 * 24));
    assert_eq!(server.auth.me(&claims).await.unwrap(), user);

    // Of its own kind (RFC 9068 §2.1), so that no other kind of token passes for it.
    let (header, _) = signed.access_token.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("at+jwt"), &json!("ES256"))
    );

    server.pass(Duration::from_mins(5));
    assert_eq!(server.refused(&signed), "token_expired");
}

#[tokio::test]
async fn no_two_tokens_share_an_id() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let (one, other) = (
        server.login("a@example.org").await,
        server.login("a@example.org").await,
    );
    assert_ne!(server.check(&one).jti, server.check(&other).jti);
    assert_ne!(server.check(&one).sid, server.check(&other).sid);
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_cannot_be_told_apart() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    for (name, secret) in [
        ("a@example.org", "a wrong password"),
        ("b@example.org", PASSWORD),
        ("", PASSWORD),
        ("a@example.org", ""),
        ("no such\u{0}name", PASSWORD),
    ] {
        let error = server.try_login(name, secret, None).await.unwrap_err();
        assert!(
            matches!(error, LoginError::InvalidCredentials),
            "{name:?}: {error}"
        );
    }
    // Neither does the trail: one line for each, whoever was meant.
    let query = AuditQuery {
        what: Some(Happening::SignInFailed),
        limit: 10,
        ..AuditQuery::default()
    };
    assert_eq!(server.auth.audit(query).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_disabled_account_says_so_only_to_its_owner() {
    let world = World::new();
    let server = world.start().await;
    let user = server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let operator = Visitor::operator();
    server
        .auth
        .set_user_enabled(user.id, false, &operator)
        .await
        .unwrap();

    assert_eq!(server.refused(&signed), "subject_revoked");
    let wrong = server.try_login("a@example.org", "a wrong password", None);
    assert!(matches!(wrong.await, Err(LoginError::InvalidCredentials)));
    let right = server.try_login("a@example.org", PASSWORD, None);
    assert!(matches!(right.await, Err(LoginError::Disabled)));

    server
        .auth
        .set_user_enabled(user.id, true, &operator)
        .await
        .unwrap();
    // What was taken back stays so.
    assert_eq!(server.refused(&signed), "subject_revoked");
    let again = server.login("a@example.org").await;
    assert_eq!(server.check(&again).epochs.subject, 1);
}

#[tokio::test]
async fn registration_says_what_is_wrong() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let attempt = |email: &str, secret: &str, username: Option<&str>| Registration {
        email: email.to_owned(),
        password: password(secret),
        name: None,
        username: username.map(str::to_owned),
    };
    let visitor = somebody();
    let register = async |attempt| server.auth.register(attempt, &visitor).await;
    assert!(matches!(
        register(attempt("A@EXAMPLE.ORG", PASSWORD, None)).await,
        Err(RegisterError::EmailTaken)
    ));
    assert!(matches!(
        register(attempt("nobody", PASSWORD, None)).await,
        Err(RegisterError::Email(_))
    ));
    assert!(matches!(
        register(attempt("b@example.org", "short", None)).await,
        Err(RegisterError::Password(_))
    ));
    assert!(matches!(
        register(attempt("b@example.org", PASSWORD, Some("x@y"))).await,
        Err(RegisterError::Username(_))
    ));
    register(attempt("b@example.org", PASSWORD, Some("bob")))
        .await
        .unwrap();
    assert!(matches!(
        register(attempt("c@example.org", PASSWORD, Some("BOB"))).await,
        Err(RegisterError::UsernameTaken)
    ));
    server.login("Bob").await;
    assert_eq!(server.auth.users(None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn registration_can_be_closed() {
    let mut world = World::new();
    world.settings.registration = false;
    let server = world.start().await;
    let registration = Registration {
        email: "a@example.org".to_owned(),
        password: password(PASSWORD),
        name: None,
        username: None,
    };
    let refused = server.auth.register(registration, &somebody()).await;
    assert!(matches!(refused, Err(RegisterError::Closed)));
}

#[tokio::test]
async fn guesses_are_slowed_down_but_not_the_owners_device() {
    let mut world = World::new();
    world.settings.limits = countersign_auth::limits::LimitSettings::default();
    let server = world.start().await;
    server.register("a@example.org").await;
    let device = server.login("a@example.org").await.device;

    let mut slowed = None;
    for _ in 0..100 {
        let guess = server.try_login("a@example.org", "a wrong password", None);
        if let Err(LoginError::Limited { retry_after }) = guess.await {
            slowed = Some(retry_after);
            break;
        }
    }
    assert!(slowed.is_some_and(|wait| !wait.is_zero()));

    let login = countersign_auth::login::Login {
        identifier: "a@example.org".to_owned(),
        password: password(PASSWORD),
        client: None,
    };
    let owner = Visitor::new([203, 0, 113, 9].into(), None, device);
    server.auth.login(login, &owner).await.unwrap();
}

#[tokio::test]
async fn sign_out_is_heard_at_once() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let visitor = somebody();

    let by_cookie = server.login("a@example.org").await;
    server.check(&by_cookie);
    server
        .auth
        .logout(by_cookie.refresh_token.expose(), &visitor)
        .await
        .unwrap();
    assert_eq!(server.refused(&by_cookie), "session_revoked");

    let by_bearer = server.login("a@example.org").await;
    let caller = server.check(&by_bearer);
    server.auth.end_session_of(&caller, &visitor).await.unwrap();
    assert_eq!(server.refused(&by_bearer), "session_revoked");

    let (one, other) = (
        server.login("a@example.org").await,
        server.login("a@example.org").await,
    );
    let caller = server.check(&one);
    assert_eq!(server.auth.logout_all(&caller, &visitor).await.unwrap(), 2);
    assert_eq!(server.refused(&one), "subject_revoked");
    assert_eq!(server.refused(&other), "subject_revoked");

    // Signing out twice, or with something forged, is no error.
    server
        .auth
        .logout(by_cookie.refresh_token.expose(), &visitor)
        .await
        .unwrap();
    server.auth.logout("csr1_forged", &visitor).await.unwrap();
}

/// A token may be good for a little longer than the session that it was issued from rests: as long as it is, whoever
/// signs out is heard.
#[tokio::test]
async fn sign_out_is_heard_as_long_as_a_token_lives() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let mut client = Client::new(
        "slow".parse().unwrap(),
        ClientKind::Native,
        Timestamp::default(),
    );
    client.access_ttl = Duration::from_hours(1);
    client.idle_ttl = Duration::from_hours(1);
    server
        .auth
        .put_client(client, &Visitor::operator())
        .await
        .unwrap();
    let login = server.try_login("a@example.org", PASSWORD, Some("slow"));
    let first = login.await.unwrap();
    let other = server.try_login("a@example.org", PASSWORD, Some("slow"));
    let other = other.await.unwrap();
    // Too soon after the sign-in to be worth a step of the idle end.
    server.pass(Duration::from_mins(3));
    let visitor = somebody();
    let renew = async |signed: &Signed| {
        let token = signed.refresh_token.expose();
        let renewed = server.auth.refresh(Some("slow"), token, &visitor);
        renewed.await.unwrap()
    };
    let (first, other) = (renew(&first).await, renew(&other).await);
    server.pass(Duration::from_mins(58));
    server.auth.upkeep().await.unwrap();

    let caller = server.check(&first);
    assert_eq!(server.auth.my_sessions(&caller).await.unwrap().len(), 0);
    server.check(&other);
    let ended = server.auth.end_my_other_sessions(&caller, &visitor);
    assert_eq!(ended.await.unwrap(), 1);
    assert_eq!(server.refused(&other), "session_revoked");
    let ended = server.auth.end_session_of(&caller, &visitor);
    ended.await.unwrap();
    assert_eq!(server.refused(&first), "session_revoked");
}

#[tokio::test]
async fn what_is_handed_out_is_not_shown_by_accident() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let device = signed.device.clone().unwrap();
    let visitor = Visitor::new([203, 0, 113, 9].into(), None, Some(device.clone()));
    let challenge = Challenge {
        continuation: "once-only".to_owned(),
        methods: Vec::new(),
    };
    let shown = format!("{signed:?} {visitor:?} {challenge:?}");
    for secret in [
        signed.access_token.as_str(),
        signed.refresh_token.expose(),
        &device,
        "once-only",
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn ones_sessions_can_be_listed_and_ended() {
    let world = World::new();
    let server = world.start().await;
    server.register("a@example.org").await;
    server.register("b@example.org").await;
    let visitor = somebody();
    let mine = server.login("a@example.org").await;
    server.pass(Duration::from_secs(1));
    let other = server.login("a@example.org").await;
    let theirs = server.login("b@example.org").await;
    let caller = server.check(&mine);
    let foreign = server.check(&theirs).sid.clone().unwrap().parse().unwrap();

    let sessions = server.auth.my_sessions(&caller).await.unwrap();
    let ids: Vec<_> = sessions
        .iter()
        .map(|session| session.id.to_string())
        .collect();
    let newest_first = [&other, &mine].map(|signed| server.check(signed).sid.clone().unwrap());
    assert_eq!(ids, newest_first);
    assert_eq!(sessions[0].device.as_deref(), Some("test"));
    assert_eq!(sessions[0].address.as_deref(), Some("203.0.113.9"));

    let refused = server.auth.end_my_session(&caller, foreign, &visitor).await;
    assert!(matches!(
        refused,
        Err(countersign_auth::account::AccountError::NoSuchSession)
    ));
    server.check(&theirs);
    assert_eq!(
        server
            .auth
            .end_my_other_sessions(&caller, &visitor)
            .await
            .unwrap(),
        1
    );
    assert_eq!(server.refused(&other), "session_revoked");
    server.check(&mine);
    server
        .auth
        .end_my_session(&caller, sessions[1].id, &visitor)
        .await
        .unwrap();
    assert_eq!(server.refused(&mine), "session_revoked");
}
