//! Whatever people call themselves, or put into an address: it is text, and nothing on a page runs but its own script.

use super::person::{Person, unescaped};
use super::{BACK, server, shop};
use crate::server::PASSWORD;
use crate::support::client::encoded;

const SCRIPT: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7777777 }}{% raw %}&lt;";

/// Every page that somebody signed in can see, and every one before that.
const PAGES: [&str; 12] = [
    "/login",
    "/login?client_id=shop",
    "/register",
    "/password/forgotten",
    "/logout",
    "/account",
    "/account/password",
    "/account/sessions",
    "/account/activity",
    "/nowhere",
    "//elsewhere.example/login",
    "/\\elsewhere.example/login",
];

/// That a page has nothing in it that runs or loads but what is the server's own.
fn is_clean(html: &str) {
    assert!(
        !html.contains("54444439"),
        "a template in a text was filled in: {html}"
    );
    let scripts: Vec<_> = tags(html).filter(|tag| tag.name == "script").collect();
    let [script] = scripts.as_slice() else {
        panic!("{scripts:?}: {html}")
    };
    assert!(script.values[0].starts_with("/assets/pages."), "{script:?}");
    for tag in tags(html) {
        assert!(
            !["style", "iframe", "base", "object", "embed", "template"].contains(&&*tag.name),
            "{tag:?}"
        );
        for (name, value) in tag.names.iter().zip(&tag.values) {
            assert!(
                !name.starts_with("on") && name != "style" && name != "http-equiv",
                "{tag:?}"
            );
            if ["href", "src", "action", "formaction"].contains(&name.as_str()) {
                let own =
                    value.starts_with('/') && !value.starts_with("//") && !value.starts_with("/\\")
                        || value.starts_with('#');
                assert!(own, "{tag:?}");
            }
        }
    }
}

#[derive(Debug)]
struct Tag {
    name: String,
    /// Of its attributes that have a value.
    names: Vec<String>,
    values: Vec<String>,
}

/// The tags of a page, as a browser reads them: what stands between quotation marks is no mark.
fn tags(html: &str) -> impl Iterator<Item = Tag> {
    html.split('<').skip(1).map(|text| {
        let mut tag = Tag {
            name: String::new(),
            names: Vec::new(),
            values: Vec::new(),
        };
        let mut word = String::new();
        let mut quoted = false;
        for c in text.chars() {
            match c {
                '"' if quoted => {
                    tag.values.push(unescaped(&std::mem::take(&mut word)));
                    quoted = false;
                }
                '"' => {
                    let name = word.strip_suffix('=').expect("an attribute's value");
                    tag.names.push(name.to_lowercase());
                    word.clear();
                    quoted = true;
                }
                _ if quoted => word.push(c),
                '>' | ' ' | '\n' => {
                    assert!(
                        !word.contains('='),
                        "a value without quotation marks: {text}"
                    );
                    if tag.name.is_empty() {
                        tag.name = word.to_lowercase();
                    }
                    word.clear();
                    if c == '>' {
                        break;
                    }
                }
                _ => word.push(c),
            }
        }
        tag
    })
}

#[tokio::test]
async fn names_are_text_on_every_page() {
    let server = server().await;
    shop(&server, |client| client.name = SCRIPT.to_owned()).await;
    let mut mallory = Person::signed_in(&server, "mallory@example.com").await;
    mallory.fill(&[("name", SCRIPT), ("username", "")]).await;
    assert_eq!(mallory.value_of("name"), SCRIPT);
    mallory
        .browser
        .send(
            crate::support::client::Request::post("/v1/login")
                .header("User-Agent", SCRIPT)
                .json(&serde_json::json!({
                    "email": "mallory@example.com", "password": PASSWORD, "client_id": "shop",
                })),
        )
        .await
        .expect(200);
    for page in PAGES {
        mallory.open(page).await;
        is_clean(&mallory.page.text());
    }
    mallory.open("/account/sessions").await;
    assert!(mallory.text().contains("alert(1)"), "it is shown, as text");
}

#[tokio::test]
async fn what_an_address_says_is_text_on_every_page() {
    let server = server().await;
    let mut person = Person::new(&server);
    let hostile = encoded(SCRIPT);
    for path in [
        "/login",
        "/register",
        "/password/forgotten",
        "/account",
        "/nowhere",
    ] {
        for query in [
            format!("client_id={hostile}"),
            format!(
                "client_id=shop&redirect_uri={}&state={hostile}",
                encoded(BACK)
            ),
            format!("client_id=shop&redirect_uri={hostile}"),
            format!("ui_locales={hostile}"),
            format!("done={hostile}"),
            "done=title".to_owned(),
            format!("{hostile}={hostile}"),
        ] {
            person.open(&format!("{path}?{query}")).await;
            is_clean(&person.page.text());
        }
    }
    person.open(&format!("/{hostile}")).await;
    is_clean(&person.page.text());
    person.open("/login").await;
    person
        .fill(&[("identifier", SCRIPT), ("password", SCRIPT)])
        .await;
    assert_eq!(person.value_of("identifier"), SCRIPT);
    is_clean(&person.page.text());
    person.open("/register").await;
    person
        .fill(&[("name", SCRIPT), ("email", SCRIPT), ("password", SCRIPT)])
        .await;
    is_clean(&person.page.text());
}

#[tokio::test]
async fn every_page_bears_the_policy() {
    let server = server().await;
    let mut alice = Person::new(&server);
    for signed_in in [false, true] {
        if signed_in {
            server.register("alice@example.com").await;
            alice.sign_in("alice@example.com", PASSWORD).await;
        }
        for page in PAGES {
            alice.open(page).await;
            let leads = if page.contains("client_id") {
                " https://shop.example.com"
            } else {
                ""
            };
            assert_eq!(
                alice.page.header("content-security-policy").unwrap(),
                format!(
                    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'{leads}; \
                     base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
                ),
                "{page}"
            );
            for (name, value) in [
                ("content-type", "text/html; charset=utf-8"),
                ("cache-control", "no-store"),
                ("referrer-policy", "same-origin"),
                ("x-content-type-options", "nosniff"),
                ("cross-origin-opener-policy", "same-origin"),
            ] {
                assert_eq!(alice.page.header(name), Some(value), "{page}");
            }
        }
    }
}
