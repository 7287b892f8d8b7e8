//! The style `gateway`: sessions on the application's own host, and what the proxy in front of it is told.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_auth::admin::users::AccountChange;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind, Style};
use countersign_auth::visitor::Visitor;
use serde_json::{Value, json};

use crate::actors::Browser;
use crate::server::{Options, PASSWORD, Server, in_front_of};
use crate::support::client::Request;

const ALICE: &str = "alice@example.com";
const COOKIE: &str = "countersign-shop.session";
const SHOP: &str = "https://shop.example.com";
const OFFICE: &str = "https://office.example.com";
const HOUR: Duration = Duration::from_hours(1);

/// Two applications of this style; the host and the audience of each are one.
async fn with(options: Options) -> Server {
    let server = Server::with(options).await;
    for (id, host) in [("shop", SHOP), ("office", OFFICE)] {
        put(&server, id, host, |_| {}).await;
    }
    server.register(ALICE).await;
    server
}

async fn server() -> Server {
    with(in_front_of("https://behind.example.com")).await
}

async fn put(server: &Server, id: &str, host: &str, change: impl FnOnce(&mut Client)) {
    server
        .put_client(id, ClientKind::Browser, |client| {
            client.style = Style::Gateway;
            client.audience = Some(host.to_owned());
            client.origins = vec![host.to_owned()];
            client.claims = [("roles".to_owned(), ClaimSource::Roles)].into();
            client.idle_ttl = 16 * HOUR;
            client.absolute_ttl = 96 * HOUR;
            change(client);
        })
        .await;
}

async fn alice<'s>(server: &'s Server, client: &'static str) -> Browser<'s> {
    let mut alice = Browser::of_client(server, client);
    alice.sign_in(ALICE).await.expect(200);
    alice
}

/// What the proxy in front of this application asks about a request of this method.
fn passes(client: &str, method: &str) -> Request {
    Request::get(&format!("/gateway/{client}")).header("X-Forwarded-Method", method)
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    let status = browser.send(passes("shop", "GET")).await.status;
    assert!(matches!(status, 200 | 401), "{status}");
    status == 200
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn the_application_learns_who_it_is_and_gets_a_token_of_its_own() {
    let server = server().await;
    let mut alice = alice(&server, "shop").await;
    let user = server.user(ALICE).await;
    let change = AccountChange {
        roles: Some(vec!["staff".to_owned()]),
        ..AccountChange::default()
    };
    let operator = Visitor::operator();
    let changed = server.auth.change_user(user.id, change, &operator).await;
    changed.unwrap();
    let passed = alice.send(passes("shop", "GET")).await.expect(200);
    assert!(passed.body.is_empty() && passed.header("set-cookie").is_none());
    assert_eq!(passed.header("cache-control"), Some("no-store"));
    let inner = passed.header("x-auth-token").unwrap().to_owned();
    let told = claims(&inner);
    for (header, claim) in [
        ("subject", "sub"),
        ("client", "client_id"),
        ("session", "sid"),
    ] {
        let header = passed.header(&format!("x-auth-{header}")).unwrap();
        assert_eq!(told[claim], header, "{claim}");
    }
    assert_eq!(told["sub"], user.id.to_string());
    assert_eq!(told["roles"], json!(["staff"]), "as they are today");
    assert_eq!(passed.header("x-auth-roles"), Some("staff"));
    assert_eq!(passed.header("x-auth-account"), Some(""));
    let now = server.auth.env().now().unix().as_secs();
    assert_eq!(
        (&told["aud"], &told["exp"]),
        (&json!(SHOP), &json!(now + 60))
    );

    // That token is good for its service, and here for nothing: not even for another of its kind.
    assert!(server.auth.check_for(SHOP, &inner).is_ok());
    for (ask, code) in [
        (Request::get("/v1/me"), "token_invalid"),
        (Request::get("/v1/forward-auth"), "token_invalid"),
        (passes("shop", "GET"), "no_session"),
    ] {
        let refused = server.send(ask.bearer(&inner)).await;
        refused.refused(401, code);
    }

    // Under whatever path, method and name a proxy asks; a path need not even be text.
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/orders?x=y"),
        ("HEAD", "/%ff"),
        ("POST", "/"),
    ] {
        let asked = Request::new(method, &format!("/gateway/shop{path}"))
            .header("Host", "shop.example.com")
            .header("X-Forwarded-Method", method);
        alice.send(asked).await.expect(200);
    }

    // The session ends, and the token with it.
    let out = Request::post("/v1/logout").json(&json!({ "client_id": "shop" }));
    alice.send(out).await.expect(204);
    assert!(server.auth.check_for(SHOP, &inner).is_err());
    assert!(!is_signed_in(&mut alice).await);
}

