//! Where a token may stand, and that there is one.

use axum::http::HeaderName;
use countersign_guard::axum::Source;
use serde_json::json;

use crate::service::Service;

fn everywhere() -> [Source; 4] {
    [
        Source::Authorization,
        Source::Cookie("orders-access".into()),
        Source::Header(HeaderName::from_static("authentication")),
        Source::WebSocketProtocol("bearer.".into()),
    ]
}

#[tokio::test]
async fn each_place_that_was_named_and_no_other() {
    let service = Service::start(|protect| protect.sources(everywhere())).await;
    let careful = Service::plain().await;
    *service.issuer.world.account.lock().unwrap() =
        json!({ "active": true, "sub": "u", "account": { "name": "Ada" } });
    let token = service.issuer.token("a");
    let (bearer, odd, cookie, offer) = (
        format!("Bearer {token}"),
        format!("bEARER   {token}"),
        format!("x=1; orders-access={token}; y=2"),
        format!("orders.v1, bearer.{token}"),
    );
    for (name, value) in [
        ("authorization", &bearer),
        ("authorization", &odd),
        ("cookie", &cookie),
        ("authentication", &bearer),
        ("authentication", &token),
        ("sec-websocket-protocol", &offer),
    ] {
        service.get("/who", &[(name, value)]).await.says("u");
        // The issuer is asked about the token itself, without what stands around it.
        service
            .get("/account", &[(name, value)])
            .await
            .says(r#""Ada""#);
        if name != "authorization" {
            careful
                .get("/who", &[(name, value)])
                .await
                .is(401, "token_missing", "Bearer");
        }
    }
    // RFC 9700 §4.3.2: addresses end up everywhere.
    for query in ["access_token", "token"] {
        let path = format!("/who?{query}={token}");
        service
            .get(&path, &[])
            .await
            .is(401, "token_missing", "Bearer");
    }
    let near = format!("orders-access2={token}; Orders-Access={token}; orders-access=");
    service
        .get("/who", &[("cookie", &near)])
        .await
        .is(401, "token_missing", "Bearer");
}

#[tokio::test]
async fn more_than_one_token() {
    let service = Service::start(|protect| protect.sources(everywhere())).await;
    let token = service.issuer.token("a");
    let (bearer, cookie, offer) = (
        format!("Bearer {token}"),
        format!("orders-access={token}"),
        format!("bearer.{token}"),
    );
    let twice = format!("{cookie}; orders-access=other");
    let two_offers = format!("{offer}, bearer.other");
    for headers in [
        vec![("authorization", &bearer), ("cookie", &cookie)],
        vec![("authorization", &bearer), ("authorization", &bearer)],
        vec![("authorization", &bearer), ("authentication", &token)],
        vec![("cookie", &twice)],
        vec![("cookie", &cookie), ("cookie", &cookie)],
        vec![("sec-websocket-protocol", &two_offers)],
    ] {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = service.get("/who", &headers).await;
        answer.is(
            400,
            "more_than_one_token",
            r#"Bearer error="invalid_request""#,
        );
    }
}

#[tokio::test]
async fn credentials_that_are_none() {
    let service = Service::plain().await;
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a,b",
        "Bearer \u{e9}",
        "",
    ] {
        let answer = service.get("/who", &[("authorization", value)]).await;
        answer.is(400, "token_malformed", r#"Bearer error="invalid_request""#);
    }
    for value in ["Basic Og==", "DPoP abc", "Bearer2 abc"] {
        let answer = service.get("/who", &[("authorization", value)]).await;
        answer.is(401, "scheme_unknown", "Bearer");
    }
}

/// What a page offers is not echoed: nobody behind the layer sees it.
#[tokio::test]
async fn an_offered_token_is_taken_out_of_the_offer() {
    let service = Service::start(|protect| protect.sources(everywhere())).await;
    let token = service.issuer.token("a");
    for (offer, rest) in [
        (format!("bearer.{token}"), ""),
        (format!("orders.v1,bearer.{token}"), "orders.v1"),
        (
            format!("bearer.{token}, orders.v2 , orders.v1"),
            "orders.v2, orders.v1",
        ),
    ] {
        let answer = service
            .get("/offered", &[("sec-websocket-protocol", &offer)])
            .await;
        answer.says(rest);
    }
}
