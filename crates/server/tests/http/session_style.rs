//! The style `session`: a browser that holds a session's name in a cookie, and no token.

use std::collections::BTreeMap;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_auth::admin::users::AccountChange;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind, Style};
use countersign_auth::visitor::Visitor;
use serde_json::{Value, json};

use crate::actors::Browser;
use crate::server::{APP_ORIGIN, Options, PASSWORD, Server, in_front_of};
use crate::support::all::all;
use crate::support::client::Request;

const COOKIE: &str = "countersign-shop.session";
const BEHIND: &str = "https://behind.example.com";
const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// A server with the client `shop`, whose sessions may rest for sixteen hours and last for four days.
async fn server() -> Server {
    let server = Server::with(in_front_of(BEHIND)).await;
    shop(&server, |_| {}).await;
    server
}

async fn shop(server: &Server, change: impl FnOnce(&mut Client)) {
    server
        .put_client("shop", ClientKind::Browser, |client| {
            client.style = Style::Session;
            client.claims = [("roles".to_owned(), ClaimSource::Roles)].into();
            client.idle_ttl = 16 * HOUR;
            client.absolute_ttl = 96 * HOUR;
            change(client);
        })
        .await;
}

async fn alice(server: &Server) -> Browser<'_> {
    server.register("alice@example.com").await;
    let mut alice = Browser::of_client(server, "shop");
    alice.sign_in("alice@example.com").await.expect(200);
    alice
}

fn who() -> Request {
    Request::get("/v1/session?client_id=shop")
}

fn me() -> Request {
    Request::get("/v1/me?client_id=shop")
}

fn forward_auth(method: &str) -> Request {
    Request::get("/v1/forward-auth").header("X-Forwarded-Method", method)
}

/// Whether it is a session, wherever one is asked for: by its page, for its account, and by a proxy. All must agree.
async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    let jar = browser.jar.clone();
    let asks = [who(), me(), forward_auth("GET")];
    let mut welcome = Vec::new();
    for ask in asks {
        browser.jar.clone_from(&jar);
        let status = browser.send(ask).await.status;
        assert!(matches!(status, 200 | 401), "{status}");
        welcome.push(status == 200);
    }
    assert!(
        welcome.iter().all(|each| *each == welcome[0]),
        "{welcome:?}"
    );
    welcome[0]
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap()).unwrap()
}

fn name(browser: &Browser<'_>) -> String {
    browser.jar[COOKIE].clone()
}

/// Whoever holds this name.
fn holding<'s>(server: &'s Server, name: &str) -> Browser<'s> {
    let mut browser = Browser::of_client(server, "shop");
    browser.jar = BTreeMap::from([(COOKIE.to_owned(), name.to_owned())]);
    browser
}

#[tokio::test]
async fn a_browser_holds_a_name_and_nothing_else() {
    let server = server().await;
    server.register("alice@example.com").await;
    let mut alice = Browser::of_client(&server, "shop");
    let answer = alice.sign_in("alice@example.com").await.expect(200);
    let body = answer.json();
    let fields: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["session_expires_in", "user"]);
    assert_eq!(body["session_expires_in"], 96 * 3600);
    let cookie = answer
        .headers("set-cookie")
        .into_iter()
        .find(|cookie| cookie.starts_with(COOKIE))
        .unwrap();
    let attributes = cookie.split_once(';').unwrap().1;
    assert_eq!(
        attributes,
        " Path=/; Max-Age=345600; HttpOnly; SameSite=Lax"
    );
    let name = name(&alice);
    assert!(name.starts_with("csi1_") && name.len() == 37, "{name}");
    assert_eq!(alice.jar.len(), 2, "and the mark of the device");

    // It is nobody's to read: neither as it is nor in parts.
    let random = URL_SAFE_NO_PAD.decode_to_vec(&name[5..]).unwrap();
    let dump = server.dump();
    assert!(!dump.contains(&name));
    assert!(!dump.contains(&format!("{:?}", &random[8..]).replace(['[', ']'], "")));

    // Who is signed in, and how.
    let user = server.user("alice@example.com").await;
    let told = alice.send(who()).await.expect(200).json();
    assert_eq!(told["user"]["id"], user.id.to_string());
    assert_eq!(told["user"]["email"], "alice@example.com");
    let session = &told["session"];
    let began = session["auth_time"].as_u64().unwrap();
    assert_eq!(session["idle_end"], began + 16 * 3600);
    assert_eq!(session["absolute_end"], began + 96 * 3600);
    assert_eq!(session["amr"], json!(["pwd"]));
    // The account API takes it for a token.
    let list = alice
        .send(Request::get("/v1/me/sessions?client_id=shop"))
        .await;
    let list = list.expect(200).json();
    assert_eq!(list["sessions"][0]["id"], session["id"]);
    assert_eq!(list["sessions"][0]["current"], true);

    // A proxy learns the same, and gets a token for the services behind.
    let passed = alice.send(forward_auth("GET")).await.expect(200);
    assert_eq!(passed.header("x-auth-subject"), Some(&*user.id.to_string()));
    assert_eq!(passed.header("x-auth-client"), Some("shop"));
    assert_eq!(passed.header("x-auth-session"), session["id"].as_str());
    let inner = passed.header("x-auth-token").unwrap();
    assert!(server.auth.check_for(BEHIND, inner).is_ok());
    let (inner, now) = (claims(inner), server.auth.env().now().unix().as_secs());
    assert_eq!(inner["exp"], now + 60);
    assert_eq!(inner["sid"], session["id"]);

    // There is nothing to renew.
    alice.refresh().await.refused(400, "not_renewable");
}