/// What people do with their account, they do on the application's own host.
#[tokio::test]
async fn its_pages_serve_the_account() {
    let server = server().await;
    let mut alice = alice(&server, "shop").await;
    let mut elsewhere = self::alice(&server, "shop").await;
    for path in ["/v1/session", "/v1/me", "/v1/me/sessions"] {
        let asked = Request::get(&format!("{path}?client_id=shop"));
        alice.send(asked).await.expect(200);
    }
    alice.refresh().await.refused(400, "not_renewable");
    let stolen = alice.clone();
    let form = json!({ "current_password": PASSWORD, "new_password": "a quite new password" });
    let change = Request::post("/v1/me/password?client_id=shop").json(&form);
    alice.send(change).await.expect(200);
    assert!(is_signed_in(&mut alice).await);
    let refused = stolen.clone().send(passes("shop", "GET")).await;
    refused.refused(401, "session_superseded");
    assert!(!is_signed_in(&mut elsewhere).await);
    let everywhere = Request::post("/v1/logout-all?client_id=shop");
    alice.send(everywhere).await.expect(204);
    assert!(!alice.jar.contains_key(COOKIE));
}

#[tokio::test]
async fn a_session_is_of_one_application() {
    let server = server().await;
    server
        .put_client("plain", ClientKind::Browser, |client| {
            client.style = Style::Session;
        })
        .await;
    let mut jar = alice(&server, "shop").await;
    let mut office = alice(&server, "office").await;
    let plain = alice(&server, "plain").await;
    // One host, three of them: each address takes its own, and forward-auth the one that has no address of its own.
    jar.jar.extend(office.jar.clone());
    jar.jar.extend(plain.jar.clone());
    for (ask, client, audience) in [
        (passes("shop", "GET"), "shop", SHOP),
        (passes("office", "GET"), "office", OFFICE),
        (
            Request::get("/v1/forward-auth").header("X-Forwarded-Method", "GET"),
            "plain",
            "https://behind.example.com",
        ),
    ] {
        let passed = jar.send(ask).await.expect(200);
        assert_eq!(passed.header("x-auth-client"), Some(client));
        assert_eq!(
            claims(passed.header("x-auth-token").unwrap())["aud"],
            audience
        );
    }
    // One alone is of no use at another's, under its own name or the other's.
    let refused = office.send(passes("shop", "GET")).await;
    refused.refused(401, "no_session");
    let name = office.jar["countersign-office.session"].clone();
    office.jar.insert(COOKIE.to_owned(), name);
    let refused = office.send(passes("shop", "GET")).await;
    refused.refused(401, "no_session");
    let forward_auth = Request::get("/v1/forward-auth").header("X-Forwarded-Method", "GET");
    let refused = office.send(forward_auth).await;
    refused.refused(401, "missing_token");
    // Nor where forward-auth is for the very audience.
    let mut options = Options::default();
    options.http.forward_auth.audience = Some(SHOP.to_owned());
    let of_shop = with(options).await;
    let mut shop = alice(&of_shop, "shop").await;
    let forward_auth = Request::get("/v1/forward-auth").header("X-Forwarded-Method", "GET");
    let refused = shop.send(forward_auth).await;
    refused.refused(401, "missing_token");
    // Which application it is, the address alone says.
    for id in ["none", "plain", "default", "shop%2f", "sh%6fp"] {
        let asked = passes(id, "GET").header("Cookie", "countersign-plain.session=x");
        server.send(asked).await.refused(400, "unknown_client");
    }
    let tricked = Request::get("/gateway/shop/../office?client_id=office&id=office")
        .header("X-Forwarded-Method", "GET")
        .header("X-Auth-Client", "office");
    let passed = jar.send(tricked).await.expect(200);
    assert_eq!(passed.header("x-auth-client"), Some("shop"));
}

