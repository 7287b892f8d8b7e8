//! The style `sliding`: one token, exchanged for the next before it expires.

use std::collections::HashSet;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_auth::admin::users::AccountChange;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind, Style};
use countersign_auth::visitor::Visitor;
use countersign_guard::net::Connected;
use countersign_jose::Algorithm;
use serde_json::{Value, json};

use crate::actors::Browser;
use crate::guard;
use crate::server::{APP_ORIGIN, Options, PASSWORD, Server, in_front_of};
use crate::support::client::{Answer, Request};

const HOUR: Duration = Duration::from_hours(1);
const ALICE: &str = "alice@example.com";

/// The default client and `api`, both in this style.
async fn start() -> Server {
    with(Options::default()).await
}

async fn with(options: Options) -> Server {
    let server = Server::with(options).await;
    register_clients(&server).await;
    server.register(ALICE).await;
    server
}

async fn register_clients(server: &Server) {
    for (id, kind) in [
        ("default", ClientKind::Browser),
        ("api", ClientKind::Native),
    ] {
        server
            .put_client(id, kind, |client| {
                *client = client.clone().with_style(Style::Sliding);
                client.claims.insert("email".to_owned(), ClaimSource::Email);
                client.origins = match kind {
                    ClientKind::Browser => vec![APP_ORIGIN.to_owned()],
                    _ => Vec::new(),
                };
            })
            .await;
    }
}

async fn guarded(server: &Server) -> Connected {
    let options = guard::options(server).await;
    guard::guard(options.clock(guard::Same(server.auth.clone()))).await
}

/// What a guard that is up to date says of a token.
async fn says(guard: &Connected, token: &str) -> &'static str {
    guard::soon(guard, async || guard.knowing().connected).await;
    match guard.check(token).await {
        Ok(_) => "good",
        Err(denied) => denied.code(),
    }
}

/// Time passes, and this node tells its log and looks at it, as it does five times a second.
async fn pass(server: &Server, time: Duration) {
    server.advance(time);
    server.auth.tell_spent().await.unwrap();
    server.auth.hear_revocations().await.unwrap();
}

/// The interval, after which no answer can be on its way any more.
async fn rest(server: &Server) {
    pass(server, server.interval()).await;
}

async fn sign_in(server: &Server) -> String {
    let form = json!({ "email": ALICE, "password": PASSWORD, "client_id": "api" });
    let answer = server.send(Request::post("/v1/login").json(&form)).await;
    token(&answer.expect(200))
}

async fn exchange(server: &Server, token: &str) -> Answer {
    let form = json!({ "client_id": "api", "refresh_token": token });
    server.send(Request::post("/v1/refresh").json(&form)).await
}

fn token(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn is_welcome(server: &Server, token: &str) -> bool {
    server
        .send(Request::get("/v1/me").bearer(token))
        .await
        .status
        == 200
}

/// What a token says; nobody vouches for it.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()).unwrap()
}

/// As what it refuses the token, soon, and up to date.
async fn refuses(guard: &Connected, token: &str) -> &'static str {
    guard::soon(guard, async || {
        says(guard, token).await.ends_with("_revoked")
    })
    .await;
    says(guard, token).await
}

#[tokio::test]
async fn a_token_comes_back_in_its_first_half_and_gives_way_in_its_second() {
    let server = start().await;
    let form = json!({ "email": ALICE, "password": PASSWORD, "client_id": "api" });
    let answer = server.send(Request::post("/v1/login").json(&form)).await;
    let body = answer.expect(200).json();
    assert_eq!(body["expires_in"], 24 * 3600);
    assert_eq!(body["token_type"], "Bearer");
    assert!(
        body.get("refresh_token").is_none(),
        "there is but one token"
    );
    let first = body["access_token"].as_str().unwrap();
    assert_eq!(claims(first)["email"], ALICE);
    assert_eq!((server.count("sessions"), server.count("grants")), (0, 0));

    let dump = server.dump();
    pass(&server, (12 * HOUR).saturating_sub(Duration::from_secs(1))).await;
    let held = exchange(&server, first).await.expect(200);
    assert_eq!(token(&held), first);
    assert_eq!(held.json()["expires_in"], 12 * 3600 + 1);
    assert_eq!(server.dump(), dump);
    pass(&server, Duration::from_secs(1)).await;
    let next = token(&exchange(&server, first).await.expect(200));
    let (before, after) = (claims(first), claims(&next));
    for inherited in [
        "sub",
        "sid",
        "auth_time",
        "amr",
        "epochs",
        "email",
        "client_id",
    ] {
        assert_eq!(before[inherited], after[inherited], "{inherited}");
    }
    assert_ne!(before["jti"], after["jti"]);
    let exp = |claims: &Value| claims["exp"].as_u64().unwrap();
    assert_eq!(exp(&after), exp(&before) + 12 * 3600);
    assert_eq!(server.count("spent"), 1);
}