#[tokio::test]
async fn over_https_the_cookie_is_the_hosts_alone() {
    let server = Server::with(Options {
        issuer: Some("https://auth.example.com".to_owned()),
        ..Options::default()
    })
    .await;
    shop(&server, |_| {}).await;
    server.register("alice@example.com").await;
    let answer = Browser::of_client(&server, "shop")
        .sign_in("alice@example.com")
        .await
        .expect(200);
    let named = "__Host-countersign-shop.session=";
    let cookie = answer
        .headers("set-cookie")
        .into_iter()
        .find(|set| set.starts_with(named));
    let cookie = cookie.unwrap();
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    assert!(
        cookie.contains("; Path=/; ") && !cookie.contains("Domain"),
        "{cookie}"
    );
    // The name without the prefix means nothing there.
    let planted = cookie.replace("__Host-", "");
    let planted = who()
        .header("Sec-Fetch-Site", "same-origin")
        .header("Cookie", planted.split(';').next().unwrap());
    server.send(planted).await.refused(401, "no_session");
}

#[tokio::test]
async fn it_lives_on_by_use_until_its_absolute_end() {
    let server = server().await;
    let mut alice = alice(&server).await;
    // Whatever is used: its page, its account, or a proxy.
    for turn in 0..6 {
        server.advance(15 * HOUR);
        let ask = [who(), me(), forward_auth("GET")][turn % 3].clone();
        alice.send(ask).await.expect(200);
    }
    server.advance((6 * HOUR).saturating_sub(SECOND));
    assert!(is_signed_in(&mut alice).await);
    server.advance(SECOND);
    assert!(!is_signed_in(&mut alice).await);
    alice.jar.insert(COOKIE.to_owned(), name(&alice));
    let refused = alice.send(who()).await.refused(401, "session_expired");
    assert_eq!(refused.headers("set-cookie").len(), 1, "the cookie goes");
    assert!(!alice.jar.contains_key(COOKIE));
    alice.send(who()).await.refused(401, "no_session");
}

#[tokio::test]
async fn it_ends_when_it_rests() {
    let server = server().await;
    let mut alice = alice(&server).await;
    server.advance((16 * HOUR).saturating_sub(SECOND));
    let name = name(&alice);
    let mut other = Browser::of_client(&server, "shop");
    other.sign_in("alice@example.com").await.expect(200);
    server.advance(SECOND);
    assert!(!is_signed_in(&mut alice).await);
    assert!(is_signed_in(&mut other).await);
    holding(&server, &name)
        .send(forward_auth("GET"))
        .await
        .refused(401, "session_expired");
    // Steady use from memory moves the end as well: every five minutes for a day, and then no more.
    for _ in 0..24 * 12 {
        server.advance(Duration::from_mins(5));
        other.send(forward_auth("GET")).await.expect(200);
    }
    server.advance((15 * HOUR).saturating_sub(SECOND));
    let mut thief = holding(&server, &self::name(&other));
    thief.send(who()).await.expect(200);
    server.advance(16 * HOUR);
    assert!(!is_signed_in(&mut other).await);

    // Where the idle time is so short that it moves while a node would still remember, it moves all the same.
    let minute = Duration::from_mins(1);
    shop(&server, |client| client.idle_ttl = 10 * minute).await;
    other.sign_in("alice@example.com").await.expect(200);
    other.send(who()).await.expect(200);
    for wait in [3, 9] {
        server.advance(wait * minute);
        server.auth.hear_revocations().await.unwrap();
        other.send(who()).await.expect(200);
    }
    server.advance(10 * minute);
    other.send(who()).await.refused(401, "session_expired");
}