#[tokio::test]
async fn one_session_and_no_token_beside_it() {
    let server = server().await;
    let alice = alice(&server, "shop").await;
    let name = &alice.jar[COOKIE];
    let bearing = |cookies: &str| passes("shop", "GET").header("Cookie", cookies);
    let good = format!("a=b; {COOKIE}={name}; c=\"d\"");
    server.send(bearing(&good)).await.expect(200);
    for twice in [
        format!("{COOKIE}={name}; {COOKIE}={name}"),
        format!("{COOKIE}=x; {COOKIE}={name}"),
    ] {
        let refused = server.send(bearing(&twice)).await;
        refused.refused(403, "several_tokens");
    }
    let other = Browser::signed_in(&server, "bob@example.com").await;
    for line in [
        "Bearer x",
        "Basic eDp5",
        &format!("Bearer {}", other.access_token),
    ] {
        let refused = server
            .send(bearing(&good).header("Authorization", line))
            .await;
        refused.refused(403, "several_tokens");
        let alone = passes("shop", "GET").header("Authorization", line);
        server.send(alone).await.refused(401, "no_session");
    }
    for nothing in [
        format!("{COOKIE}="),
        format!("X{COOKIE}={name}"),
        "a".to_owned(),
    ] {
        server
            .send(bearing(&nothing))
            .await
            .refused(401, "no_session");
    }
}

/// The cookie comes along whoever made the page.
#[tokio::test]
async fn a_foreign_page_cannot_use_the_cookie() {
    let server = server().await;
    let alice = alice(&server, "shop").await;
    let cookie = format!("{COOKIE}={}", alice.jar[COOKIE]);
    let bears = |request: Request, page: &[(&str, &str)]| {
        let request = request.header("Cookie", &cookie);
        page.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        })
    };
    let own: &[(&str, &str)] = &[("Sec-Fetch-Site", "same-origin")];
    let listed: &[(&str, &str)] = &[("Origin", SHOP)];
    let foreign: &[(&str, &str)] = &[("Origin", "https://elsewhere.example")];
    // A sibling, though it is another application of this server.
    let sibling: &[(&str, &str)] = &[("Origin", OFFICE), ("Sec-Fetch-Site", "same-site")];
    let hidden: &[(&str, &str)] = &[("Sec-Fetch-Site", "same-site")];
    let link: &[(&str, &str)] = &[("Sec-Fetch-Site", "cross-site")];
    let unsaid: &[(&str, &str)] = &[];
    let sockets = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-Fetch-Mode", "websocket"),
    ];
    let sockets = sockets.map(|(name, value)| passes("shop", "GET").header(name, value));
    let says_nothing = Request::get("/gateway/shop");
    let kept = Request::post("/gateway/shop/orders").header("X-Forwarded-Method", "GET");
    let unsafe_ones = [
        passes("shop", "POST"),
        passes("shop", "CONNECT"),
        says_nothing,
        kept,
    ];
    for request in unsafe_ones.iter().chain(&sockets) {
        for page in [foreign, sibling, hidden, unsaid] {
            let refused = server.send(bears(request.clone(), page)).await;
            refused.refused(403, "cross_site");
        }
        for page in [own, listed] {
            server.send(bears(request.clone(), page)).await.expect(200);
        }
    }
    for page in [own, listed, hidden, link, unsaid] {
        let asked = bears(passes("shop", "GET"), page);
        server.send(asked).await.expect(200);
    }
    for page in [foreign, sibling] {
        let asked = bears(passes("shop", "GET"), page);
        server.send(asked).await.refused(403, "cross_site");
    }
}

#[tokio::test]
async fn whatever_takes_sessions_back_takes_it_back() {
    let server = server().await;
    let mut alice = alice(&server, "shop").await;
    let user = server.user(ALICE).await;
    let operator = Visitor::operator();
    let shop = "shop".parse().unwrap();
    for turn in 0..5 {
        alice.sign_in(ALICE).await.expect(200);
        assert!(is_signed_in(&mut alice).await);
        match turn {
            0 => {
                let disabled = server
                    .auth
                    .set_user_enabled(user.id, false, &operator)
                    .await;
                drop(disabled.unwrap());
                assert!(!is_signed_in(&mut alice).await);
                let enabled = server.auth.set_user_enabled(user.id, true, &operator).await;
                drop(enabled.unwrap());
            }
            1 => drop(server.auth.cut_off_client(&shop, &operator).await.unwrap()),
            2 => server.auth.end_everything(&operator).await.unwrap(),
            // Nobody used it.
            3 => server.advance(16 * HOUR),
            _ => drop(server.auth.delete_user(user.id, &operator).await.unwrap()),
        }
        assert!(!is_signed_in(&mut alice).await, "{turn}");
    }
}

