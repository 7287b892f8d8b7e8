//! Signing in by the page: for the account, and for an application.

use std::time::Duration;

use countersign_auth::limits::LimitSettings;
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::visitor::Visitor;

use super::person::Person;
use super::{BACK, server, shop};
use crate::server::{Options, PASSWORD, Server};
use crate::support::client::{Request, encoded};

const SESSION: &str = "countersign-account.session";

fn to_shop(state: &str) -> String {
    format!(
        "/login?client_id=shop&redirect_uri={}&state={}",
        encoded(BACK),
        encoded(state)
    )
}

#[tokio::test]
async fn somebody_signs_in_and_the_page_knows_them() {
    let server = server().await;
    server.register("alice@example.com").await;
    let mut alice = Person::new(&server);
    alice.open("/account").await;
    assert_eq!(alice.path, "/login", "who is nobody signs in first");
    assert_eq!(alice.heading(), "Sign in");
    assert_eq!(alice.focused().as_deref(), Some("identifier"));
    alice
        .fill(&[("identifier", "alice@example.com"), ("password", PASSWORD)])
        .await;
    assert_eq!(alice.path, "/account");
    assert!(alice.text().contains("alice@example.com"));

    // A cookie with a name, and no token anywhere.
    assert!(alice.browser.jar[SESSION].starts_with("csi1_"));
    assert_eq!(alice.browser.jar.len(), 2, "and the mark of the device");

    alice.open("/login").await;
    assert_eq!(alice.heading(), "You are signed in");
    assert!(alice.text().contains("alice@example.com"));
    alice.press("/logout", &[]).await;
    assert_eq!(alice.path, "/login?done=signed_out");
    assert!(alice.text().contains("You are signed out."));
    assert!(!alice.browser.jar.contains_key(SESSION));
    alice.open("/account").await;
    assert_eq!(alice.path, "/login");
}

