//! What a proxy is told: `GET /v1/forward-auth`.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign::http::{ForwardAuth, RefusePages};
use countersign_auth::admin::users::AccountChange;
use countersign_auth::model::client::{ClaimSource, ClientKind};
use countersign_auth::settings::Audience;
use countersign_auth::visitor::Visitor;
use countersign_jose::{
    Algorithm, DecryptionKey, DecryptionKeySet, KeyManagement, KeySet, Verifier,
};
use serde_json::{Value, json};

use crate::actors::Browser;
use crate::server::{APP_ORIGIN, Options, Server, in_front_of};
use crate::support::client::{Answer, Request};

const HEADERS: [&str; 7] = [
    "x-auth-subject",
    "x-auth-client",
    "x-auth-session",
    "x-auth-scope",
    "x-auth-roles",
    "x-auth-token",
    "x-auth-account",
];
const SIGN_IN: &str = "https://app.example.com/sign-in";
const BEHIND: &str = "https://behind.example.com";

async fn server(change: impl FnOnce(&mut ForwardAuth)) -> Server {
    let mut options = Options::default();
    change(&mut options.http.forward_auth);
    Server::with(options).await
}

async fn with_cookie() -> Server {
    server(|settings| settings.cookie = Some("access".to_owned())).await
}

fn ask() -> Request {
    Request::get("/v1/forward-auth")
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap()).unwrap()
}

/// What an answer says of a caller, in the order of the headers.
fn said(answer: &Answer) -> [&str; 7] {
    HEADERS.map(|name| answer.header(name).unwrap())
}

/// A node that could not read the log for a minute does not know what was taken back since, and does not guess.
#[tokio::test]
async fn of_what_a_node_has_not_heard_it_says_nothing() {
    let server = with_cookie().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let token = &alice.access_token;
    let ways = || {
        let cookie = format!("access={token}");
        let in_cookie = ask().header("X-Forwarded-Method", "GET");
        [ask().bearer(token), in_cookie.header("Cookie", &cookie)]
    };
    server.advance(Duration::from_mins(1));
    for way in ways() {
        server.send(way).await.expect(200);
    }
    server.advance(Duration::from_secs(1));
    for way in ways() {
        server.send(way).await.refused(503, "unavailable");
    }
    server.send(ask().bearer("x")).await.expect(401);
    server.auth.hear_revocations().await.unwrap();
    for way in ways() {
        server.send(way).await.expect(200);
    }
}

#[tokio::test]
async fn a_proxy_learns_who_makes_a_request() {
    let server = server(|_| {}).await;
    server
        .put_client("default", ClientKind::Browser, |client| {
            client.scope = Some("read write".to_owned());
            client.claims = [("roles".to_owned(), ClaimSource::Roles)].into();
        })
        .await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let user = server.user("alice@example.com").await;
    let change = AccountChange {
        roles: Some(["staff", "a,admin"].map(str::to_owned).into()),
        ..AccountChange::default()
    };
    let operator = Visitor::operator();
    server
        .auth
        .change_user(user.id, change, &operator)
        .await
        .unwrap();
    server.rest();
    alice.refresh().await.expect(200);
    let before = server.dump();
    let answer = server
        .send(ask().bearer(&alice.access_token))
        .await
        .expect(200);
    let token = claims(&alice.access_token);
    let expected = ["sub", "client_id", "sid"].map(|name| token[name].as_str().unwrap());
    assert_eq!(said(&answer)[..3], expected);
    assert_eq!(
        said(&answer)[3..],
        ["read write", "a%2Cadmin,staff", "", ""]
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("set-cookie").is_none() && answer.body.is_empty());
    // Under whatever path and method a proxy asks, from whatever page.
    for (method, path) in [
        ("POST", "/orders?x=y"),
        ("DELETE", "/"),
        ("OPTIONS", "/a/b"),
        ("HEAD", "/a"),
    ] {
        let request = Request::new(method, &format!("/v1/forward-auth{path}"))
            .bearer(&alice.access_token)
            .header("Origin", "https://elsewhere.example");
        let answer = server.send(request).await.expect(200);
        assert_eq!(said(&answer)[..3], expected, "{method} {path}");
    }
    assert_eq!(server.dump(), before);
}

