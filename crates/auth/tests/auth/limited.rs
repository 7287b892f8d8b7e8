use std::num::NonZeroUsize;
use std::time::Duration;

use countersign_auth::account::{AccountError, PasswordError, PasswordForm, ProfileChange};
use countersign_auth::limits::{Backoff, Budget, LimitSettings};
use countersign_auth::login::LoginError;
use countersign_auth::password::{HashAlgorithm, HashError};
use countersign_auth::refresh::RefreshError;
use countersign_auth::register::{RegisterError, Registration};

use crate::world::{PASSWORD, World, password, somebody};

/// Two at once, and one more each minute.
const TWO: Option<Budget> = Some(Budget {
    burst: 2,
    every: Duration::from_mins(1),
});
const MINUTE: Duration = Duration::from_mins(1);

fn person(email: &str) -> Registration {
    Registration {
        email: email.to_owned(),
        password: password(PASSWORD),
        name: None,
        username: None,
    }
}

#[tokio::test]
async fn registrations_are_limited_before_anything_is_looked_at() {
    let mut world = World::new();
    world.settings.limits = LimitSettings {
        registration: TWO,
        ..LimitSettings::default()
    };
    let server = world.start().await;
    server.register("a@example.org").await;
    // One that fails counts as well: it tells whether an address is taken.
    let visitor = somebody();
    let taken = server.auth.register(person("a@example.org"), &visitor);
    assert!(matches!(taken.await, Err(RegisterError::EmailTaken)));

    let jobs = server.store.stats().jobs;
    let third = server.auth.register(person("no address"), &visitor).await;
    let Err(RegisterError::Limited { retry_after }) = third else {
        panic!("not limited");
    };
    assert_eq!(retry_after, MINUTE);
    assert_eq!(server.store.stats().jobs, jobs, "the store was asked");

    server.pass(MINUTE);
    server.register("b@example.org").await;
}

#[tokio::test]
async fn renewals_are_limited_before_the_store_is_asked() {
    let mut world = World::new();
    world.settings.limits = LimitSettings {
        refresh: TWO,
        ..LimitSettings::default()
    };
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let token = signed.refresh_token.expose();
    let renew = async || server.auth.refresh(None, token, &somebody()).await;
    for _ in 0..2 {
        renew().await.unwrap();
    }
    let jobs = server.store.stats().jobs;
    let Err(RefreshError::Limited { retry_after }) = renew().await else {
        panic!("not limited");
    };
    assert_eq!(retry_after, MINUTE);
    assert_eq!(server.store.stats().jobs, jobs, "the store was asked");

    server.pass(MINUTE);
    renew().await.unwrap();
}

#[tokio::test]
async fn guesses_at_a_change_of_password_are_slowed_down() {
    let mut world = World::new();
    let slow = Backoff {
        free: 2,
        first: MINUTE,
        longest: MINUTE,
        forget: MINUTE,
    };
    world.settings.limits = LimitSettings {
        password_change: Some(slow),
        ..LimitSettings::default()
    };
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let caller = server.check(&signed);
    let change = async |current: &str| {
        let form = PasswordForm {
            current: password(current),
            new: password("a better horse battery"),
        };
        server
            .auth
            .change_password(&caller, form, &somebody())
            .await
    };
    for _ in 0..2 {
        assert!(matches!(
            change("a wrong password").await,
            Err(PasswordError::WrongPassword)
        ));
    }
    // The right one has to wait as well: whoever guesses must not learn of it sooner.
    assert!(matches!(
        change(PASSWORD).await,
        Err(PasswordError::Limited { retry_after }) if retry_after == MINUTE
    ));
    server.pass(Duration::from_secs(59));
    server.check(&signed);
    assert!(matches!(
        change(PASSWORD).await,
        Err(PasswordError::Limited { .. })
    ));
    server.pass(Duration::from_secs(1));
    change(PASSWORD).await.unwrap();
}

/// Each leaves a line that is kept for a year, and tells whether a username is taken.
#[tokio::test]
async fn changes_of_profile_are_limited_before_the_store_is_asked() {
    let mut world = World::new();
    world.settings.limits = LimitSettings {
        profile_change: TWO,
        ..LimitSettings::default()
    };
    let server = world.start().await;
    server.register("a@example.org").await;
    let signed = server.login("a@example.org").await;
    let caller = server.check(&signed);
    let visitor = somebody();
    let change = |name: &str| {
        let change = ProfileChange {
            name: Some(Some(name.to_owned())),
            username: None,
        };
        server.auth.change_me(&caller, change, &visitor)
    };
    change("A").await.unwrap();
    change("B").await.unwrap();
    let jobs = server.store.stats().jobs;
    assert!(matches!(
        change("C").await,
        Err(AccountError::Limited { retry_after }) if retry_after == MINUTE
    ));
    assert_eq!(server.store.stats().jobs, jobs, "the store was asked");
    assert_eq!(
        server.auth.me(&caller).await.unwrap().name.as_deref(),
        Some("B")
    );
    server.pass(MINUTE);
    change("C").await.unwrap();
}

/// A storm of sign-ins: whoever finds the queue full is told when to come back, and it costs them no attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_finds_the_queue_full_is_told_to_come_back_and_was_not_counted() {
    let mut world = World::new();
    world.settings.limits = LimitSettings::default();
    world.settings.passwords.algorithm = HashAlgorithm::Argon2id {
        memory_kib: 19 * 1024,
        passes: 4,
        lanes: 1,
    };
    world.settings.passwords.threads = NonZeroUsize::new(1);
    world.settings.passwords.queue = NonZeroUsize::new(1);
    let server = std::sync::Arc::new(world.start().await);
    server.register("a@example.org").await;

    // Far more than the thirty of one address, were they counted.
    let mut storm = tokio::task::JoinSet::new();
    for _ in 0..80 {
        let server = server.clone();
        storm.spawn(async move { server.try_login("a@example.org", PASSWORD, None).await });
    }
    let (mut signed_in, mut busy) = (0, 0);
    for answer in storm.join_all().await {
        match answer {
            Ok(_) => signed_in += 1,
            Err(LoginError::Hash(HashError::Busy { retry_after })) => {
                assert!(!retry_after.is_zero());
                busy += 1;
            }
            // While the first are looked at, their attempts are out.
            Err(LoginError::Limited { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    println!("{signed_in} signed in, {busy} told to come back");
    assert!(signed_in >= 1 && busy >= 40, "{signed_in} {busy}");
    server.login("a@example.org").await;
}
