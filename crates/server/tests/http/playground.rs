//! The playground: there for whoever tries the server out, and of power over the demo user alone.

use std::collections::BTreeSet;

use countersign_auth::model::client::ClientKind;
use countersign_auth::password::Password;
use countersign_auth::register::NewAccount;
use countersign_auth::visitor::Visitor;
use serde_json::{Map, Value, json};

use base64_simd::URL_SAFE_NO_PAD;

use crate::actors::Browser;
use crate::server::{Options, PASSWORD, Server};
use crate::support::client::{Answer, Request};

const DEMO: &str = "demo@example.com";
const DEEDS: [&str; 3] = ["revoke", "disable", "enable"];
/// On the list of the demo app's origins, as the page of some front-end tool is.
const LISTED: &str = "http://localhost:5173";

/// A server as a first start leaves it.
async fn trial() -> Server {
    let mut options = Options::default();
    options.http.playground = true;
    let server = Server::with(options).await;
    server
        .put_client("demo-app", ClientKind::Browser, |client| {
            client.origins = vec![LISTED.to_owned()];
        })
        .await;
    let mark = Map::from_iter([("demo".to_owned(), Value::Bool(true))]);
    add(&server, DEMO, mark).await;
    server
}

async fn add(server: &Server, email: &str, attributes: Map<String, Value>) {
    let account = NewAccount {
        email: email.to_owned(),
        password: Some(Password::new(PASSWORD.to_owned())),
        name: None,
        username: None,
        roles: Vec::new(),
        attributes,
    };
    let added = server.auth.add_user(account, &Visitor::operator()).await;
    added.unwrap();
}

async fn demo(server: &Server) -> Browser<'_> {
    let mut browser = Browser::of_client(server, "demo-app");
    browser.sign_in(DEMO).await.expect(200);
    browser
}

async fn lamp(server: &Server, token: &str) -> Answer {
    let request = Request::get("/playground/lamp").bearer(token);
    server.send(request).await
}

/// Which check refused, and why.
#[track_caller]
fn dark(answer: Answer) -> (String, String) {
    let told = answer.expect(401).json();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    (text("check"), text("code"))
}

/// What a button does.
fn deed(name: &str, token: &str) -> Request {
    Request::post(&format!("/playground/{name}"))
        .bearer(token)
        .header("Sec-Fetch-Site", "same-origin")
}

#[tokio::test]
async fn it_is_nowhere_but_where_somebody_tries_the_server_out() {
    let server = Server::start().await;
    add(
        &server,
        DEMO,
        Map::from_iter([("demo".to_owned(), Value::Bool(true))]),
    )
    .await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    for path in ["", "/main.js", "/style.css", "/lamp"] {
        let request = Request::get(&format!("/playground{path}"));
        let answer = server.send(request.bearer(&alice.access_token)).await;
        answer.refused(404, "not_found");
    }
    for name in DEEDS {
        let answer = server.send(deed(name, &alice.access_token)).await;
        answer.refused(404, "not_found");
    }
    assert!(server.user(DEMO).await.enabled);
}

#[tokio::test]
async fn the_page_and_its_files_come_from_here_and_nothing_is_inline() {
    let server = trial().await;
    let page = server.send(Request::get("/playground")).await.expect(200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = page.text();
    let tags = html.split('<').skip(1);
    let tags = tags.filter_map(|tag| tag.split('>').next());
    let is_inline = |tag: &&str| {
        let mut words = tag.split_whitespace();
        *tag == "script"
            || tag.starts_with("style")
            || tag.contains("javascript:")
            || words.any(|word| {
                word.starts_with("style=") || word.starts_with("on") && word.contains('=')
            })
    };
    let inline: Vec<&str> = tags.filter(is_inline).collect();
    assert_eq!(inline, [""; 0]);
    assert!(!html.contains("{{"), "a place that was not filled");

    let named = |text: &str, before: &str| -> Vec<String> {
        let rest = text.split(before).skip(1);
        rest.map(|rest| rest.split(['"', '\'']).next().unwrap().to_owned())
            .collect()
    };
    let mut wanted = [
        named(&html, "href=\"/playground/"),
        named(&html, "src=\"/playground/"),
    ]
    .concat();
    let mut files = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        let answer = server
            .send(Request::get(&format!("/playground/{name}")))
            .await
            .expect(200);
        let kind = match name.rsplit('.').next() {
            Some("js") => "text/javascript",
            Some("css") => "text/css",
            _ => "image/svg+xml",
        };
        assert!(answer.header("content-type").unwrap().starts_with(kind));
        if files.insert(name) {
            // What it imports.
            wanted.extend(named(&answer.text(), "'./"));
        }
    }
    assert_eq!(files.len(), 9, "{files:?}");
    let other = server.send(Request::get("/playground/index.html")).await;
    other.refused(404, "not_found");
}