/// One cookie for all hosts of a domain: chosen by name, and marked as what it is.
#[tokio::test]
async fn a_cookie_for_a_domain_is_chosen_in_words() {
    const SHARED: &str = "__Secure-countersign-shop.session";
    let server = with(Options {
        issuer: Some("https://auth.example.com".to_owned()),
        ..Options::default()
    })
    .await;
    let of_host = alice(&server, "shop").await;
    let of_host = of_host.jar[&format!("__Host-{COOKIE}")].clone();
    put(&server, "shop", SHOP, |client| {
        client.cookie_domain = Some("example.com".to_owned());
    })
    .await;
    let mut alice = Browser::of_client(&server, "shop");
    let answer = alice.sign_in(ALICE).await.expect(200);
    let cookies = answer.headers("set-cookie");
    let named = |prefix: &str| cookies.iter().filter(|c| c.starts_with(prefix)).count();
    assert_eq!(
        (cookies.len(), named(SHARED), named("__Host-")),
        (2, 1, 1),
        "{cookies:?}"
    );
    let shared = cookies.iter().find(|cookie| cookie.starts_with(SHARED));
    assert_eq!(
        shared.unwrap().split_once("; ").unwrap().1,
        "Path=/; Domain=example.com; Max-Age=345600; HttpOnly; SameSite=Lax; Secure"
    );
    // Though the server itself may be spoken to in the clear, on this machine.
    let plain = Server::start().await;
    put(&plain, "shop", SHOP, |client| {
        client.cookie_domain = Some("example.com".to_owned());
    })
    .await;
    plain.register(ALICE).await;
    let in_the_clear = Browser::of_client(&plain, "shop").sign_in(ALICE).await;
    let set = in_the_clear.headers("set-cookie");
    let set = set.iter().find(|cookie| cookie.starts_with(SHARED));
    assert!(set.unwrap().ends_with("; Secure"), "{set:?}");
    // The device is known to the one host alone.
    let device = cookies.iter().find(|cookie| cookie.contains(".device="));
    assert!(!device.unwrap().contains("Domain"), "{cookies:?}");
    assert!(is_signed_in(&mut alice).await);

    // Under another name it is nothing, nor is what the one host had before; but it is still a cookie of ours.
    let name = alice.jar[SHARED].clone();
    for other in [COOKIE.to_owned(), format!("__Host-{COOKIE}")] {
        for value in [&name, &of_host] {
            let asked = passes("shop", "GET").header("Cookie", &format!("{other}={value}"));
            server.send(asked).await.refused(401, "no_session");
        }
    }
    let planted = Request::post("/v1/logout")
        .header("Cookie", &format!("{SHARED}={name}"))
        .json(&json!({ "client_id": "shop" }));
    server.send(planted).await.refused(403, "cross_site");
    // Beside one that a sibling set, none counts.
    let twice = format!("{SHARED}=x; {SHARED}={name}");
    let asked = passes("shop", "GET").header("Cookie", &twice);
    server.send(asked).await.refused(403, "several_tokens");

    // It is taken back from all hosts.
    let out = Request::post("/v1/logout").json(&json!({ "client_id": "shop" }));
    let answer = alice.send(out).await.expect(204);
    let cleared = answer.header("set-cookie").unwrap();
    assert!(cleared.starts_with(&format!(
        "{SHARED}=; Path=/; Domain=example.com; Max-Age=0;"
    )));
    let late = passes("shop", "GET").header("Cookie", &format!("{SHARED}={name}"));
    server.send(late).await.refused(401, "no_session");
}

