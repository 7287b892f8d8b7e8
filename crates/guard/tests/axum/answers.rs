//! What is answered to whom: RFC 6750, RFC 9470, RFC 9728; and where people are sent.

use axum::Router;
use axum::http::Request;
use axum::routing::get;
use countersign_guard::axum::{Requirement, SignIn, Source};
use countersign_guard::net::WhenStale;
use countersign_guard::{Guard, Scope};
use countersign_jose::sign;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fixture::{Issuer, new_key, soon};
use crate::service::{Service, unprotected};

#[tokio::test]
async fn a_good_token_a_bad_one_and_none() {
    let service = Service::plain().await;
    service
        .with("/who", &service.issuer.token("a"))
        .await
        .says("u");
    let none = service.get("/who", &[]).await;
    none.is(401, "token_missing", "Bearer");
    let bad = service.with("/who", "no.token.here").await;
    assert_eq!(bad.status, 401);
    assert!(
        bad.header("www-authenticate")
            .starts_with(r#"Bearer error="invalid_token", error"#)
    );
    // A code, and nothing of what was sent.
    assert!(!bad.text.contains("no.token"), "{bad:?}");
}

#[tokio::test]
async fn a_revoked_token_is_refused_with_its_reason() {
    let service = Service::plain().await;
    let token = service.issuer.token("a");
    service.issuer.end_session_of("a");
    soon("it is heard", async || {
        service.guard.check(&token).await.is_err()
    })
    .await;
    service.with("/who", &token).await.is(
        401,
        "session_revoked",
        r#"Bearer error="invalid_token", error_description="session_revoked""#,
    );
}

#[tokio::test]
async fn visitors_where_they_are_let_in() {
    let service = Service::start(countersign_guard::axum::Protect::or_visitors).await;
    service.get("/maybe", &[]).await.says("a visitor");
    service
        .with("/maybe", &service.issuer.token("a"))
        .await
        .says("u");
    service
        .get("/who", &[])
        .await
        .is(401, "token_missing", "Bearer");
    // Whoever shows a bad token is no visitor.
    assert_eq!(service.with("/maybe", "bad").await.status, 401);
    let service = Service::plain().await;
    service
        .get("/maybe", &[])
        .await
        .is(401, "token_missing", "Bearer");
}

/// Of two layers the inner one says who calls, and that it is nobody.
#[tokio::test]
async fn a_layer_within_a_layer() {
    let cookie = || [Source::Cookie("c".into())];
    let service = Service::start(|it| it.sources(cookie()).or_visitors()).await;
    let service = service.behind(|it| it);
    let outer = format!("Bearer {}", service.issuer.token("a"));
    let mut claims = service.issuer.claims("b");
    claims.sub = "v".into();
    let inner = format!("c={}", service.issuer.sign(&claims));
    let outer = ("authorization", outer.as_str());
    service.get("/maybe", &[outer]).await.says("a visitor");
    service
        .get("/maybe", &[outer, ("cookie", &inner)])
        .await
        .says("v");
}

/// A request waits while its token's key is fetched.
#[tokio::test]
async fn a_token_by_a_key_that_is_new() {
    let service = Service::plain().await;
    let issuer = &service.issuer;
    let next = new_key("k2");
    issuer.publish(&[&issuer.key, &next]);
    let token = sign(&next, "at+jwt", &issuer.claims("a")).unwrap();
    for _ in 0..2 {
        service.with("/who", &token).await.says("u");
    }
    assert_eq!(issuer.count("key set"), 2);
}

#[tokio::test]
async fn without_the_layer_nobody_is_served() {
    for path in ["/who", "/maybe", "/clerk"] {
        unprotected(path).await.is(500, "not_protected", "");
    }
}

#[tokio::test]
async fn what_a_token_does_not_permit() {
    let metadata = "https://orders.example/.well-known/oauth-protected-resource";
    let service = Service::start(|it| it.resource_metadata(metadata).unwrap()).await;
    let mut claims = service.issuer.claims("a");
    for (scope, good) in [
        (None, false),
        (Some("orders:read"), false),
        (Some("orders:read orders:writer"), false),
        (Some("orders:write x orders:read"), true),
    ] {
        claims.scope = scope.map(|scope| Scope::parse(scope).unwrap());
        let answer = service.with("/write", &service.issuer.sign(&claims)).await;
        if good {
            answer.says("a");
        } else {
            answer.is(
                403,
                "scope_missing",
                &format!(
                    "Bearer error=\"insufficient_scope\", scope=\"orders:read orders:write\", \
                     resource_metadata=\"{metadata}\""
                ),
            );
        }
    }
    for (roles, good) in [
        (serde_json::json!(["clerk", "x"]), true),
        (serde_json::json!(["clerks"]), false),
        (serde_json::json!("clerk"), false),
    ] {
        claims.extra.insert("roles".into(), roles);
        let answer = service.with("/clerk", &service.issuer.sign(&claims)).await;
        if good {
            answer.says("a");
        } else {
            answer.is(403, "role_missing", "");
        }
    }
    let none = service.get("/who", &[]).await;
    none.is(
        401,
        "token_missing",
        &format!("Bearer resource_metadata=\"{metadata}\""),
    );
}

/// RFC 9470 §3.
#[tokio::test]
async fn step_up_by_the_age_of_the_sign_in() {
    let service = Service::plain().await;
    let mut claims = service.issuer.claims("a");
    for (auth_time, good) in [
        (Some(claims.iat - 50), true),
        (Some(claims.iat - 70), false),
        (None, false),
    ] {
        claims.auth_time = auth_time;
        let answer = service.with("/recent", &service.issuer.sign(&claims)).await;
        if good {
            answer.says("a");
        } else {
            let challenge = r#"Bearer error="insufficient_user_authentication", max_age="60""#;
            answer.is(401, "sign_in_too_old", challenge);
        }
    }
}

#[tokio::test]
async fn a_requirement_of_the_layer() {
    let service = Service::start(|protect| protect.require(Requirement::new().role("clerk"))).await;
    service
        .with("/who", &service.issuer.token("a"))
        .await
        .is(403, "role_missing", "");
}

/// Temporary: nothing is wrong with the token.
#[tokio::test]
async fn a_guard_that_cannot_know_says_so() {
    let service = Service::plain().await;
    let stale = WhenStale::Refuse {
        after: Duration::from_millis(100),
    };
    let guard = service.issuer.guard(stale).await;
    let stale = Router::new()
        .route("/", get(|| async { "in" }))
        .layer(guard.protect());
    service.issuer.world.silent.store(true, Ordering::Relaxed);
    let token = service.issuer.token("a");
    soon("it is stale", async || guard.check(&token).await.is_err()).await;
    let request = Request::get("/")
        .header("authorization", format!("Bearer {token}"))
        .body(axum::body::Body::empty())
        .unwrap();
    let response = tower::ServiceExt::oneshot(stale, request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert!(!response.headers().contains_key("www-authenticate"));
}

/// Before there is a key, nobody is told to throw a token away, or to sign in again.
#[tokio::test]
async fn a_guard_without_keys_calls_no_token_bad() {
    let mut issuer = Issuer::start().await;
    issuer.stop().await;
    let guard = Guard::connect_in_background(issuer.options(WhenStale::refuse())).unwrap();
    let sign_in = SignIn::new("https://id.example/sign-in", "https://orders.example").unwrap();
    let service = Router::new()
        .route("/", get(|| async { "in" }))
        .layer(guard.protect().sign_in(sign_in));
    let ask = async || {
        let request = Request::get("/")
            .header("authorization", format!("Bearer {}", issuer.token("a")))
            .header(PAGE[0].0, PAGE[0].1)
            .body(axum::body::Body::empty())
            .unwrap();
        tower::ServiceExt::oneshot(service.clone(), request)
            .await
            .unwrap()
    };
    for _ in 0..2 {
        let response = ask().await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        assert!(!response.headers().contains_key("www-authenticate"));
    }
}

const PAGE: [(&str, &str); 1] = [("sec-fetch-mode", "navigate")];

#[tokio::test]
async fn people_are_sent_to_the_sign_in_page_and_programs_are_not() {
    let sign_in = SignIn::new("https://id.example/sign-in?app=1", "https://orders.example");
    let service = Service::start(|protect| protect.sign_in(sign_in.unwrap())).await;
    let to = async |path: &str, headers: &[(&str, &str)]| {
        let answer = service.get(path, headers).await;
        (answer.status.as_u16(), answer.header("location").to_owned())
    };
    let sent = |path: &str| {
        let back = format!("https%3A%2F%2Forders.example{path}");
        (
            303,
            format!("https://id.example/sign-in?app=1&return_to={back}"),
        )
    };
    assert_eq!(
        to("/who?a=1&b=2", &PAGE).await,
        sent("%2Fwho%3Fa%3D1%26b%3D2")
    );
    assert_eq!(to("/nested/who", &PAGE).await, sent("%2Fnested%2Fwho"));
    assert_eq!(
        to("/who", &[("accept", "text/html,*/*")]).await,
        sent("%2Fwho")
    );
    // A token that is not good any more helps nobody.
    let bad = [PAGE[0], ("authorization", "Bearer bad")];
    assert_eq!(to("/who", &bad).await, sent("%2Fwho"));
    let program = (401, String::new());
    assert_eq!(to("/who", &[]).await, program);
    let script = [("sec-fetch-mode", "cors"), ("accept", "text/html")];
    assert_eq!(to("/who", &script).await, program);
    assert_eq!(service.ask("POST", "/who", &PAGE).await.status, 401);
    // A sign-in that is too old: the page is told how old it may be.
    let mut claims = service.issuer.claims("old");
    claims.auth_time = None;
    let bearer = format!("Bearer {}", service.issuer.sign(&claims));
    let old = [PAGE[0], ("authorization", bearer.as_str())];
    let (status, location) = to("/recent", &old).await;
    assert_eq!(
        (status, location),
        (303, format!("{}&max_age=60", sent("%2Frecent").1))
    );
    // May not: signing in again would not help.
    let bearer = format!("Bearer {}", service.issuer.token("a"));
    let may_not = [PAGE[0], ("authorization", bearer.as_str())];
    assert_eq!(to("/clerk", &may_not).await, (403, String::new()));
}

/// Whatever a link says, the way back leads to this service.
#[tokio::test]
async fn no_link_makes_the_way_back_lead_elsewhere() {
    let sign_in = SignIn::new("https://id.example/sign-in", "https://orders.example").unwrap();
    let service = Service::start(|protect| protect.sign_in(sign_in)).await;
    for path in [
        "//evil.example/",
        "/@evil.example",
        "/%0d%0aLocation:x",
        "/?return_to=https://evil.example",
        "http://evil.example/who",
    ] {
        let evil = [
            PAGE[0],
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("referer", "https://evil.example/"),
        ];
        let answer = service.get(path, &evil).await;
        let back = "https://id.example/sign-in?return_to=https%3A%2F%2Forders.example%2F";
        let location = answer.header("location");
        assert!(location.starts_with(back), "{path}: {location}");
        assert!(
            !location[back.len()..].contains(['/', '&', ':']),
            "{path}: {location}"
        );
    }
    for (page, own) in [
        ("/sign-in", "https://orders.example"),
        ("https://id.example", "https://orders.example/path"),
        ("https://id.example", "https://orders.example@evil.example"),
        ("https://id.example", "https://orders.example/"),
        ("javascript:alert(1)", "https://orders.example"),
    ] {
        assert!(SignIn::new(page, own).is_err(), "{page} {own}");
    }
}