#[tokio::test]
async fn the_code_to_copy_is_that_of_the_tested_examples() {
    let server = trial().await;
    let html = server.send(Request::get("/playground")).await.text();
    let html = html
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
        .replace(&server.issuer, "http://localhost:8080")
        .replace(
            &format!("http://{}", server.address),
            "http://127.0.0.1:8080",
        );
    let nginx = include_str!("../../../../docs/forward-auth.md");
    let (_, nginx) = nginx.split_once("```nginx\n").unwrap();
    let (nginx, _) = nginx.split_once("\n```").unwrap();
    for (what, text) in [
        (
            "express",
            include_str!("../../../../examples/verifiers/express-jose.mjs"),
        ),
        (
            "flask",
            include_str!("../../../../examples/verifiers/flask-pyjwt.py"),
        ),
        ("nginx", nginx),
    ] {
        assert!(html.contains(text.trim()), "{what}");
    }
    for line in include_str!("../../../guard/src/protect.md")
        .lines()
        .filter(|line| line.starts_with("let app") || line.starts_with("use "))
    {
        assert!(html.contains(line), "{line}");
    }
}

#[tokio::test]
async fn the_lamp_says_which_check_refused() {
    let server = trial().await;
    let demo = demo(&server).await;
    let good = demo.access_token.as_str();
    let shines = lamp(&server, good).await.expect(200).json();
    assert_eq!(shines["sub"], json!(server.user(DEMO).await.id));

    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{good}")
    };
    let changed = |part: &str, name: &str, value: Value| {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
        let mut object: Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
        object.insert(name.to_owned(), value);
        URL_SAFE_NO_PAD.encode_to_string(serde_json::to_vec(&object).unwrap())
    };
    let none = changed(header, "alg", json!("none"));
    let hmac = changed(header, "alg", json!("HS256"));
    let typ = changed(header, "typ", json!("JWT"));
    let kid = changed(header, "kid", json!("mine"));
    let sub = changed(payload, "sub", json!("somebody else"));
    for (token, check, code) in [
        (format!("{header}.{payload}"), "form", "token_not_compact"),
        (
            format!("{none}.{payload}."),
            "header",
            "token_algorithm_unknown",
        ),
        (
            format!("{typ}.{payload}.{signature}"),
            "header",
            "token_type",
        ),
        (
            format!("{kid}.{payload}.{signature}"),
            "key",
            "token_key_unknown",
        ),
        (
            format!("{hmac}.{payload}.{signature}"),
            "key",
            "token_algorithm_wrong",
        ),
        (
            format!("{header}.{sub}.{signature}"),
            "signature",
            "token_signature",
        ),
    ] {
        let refused = dark(lamp(&server, &token).await);
        assert_eq!(refused, (check.to_owned(), code.to_owned()), "{token}");
    }
    server
        .send(Request::get("/playground/lamp"))
        .await
        .refused(401, "missing_token");

    // A token of the same key, for somebody else.
    server
        .put_client("shop", ClientKind::Browser, |client| {
            client.audience = Some("https://shop.example.com".to_owned());
        })
        .await;
    let mut shop = Browser::of_client(&server, "shop");
    shop.sign_in(DEMO).await.expect(200);
    let refused = dark(lamp(&server, &shop.access_token).await);
    assert_eq!(refused.0, "claims");

    server.advance(std::time::Duration::from_hours(1));
    let refused = dark(lamp(&server, good).await);
    assert_eq!(refused, ("time".to_owned(), "token_expired".to_owned()));
}

#[tokio::test]
async fn what_is_revoked_is_refused_at_once_and_its_cookie_is_of_no_use() {
    let server = trial().await;
    let mut demo = demo(&server).await;
    server
        .send(deed("revoke", &demo.access_token))
        .await
        .expect(204);
    let refused = dark(lamp(&server, &demo.access_token).await);
    assert_eq!(
        refused,
        ("revocations".to_owned(), "session_revoked".to_owned())
    );
    demo.refresh().await.expect(401);
    // Again: whoever has nothing that is good can revoke nothing.
    let again = server.send(deed("revoke", &demo.access_token)).await;
    again.refused(401, "token_revoked");
    demo.sign_in(DEMO).await.expect(200);
    lamp(&server, &demo.access_token).await.expect(200);
}

#[tokio::test]
async fn who_is_disabled_is_refused_until_enabled_and_signed_in_anew() {
    let server = trial().await;
    let mut demo = demo(&server).await;
    let before = demo.access_token.clone();
    server.send(deed("disable", "")).await.expect(204);
    let refused = dark(lamp(&server, &before).await);
    assert_eq!(
        refused,
        ("revocations".to_owned(), "subject_revoked".to_owned())
    );
    demo.sign_in(DEMO).await.refused(403, "account_disabled");

    server.send(deed("enable", "")).await.expect(204);
    demo.sign_in(DEMO).await.expect(200);
    lamp(&server, &demo.access_token).await.expect(200);
    dark(lamp(&server, &before).await);
}

