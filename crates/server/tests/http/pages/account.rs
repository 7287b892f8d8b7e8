//! Looking after one's account by the pages.

use std::time::Duration;

use countersign_auth::model::client::{ClientKind, Style};

use super::person::Person;
use super::{server, shop};
use crate::actors::Browser;
use crate::server::PASSWORD;

const SESSION: &str = "countersign-account.session";

#[tokio::test]
async fn the_profile_is_shown_and_changed() {
    let server = server().await;
    server.register("bob@example.com").await;
    let mut bob = Person::new(&server);
    bob.sign_in("bob@example.com", PASSWORD).await;
    bob.fill(&[("name", "Bob"), ("username", "bob")]).await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    assert!(alice.text().contains("Registered 22 November 2026"));
    alice
        .fill(&[("name", "Alice"), ("username", "alice")])
        .await;
    assert_eq!(alice.path, "/account?done=profile");
    assert!(alice.text().contains("Your profile is saved."));
    assert_eq!(alice.value_of("name"), "Alice");
    assert_eq!(alice.value_of("username"), "alice");

    for (fields, field, message) in [
        (
            [("name", "Alice"), ("username", "bob")],
            "username",
            "This username is taken.",
        ),
        (
            [("name", "Alice"), ("username", "a b")],
            "username",
            "A username has 3 to 64 characters",
        ),
        (
            [("name", "\u{7}"), ("username", "alice")],
            "name",
            "cannot be shown",
        ),
    ] {
        alice.fill(&fields).await;
        assert_eq!(alice.page.status, 422);
        assert!(
            alice.message_at(field).unwrap().contains(message),
            "{}",
            alice.text()
        );
        assert_eq!(alice.focused().as_deref(), Some(field));
    }
    let user = server.user("alice@example.com").await;
    assert_eq!(
        (user.name.as_deref(), user.username.as_deref()),
        (Some("Alice"), Some("alice"))
    );

    // What is emptied is gone.
    alice.fill(&[("name", ""), ("username", "")]).await;
    let user = server.user("alice@example.com").await;
    assert_eq!((user.name, user.username), (None, None));
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    const NEW: &str = "another one, of five words";
    let server = server().await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    let mut elsewhere = Person::new(&server);
    elsewhere.sign_in("alice@example.com", PASSWORD).await;
    alice.open("/login?client_id=shop&state=s").await;
    alice.go_on().await;
    let mut at_shop = Browser::of_client(&server, "shop");
    at_shop.jar.clone_from(&alice.browser.jar);
    server.rest();
    let before = alice.browser.jar[SESSION].clone();

    alice.open("/account/password").await;
    for (fields, field, message) in [
        (
            [("current_password", ""), ("new_password", "")],
            "current_password",
            "Fill this in.",
        ),
        (
            [("current_password", "not this one"), ("new_password", NEW)],
            "current_password",
            "This is not your current password.",
        ),
        (
            [("current_password", PASSWORD), ("new_password", "short")],
            "new_password",
            "too short",
        ),
    ] {
        alice.fill(&fields).await;
        assert_eq!(
            alice
                .message_at(field)
                .as_deref()
                .map(|told| told.contains(message)),
            Some(true)
        );
        assert_eq!(alice.focused().as_deref(), Some(field));
    }
    assert!(!alice.page.text().contains(PASSWORD));
    alice
        .fill(&[("current_password", PASSWORD), ("new_password", NEW)])
        .await;
    assert_eq!(alice.path, "/account/password?done=password");
    assert!(alice.text().contains("Your password is changed."));
    assert_ne!(
        alice.browser.jar[SESSION], before,
        "the session goes on under another name"
    );

    alice.open("/account").await;
    assert_eq!(alice.path, "/account", "they are signed in here");
    // An application in this browser has to go on once more, which takes no password.
    assert_eq!(at_shop.refresh().await.status, 401);
    alice.open("/login?client_id=shop&state=s").await;
    alice.go_on().await;
    at_shop.jar.clone_from(&alice.browser.jar);
    server.rest();
    assert_eq!(at_shop.refresh().await.status, 200);
    elsewhere.open("/account").await;
    assert_eq!(elsewhere.path, "/login");
    elsewhere.sign_in("alice@example.com", PASSWORD).await;
    assert!(elsewhere.alert().is_some(), "the old one is no good");
    elsewhere.sign_in("alice@example.com", NEW).await;
    assert_eq!(elsewhere.path, "/account");
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let server = server().await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    server.advance(Duration::from_mins(1));
    let mut at_shop = Browser::of_client(&server, "shop");
    at_shop.sign_in("alice@example.com").await.expect(200);
    let mut phone = Person::new(&server);
    phone.sign_in("alice@example.com", PASSWORD).await;

    alice.open("/account/sessions").await;
    let text = alice.text();
    assert_eq!(text.matches("This session").count(), 1);
    assert_eq!(text.matches("your account pages").count(), 2);
    assert!(
        text.contains("The Shop") && text.contains("From local address"),
        "{text}"
    );
    let html = alice.page.text();
    let (before, after) = html.split_once("This session").unwrap();
    assert!(!before.contains("name=\"end\""), "it is the first");
    assert!(after.contains("name=\"end\""));
    // A minute ago, and exactly; a script reads the one that is for machines.
    assert!(text.contains("Signed in 1 minute ago"), "{text}");
    assert!(text.contains("Signed in just now"), "{text}");
    let exact = "<time datetime=\"2026-11-22T00:01:00Z\" title=\"22 November 2026, 00:01 UTC\">";
    assert!(super::person::unescaped(&html).contains(exact), "{html}");

    // One of the others.
    let ids: Vec<String> = html
        .split("name=\"end\" value=\"")
        .skip(1)
        .map(|after| after.split('"').next().unwrap().to_owned())
        .filter(|id| id != "others")
        .collect();
    assert_eq!(ids.len(), 2, "not the one that looks");
    alice.press("/account/sessions", &[("end", &ids[0])]).await;
    assert_eq!(alice.path, "/account/sessions?done=session");
    assert!(alice.text().contains("That session has ended."));
    // A second time there is none.
    alice.press("/account/sessions", &[("end", &ids[0])]).await;
    assert_eq!(alice.page.status, 404);
    assert!(alice.alert().unwrap().contains("has ended already"));

    alice.open("/account/sessions").await;
    alice.press("/account/sessions", &[("end", "others")]).await;
    assert!(alice.text().contains("You are signed out everywhere else."));
    assert!(alice.text().contains("You are signed in nowhere else."));
    phone.open("/account").await;
    assert_eq!(phone.path, "/login");
    server.rest();
    assert_eq!(at_shop.refresh().await.status, 401);

    // Nobody ends anybody else's.
    let mut bob = Person::signed_in(&server, "bob@example.com").await;
    bob.open("/account/sessions").await;
    let mallory = alice.browser.clone();
    let live = server
        .auth
        .my_sessions(&caller(&server, "alice@example.com").await)
        .await
        .unwrap();
    let id = live[0].id.to_string();
    bob.send("/account/sessions", &[("end", &id)]).await;
    assert_eq!(bob.page.status, 404);
    let mut alice = Person::new(&server);
    alice.browser = mallory;
    alice.open("/account").await;
    assert_eq!(alice.path, "/account");
}

