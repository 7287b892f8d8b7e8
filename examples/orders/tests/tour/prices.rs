//! The second service: for the first one alone.

use serde_json::json;

use crate::demo::{Demo, signal, until};

#[tokio::test]
async fn prices_are_for_the_orders_service_alone() {
    let demo = Demo::start();
    let lamp = format!("{}/prices/lamp", demo.pricing);
    let ask = async |token: &str| {
        let bearer = format!("Bearer {token}");
        demo.get(&lamp, &[("authorization", &bearer)]).await
    };

    let nobody = demo.get(&lamp, &[]).await;
    assert_eq!(
        (nobody.status.as_u16(), nobody.header("www-authenticate")),
        (401, "Bearer")
    );

    // A person's token is for other services.
    let ada = demo.customer("ada").await;
    let answer = ask(&ada).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["code"]),
        (401, &json!("token_audience"))
    );

    // One that is for this service must also permit it.
    demo.countersign(&["client", "add", "desk", "--audience", &demo.pricing]);
    let without_scope = demo.sign_in("ada", "desk").await;
    let answer = ask(&without_scope).await;
    assert_eq!(answer.status, 403);
    let expected = r#"Bearer error="insufficient_scope", scope="prices:read""#;
    assert_eq!(answer.header("www-authenticate"), expected);

    // The server gives tokens for it to the orders service, and to no other that asks.
    let secret = |name: &str| {
        let path = demo.folder.join(format!("countersign-demo/{name}.secret"));
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    };
    let token = async |name: &str| {
        let form = format!(
            "grant_type=client_credentials&client_id={name}&client_secret={}&resource={}",
            secret(name),
            demo.pricing
        );
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let address = format!("{}/oauth/token", demo.server);
        demo.send(http::Method::POST, &address, &[kind], form).await
    };
    assert_eq!(token("pricing").await.body["error"], "invalid_target");
    let granted = token("orders").await;
    let answer = ask(granted.body["access_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body, json!({ "amount": 4_900, "currency": "EUR" }));
}

#[tokio::test]
async fn without_a_price_nothing_is_ordered_and_the_same_key_works_later() {
    let demo = Demo::start();
    let ada = demo.customer("ada").await;
    let pricing = demo.pid("pricing");

    signal("STOP", &pricing);
    let answer = demo.create(&ada, "lamp", 1, "one").await;
    assert_eq!(answer.code(), "PRICE_UNAVAILABLE");
    assert_eq!(answer.body["errors"][0]["extensions"]["retryable"], true);
    let message = answer.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("nothing was ordered"), "{message}");
    // The rest goes on.
    assert_eq!(demo.orders_of(&ada).await, [""; 0]);

    signal("CONT", &pricing);
    let answer = demo.create(&ada, "lamp", 1, "one").await;
    let placed = answer.data("createOrder").clone();

    // What was placed needs no price any more, if its answer was lost.
    signal("STOP", &pricing);
    let again = demo.create(&ada, "lamp", 1, "one").await;
    assert_eq!(*again.data("createOrder"), placed);
    signal("CONT", &pricing);
    assert_eq!(demo.orders_of(&ada).await.len(), 1);
}

#[tokio::test]
async fn a_service_that_was_cut_off_and_let_in_again_gets_another_token() {
    let demo = Demo::start();
    let ada = demo.customer("ada").await;
    demo.order(&ada, "one").await;
    demo.countersign(&["client", "disable", "orders"]);
    let is_refused = async || demo.create(&ada, "lamp", 1, "two").await.body["data"].is_null();
    assert!(until(is_refused).await, "cut off, and still served");

    demo.countersign(&["client", "enable", "orders"]);
    let is_served = async || demo.create(&ada, "lamp", 1, "two").await.body["errors"].is_null();
    assert!(until(is_served).await, "let in again, and still refused");
    assert_eq!(demo.orders_of(&ada).await.len(), 2);
}
