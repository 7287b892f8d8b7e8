//! How often the server is asked: as often for ten requests as for a thousand.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::demo::Demo;

const TOKEN: &str = "/oauth/token";
const KEY_SET: &str = "/.well-known/jwks.json";
const FEED: &str = "/v1/revocations/stream";

#[tokio::test]
async fn the_server_is_not_asked_more_often_when_more_is_served() {
    let demo = Demo::start();
    let people = [demo.customer("ada").await, demo.customer("eve").await];
    let started = counts(&demo).await;
    // Each of the two services: the keys, the feed, and a token to read it with.
    assert_eq!(
        [KEY_SET, FEED, TOKEN].map(|it| started.get(it).copied()),
        [Some(2); 3]
    );

    serve(&demo, &people, 10, "few").await;
    let few = counts(&demo).await;
    serve(&demo, &people, 1_000, "many").await;
    let many = counts(&demo).await;
    for (endpoint, count) in &many {
        println!(
            "{endpoint}: {} + {} + {}",
            started.get(endpoint).unwrap_or(&0),
            few.get(endpoint).unwrap_or(&0) - started.get(endpoint).unwrap_or(&0),
            count - few.get(endpoint).unwrap_or(&0)
        );
    }
    // The first order of all needs a token for pricing. It is good for the rest of its life.
    let mut expected = started;
    *expected.get_mut(TOKEN).unwrap() += 1;
    assert_eq!(few, expected);
    assert_eq!(many, few);
}

/// Every tenth request is an order, for which pricing is asked.
async fn serve(demo: &Demo, people: &[String; 2], requests: usize, key: &str) {
    for n in 0..requests {
        let token = &people[n % 2];
        if n % 10 == 0 {
            demo.order(token, &format!("{key}-{n}")).await;
        } else {
            let query = "{ viewer { id } orders(first: 5) { id } }";
            let answer = demo.ask(Some(token), query, Value::Null).await;
            assert_ne!(answer.data("viewer")["id"], json!(null));
        }
    }
}

/// The requests that the server has answered, by endpoint, as it counts them itself.
async fn counts(demo: &Demo) -> BTreeMap<String, u64> {
    let metrics = demo.get(&format!("{}/metrics", demo.metrics), &[]).await;
    let mut counts = BTreeMap::new();
    for line in metrics.body.as_str().unwrap().lines() {
        let labels = line.strip_prefix("countersign_http_request_duration_seconds_count{");
        let Some((labels, count)) = labels.and_then(|rest| rest.split_once("} ")) else {
            continue;
        };
        let (_, route) = labels.split_once(r#"route=""#).unwrap();
        let (route, _) = route.split_once('"').unwrap();
        *counts.entry(route.to_owned()).or_default() += count.parse::<u64>().unwrap();
    }
    counts
}