/// Envoy asks with the `Host` of the request that it asks about. Nothing else is answered under another name.
#[tokio::test]
async fn under_whatever_name_a_proxy_asks() {
    let server = server(|_| {}).await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    for path in ["/v1/forward-auth", "/v1/forward-auth/orders?x=y"] {
        let asked = Request::get(path).header("Host", "orders.example.com");
        let bearing = asked.clone().bearer(&alice.access_token);
        server.send(bearing).await.expect(200);
        server.send(asked).await.refused(401, "missing_token");
    }
    for path in ["/v1/forward-authority", "/v1/me"] {
        let other = Request::get(path).header("Host", "orders.example.com");
        let other = other.bearer(&alice.access_token);
        server.send(other).await.refused(421, "wrong_host");
    }
}

/// No request passes for a preflight's sake.
#[tokio::test]
async fn a_preflight_is_no_way_past() {
    let server = server(|_| {}).await;
    server.allow_app_origin().await;
    let preflight = Request::new("OPTIONS", "/v1/forward-auth/orders")
        .header("Origin", APP_ORIGIN)
        .header("Access-Control-Request-Method", "POST");
    server.send(preflight).await.refused(401, "missing_token");
}

#[tokio::test]
async fn what_has_ended_does_not_pass() {
    let server = with_cookie().await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let token = alice.access_token.clone();
    let by_header = ask().bearer(&token);
    let by_cookie = ask()
        .header("Cookie", &format!("access={token}"))
        .header("X-Forwarded-Method", "GET");
    for request in [&by_header, &by_cookie] {
        server.send(request.clone()).await.expect(200);
    }
    alice.call(Request::post("/v1/logout")).await.expect(204);
    for request in [by_header, by_cookie] {
        server.send(request).await.refused(401, "token_revoked");
    }
    let bob = Browser::signed_in(&server, "bob@example.com").await;
    server.advance(Duration::from_secs(400));
    let late = server.send(ask().bearer(&bob.access_token)).await;
    late.refused(401, "token_expired");
}

#[tokio::test]
async fn one_token_and_in_the_named_cookie_alone() {
    let server = with_cookie().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let token = &alice.access_token;
    let cookies = |value: &str| {
        ask()
            .header("X-Forwarded-Method", "GET")
            .header("Cookie", value)
    };
    let passes = server
        .send(cookies(&format!("a=b; access={token}; c=\"d\"")))
        .await;
    passes.expect(200);
    for cookie in [
        format!("access={token}; access={token}"),
        format!("access={token}; access=x"),
    ] {
        server
            .send(cookies(&cookie))
            .await
            .refused(403, "several_tokens");
    }
    let twice = cookies(&format!("access={token}")).header("Cookie", &format!("access={token}"));
    server.send(twice).await.refused(403, "several_tokens");
    let both = cookies(&format!("access={token}")).bearer(token);
    server.send(both).await.refused(403, "several_tokens");
    for other in [
        format!("Access={token}"),
        format!("xaccess={token}"),
        "access=".to_owned(),
    ] {
        server
            .send(cookies(&other))
            .await
            .refused(401, "missing_token");
    }
}