/// Whose sessions are asked about, as a service would know them.
async fn caller(
    server: &crate::server::Server,
    email: &str,
) -> countersign_guard::Verified<countersign_guard::Claims> {
    let mut browser = Browser::new(server);
    browser.sign_in(email).await.expect(200);
    let caller = server.auth.check(&browser.access_token).unwrap();
    browser.sign_out().await.expect(204);
    caller
}

#[tokio::test]
async fn where_not_all_sessions_are_known_all_can_be_ended() {
    let server = server().await;
    shop(&server, |client| client.style = Style::Stateless).await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    let mut phone = Person::new(&server);
    phone.sign_in("alice@example.com", PASSWORD).await;
    alice.open("/account/sessions").await;
    alice.press("/account/sessions", &[("end", "others")]).await;
    assert!(
        alice
            .alert()
            .unwrap()
            .contains("keeps no list of its sessions")
    );
    assert_eq!(alice.focused().as_deref(), Some("alert"));
    assert!(alice.text().contains("Sign out everywhere, here too"));
    alice.press("/account/sessions", &[("end", "all")]).await;
    assert_eq!(alice.path, "/login?done=signed_out");
    for person in [&mut alice, &mut phone] {
        person.open("/account").await;
        assert_eq!(person.path, "/login");
    }
}

