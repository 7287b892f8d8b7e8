//! The playground of a first start.

use serde_json::json;

use crate::binary::Server;
use crate::script::run;
use crate::temp::TempDir;

#[test]
fn a_stranger_sees_a_token_taken_back_before_it_expires() {
    let folder = TempDir::new();
    let server = Server::first(folder.path(), 0);
    let (_, password) = server.greeting.split_once(", password ").unwrap();
    let password = password.lines().next().unwrap();
    let told = json!({
        "playground": format!("{}/playground", server.issuer),
        "password": password,
    });
    run("playground", told, |_| json!({}));
    server.stop();
}