#[tokio::test]
async fn what_cannot_be_is_not_registered() {
    let server = Server::start().await;
    let issuer = server.issuer.clone();
    let domain = |text: &str| {
        let text = text.to_owned();
        move |client: &mut Client| client.cookie_domain = Some(text.clone())
    };
    let refuse = async |hint: &str, change: &dyn Fn(&mut Client)| {
        let now = server.auth.env().now();
        let mut client = Client::new("odd".parse().unwrap(), ClientKind::Browser, now);
        client.style = Style::Gateway;
        client.audience = Some(SHOP.to_owned());
        client.origins = vec![SHOP.to_owned()];
        let operator = Visitor::operator();
        let good = server.auth.put_client(client.clone(), &operator).await;
        good.unwrap();
        change(&mut client);
        let refused = server.auth.put_client(client.clone(), &operator).await;
        let message = refused.map(|_| client).unwrap_err().to_string();
        assert!(message.contains(hint), "{hint}: {message}");
    };
    refuse("needs an audience", &|client| client.audience = None).await;
    refuse("cannot be the issuer", &|client| {
        client.audience = Some(issuer.clone());
    })
    .await;
    refuse("only a browser client", &|client| {
        client.kind = ClientKind::Native;
    })
    .await;
    refuse("gets no tokens", &|client| {
        client.signing_algorithm = Some(countersign_jose::Algorithm::RS256);
    })
    .await;
    refuse("leave it out", &|client| {
        client.style = Style::Session;
        domain("example.com")(client);
    })
    .await;
    for text in [
        "com",
        "localhost",
        "",
        ".example.com",
        "example.com.",
        "Example.com",
        "example..com",
        "127.0.0.1",
        "10.1",
        "[::1]",
        "example.com:443",
        "https://example.com",
        "ex_ample.com",
        "-x.example.com",
        "x-.example.com",
        "example.1",
        "example.0x7f",
        "b\u{fc}cher.example",
    ] {
        refuse("without a dot in front", &domain(text)).await;
    }
    // Never for a domain in which one of its pages is not.
    for text in [
        "op.example.com",
        "ample.com",
        "shop.example",
        "x.shop.example.com",
        "other.com",
    ] {
        refuse("each lies in that domain", &domain(text)).await;
    }
    refuse("each lies in that domain", &|client| {
        client.origins.push("https://shop.example.net".to_owned());
        domain("example.com")(client);
    })
    .await;
    refuse("at least one origin", &|client| {
        client.origins.clear();
        domain("example.com")(client);
    })
    .await;
    for text in ["example.com", "shop.example.com"] {
        put(&server, "odd", SHOP, domain(text)).await;
    }
}

/// For clients that ask for it, forward-auth looks at the account each time, and hands it on.
#[tokio::test]
async fn the_account_as_it_is_now() {
    let server = server().await;
    put(&server, "shop", SHOP, |client| client.with_account = true).await;
    server
        .put_client("default", ClientKind::Browser, |client| {
            client.with_account = true;
        })
        .await;
    let mut alice = alice(&server, "shop").await;
    let mut bearer = Browser::new(&server);
    bearer.sign_in(ALICE).await.expect(200);
    let user = server.user(ALICE).await;
    let asks = [
        passes("shop", "GET").header("Cookie", &format!("{COOKIE}={}", alice.jar[COOKIE])),
        Request::get("/v1/forward-auth").bearer(&bearer.access_token),
    ];
    let account = async |ask: &Request| -> Value {
        let answer = server.send(ask.clone()).await.expect(200);
        let account = answer.header("x-auth-account").unwrap();
        assert!(
            account.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{account}"
        );
        serde_json::from_str(account).unwrap()
    };
    for ask in &asks {
        let told = account(ask).await;
        assert_eq!(told["id"], user.id.to_string());
        assert_eq!(told["email"], ALICE);
        let fields: Vec<_> = told.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["created_at", "email", "id", "roles"]);
    }
    // A name is whatever people call themselves: it arrives as it is, and says nothing else.
    let odd = "Zoë \u{1f600} \"}\\";
    let change = Request::new("PATCH", "/v1/me?client_id=shop").json(&json!({ "name": odd }));
    alice.send(change).await.expect(200);
    for ask in &asks {
        assert_eq!(account(ask).await["name"], odd, "from the next request on");
    }

    // From memory: what happens behind the server's back is not seen, and a store that is away is not missed for a minute.
    server.damage("UPDATE users SET name = 'Unheard of'");
    for ask in &asks {
        assert_eq!(account(ask).await["name"], odd);
    }
    // Whose account is gone, or disabled, without a word in the log: the token is good, and passes no more.
    let ends = [
        "UPDATE users SET enabled = 0 WHERE",
        "DELETE FROM users WHERE",
    ];
    for (name, end) in ["bob", "carol"].into_iter().zip(ends) {
        let other = Browser::signed_in(&server, &format!("{name}@example.com")).await;
        server.damage(&format!("{end} email = '{name}@example.com'"));
        assert!(server.auth.check(&other.access_token).is_ok());
        let ask = Request::get("/v1/forward-auth").bearer(&other.access_token);
        server.send(ask).await.refused(401, "token_revoked");
    }

    let stranger = Browser::signed_in(&server, "dora@example.com").await;
    server.lose_store().await;
    server.advance(Duration::from_mins(1));
    for ask in &asks {
        account(ask).await;
    }
    let ask = Request::get("/v1/forward-auth").bearer(&stranger.access_token);
    server.send(ask).await.refused(503, "unavailable");
    server.advance(Duration::from_secs(1));
    for ask in asks {
        server.send(ask).await.refused(503, "unavailable");
    }
}