#[tokio::test]
async fn a_foreign_page_cannot_use_the_cookie() {
    let server = with_cookie().await;
    server.allow_app_origin().await;
    let alice = Browser::signed_in(&server, "alice@example.com").await;
    let cookie = format!("access={}", alice.access_token);
    let asks = |method: Option<&str>, page: &[(&str, &str)]| {
        let said = method.map(|method| ("X-Forwarded-Method", method));
        let headers = said.into_iter().chain(page.iter().copied());
        headers.fold(ask().header("Cookie", &cookie), |request, (name, value)| {
            request.header(name, value)
        })
    };
    let own = [("Sec-Fetch-Site", "same-origin")];
    let listed = [("Origin", APP_ORIGIN)];
    for page in [&own[..], &listed] {
        for method in [Some("POST"), Some("DELETE"), None] {
            server.send(asks(method, page)).await.expect(200);
        }
    }
    let foreign = [("Origin", "https://elsewhere.example")];
    let sibling = [("Sec-Fetch-Site", "same-site")];
    for page in [&foreign[..], &sibling, &[]] {
        // A link names no page; what does could read the answer, or opens a WebSocket.
        for method in ["GET", "HEAD", "OPTIONS"] {
            let answer = server.send(asks(Some(method), page)).await;
            if page == foreign {
                answer.refused(403, "cross_site");
            } else {
                answer.expect(200);
            }
        }
        // A method that the proxy does not say, or says twice, is taken for the worst.
        for method in [Some("POST"), Some("post"), Some("GET POST"), Some(""), None] {
            let refused = server.send(asks(method, page)).await;
            refused.refused(403, "cross_site");
        }
        let twice = asks(Some("GET"), page).header("X-Forwarded-Method", "POST");
        server.send(twice).await.refused(403, "cross_site");
    }
    // A proxy that keeps the method: whatever a header says.
    let kept = Request::post("/v1/forward-auth/orders")
        .header("Cookie", &cookie)
        .header("X-Forwarded-Method", "GET")
        .header("Sec-Fetch-Site", "same-site");
    server.send(kept).await.refused(403, "cross_site");
    // A header comes along from nowhere by itself.
    let bearer = asks(Some("POST"), &foreign).header("Authorization", "Bearer x");
    server.send(bearer).await.refused(403, "several_tokens");
    let bearer = ask()
        .bearer(&alice.access_token)
        .header("Origin", "https://elsewhere.example");
    server.send(bearer).await.expect(200);
}

