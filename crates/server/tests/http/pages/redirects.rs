//! Nobody is sent anywhere but to an address on a client's list.

use countersign_auth::clients::ClientError;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::visitor::Visitor;

use super::person::{Person, unescaped};
use super::{BACK, server, shop};
use crate::actors::Service;
use crate::server::PASSWORD;
use crate::support::client::{Request, encoded};

/// Whether the sign-in page refuses this query, whatever is done with it; and sends nobody anywhere.
async fn is_refused(person: &mut Person<'_>, query: &str) {
    for path in ["/login", "/register"] {
        let address = format!("{path}?{query}");
        person.open(&address).await;
        assert_eq!(
            person.page.status,
            400,
            "{address}: {}",
            person.page.everything()
        );
        assert_eq!(person.heading(), "This link does not work", "{address}");
        assert_eq!(person.page.header("location"), None);
        let fields = [
            ("identifier", "alice@example.com"),
            ("email", "new@example.com"),
            ("password", PASSWORD),
        ];
        person.send(&address, &fields).await;
        assert_eq!(
            person.page.status,
            400,
            "{address}: {}",
            person.page.everything()
        );
        assert_eq!(person.page.header("location"), None);
        assert_eq!(person.page.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn an_address_that_is_not_on_the_list_letter_by_letter_is_refused() {
    let server = server().await;
    server.register("alice@example.com").await;
    let mut alice = Person::new(&server);
    for uri in [
        "https://evil.example/",
        "https://shop.example.com/",
        "https://shop.example.com/signed-in/",
        "https://shop.example.com/signed-in?x=y",
        "https://shop.example.com/signed-in#x",
        "https://shop.example.com/signed-in%00",
        "https://shop.example.com/signed-in/../signed-in",
        "https://shop.example.com/Signed-in",
        "https://SHOP.example.com/signed-in",
        "HTTPS://shop.example.com/signed-in",
        "http://shop.example.com/signed-in",
        "https://shop.example.com:443/signed-in",
        "https://shop.example.com.evil.example/signed-in",
        "https://evil.example/https://shop.example.com/signed-in",
        "https://shop.example.com@evil.example/signed-in",
        "https://shop.example.com\\@evil.example/signed-in",
        "//shop.example.com/signed-in",
        "/signed-in",
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        " https://shop.example.com/signed-in",
        "https://shop.example.com/signed-in\r\nSet-Cookie: a=b",
    ] {
        is_refused(
            &mut alice,
            &format!("client_id=shop&redirect_uri={}", encoded(uri)),
        )
        .await;
        assert!(!alice.text().contains("evil"), "nothing of it is repeated");
    }
    assert_eq!(server.audited("signed_in"), 0);
    assert_eq!(server.audited("user_registered"), 1, "alice, before");
}

#[tokio::test]
async fn a_query_that_is_wrong_is_refused() {
    let server = server().await;
    server.put_client("phone", ClientKind::Native, |_| {}).await;
    Service::registered(&server, "robot", |_| {}).await;
    server
        .put_client("two", ClientKind::Browser, |client| {
            client.redirect_uris = [BACK, "https://two.example.com/"].map(str::to_owned).into();
        })
        .await;
    let mut alice = Person::new(&server);
    let back = encoded(BACK);
    for query in [
        format!("client_id=nobody&redirect_uri={back}"),
        format!("client_id=default&redirect_uri={back}"),
        format!("redirect_uri={back}"),
        format!("client_id=account&redirect_uri={back}"),
        format!("client_id=SHOP&redirect_uri={back}"),
        "client_id=default".to_owned(),
        "client_id=two&state=s".to_owned(),
        format!(
            "client_id=shop&redirect_uri={back}&state={}",
            "x".repeat(2049)
        ),
    ] {
        is_refused(&mut alice, &query).await;
    }
    for (id, status) in [("phone", 403), ("robot", 403)] {
        alice.open(&format!("/login?client_id={id}")).await;
        assert_eq!(alice.page.status, status);
        assert_eq!(alice.heading(), "This link does not work");
    }
    alice.open("/login?client_id=shop&state=%zz").await;
    assert_eq!(alice.page.status, 400);
    shop(&server, |client| client.enabled = false).await;
    alice.open("/login?client_id=shop").await;
    assert_eq!(alice.page.status, 403);

    // What is nobody's is passed over; an empty parameter is none (RFC 6749 §3.1).
    alice
        .open("/login?utm=1&utm=2&client_id=&state=&x=%zz")
        .await;
    assert_eq!(alice.page.status, 200);
}

#[tokio::test]
async fn what_is_said_twice_is_refused_by_its_name() {
    let server = server().await;
    let mut alice = Person::new(&server);
    for name in ["client_id", "redirect_uri", "state", "ui_locales"] {
        let query = format!("client_id=shop&state=a&{name}=a&{name}=b");
        is_refused(&mut alice, &query).await;
        let told = format!("the query names {name} more than once");
        assert!(alice.text().contains(&told), "{}", alice.text());
        let document = server.send(Request::get(&format!("/login?{query}"))).await;
        document.refused(400, "duplicate_field");
    }
}

#[tokio::test]
async fn a_state_is_carried_up_to_its_bound() {
    let server = server().await;
    server.register("alice@example.com").await;
    let state = "x".repeat(2048);
    let mut alice = Person::new(&server);
    alice
        .open(&format!("/login?client_id=shop&state={state}"))
        .await;
    // By way of the other pages.
    let register = format!("/register?client_id=shop&state={state}");
    assert!(unescaped(&alice.page.text()).contains(&register));
    alice
        .fill(&[("identifier", "alice@example.com"), ("password", PASSWORD)])
        .await;
    assert_eq!(alice.path, format!("{BACK}?state={state}"));
}

#[tokio::test]
async fn the_list_holds_nothing_that_nobody_should_be_sent_to() {
    let server = server().await;
    let put = async |kind, uri: &str| {
        let now = server.auth.env().now();
        let mut client = Client::new("new".parse().unwrap(), kind, now);
        client.redirect_uris = vec![uri.to_owned()];
        server.auth.put_client(client, &Visitor::operator()).await
    };
    for uri in [
        "javascript:alert(1)",
        "http://shop.example.com/",
        "https://shop.example.com/#x",
        "*",
    ] {
        for kind in [ClientKind::Browser, ClientKind::Native] {
            let refused = put(kind, uri).await.unwrap_err();
            assert!(
                matches!(refused, ClientError::Redirect { .. }),
                "{uri}: {refused}"
            );
        }
    }
    let refused = put(ClientKind::Service, BACK).await.unwrap_err();
    assert!(matches!(refused, ClientError::Kind(_)), "{refused}");
    let native = put(ClientKind::Native, "com.example.app:/signed-in").await;
    assert_eq!(
        native.unwrap().redirect_uris,
        ["com.example.app:/signed-in"]
    );
}