/// For as long as an answer may be on its way both are good; from then on one, here and at services.
#[tokio::test]
async fn what_was_exchanged_is_refused_everywhere_from_the_end_of_the_interval() {
    let server = start().await;
    let guard = guarded(&server).await;
    let old = sign_in(&server).await;
    assert_eq!(says(&guard, &old).await, "good");
    pass(&server, 12 * HOUR).await;
    let new = token(&exchange(&server, &old).await.expect(200));
    pass(
        &server,
        server.interval().saturating_sub(Duration::from_secs(1)),
    )
    .await;
    assert!(is_welcome(&server, &old).await && is_welcome(&server, &new).await);
    assert_eq!(says(&guard, &old).await, "good");
    pass(&server, Duration::from_secs(1)).await;
    let me = server.send(Request::get("/v1/me").bearer(&old)).await;
    me.refused(401, "token_revoked");
    assert!(is_welcome(&server, &new).await);
    assert_eq!(refuses(&guard, &old).await, "token_revoked");
    assert_eq!(says(&guard, &new).await, "good");
    // To present it asks for a new sign-in, and ends nothing.
    exchange(&server, &old)
        .await
        .refused(401, "refresh_superseded");
    assert!(is_welcome(&server, &new).await);

    // They say how many they hold.
    assert_eq!(server.auth.stats().guard.tokens, 1);
    let metrics = server.metrics().await;
    assert!(
        metrics.contains(r#"guard_entries{kind="tokens"} 1"#),
        "{metrics}"
    );
    // Until it would have expired.
    pass(&server, 12 * HOUR + Duration::from_secs(31)).await;
    server.auth.upkeep().await.unwrap();
    assert_eq!(server.auth.stats().guard.tokens, 0);
    assert_eq!(server.count("spent"), 0);
}

#[tokio::test]
async fn a_race_and_a_lost_answer_have_one_successor() {
    // Signatures of HS256 are always the same, so the very bytes are.
    let server = with(Options {
        shared_secret: true,
        settings: Box::new(|settings| settings.signing.algorithm = Algorithm::HS256),
        ..Options::default()
    })
    .await;
    let old = sign_in(&server).await;
    pass(&server, 13 * HOUR).await;
    let racers = (0..20).map(|_| {
        let form = json!({ "client_id": "api", "refresh_token": old });
        let address = server.address;
        tokio::spawn(async move { Request::post("/v1/refresh").json(&form).send(address).await })
    });
    let mut successors = HashSet::new();
    for racer in racers.collect::<Vec<_>>() {
        successors.insert(token(&racer.await.unwrap().expect(200)));
    }
    // The answers are lost, and it is asked again.
    for _ in 0..2 {
        pass(&server, server.interval() / 3).await;
        successors.insert(token(&exchange(&server, &old).await.expect(200)));
    }
    assert_eq!(successors.len(), 1);
    let new = successors.into_iter().next().unwrap();
    assert!(is_welcome(&server, &new).await);
    rest(&server).await;
    exchange(&server, &old)
        .await
        .refused(401, "refresh_superseded");
    assert!(is_welcome(&server, &new).await);
}

/// As its page says: who comes second signs in again, and knows nothing of the other.
#[tokio::test]
async fn a_thief_who_is_quicker_goes_on_until_the_session_ends() {
    let server = start().await;
    let guard = guarded(&server).await;
    let stolen = sign_in(&server).await;
    pass(&server, 12 * HOUR).await;
    let thiefs = token(&exchange(&server, &stolen).await.expect(200));
    rest(&server).await;
    exchange(&server, &stolen)
        .await
        .refused(401, "refresh_superseded");
    assert!(is_welcome(&server, &thiefs).await);
    let owners = sign_in(&server).await;
    let everywhere = Request::post("/v1/logout-all").bearer(&owners);
    server.send(everywhere).await.expect(204);
    assert!(!is_welcome(&server, &thiefs).await);
    exchange(&server, &thiefs)
        .await
        .refused(401, "session_revoked");
    assert_eq!(refuses(&guard, &thiefs).await, "subject_revoked");
}

#[tokio::test]
async fn a_browser_has_it_in_a_cookie_alone() {
    let server = start().await;
    let guard = guarded(&server).await;
    let mut alice = Browser::new(&server);
    let answer = alice.sign_in(ALICE).await.expect(200);
    let cookies = answer.headers("set-cookie");
    let cookie = cookies
        .iter()
        .find(|cookie| cookie.starts_with("countersign-default="));
    let cookie = cookie.unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Max-Age=86400", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let first = alice.refresh_token().unwrap().to_owned();
    assert!(!answer.text().contains(&first), "{}", answer.text());
    assert!(answer.json().get("access_token").is_none());
    assert!(answer.json().get("token_type").is_none());
    assert_eq!(says(&guard, &first).await, "good");

    // No other site exchanges it (the rule against CSRF).
    pass(&server, 12 * HOUR).await;
    let cookie = format!("countersign-default={first}");
    let exchange = Request::post("/v1/refresh").header("Cookie", &cookie);
    for (name, value) in [
        ("Origin", "https://evil.example.com"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        let foreign = exchange.clone().header(name, value);
        server.send(foreign).await.refused(403, "cross_site");
    }
    server
        .send(exchange.clone())
        .await
        .refused(403, "cross_site");
    assert_eq!(server.count("spent"), 0);
    let listed = exchange.header("Origin", APP_ORIGIN);
    server.send(listed).await.expect(200);
    alice.refresh().await.expect(200);
    let second = alice.refresh_token().unwrap().to_owned();
    assert_ne!(first, second);

    // A late answer of another tab leaves the jar as it is.
    rest(&server).await;
    let mut tab = alice.clone();
    tab.set_refresh_token(&first);
    tab.refresh().await.refused(401, "refresh_superseded");
    assert_eq!(tab.refresh_token(), Some(first.as_str()));

    alice.sign_out().await.expect(204);
    assert_eq!(alice.refresh_token(), None);
    assert_eq!(refuses(&guard, &second).await, "session_revoked");
    alice.set_refresh_token(&second);
    alice.refresh().await.refused(401, "session_revoked");
    assert_eq!(alice.refresh_token(), None, "the cookie is taken back");
}

#[tokio::test]
async fn sessions_accounts_clients_and_everybody_are_cut_off() {
    let server = start().await;
    let guard = guarded(&server).await;
    let operator = Visitor::operator();
    let user = server.user(ALICE).await.id;
    let api = "api".parse().unwrap();
    let auth = &server.auth;
    for cause in ["session", "disabled", "client", "everybody"] {
        let held = sign_in(&server).await;
        pass(&server, 13 * HOUR).await;
        match cause {
            "session" => {
                let sign_out = Request::post("/v1/logout").bearer(&held);
                server.send(sign_out).await.expect(204);
            }
            "disabled" => {
                auth.set_user_enabled(user, false, &operator).await.unwrap();
                auth.set_user_enabled(user, true, &operator).await.unwrap();
            }
            "client" => {
                auth.cut_off_client(&api, &operator).await.unwrap();
            }
            _ => auth.end_everything(&operator).await.unwrap(),
        }
        exchange(&server, &held)
            .await
            .refused(401, "session_revoked");
        assert!(!is_welcome(&server, &held).await, "{cause}");
        refuses(&guard, &held).await;
    }
    assert_eq!(server.count("spent"), 0);
}

#[tokio::test]
async fn a_change_of_password_keeps_the_session_that_made_it() {
    let server = start().await;
    let (here, elsewhere) = (sign_in(&server).await, sign_in(&server).await);
    let form = json!({ "current_password": PASSWORD, "new_password": "another good password" });
    let change = Request::post("/v1/me/password").bearer(&here).json(&form);
    let goes_on = token(&server.send(change).await.expect(200));
    assert_eq!(claims(&goes_on)["sid"], claims(&here)["sid"]);
    assert!(is_welcome(&server, &goes_on).await);
    for old in [here, elsewhere] {
        assert!(!is_welcome(&server, &old).await);
        exchange(&server, &old)
            .await
            .refused(401, "session_revoked");
    }
    pass(&server, 13 * HOUR).await;
    exchange(&server, &goes_on).await.expect(200);
}

#[tokio::test]
async fn it_ends_when_it_rests_and_whatever_happens() {
    let server = start().await;
    let resting = sign_in(&server).await;
    let mut held = sign_in(&server).await;
    let begun = claims(&held)["iat"].as_u64().unwrap();
    let end = begun + 30 * 24 * 3600;
    while claims(&held)["exp"].as_u64().unwrap() < end {
        pass(&server, 23 * HOUR).await;
        held = token(&exchange(&server, &held).await.expect(200));
        assert_eq!(claims(&held)["auth_time"], begun);
    }
    exchange(&server, &resting)
        .await
        .refused(401, "refresh_expired");
    assert_eq!(claims(&held)["exp"], end, "the absolute end");
    let now = server.auth.env().now().unix().as_secs();
    pass(&server, Duration::from_secs(end - now - 1)).await;
    let last = token(&exchange(&server, &held).await.expect(200));
    assert_eq!(claims(&last)["exp"], end);
    pass(&server, Duration::from_secs(1)).await;
    for token in [held, last] {
        assert!(!is_welcome(&server, &token).await);
        exchange(&server, &token)
            .await
            .refused(401, "refresh_expired");
    }
}

/// What forward-auth makes of such a token is for the services behind: it gets nobody another one, and ends nothing.
#[tokio::test]
async fn what_was_made_for_the_services_behind_is_of_no_use_here() {
    let server = with(in_front_of("https://behind.example.com")).await;
    let held = sign_in(&server).await;
    let asked = server.send(Request::get("/v1/forward-auth").bearer(&held));
    let behind = asked
        .await
        .expect(200)
        .header("x-auth-token")
        .unwrap()
        .to_owned();
    // Its own second half.
    pass(&server, Duration::from_secs(40)).await;
    exchange(&server, &behind)
        .await
        .refused(401, "refresh_invalid");
    let mut browser = Browser::new(&server);
    browser.set_refresh_token(&behind);
    browser.sign_out().await.expect(204);
    assert!(is_welcome(&server, &held).await);
}

/// A life that is rounded down to nothing would take the cookie back.
#[tokio::test]
async fn a_browser_keeps_its_cookie_until_the_end() {
    let server = start().await;
    server
        .put_client("default", ClientKind::Browser, |client| {
            *client = client.clone().with_style(Style::Sliding);
            client.origins = vec![APP_ORIGIN.to_owned()];
            client.absolute_ttl = 24 * HOUR;
        })
        .await;
    let mut alice = Browser::new(&server);
    alice.sign_in(ALICE).await.expect(200);
    let half_a_second_before = (24 * HOUR).saturating_sub(Duration::from_millis(500));
    pass(&server, half_a_second_before).await;
    alice.refresh().await.expect(200);
    assert!(alice.refresh_token().is_some());
}

/// It is the session that is left, and the token in hand names it.
#[tokio::test]
async fn signing_out_with_a_token_that_was_exchanged_ends_what_came_of_it() {
    let server = start().await;
    let old = sign_in(&server).await;
    pass(&server, 12 * HOUR).await;
    let new = token(&exchange(&server, &old).await.expect(200));
    rest(&server).await;
    assert!(is_welcome(&server, &new).await);
    let mut browser = Browser::new(&server);
    browser.set_refresh_token(&old);
    browser.sign_out().await.expect(204);
    assert!(!is_welcome(&server, &new).await);
    exchange(&server, &new)
        .await
        .refused(401, "session_revoked");
}

/// A person of whom too much is told for a cookie keeps the token that they have, and their password.
#[tokio::test]
async fn what_does_not_fit_into_a_cookie_costs_nothing() {
    let server = start().await;
    server
        .put_client("default", ClientKind::Browser, |client| {
            *client = client.clone().with_style(Style::Sliding);
            client.origins = vec![APP_ORIGIN.to_owned()];
            client.claims.insert("name".to_owned(), ClaimSource::Name);
            let about = ClaimSource::Attribute("about".to_owned());
            client.claims.insert("about".to_owned(), about);
        })
        .await;
    let mut alice = Browser::new(&server);
    alice.sign_in(ALICE).await.expect(200);
    let held = alice.refresh_token().unwrap().to_owned();
    let tell = async |text: String| {
        let user = server.user(ALICE).await.id;
        let change = AccountChange {
            attributes: [("about".to_owned(), json!(text))].into_iter().collect(),
            ..AccountChange::default()
        };
        let operator = Visitor::operator();
        let changed = server.auth.change_user(user, change, &operator).await;
        changed.unwrap();
    };
    tell("long ".repeat(900)).await;
    pass(&server, 12 * HOUR).await;
    alice.refresh().await.refused(503, "cannot_protect");
    assert_eq!(server.count("spent"), 0);
    let form = json!({ "current_password": PASSWORD, "new_password": "another good password" });
    let change = Request::post("/v1/me/password").bearer(&held).json(&form);
    let refused = server.send(change.header("Origin", APP_ORIGIN)).await;
    refused.refused(503, "cannot_protect");

    tell("short".to_owned()).await;
    alice.refresh().await.expect(200);
    assert_ne!(alice.refresh_token(), Some(held.as_str()));
    Browser::new(&server).sign_in(ALICE).await.expect(200);
}

/// What was exchanged is kept where nothing is forgotten.
#[tokio::test]
async fn a_restart_forgets_no_spent_token() {
    let server = start().await;
    let old = sign_in(&server).await;
    pass(&server, 13 * HOUR).await;
    let new = token(&exchange(&server, &old).await.expect(200));
    // Before the log is told of it.
    let (issuer, interval) = (server.issuer.clone(), server.interval());
    let (folder, now) = server.stop().await;
    let options = Options {
        issuer: Some(issuer),
        ..Options::default()
    };
    let server = Server::on(folder, now, options).await;
    let again = token(&exchange(&server, &old).await.expect(200));
    assert_eq!(claims(&again), claims(&new));
    pass(&server, interval).await;
    assert!(!is_welcome(&server, &old).await);
    exchange(&server, &old)
        .await
        .refused(401, "refresh_superseded");
    assert!(is_welcome(&server, &new).await);
}

#[tokio::test]
async fn it_is_exchanged_by_its_client_alone() {
    let server = start().await;
    server
        .put_client("other", ClientKind::Native, |client| {
            *client = client.clone().with_style(Style::Sliding);
        })
        .await;
    let held = sign_in(&server).await;
    pass(&server, 13 * HOUR).await;
    let form = json!({ "client_id": "other", "refresh_token": held });
    let refused = server.send(Request::post("/v1/refresh").json(&form)).await;
    refused.refused(401, "refresh_invalid");
    for nonsense in ["", "csr1_x", "a.b.c"] {
        let refused = exchange(&server, nonsense).await;
        refused.refused(401, "refresh_invalid");
    }
    assert_eq!(server.count("spent"), 0);
    exchange(&server, &held).await.expect(200);
}

#[tokio::test]
async fn what_cannot_slide_is_not_registered() {
    let server = start().await;
    let now = server.auth.env().now();
    let reader = json!({ "jwks_uri": "https://orders.example.com/keys", "alg": "ECDH-ES" });
    let refused = async |kind, change: &dyn Fn(&mut Client)| {
        let mut client = Client::new("odd".parse().unwrap(), kind, now).with_style(Style::Sliding);
        change(&mut client);
        let put = server.auth.put_client(client, &Visitor::operator()).await;
        put.unwrap_err().to_string()
    };
    let encrypted = |client: &mut Client| {
        client.audience = Some("https://orders.example.com".to_owned());
        client.encrypt_to = Some(serde_json::from_value(reader.clone()).unwrap());
    };
    let encrypted = refused(ClientKind::Native, &encrypted).await;
    assert!(encrypted.contains("leave encrypt_to out"), "{encrypted}");
    let resting = |client: &mut Client| client.idle_ttl = 48 * HOUR;
    let resting = refused(ClientKind::Native, &resting).await;
    assert!(resting.contains("leave idle_ttl out"), "{resting}");
    let service = refused(ClientKind::Service, &|_| {}).await;
    assert!(service.contains("leave style out"), "{service}");
}
