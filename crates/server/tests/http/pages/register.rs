//! A new account, by the page.

use super::person::Person;
use super::{BACK, server};
use crate::server::{Options, PASSWORD, Server};
use crate::support::client::encoded;

#[tokio::test]
async fn who_registers_is_signed_in() {
    let server = server().await;
    let mut alice = Person::new(&server);
    alice.open("/register").await;
    assert_eq!(alice.heading(), "Create an account");
    alice
        .fill(&[
            ("name", "Alice"),
            ("email", "Alice@Example.com"),
            ("password", PASSWORD),
        ])
        .await;
    assert_eq!(alice.path, "/account");
    assert_eq!(alice.value_of("name"), "Alice");
    assert_eq!(server.audited("user_registered"), 1);
    assert_eq!(server.audited("signed_in"), 1);
}

#[tokio::test]
async fn who_came_from_an_application_goes_back_to_it() {
    let server = server().await;
    let mut alice = Person::new(&server);
    let login = format!(
        "/login?client_id=shop&redirect_uri={}&state=a%20b",
        encoded(BACK)
    );
    alice.open(&login).await;
    let html = super::person::unescaped(&alice.page.text());
    let link = html
        .split("href=\"")
        .find(|link| link.starts_with("/register"))
        .unwrap();
    let link = link.split('"').next().unwrap().to_owned();
    alice.open(&link).await;
    alice
        .fill(&[
            ("name", ""),
            ("email", "alice@example.com"),
            ("password", PASSWORD),
        ])
        .await;
    assert_eq!(alice.path, format!("{BACK}?state=a%20b"));
    assert!(alice.browser.jar.contains_key("countersign-shop"));
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field() {
    let server = server().await;
    server.register("bob@example.com").await;
    let mut alice = Person::new(&server);
    alice.open("/register").await;
    assert_eq!(alice.focused().as_deref(), Some("email"));
    for (fields, field, message) in [
        (
            [("name", ""), ("email", ""), ("password", PASSWORD)],
            "email",
            "Fill this in.",
        ),
        (
            [("name", ""), ("email", "alice"), ("password", PASSWORD)],
            "email",
            "This is no email address.",
        ),
        (
            [
                ("name", ""),
                ("email", "bob@example.com"),
                ("password", PASSWORD),
            ],
            "email",
            "There is an account with this email",
        ),
        (
            [
                ("name", ""),
                ("email", "a@example.com"),
                ("password", "short"),
            ],
            "password",
            "too short",
        ),
        (
            [
                ("name", ""),
                ("email", "a@example.com"),
                ("password", "password1"),
            ],
            "password",
            "attackers try first",
        ),
        (
            [
                ("name", ""),
                ("email", "long.enough@example.com"),
                ("password", "long.enough"),
            ],
            "password",
            "must not be the email",
        ),
        (
            [
                ("name", "\u{202e}x"),
                ("email", "a@example.com"),
                ("password", PASSWORD),
            ],
            "name",
            "cannot be shown",
        ),
    ] {
        alice.fill(&fields).await;
        assert_eq!(alice.page.status, 422, "{fields:?}");
        let told = alice
            .message_at(field)
            .unwrap_or_else(|| panic!("{fields:?}: {}", alice.page.text()));
        assert!(told.contains(message), "{told}");
        assert_eq!(alice.focused().as_deref(), Some(field));
        assert_eq!(alice.value_of("email"), fields[1].1);
        assert!(!alice.page.text().contains(PASSWORD));
    }
    assert_eq!(server.audited("user_registered"), 1, "bob");
}

#[tokio::test]
async fn where_registration_is_closed_the_page_says_who_makes_accounts() {
    let options = Options {
        settings: Box::new(|settings| settings.registration = false),
        ..Options::default()
    };
    let server = Server::with(options).await;
    let mut alice = Person::new(&server);
    alice.open("/login").await;
    assert!(!alice.page.text().contains("register"));
    alice.open("/register").await;
    assert_eq!(alice.page.status, 403);
    assert_eq!(alice.heading(), "Accounts are made by an administrator");
    alice
        .send(
            "/register",
            &[("email", "a@example.com"), ("password", PASSWORD)],
        )
        .await;
    assert_eq!(alice.page.status, 403);
    assert_eq!(server.audited("user_registered"), 0);
}