#[tokio::test]
async fn the_playgrounds_deeds_are_for_its_own_page() {
    let server = trial().await;
    let demo = demo(&server).await;
    let own = server.issuer.clone();
    for name in DEEDS {
        for (headers, code) in [
            (&[][..], "cross_site"),
            (&[("Sec-Fetch-Site", "none")], "cross_site"),
            (&[("Sec-Fetch-Site", "cross-site")], "cross_site"),
            (&[("Sec-Fetch-Site", "same-site")], "cross_site"),
            (&[("Origin", LISTED)], "cross_site"),
            (
                &[("Origin", LISTED), ("Sec-Fetch-Site", "same-site")],
                "cross_site",
            ),
            (&[("Origin", "null")], "cross_site"),
            (&[("Origin", "https://evil.example")], "cross_site"),
            // Through a proxy that says nothing of itself: the browser knows of another origin than the server.
            (
                &[
                    ("Origin", "https://demo.example.com"),
                    ("Sec-Fetch-Site", "same-origin"),
                ],
                "cross_site",
            ),
            // A page of somebody who lets their name stand for this machine.
            (
                &[("Sec-Fetch-Site", "same-origin"), ("Host", "evil.example")],
                "wrong_host",
            ),
        ] {
            let request = Request::post(&format!("/playground/{name}")).bearer(&demo.access_token);
            let request = headers.iter().fold(request, |request, (name, value)| {
                request.header(name, value)
            });
            let answer = server.send(request).await;
            assert_eq!(
                answer.code(),
                code,
                "{name} {headers:?}: {}",
                answer.everything()
            );
        }
        // A link, an image, a form of no method but this.
        let get =
            Request::get(&format!("/playground/{name}")).header("Sec-Fetch-Site", "same-origin");
        let answer = server.send(get).await;
        assert!([404, 405].contains(&answer.status), "{}", answer.status);
    }
    lamp(&server, &demo.access_token).await.expect(200);
    assert!(server.user(DEMO).await.enabled);

    let request = Request::post("/playground/disable").header("Origin", &own);
    server.send(request).await.expect(204);
    assert!(!server.user(DEMO).await.enabled);
}

/// A proxy on the same machine leads strangers here, and to the listener they come from loopback.
#[tokio::test]
async fn what_came_through_a_proxy_is_refused() {
    let server = trial().await;
    let demo = demo(&server).await;
    let paths = ["", "/main.js", "/lamp"].map(|path| ("GET", path.to_owned()));
    let deeds = DEEDS.map(|name| ("POST", format!("/{name}")));
    for (method, path) in paths.into_iter().chain(deeds) {
        for (name, value) in [
            ("Forwarded", "for=203.0.113.9"),
            ("X-Forwarded-For", "203.0.113.9"),
            ("X-Forwarded-Proto", "https"),
            ("X-Real-IP", "203.0.113.9"),
            ("Via", "1.1 proxy"),
        ] {
            let request = Request::new(method, &format!("/playground{path}"))
                .bearer(&demo.access_token)
                .header("Sec-Fetch-Site", "same-origin")
                .header(name, value);
            server.send(request).await.refused(403, "proxied");
        }
    }
    lamp(&server, &demo.access_token).await.expect(200);
    assert!(server.user(DEMO).await.enabled);

    // Who looks is told where to go.
    let page = Request::get("/playground")
        .header("Accept", "text/html")
        .header("X-Forwarded-For", "203.0.113.9");
    let page = server.send(page).await.expect(403).text();
    assert!(page.contains("you came through a proxy"), "{page}");
}

#[tokio::test]
async fn its_accents_are_those_of_the_pages_and_of_the_example() {
    let server = trial().await;
    let page = server.send(Request::get("/login")).await.text();
    let (_, sheet) = page.split_once("<link rel=\"stylesheet\" href=\"").unwrap();
    let sheet = sheet.split('"').next().unwrap();
    let theirs = server.send(Request::get(sheet)).await.text();
    let ours = Request::get("/playground/style.css");
    let ours = server.send(ours).await.text();
    let accents = |sheet: &str| -> Vec<String> {
        let rest = sheet.split("--accent:").skip(1);
        rest.map(|rest| rest.trim_start()[..7].to_owned()).collect()
    };
    assert_eq!(accents(&ours), accents(&theirs));
    assert_eq!(accents(&ours).len(), 2);
    let example = include_str!("../../../../examples/orders/page/shop.css");
    assert_eq!(accents(example), accents(&theirs));
}

#[tokio::test]
async fn nobody_but_the_demo_user_is_concerned() {
    let server = trial().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let answer = server.send(deed("revoke", &alice.access_token)).await;
    answer.refused(404, "not_found");
    server
        .send(deed("disable", &alice.access_token))
        .await
        .expect(204);
    assert!(alice.is_welcome().await);
    assert!(server.user("alice@example.com").await.enabled);

    // Somebody who registered with the address is no demo user.
    let id = server.user(DEMO).await.id;
    server
        .auth
        .delete_user(id, &Visitor::operator())
        .await
        .unwrap();
    let mut other = Browser::signed_in(&server, DEMO).await;
    for name in DEEDS {
        let answer = server.send(deed(name, &other.access_token)).await;
        answer.refused(404, "not_found");
    }
    assert!(other.is_welcome().await);
}