#[tokio::test]
async fn who_is_refused_is_told_where_to_sign_in() {
    let page = ask().header("Accept", "text/html,*/*;q=0.8");
    let navigation = page.clone().header("Sec-Fetch-Mode", "navigate");
    let script = page.clone().header("Sec-Fetch-Mode", "cors");
    let plain = server(|_| {}).await;
    let refused = plain.send(page.clone()).await.refused(401, "missing_token");
    assert_eq!(refused.header("x-auth-sign-in"), None);

    let told = server(|settings| settings.sign_in = Some(SIGN_IN.to_owned())).await;
    for request in [&page, &navigation, &script] {
        let refused = told
            .send(request.clone())
            .await
            .refused(401, "missing_token");
        assert_eq!(refused.header("x-auth-sign-in"), Some(SIGN_IN));
        assert_eq!(
            refused.header("www-authenticate"),
            Some(r#"Bearer realm="countersign""#)
        );
        assert_eq!(refused.header("location"), None);
    }

    let redirects = server(|settings| {
        settings.sign_in = Some(SIGN_IN.to_owned());
        settings.refuse_pages = RefusePages::Redirect;
    })
    .await;
    for request in [page.clone(), navigation.bearer("x")] {
        let refused = redirects.send(request).await.expect(302);
        assert_eq!(refused.header("location"), Some(SIGN_IN));
        assert_eq!(refused.header("cache-control"), Some("no-store"));
    }
    for request in [script, ask(), ask().header("Accept", "application/json")] {
        let refused = redirects.send(request).await.refused(401, "missing_token");
        assert_eq!(refused.header("x-auth-sign-in"), Some(SIGN_IN));
    }
    // Who may not, is not helped by signing in.
    let twice = page.bearer("x").bearer("y");
    redirects.send(twice).await.refused(403, "several_tokens");
}

#[tokio::test]
async fn the_services_behind_get_a_token_of_their_own() {
    let server = server(|settings| settings.internal_audience = Some(BEHIND.to_owned())).await;
    let mut alice = Browser::signed_in(&server, "alice@example.com").await;
    let behind = async |token: &str| {
        server.auth.hear_revocations().await.unwrap();
        let answer = server.send(ask().bearer(token)).await.expect(200);
        answer.header("x-auth-token").unwrap().to_owned()
    };
    let (outer, inner) = (
        claims(&alice.access_token),
        behind(&alice.access_token).await,
    );
    let claimed = claims(&inner);
    for same in [
        "iss",
        "sub",
        "client_id",
        "sid",
        "auth_time",
        "amr",
        "epochs",
    ] {
        assert_eq!(claimed[same], outer[same], "{same}");
    }
    let now = server.auth.env().now().unix().as_secs();
    assert_eq!(
        (&claimed["aud"], &claimed["exp"]),
        (&json!(BEHIND), &json!(now + 60))
    );
    assert_ne!(claimed["jti"], outer["jti"]);
    assert!(server.auth.check_for(BEHIND, &inner).is_ok());
    // It opens nothing else, this endpoint included.
    assert!(server.auth.check(&inner).is_err());
    server
        .send(ask().bearer(&inner))
        .await
        .refused(401, "token_invalid");

    // It never outlives the token that it was made from, and ends with its session.
    server.advance(Duration::from_secs(270));
    let last = claims(&behind(&alice.access_token).await);
    assert_eq!(last["exp"], outer["exp"]);
    let inner = behind(&alice.access_token).await;
    alice.call(Request::post("/v1/logout")).await.expect(204);
    assert!(server.auth.check_for(BEHIND, &inner).is_err());
}

/// As their audience asks, whatever the caller's own client has its tokens made like.
#[tokio::test]
async fn the_services_behind_say_how_their_tokens_are_made() {
    let key = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let unknown = json!({ "jwks_uri": "https://behind.example.com/keys" });
    let known = json!({ "jwk": key.encryption_key().public_jwk().unwrap() });
    for encrypt_to in [known, unknown] {
        let is_known = encrypt_to.get("jwk").is_some();
        let behind = Audience {
            name: BEHIND.to_owned(),
            signing_algorithm: Some(Algorithm::EdDSA),
            encrypt_to: Some(serde_json::from_value(encrypt_to).unwrap()),
        };
        let server = Server::with(Options {
            settings: Box::new(|settings| settings.audiences = vec![behind]),
            ..in_front_of(BEHIND)
        })
        .await;
        server
            .put_client("default", ClientKind::Browser, |client| {
                client.signing_algorithm = Some(Algorithm::RS256);
            })
            .await;
        let alice = Browser::signed_in(&server, "alice@example.com").await;
        let answer = server.send(ask().bearer(&alice.access_token)).await;
        if !is_known {
            answer.refused(503, "cannot_protect");
            let outer = server.auth.check(&alice.access_token).unwrap();
            let error = server.auth.behind(&outer, BEHIND).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("tokens for {BEHIND:?}")),
                "{error}"
            );
            continue;
        }
        let token = answer.expect(200);
        let token = token.header("x-auth-token").unwrap();
        let keys = server.send(Request::get("/.well-known/jwks.json")).await;
        let keys = KeySet::from_json(keys.text().as_bytes()).unwrap();
        let signed_with_ed25519 = keys
            .iter()
            .filter(|key| key.algorithm() == Algorithm::EdDSA);
        let keys = KeySet::new(signed_with_ed25519.cloned().collect()).unwrap();
        let own = DecryptionKeySet::new(vec![key.clone()]).unwrap();
        let verifier = Verifier::new(&server.issuer, BEHIND, "at+jwt", keys).encrypted_to(own);
        let now = server.auth.env().now().unix();
        verifier.verify::<Value>(token, now).unwrap();
    }
}

#[tokio::test]
async fn tokens_are_for_the_audience_that_was_configured() {
    let orders = "https://orders.example.com";
    let server = server(|settings| settings.audience = Some(orders.to_owned())).await;
    let own = Browser::signed_in(&server, "alice@example.com").await;
    server
        .send(ask().bearer(&own.access_token))
        .await
        .refused(401, "token_invalid");
    server
        .put_client("default", ClientKind::Browser, |client| {
            client.audience = Some(orders.to_owned());
        })
        .await;
    let bob = Browser::signed_in(&server, "bob@example.com").await;
    server
        .send(ask().bearer(&bob.access_token))
        .await
        .expect(200);
}