#[tokio::test]
async fn the_answer_to_a_sign_in_is_a_redirect_that_nobody_keeps() {
    let server = server().await;
    server.register("alice@example.com").await;
    let mut alice = Person::new(&server);
    let request = Request::post("/login")
        .form(&[("identifier", "alice@example.com"), ("password", PASSWORD)]);
    let answer = alice.browser.send(request).await.expect(303);
    assert_eq!(answer.header("location"), Some("/account"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.body.is_empty());
    for cookie in answer.headers("set-cookie") {
        assert!(cookie.contains("HttpOnly"), "{cookie}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_place() {
    let server = server().await;
    server.register("alice@example.com").await;
    let mut alice = Person::new(&server);

    alice.open("/login").await;
    alice.fill(&[("identifier", ""), ("password", "")]).await;
    assert_eq!(alice.page.status, 422);
    assert_eq!(
        alice.message_at("identifier").as_deref(),
        Some("Fill this in.")
    );
    assert_eq!(
        alice.message_at("password").as_deref(),
        Some("Fill this in.")
    );
    assert_eq!(alice.focused().as_deref(), Some("identifier"));

    alice
        .fill(&[("identifier", "alice@example.com"), ("password", "")])
        .await;
    assert_eq!(alice.message_at("identifier"), None);
    assert_eq!(alice.focused().as_deref(), Some("password"));
    assert_eq!(alice.value_of("identifier"), "alice@example.com");

    let wrong = "not the one of alice";
    alice
        .fill(&[("identifier", "alice@example.com"), ("password", wrong)])
        .await;
    assert_eq!(alice.page.status, 422);
    let told = alice.alert().unwrap();
    assert!(
        told.contains("Wrong email, username or password."),
        "{told}"
    );
    assert_eq!(alice.focused().as_deref(), Some("password"));
    assert_eq!(alice.value_of("identifier"), "alice@example.com");
    assert!(
        !alice.page.text().contains(wrong),
        "a password never comes back"
    );

    // An unknown name is told the same, letter by letter.
    let known = alice.page.text();
    alice
        .fill(&[("identifier", "bob@example.com"), ("password", wrong)])
        .await;
    let unknown = alice.page.text();
    assert_eq!(unknown.replace("bob@", "alice@"), known);
    assert_eq!(server.audited("sign_in_failed"), 2);
}

#[tokio::test]
async fn a_disabled_account_is_told_so_with_its_password_alone() {
    let server = server().await;
    server.register("alice@example.com").await;
    let user = server.user("alice@example.com").await;
    let operator = Visitor::operator();
    server
        .auth
        .set_user_enabled(user.id, false, &operator)
        .await
        .unwrap();
    let mut alice = Person::new(&server);
    alice.sign_in("alice@example.com", PASSWORD).await;
    assert_eq!(alice.page.status, 403);
    assert!(alice.alert().unwrap().contains("disabled"));
    alice.sign_in("alice@example.com", "another password").await;
    assert!(alice.alert().unwrap().contains("Wrong email"));
}

#[tokio::test]
async fn the_page_is_limited_together_with_the_call() {
    let options = Options {
        settings: Box::new(|settings| settings.limits = LimitSettings::default()),
        ..Options::default()
    };
    let server = Server::with(options).await;
    server.register("alice@example.com").await;
    let mut mallory = Person::new(&server);
    let mut attempts = 0;
    while mallory.page.status != 429 {
        mallory
            .sign_in("alice@example.com", "guessed and guessed")
            .await;
        attempts += 1;
        assert!(attempts < 50, "{}", mallory.page.everything());
    }
    let seconds: u64 = mallory.page.header("retry-after").unwrap().parse().unwrap();
    let told = mallory.alert().unwrap();
    assert!(
        told.starts_with("Too many attempts. Try again in "),
        "{told}"
    );
    assert!(
        told.contains(&seconds.to_string()) || seconds > 90 || seconds == 1,
        "{told}"
    );
    // The call counts the same attempts.
    let mut browser = mallory.browser.clone();
    browser
        .sign_in_with("alice@example.com", "guessed and guessed")
        .await
        .refused(429, "too_many_requests");
    server.advance(Duration::from_secs(seconds));
    mallory.sign_in("alice@example.com", PASSWORD).await;
    assert_eq!(mallory.path, "/account");
}

#[tokio::test]
async fn an_application_gets_its_cookie_and_its_state_back() {
    let server = server().await;
    server.register("alice@example.com").await;
    for state in [
        "abc",
        "a b+c&d=e%20/?#\u{fc}\u{1f511}",
        "\"><script>alert(1)</script>",
    ] {
        let mut alice = Person::new(&server);
        alice.open(&to_shop(state)).await;
        assert!(alice.text().contains("to continue to The Shop"));
        // A mistake on the way loses nothing.
        alice
            .fill(&[
                ("identifier", "alice@example.com"),
                ("password", "wrong one"),
            ])
            .await;
        assert_eq!(alice.page.status, 422);
        alice
            .fill(&[("identifier", "alice@example.com"), ("password", PASSWORD)])
            .await;
        let (address, carried) = alice.path.split_once("?state=").unwrap();
        assert_eq!(address, BACK);
        assert_eq!(decoded(carried), state);
        let names: Vec<_> = alice.browser.jar.keys().collect();
        let own = ["countersign-account.device", SESSION];
        assert_eq!(names, [own[0], own[1], "countersign-shop"]);
    }
    // As the call would have set it: it renews.
    let mut browser = crate::actors::Browser::of_client(&server, "shop");
    let mut alice = Person::new(&server);
    alice.open(&to_shop("x")).await;
    alice
        .fill(&[("identifier", "alice@example.com"), ("password", PASSWORD)])
        .await;
    browser.jar.clone_from(&alice.browser.jar);
    server.rest();
    browser.refresh().await.expect(200);
}

#[tokio::test]
async fn an_address_with_a_query_keeps_it() {
    let server = server().await;
    let back = "https://shop.example.com/?from=login";
    shop(&server, |client| {
        client.redirect_uris = vec![back.to_owned()];
    })
    .await;
    server.register("alice@example.com").await;
    let mut alice = Person::new(&server);
    // The only address on the list need not be said.
    alice.open("/login?client_id=shop&state=s").await;
    alice
        .fill(&[("identifier", "alice@example.com"), ("password", PASSWORD)])
        .await;
    assert_eq!(alice.path, "https://shop.example.com/?from=login&state=s");
}

#[tokio::test]
async fn a_name_that_was_there_before_names_nothing_afterwards() {
    let server = server().await;
    let mallory = Person::signed_in(&server, "mallory@example.com").await;
    let planted = mallory.browser.jar[SESSION].clone();

    server.register("alice@example.com").await;
    let mut alice = Person::new(&server);
    alice
        .browser
        .jar
        .insert(SESSION.to_owned(), planted.clone());
    // Whoever is signed in already is asked to leave first; a form sent all the same begins anew.
    alice
        .send(
            "/login",
            &[("identifier", "alice@example.com"), ("password", PASSWORD)],
        )
        .await;
    assert_eq!(alice.path, "/account");
    assert!(alice.text().contains("alice@example.com"));
    assert_ne!(alice.browser.jar[SESSION], planted);

    let mut thief = Person::new(&server);
    thief.browser.jar.insert(SESSION.to_owned(), planted);
    thief.open("/account").await;
    assert_eq!(thief.path, "/login");
}

/// Another application, and the sign-in page for it.
async fn forum(server: &Server, change: impl FnOnce(&mut Client)) -> &'static str {
    server
        .put_client("forum", ClientKind::Browser, |client| {
            client.redirect_uris = vec!["https://forum.example.com/in".to_owned()];
            change(client);
        })
        .await;
    "/login?client_id=forum&state=s"
}

#[tokio::test]
async fn who_is_signed_in_goes_on_to_another_application_without_a_password() {
    let server = server().await;
    let to_forum = forum(&server, |_| {}).await;
    server.register("alice@example.com").await;
    let mut alice = Person::new(&server);
    alice.open(&to_shop("s")).await;
    alice
        .fill(&[("identifier", "alice@example.com"), ("password", PASSWORD)])
        .await;

    alice.open(to_forum).await;
    assert_eq!(alice.heading(), "Continue to forum");
    assert!(alice.text().contains("Continue as alice@example.com"));
    assert!(
        !alice.browser.jar.contains_key("countersign-forum"),
        "looking changes nothing"
    );
    alice.go_on().await;
    assert_eq!(alice.path, "https://forum.example.com/in?state=s");
    assert!(alice.browser.jar.contains_key("countersign-forum"));

    // One session, of all three; and it ends for all of them.
    assert_eq!(server.count("sessions"), 1);
    alice.open("/account/sessions").await;
    assert!(alice.text().contains("The Shop") && alice.text().contains("forum"));
    let mut at_forum = crate::actors::Browser::of_client(&server, "forum");
    at_forum.jar.clone_from(&alice.browser.jar);
    server.rest();
    at_forum.refresh().await.expect(200);
    alice.open("/logout").await;
    alice.fill(&[]).await;
    server.rest();
    at_forum.refresh().await.expect(401);
}

#[tokio::test]
async fn who_is_somebody_else_signs_out_first_and_loses_no_state() {
    let server = server().await;
    let to_forum = forum(&server, |_| {}).await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    alice.open(to_forum).await;
    alice.press("/logout", &[]).await;
    assert_eq!(alice.path, format!("{to_forum}&done=signed_out"));
    server.register("bob@example.com").await;
    alice
        .fill(&[("identifier", "bob@example.com"), ("password", PASSWORD)])
        .await;
    assert_eq!(alice.path, "https://forum.example.com/in?state=s");
}

#[tokio::test]
async fn an_application_of_other_terms_asks_for_the_password_and_has_a_session_of_its_own() {
    let server = server().await;
    let day = Duration::from_hours(24);
    let changes: [fn(&mut Client); 2] = [
        |client| client.absolute_ttl = Duration::from_hours(14 * 24),
        |client| client.style = Style::Stateless,
    ];
    server.register("alice@example.com").await;
    for change in changes {
        let to_forum = forum(&server, |_| {}).await;
        let mut alice = Person::new(&server);
        alice.sign_in("alice@example.com", PASSWORD).await;
        let name = alice.browser.jar[SESSION].clone();
        alice.open(to_forum).await;
        let shown = alice.shown_session();
        forum(&server, change).await;
        alice.open(to_forum).await;
        assert!(
            alice
                .text()
                .contains("You are signed in as alice@example.com.")
        );
        assert_eq!(alice.value_of("identifier"), "alice@example.com");
        assert_eq!(alice.focused().as_deref(), Some("password"));
        // A form that goes on all the same is answered by that page.
        alice.send(to_forum, &[("continue", &shown)]).await;
        assert_eq!(alice.page.status, 422);
        assert!(!alice.browser.jar.contains_key("countersign-forum"));
        alice
            .fill(&[("identifier", "alice@example.com"), ("password", PASSWORD)])
            .await;
        assert_eq!(alice.path, "https://forum.example.com/in?state=s");
        assert!(alice.browser.jar.contains_key("countersign-forum"));
        assert_eq!(alice.browser.jar[SESSION], name, "the pages' own goes on");
        server.advance(day);
    }
}

#[tokio::test]
async fn who_goes_on_is_whom_the_page_showed() {
    let server = server().await;
    let to_forum = forum(&server, |_| {}).await;
    server.register("bob@example.com").await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    alice.open(to_forum).await;
    let shown = alice.shown_session();
    // Meanwhile, in another tab, somebody else signs in.
    let mut tab = Person::new(&server);
    tab.sign_in("bob@example.com", PASSWORD).await;
    alice.browser.jar.clone_from(&tab.browser.jar);
    for shown in [&shown, "yes"] {
        alice.send(to_forum, &[("continue", shown)]).await;
        assert_eq!(alice.path, to_forum);
        assert!(alice.text().contains("Continue as bob@example.com"));
        assert!(!alice.browser.jar.contains_key("countersign-forum"));
    }
    alice.go_on().await;
    assert_eq!(alice.path, "https://forum.example.com/in?state=s");
}

#[tokio::test]
async fn an_application_that_joins_leaves_no_earlier_session_of_its_own_behind() {
    let server = server().await;
    let to_forum = forum(&server, |client| client.style = Style::Session).await;
    server.register("alice@example.com").await;
    let mut at_forum = crate::actors::Browser::of_client(&server, "forum");
    at_forum.sign_in("alice@example.com").await.expect(200);
    let mut elsewhere = at_forum.clone();
    elsewhere.jar.clear();
    elsewhere.sign_in("alice@example.com").await.expect(200);
    let mut alice = Person::new(&server);
    alice.browser.jar.clone_from(&at_forum.jar);
    alice.sign_in("alice@example.com", PASSWORD).await;
    assert_eq!(server.count("sessions"), 3);

    // What the browser had of it has ended: only another browser's goes on. And to join once more ends nothing, soon after
    // (when the name of before is still good) or later.
    for _ in 0..2 {
        alice.open(to_forum).await;
        alice.go_on().await;
        alice.open(to_forum).await;
        alice.go_on().await;
        assert_eq!(alice.path, "https://forum.example.com/in?state=s");
        alice.open("/account/sessions").await;
        assert_eq!(alice.text().matches("From local address").count(), 2);
        server.rest();
    }
    let session = Request::get("/v1/session?client_id=forum");
    at_forum.send(session.clone()).await.expect(401);
    elsewhere.send(session.clone()).await.expect(200);
    alice.browser.send(session).await.expect(200);
}

#[tokio::test]
async fn nobody_goes_on_without_a_session() {
    let server = server().await;
    let to_forum = forum(&server, |_| {}).await;
    let mut nobody = Person::new(&server);
    nobody.send(to_forum, &[("continue", "yes")]).await;
    assert_eq!(nobody.path, to_forum);
    assert_eq!(nobody.heading(), "Sign in");
    assert!(nobody.browser.jar.is_empty());
}

/// What an application reads in its query.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}