/// Nobody can plant a session in somebody else's browser and find its owner in it.
#[tokio::test]
async fn sign_in_changes_the_name() {
    let server = server().await;
    let mut mallory = alice(&server).await;
    let planted = name(&mallory);
    server.register("victim@example.com").await;
    let mut victim = holding(&server, &planted);
    victim.sign_in("victim@example.com").await.expect(200);
    assert_ne!(name(&victim), planted);
    let told = victim.send(who()).await.expect(200).json();
    assert_eq!(told["user"]["email"], "victim@example.com");
    // What was planted is over, for the one who planted it, too.
    assert!(!is_signed_in(&mut mallory).await);
    assert!(!is_signed_in(&mut holding(&server, &planted)).await);

    // A name that the server never made is not taken up, before or after.
    let made_up = format!("{}{}", &planted[..16], "A".repeat(21));
    let mut bob = holding(&server, &made_up);
    bob.send(who()).await.refused(401, "no_session");
    bob.sign_in("victim@example.com").await.expect(200);
    assert_ne!(name(&bob), made_up);
    holding(&server, &made_up)
        .send(who())
        .await
        .refused(401, "no_session");
    // One who cannot sign in ends nobody's session.
    let mut guess = holding(&server, &name(&bob));
    guess
        .sign_in_with("victim@example.com", "a wrong guess")
        .await
        .refused(401, "invalid_credentials");
    assert!(is_signed_in(&mut bob).await);
}

#[tokio::test]
async fn signing_out_ends_row_cookie_and_what_was_made_from_it() {
    let server = server().await;
    let mut alice = alice(&server).await;
    let stolen = name(&alice);
    let mut thief = holding(&server, &stolen);
    // A stolen name is as good as its owner's…
    assert!(is_signed_in(&mut thief).await);
    let passed = alice.send(forward_auth("GET")).await.expect(200);
    let inner = passed.header("x-auth-token").unwrap().to_owned();
    assert_eq!(server.count("sessions"), 1);
    let log = server.count("revocations");
    let out = Request::post("/v1/logout").json(&json!({ "client_id": "shop" }));
    alice.send(out.clone()).await.expect(204);
    assert!(!alice.jar.contains_key(COOKIE));
    assert_eq!((server.count("sessions"), server.count("grants")), (0, 0));
    assert_eq!(server.count("revocations"), log + 1);
    // …and ends with it, in memory as well.
    assert!(!is_signed_in(&mut thief).await);
    assert!(server.auth.check_for(BEHIND, &inner).is_err());
    // Whoever signs out again is signed out.
    thief.jar.insert(COOKIE.to_owned(), stolen);
    thief.send(out).await.expect(204);
    assert_eq!(server.count("revocations"), log + 1);
}

