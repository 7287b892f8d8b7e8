//! The page, in a browser.

use serde_json::json;

use crate::demo::Demo;
use crate::script::run;

#[test]
fn who_follows_a_link_signs_in_and_is_back_there() {
    let demo = Demo::start();
    let (_, password) = demo.said.split_once("demo@example.com, password ").unwrap();
    let told = json!({
        "server": demo.server,
        "orders": demo.orders,
        "email": "demo@example.com",
        "password": password.lines().next().unwrap(),
    });
    run("shop", told, |_| json!({}));
}
