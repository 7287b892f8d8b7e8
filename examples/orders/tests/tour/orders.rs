//! What may be asked, and how much of it.

use std::path::Path;

use async_graphql::SDLExportOptions;
use countersign_guard::{
    Guard,
    net::{Options, ServiceClient, WhenStale},
};
use example_orders::{prices::Prices, schema::api, store::Store};
use serde_json::{Value, json};

use crate::demo::Demo;

#[tokio::test]
async fn an_order_is_placed_once_for_each_key() {
    let demo = Demo::start();
    let ada = demo.customer("ada").await;
    let eve = demo.customer("eve").await;

    let first = demo.create(&ada, "lamp", 2, "one").await;
    let first = first.data("createOrder");
    assert_eq!(
        first["total"],
        json!({ "amount": 9_800, "currency": "EUR" })
    );
    assert_eq!(
        first["placedAt"].as_str().unwrap().len(),
        "2026-11-26T02:00:00Z".len()
    );
    let again = demo.create(&ada, "lamp", 2, "one").await;
    assert_eq!(again.data("createOrder"), first);
    for (sku, quantity) in [("lamp", 3), ("desk", 2)] {
        let other = demo.create(&ada, sku, quantity, "one").await;
        assert_eq!(other.code(), "KEY_REUSED");
    }
    assert_eq!(demo.orders_of(&ada).await.len(), 1);

    // Everybody has keys of their own.
    let of_eve = demo.create(&eve, "desk", 1, "one").await;
    assert_ne!(of_eve.data("createOrder")["id"], first["id"]);

    // Page by page.
    demo.order(&ada, "two").await;
    demo.order(&ada, "three").await;
    let all = demo.orders_of(&ada).await;
    let page = "query($after: ID) { orders(first: 2, after: $after) { id } }";
    let mut pages: Vec<Value> = Vec::new();
    for after in [None, Some(&all[1]), Some(&all[2])] {
        let answer = demo.ask(Some(&ada), page, json!({ "after": after })).await;
        pages.push(answer.data("orders").clone());
    }
    let ids = |ids: &[String]| -> Value { ids.iter().map(|id| json!({ "id": id })).collect() };
    assert_eq!(pages, [ids(&all[..2]), ids(&all[2..]), ids(&[])]);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_and_says_why() {
    let demo = Demo::start();
    let ada = demo.customer("ada").await;
    let long = "k".repeat(65);
    for (sku, quantity, key, field) in [
        ("lamp", 0, "k", "quantity"),
        ("lamp", -1, "k", "quantity"),
        ("lamp", 101, "k", "quantity"),
        ("lamp", 1, "", "key"),
        ("lamp", 1, "a b", "key"),
        ("lamp", 1, &long, "key"),
        ("", 1, "k", "sku"),
        ("../admin", 1, "k", "sku"),
        ("lamp?x", 1, "k", "sku"),
        ("moon", 1, "k", "sku"),
    ] {
        let answer = demo.create(&ada, sku, quantity, key).await;
        assert_eq!(answer.code(), "INVALID", "{sku} {quantity} {key}");
        let error = &answer.body["errors"][0];
        assert_eq!(error["extensions"]["field"], field);
        assert!(
            error["message"].as_str().unwrap().starts_with(field),
            "{error}"
        );
    }
    for first in [0, -1, 101] {
        let query = "query($first: Int!) { orders(first: $first) { id } }";
        let answer = demo.ask(Some(&ada), query, json!({ "first": first })).await;
        assert_eq!(answer.code(), "INVALID", "{first}");
    }
    assert_eq!(demo.orders_of(&ada).await, [""; 0]);
}

#[tokio::test]
async fn nobody_can_ask_for_much_at_once() {
    let demo = Demo::start();
    let ada = demo.customer("ada").await;
    let create = |n: usize| {
        format!(r#"o{n}: createOrder(input: {{sku: "lamp", quantity: 1, key: "{n}"}}) {{ id }}"#)
    };
    let many: String = (0..6).map(create).collect();
    let all = "id owner sku quantity state placedAt total { amount currency }";
    let twice =
        format!("{{ a: orders(first: 100) {{ {all} }} b: orders(first: 100) {{ {all} }} }}");
    let deep = "{ __schema { types { fields { type { ofType { name } } } } } }".to_owned();
    for (query, why) in [
        (format!("mutation {{ {many} }}"), "too complex"),
        (twice, "too complex"),
        (deep, "too deep"),
        ("{ order(id: \"1\") { ownr } }".to_owned(), "Unknown field"),
    ] {
        let answer = demo.ask(Some(&ada), &query, Value::Null).await;
        assert_eq!(answer.body["data"], Value::Null, "{answer:?}");
        let message = answer.body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
        assert!(!message.contains("owner"), "it suggests: {message}");
    }
    assert_eq!(demo.orders_of(&ada).await, [""; 0]);

    let introspection = "{ __schema { types { name } } }";
    let answer = demo.ask(Some(&ada), introspection, Value::Null).await;
    assert_eq!(answer.body["data"]["__schema"], Value::Null);

    let one = format!("{{ orders(first: 100) {{ {all} }} }}");
    assert_eq!(
        *demo.ask(Some(&ada), &one, Value::Null).await.data("orders"),
        json!([])
    );

    let long = format!("{{ viewer {{ id }} }} # {}", "x".repeat(16 * 1024));
    let answer = demo.ask(Some(&ada), &long, Value::Null).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn the_schema_is_the_one_that_is_shown() {
    // Nobody is asked for it.
    let nobody = ServiceClient::new("nobody", "");
    let options = Options::new("http://localhost:1", "orders", nobody, WhenStale::refuse());
    let guard = Guard::connect_in_background(options).unwrap();
    let prices = Prices::new(String::new(), guard.service_token("pricing", None).unwrap());
    let store = Store::open(Path::new(":memory:")).unwrap();
    let shown = include_str!("../../schema.graphql");
    let options = SDLExportOptions::new().prefer_single_line_descriptions();
    assert_eq!(api(store, prices).sdl_with_options(options), shown);
}