#[tokio::test]
async fn whatever_takes_sessions_back_takes_it_back() {
    let server = server().await;
    let mut alice = alice(&server).await;
    let user = server.user("alice@example.com").await;
    let operator = Visitor::operator();
    let shop_id = "shop".parse().unwrap();
    for turn in 0..6 {
        alice.sign_in("alice@example.com").await.expect(200);
        let mut elsewhere = Browser::of_client(&server, "shop");
        elsewhere.sign_in("alice@example.com").await.expect(200);
        assert!(is_signed_in(&mut alice).await && is_signed_in(&mut elsewhere).await);
        match turn {
            0 => drop(
                server
                    .auth
                    .set_user_enabled(user.id, false, &operator)
                    .await
                    .unwrap(),
            ),
            1 => drop(
                server
                    .auth
                    .cut_off_client(&shop_id, &operator)
                    .await
                    .unwrap(),
            ),
            2 => drop(
                server
                    .auth
                    .set_client_enabled(&shop_id, false, &operator)
                    .await
                    .unwrap(),
            ),
            3 => server.auth.end_everything(&operator).await.unwrap(),
            4 => {
                let all = Request::post("/v1/logout-all?client_id=shop");
                alice.send(all).await.expect(204);
                assert!(!alice.jar.contains_key(COOKIE));
            }
            _ => drop(server.auth.delete_user(user.id, &operator).await.unwrap()),
        }
        assert!(!is_signed_in(&mut alice).await, "{turn}");
        assert!(!is_signed_in(&mut elsewhere).await, "{turn}");
        if turn == 0 {
            let refused = alice.sign_in("alice@example.com").await;
            refused.refused(403, "account_disabled");
            server
                .auth
                .set_user_enabled(user.id, true, &operator)
                .await
                .unwrap();
        }
        if turn == 2 {
            server
                .auth
                .set_client_enabled(&shop_id, true, &operator)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_change_of_password_changes_the_name() {
    let server = server().await;
    let mut alice = alice(&server).await;
    let mut elsewhere = Browser::of_client(&server, "shop");
    elsewhere.sign_in("alice@example.com").await.expect(200);
    let old = name(&alice);
    let form = json!({ "current_password": PASSWORD, "new_password": "a quite new password" });
    let change = Request::post("/v1/me/password?client_id=shop").json(&form);
    let changed = alice.send(change).await.expect(200).json();
    assert!(changed.get("access_token").is_none());
    assert_ne!(name(&alice), old);
    assert!(is_signed_in(&mut alice).await);
    assert!(!is_signed_in(&mut elsewhere).await);
    // The old name says that it was replaced; and takes nobody's cookie away, which may be the new one by now.
    let late = holding(&server, &old).send(who()).await;
    let late = late.refused(401, "session_superseded");
    assert_eq!(late.headers("set-cookie").len(), 0);
    assert!(!is_signed_in(&mut holding(&server, &old)).await);
}

/// However long its client's tokens live.
#[tokio::test]
async fn the_store_is_asked_again_within_minutes() {
    let server = server().await;
    shop(&server, |client| {
        client.access_ttl = 10 * HOUR;
    })
    .await;
    let mut alice = alice(&server).await;
    assert!(is_signed_in(&mut alice).await);
    server.damage("UPDATE users SET name = 'Unheard of'");
    for (minutes, name) in [(3, None), (1, Some("Unheard of"))] {
        server.advance(Duration::from_mins(minutes));
        server.auth.hear_revocations().await.unwrap();
        let told = alice.send(who()).await.expect(200).json();
        assert_eq!(told["user"]["name"].as_str(), name);
    }
}

/// The store is asked now and then; and what was changed through it is seen at once.
#[tokio::test]
async fn most_uses_touch_no_database() {
    let server = server().await;
    let mut alice = alice(&server).await;
    assert!(is_signed_in(&mut alice).await);
    // Behind the server's back: what it remembers is good until it asks again.
    server.damage("UPDATE users SET name = 'Unheard of'");
    let told = alice.send(who()).await.expect(200).json();
    assert_eq!(told["user"].get("name"), None);
    server.advance(Duration::from_mins(4));
    server.auth.hear_revocations().await.unwrap();
    let told = alice.send(who()).await.expect(200).json();
    assert_eq!(told["user"]["name"], "Unheard of");

    // With its knowledge: at once, for each way to ask.
    let user = server.user("alice@example.com").await;
    let change = AccountChange {
        roles: Some(vec!["staff".to_owned()]),
        ..AccountChange::default()
    };
    let passed = alice.send(forward_auth("GET")).await.expect(200);
    assert_eq!(passed.header("x-auth-roles"), Some(""));
    let operator = Visitor::operator();
    server
        .auth
        .change_user(user.id, change, &operator)
        .await
        .unwrap();
    let passed = alice.send(forward_auth("GET")).await.expect(200);
    assert_eq!(passed.header("x-auth-roles"), Some("staff"));
    // So is what its client is.
    shop(&server, |client| client.claims = BTreeMap::new()).await;
    let passed = alice.send(forward_auth("GET")).await.expect(200);
    assert_eq!(passed.header("x-auth-roles"), Some(""));

    // The store is gone: memory goes on for as long as a guard would, and is no reason to say no.
    let mut nobody = holding(&server, &name(&alice).replace("csi1_", "csi1_A"));
    let mut stranger = Browser::of_client(&server, "shop");
    stranger.sign_in("alice@example.com").await.expect(200);
    server.lose_store().await;
    server.advance(Duration::from_mins(1));
    alice.send(forward_auth("GET")).await.expect(200);
    stranger
        .send(forward_auth("GET"))
        .await
        .refused(503, "unavailable");
    nobody
        .send(forward_auth("GET"))
        .await
        .refused(401, "no_session");
    server.advance(SECOND);
    alice
        .send(forward_auth("GET"))
        .await
        .refused(503, "unavailable");
}

#[tokio::test]
async fn a_hundred_uses_at_once_and_a_lost_answer() {
    let server = server().await;
    server.register("alice@example.com").await;
    // The answer to a sign-in is lost: whoever asks again is signed in.
    Browser::of_client(&server, "shop")
        .sign_in("alice@example.com")
        .await
        .expect(200);
    let mut alice = Browser::of_client(&server, "shop");
    alice.sign_in("alice@example.com").await.expect(200);
    for _ in 0..3 {
        server.advance(8 * HOUR);
        let uses = (0..100).map(|number| {
            let mut tab = alice.clone();
            let ask = [who(), me(), forward_auth("GET")][number % 3].clone();
            async move { tab.send(ask).await.status }
        });
        for status in all(uses).await {
            assert_eq!(status, 200);
        }
    }
    assert!(is_signed_in(&mut alice).await);
}

/// The cookie comes along whoever made the page.
#[tokio::test]
async fn a_foreign_page_cannot_use_the_cookie() {
    let server = server().await;
    shop(&server, |client| {
        client.origins = vec![APP_ORIGIN.to_owned()];
    })
    .await;
    server
        .put_client("other", ClientKind::Browser, |client| {
            client.origins = vec!["https://other.example.com".to_owned()];
        })
        .await;
    let alice = alice(&server).await;
    let cookie = format!("{COOKIE}={}", name(&alice));
    let bears = |request: Request, page: &[(&str, &str)]| {
        let request = request.header("Cookie", &cookie);
        page.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        })
    };
    let own: &[(&str, &str)] = &[("Sec-Fetch-Site", "same-origin")];
    let listed: &[(&str, &str)] = &[("Origin", APP_ORIGIN), ("Sec-Fetch-Site", "same-site")];
    let foreign: &[(&str, &str)] = &[("Origin", "https://elsewhere.example")];
    let neighbour: &[(&str, &str)] = &[
        ("Origin", "https://other.example.com"),
        ("Sec-Fetch-Site", "same-site"),
    ];
    let unsaid: &[(&str, &str)] = &[];
    let name_change = Request::new("PATCH", "/v1/me?client_id=shop").json(&json!({ "name": "M" }));
    let logout = Request::post("/v1/logout").json(&json!({ "client_id": "shop" }));
    let logout_all = Request::post("/v1/logout-all?client_id=shop");
    let end_others = Request::new("DELETE", "/v1/me/sessions?client_id=shop");
    let password = Request::post("/v1/me/password?client_id=shop")
        .json(&json!({ "current_password": PASSWORD, "new_password": "a quite new password" }));
    let unsafe_ones = [
        &name_change,
        &logout,
        &logout_all,
        &end_others,
        &password,
        &forward_auth("POST"),
    ];
    for request in unsafe_ones {
        for page in [foreign, neighbour, unsaid] {
            let refused = server.send(bears(request.clone(), page)).await;
            refused.refused(403, "cross_site");
        }
    }
    // Nor may the page of another application read who is signed in to this one.
    for request in [who(), me()] {
        for page in [foreign, neighbour] {
            let refused = server.send(bears(request.clone(), page)).await;
            refused.refused(403, "cross_site");
        }
        for page in [own, listed, unsaid] {
            server.send(bears(request.clone(), page)).await.expect(200);
        }
    }
    let read = server.send(bears(who(), listed)).await.expect(200);
    assert_eq!(read.header("access-control-allow-origin"), Some(APP_ORIGIN));
    assert_eq!(
        read.header("access-control-allow-credentials"),
        Some("true")
    );
    // Through a proxy a link passes, but no GET that opens a WebSocket, over whichever HTTP, and none of a foreign page.
    let sockets = [
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-Fetch-Mode", "websocket"),
    ];
    let sockets = sockets.map(|(name, value)| forward_auth("GET").header(name, value));
    let links: [&[(&str, &str)]; 2] = [unsaid, &[("Sec-Fetch-Site", "cross-site")]];
    for page in links {
        server
            .send(bears(forward_auth("GET"), page))
            .await
            .expect(200);
    }
    for page in [foreign, neighbour] {
        let refused = server.send(bears(forward_auth("GET"), page)).await;
        refused.refused(403, "cross_site");
    }
    for socket in &sockets {
        for page in [foreign, neighbour, unsaid] {
            let refused = server.send(bears(socket.clone(), page)).await;
            refused.refused(403, "cross_site");
        }
    }
    for page in [own, listed] {
        for socket in &sockets {
            server.send(bears(socket.clone(), page)).await.expect(200);
        }
        server
            .send(bears(forward_auth("POST"), page))
            .await
            .expect(200);
        server
            .send(bears(name_change.clone(), page))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn one_session_and_for_this_audience() {
    let server = server().await;
    let mut alice = alice(&server).await;
    server
        .put_client("office", ClientKind::Browser, |client| {
            client.style = Style::Session;
            client.audience = Some("https://office.example.com".to_owned());
        })
        .await;
    let mut office = Browser::of_client(&server, "office");
    office.sign_in("alice@example.com").await.expect(200);
    // For another audience it is a session all the same, but nothing to the account API, or to this proxy.
    let office_who = Request::get("/v1/session?client_id=office");
    office.send(office_who.clone()).await.expect(200);
    let refused = office.send(Request::get("/v1/me?client_id=office")).await;
    refused.refused(401, "token_invalid");
    office
        .send(forward_auth("GET"))
        .await
        .refused(401, "missing_token");
    // Each page uses its own; and at the proxy the one counts that is for its audience.
    let mut both = alice.clone();
    both.jar.extend(office.jar.clone());
    both.send(who()).await.expect(200);
    both.send(office_who).await.expect(200);
    let passed = both.send(forward_auth("GET")).await.expect(200);
    assert_eq!(passed.header("x-auth-client"), Some("shop"));
    // Of two for one audience it cannot tell which counts.
    server
        .put_client("garden", ClientKind::Browser, |client| {
            client.style = Style::Session;
        })
        .await;
    let mut garden = Browser::of_client(&server, "garden");
    garden.sign_in("alice@example.com").await.expect(200);
    garden.jar.extend(alice.jar.clone());
    garden
        .send(forward_auth("GET"))
        .await
        .refused(403, "several_tokens");
    let twice = Request::get("/v1/session?client_id=shop&client_id=office");
    both.send(twice).await.refused(400, "duplicate_field");
    both.send(Request::get("/v1/session?client_id=none"))
        .await
        .refused(400, "unknown_client");
    // The default client has tokens, and no sessions by name.
    both.send(Request::get("/v1/session"))
        .await
        .refused(401, "no_session");
    both.send(Request::get("/v1/me"))
        .await
        .refused(401, "missing_token");
    // One of two cookies was planted.
    let name = name(&alice);
    let twice = who()
        .header("Sec-Fetch-Site", "same-origin")
        .header("Cookie", &format!("{COOKIE}={name}; {COOKIE}={name}"));
    server
        .send(twice)
        .await
        .refused(400, "duplicate_credentials");
    let bearer = forward_auth("GET").bearer("x");
    alice.send(bearer).await.refused(403, "several_tokens");

    // A client that changes its style leaves its sessions behind.
    shop(&server, |client| client.style = Style::Rotating).await;
    alice.send(who()).await.refused(401, "no_session");
    alice
        .send(forward_auth("GET"))
        .await
        .refused(401, "missing_token");
}

#[tokio::test]
async fn what_is_no_name_is_nobodys() {
    let server = server().await;
    let mut alice = alice(&server).await;
    let good = name(&alice);
    let refresh = {
        let mut other = Browser::new(&server);
        other.sign_in("alice@example.com").await.expect(200);
        other.refresh_token().unwrap().to_owned()
    };
    // A refresh token shows its bearer the grant's handle; that is no session's name.
    let raw = URL_SAFE_NO_PAD.decode_to_vec(&refresh[5..]).unwrap();
    let of_handle = format!("csi1_{}", URL_SAFE_NO_PAD.encode_to_string(&raw[4..28]));
    for bad in [
        "x",
        "csi1_",
        &good[..36],
        &format!("{good}A"),
        &format!("{good}="),
        &good.replace("csi1_", "csr1_"),
        &good.to_uppercase(),
        &refresh,
        &of_handle,
        &"csi1_".repeat(2000)[..9000],
    ] {
        let mut nobody = holding(&server, bad);
        nobody.send(who()).await.refused(401, "no_session");
        nobody
            .send(forward_auth("GET"))
            .await
            .refused(401, "no_session");
    }
    assert!(is_signed_in(&mut alice).await);
}