#[tokio::test]
async fn ending_the_own_session_is_signing_out() {
    let server = server().await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    let live = server
        .auth
        .my_sessions(&caller(&server, "alice@example.com").await)
        .await
        .unwrap();
    let [only] = live.as_slice() else {
        panic!("{live:?}")
    };
    alice
        .send("/account/sessions", &[("end", &only.id.to_string())])
        .await;
    assert_eq!(alice.path, "/login?done=signed_out");
    assert!(!alice.browser.jar.contains_key(SESSION));
}

#[tokio::test]
async fn the_trail_of_the_account_is_its_owners_to_read() {
    let server = server().await;
    server.register("bob@example.com").await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    let mut mallory = Person::new(&server);
    mallory
        .sign_in("alice@example.com", "guessed by mallory")
        .await;
    alice.open("/account").await;
    alice.fill(&[("name", "Alice"), ("username", "")]).await;
    alice.open("/account/activity").await;
    let text = alice.text();
    for told in [
        "Account created",
        "Signed in",
        "Sign-in failed: wrong password",
        "Profile changed",
        "local address for your account pages",
        "just now",
        " UTC",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert_eq!(text.matches("Account created").count(), 1, "not bob's");
    // What may have been somebody else stands out, and nothing else does.
    let html = alice.page.text();
    assert_eq!(html.matches("class=\"message\"").count(), 1);
    assert!(html.contains("<h2 class=\"message\">Sign-in failed"));
}

#[tokio::test]
async fn where_a_password_should_be_changed_a_link_leads_there() {
    let server = server().await;
    let mut anna = Person::signed_in(&server, "anna@example.com").await;
    for page in ["sessions", "activity"] {
        anna.open(&format!("/account/{page}?ui_locales=de")).await;
        let html = super::person::unescaped(&anna.page.text());
        let (_, lead) = html.split_once("class=\"lead\"").unwrap();
        let (lead, _) = lead.split_once("</p>").unwrap();
        let link = "href=\"/account/password?ui_locales=de\"";
        assert!(lead.contains(link), "{lead}");
    }
}

#[tokio::test]
async fn a_link_signs_nobody_out_and_a_button_does() {
    let server = server().await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    let name = alice.browser.jar[SESSION].clone();
    alice.open("/logout").await;
    assert_eq!(alice.heading(), "Sign out?");
    let text = alice.text();
    assert!(text.contains("Signed in as alice@example.com"), "{text}");
    alice.open("/account").await;
    assert_eq!(alice.path, "/account");
    alice.open("/logout").await;
    alice.fill(&[]).await;
    assert_eq!(alice.path, "/login?done=signed_out");
    // Its name is worth nothing any more, whoever kept it.
    let mut thief = Person::new(&server);
    thief.browser.jar.insert(SESSION.to_owned(), name);
    thief.open("/account").await;
    assert_eq!(thief.path, "/login");
    // Who is signed out already is so again.
    thief.send("/logout", &[]).await;
    assert_eq!(thief.path, "/login?done=signed_out");
}

#[tokio::test]
async fn a_form_that_comes_too_late_changes_nothing_and_says_so() {
    let server = server().await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    let user = server.user("alice@example.com").await;
    let operator = countersign_auth::visitor::Visitor::operator();
    server
        .auth
        .end_user_sessions(user.id, &operator)
        .await
        .unwrap();
    let before = server.dump();
    for (path, fields) in [
        ("/account", [("name", "Mallory"), ("username", "mallory")]),
        (
            "/account/password",
            [
                ("current_password", PASSWORD),
                ("new_password", "another one of five"),
            ],
        ),
        ("/account/sessions", [("end", "all"), ("x", "")]),
    ] {
        alice.send(path, &fields).await;
        assert_eq!(alice.page.status, 401);
        assert_eq!(alice.heading(), "You have been signed out");
        assert!(alice.text().contains("nothing was changed"));
    }
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn a_session_of_another_client_is_none_of_the_pages() {
    let server = server().await;
    server
        .put_client("other", ClientKind::Browser, |client| {
            client.style = Style::Session;
        })
        .await;
    server.register("alice@example.com").await;
    let mut other = Browser::of_client(&server, "other");
    other.sign_in("alice@example.com").await.expect(200);
    let name = other.jar["countersign-other.session"].clone();
    let mut alice = Person::new(&server);
    alice.browser.jar.insert(SESSION.to_owned(), name);
    alice.open("/account").await;
    assert_eq!(alice.path, "/login");
}
