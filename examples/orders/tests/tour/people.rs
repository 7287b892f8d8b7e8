//! Who sees what, and how everybody else is turned away.

use std::path::Path;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::demo::{Answer, Demo, until};

const ORDER: &str = "query($id: ID!) { order(id: $id) { id owner state } }";
const CANCEL: &str = "mutation($id: ID!) { cancelOrder(id: $id) { id state } }";

#[tokio::test]
async fn each_sees_only_her_orders_and_the_support_sees_all() {
    let demo = Demo::start();
    let ada = demo.customer("ada").await;
    let eve = demo.customer("eve").await;
    demo.register("sam").await;
    demo.countersign(&["user", "role", "sam@example.com", "--add", "support"]);
    let sam = demo.sign_in("sam", "shop").await;

    // The subject of the token is who asks.
    let who = "{ viewer { id isSupport } }";
    let viewer = demo.ask(Some(&ada), who, Value::Null).await;
    let viewer = viewer.data("viewer");
    let shown = demo.countersign(&["user", "show", "ada@example.com", "--json"]);
    let account: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(*viewer, json!({ "id": account["id"], "isSupport": false }));

    let of_ada = [demo.order(&ada, "1").await, demo.order(&ada, "2").await];
    let of_eve = [demo.order(&eve, "1").await];
    assert_eq!(demo.orders_of(&ada).await, [&*of_ada[1], &of_ada[0]]);
    assert_eq!(demo.orders_of(&eve).await, of_eve);
    let everybodys = [&*of_eve[0], &of_ada[1], &of_ada[0]];
    assert_eq!(demo.orders_of(&sam).await, everybodys);

    // Another's order is answered exactly as one that there never was.
    let never = json!({ "id": "00000000000000000000000000000000" });
    let others = json!({ "id": of_ada[0] });
    for what in [ORDER, CANCEL] {
        let answers = [
            demo.ask(Some(&eve), what, others.clone()).await,
            demo.ask(Some(&eve), what, never.clone()).await,
        ];
        assert_eq!(answers.each_ref().map(Answer::code), ["NOT_FOUND"; 2]);
        assert_eq!(answers[0].body, answers[1].body);
    }
    let older = "query($id: ID!) { orders(after: $id) { id } }";
    let after = json!({ "id": of_eve[0] });
    let page = demo.ask(Some(&ada), older, after).await;
    assert_eq!(*page.data("orders"), json!([]));

    // The support looks, and does not touch.
    let seen = demo.ask(Some(&sam), ORDER, others.clone()).await;
    let expected = json!({ "id": of_ada[0], "owner": account["id"], "state": "PLACED" });
    assert_eq!(*seen.data("order"), expected);
    let touched = demo.ask(Some(&sam), CANCEL, others.clone()).await;
    assert_eq!(touched.code(), "NOT_FOUND");

    // Its owner may, and more than once.
    for _ in 0..2 {
        let cancelled = demo.ask(Some(&ada), CANCEL, others.clone()).await;
        assert_eq!(cancelled.data("cancelOrder")["state"], "CANCELLED");
    }
}

#[tokio::test]
async fn who_has_no_good_token_is_turned_away() {
    let demo = Demo::start();
    let ada = demo.customer("ada").await;
    let sign_in = format!("{}/", demo.orders);

    // A visitor is nobody, and is told where to sign in.
    let viewer = demo.ask(None, "{ viewer { id } }", Value::Null).await;
    assert_eq!(*viewer.data("viewer"), Value::Null);
    let order = json!({ "sku": "lamp", "quantity": 1, "key": "1" });
    for (query, variables) in [
        ("{ orders { id } }", Value::Null),
        ("{ viewer { id } orders { id } }", Value::Null),
        (ORDER, json!({ "id": "1" })),
        (CANCEL, json!({ "id": "1" })),
        (
            "mutation($input: NewOrder!) { createOrder(input: $input) { id } }",
            json!({ "input": order }),
        ),
    ] {
        let answer = demo.ask(None, query, variables).await;
        assert_eq!(answer.status, 401, "{query}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.code(), "LOGIN_REQUIRED");
        assert_eq!(answer.body["errors"][0]["extensions"]["signIn"], sign_in);
    }

    // A token that is for another service, a changed one, and none at all.
    let foreign = demo.sign_in("ada", "default").await;
    let (signed, _) = ada.rsplit_once('.').unwrap();
    for token in [&*foreign, &format!("{signed}.AAAA"), "none"] {
        let answer = demo
            .ask(Some(token), "{ viewer { id } }", Value::Null)
            .await;
        assert_eq!(answer.status, 401, "{answer:?}");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.starts_with(r#"Bearer error="invalid_token""#),
            "{challenge}"
        );
    }
}

#[tokio::test]
async fn the_page_is_the_same_for_everybody_and_loads_nothing_from_strangers() {
    let demo = Demo::start();
    let page = demo.get(&format!("{}/?order=7", demo.orders), &[]).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    let scripts = format!("default-src 'none'; script-src 'self' {};", demo.server);
    assert!(policy.starts_with(&scripts), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = page.body.as_str().unwrap();
    assert!(html.contains(&format!("data-issuer=\"{}\"", demo.server)));
    for file in ["shop.js", "shop.css"] {
        assert!(html.contains(&format!("\"/{file}\"")));
        let answer = demo.get(&format!("{}/{file}", demo.orders), &[]).await;
        assert_eq!(answer.status, 200, "{file}");
    }
}

#[tokio::test]
async fn who_signed_out_is_refused_at_once() {
    let demo = Demo::start();
    demo.register("ada").await;
    let elsewhere = demo.sign_in("ada", "shop").await;
    let login = demo.login("ada", "shop").await;
    let ada = login.body["access_token"].as_str().unwrap();
    demo.order(ada, "1").await;

    // As a browser does: with the cookie of the shop, from a page of the shop.
    let (cookie, _) = login.header("set-cookie").split_once(';').unwrap();
    let headers = [
        ("content-type", "application/json"),
        ("cookie", cookie),
        ("origin", &demo.orders),
    ];
    let address = format!("{}/v1/logout", demo.server);
    let form = json!({ "client_id": "shop" }).to_string();
    let out = demo.send(Method::POST, &address, &headers, form).await;
    assert_eq!(out.status, 204, "{out:?}");
    let began = Instant::now();
    let refused = async || {
        demo.ask(Some(ada), "{ viewer { id } }", Value::Null)
            .await
            .status
            == 401
    };
    assert!(until(refused).await, "signed out, and still served");
    println!(
        "refused {:?} after the sign-out was answered",
        began.elapsed()
    );
    let answer = demo.ask(Some(ada), "{ viewer { id } }", Value::Null).await;
    assert_eq!(answer.body["code"], "session_revoked");
    assert_eq!(demo.orders_of(&elsewhere).await.len(), 1);
}

/// The service could not keep a password if it wanted to: it has no table of users.
#[tokio::test]
async fn nothing_but_the_subject_is_kept_of_a_person() {
    let demo = Demo::start();
    let ada = demo.customer("ada").await;
    demo.order(&ada, "1").await;
    let path = demo.folder.join("countersign-demo/orders.db");
    let orders = rusqlite::Connection::open(Path::new(&path)).unwrap();
    let tables = "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table'";
    let tables: String = orders.query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(tables, "orders");
    let mut statement = orders.prepare("SELECT * FROM orders").unwrap();
    let columns: Vec<&str> = statement.column_names().collect();
    let columns = columns.join(" ");
    assert_eq!(
        columns,
        "number id owner key sku quantity amount currency state placed_at"
    );
    drop(statement.query([]).unwrap());
}
