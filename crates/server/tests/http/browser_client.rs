//! The code of the browser client, as pages of any origin fetch it.

use std::path::Path;

use countersign::http::Code;

use crate::server::{APP_ORIGIN, Server};
use crate::support::client::Request;

const CODE: &str = "/client/countersign.js";
const TYPES: &str = "/client/countersign.d.ts";

fn source(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/browser");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test]
async fn it_is_served_as_it_stands() {
    let server = Server::start().await;
    for (path, name, media_type) in [
        (CODE, "countersign.js", "text/javascript; charset=utf-8"),
        (TYPES, "countersign.d.ts", "text/plain; charset=utf-8"),
    ] {
        let answer = server.send(Request::get(path)).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(media_type));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.text(), source(name));

        let etag = answer.header("etag").unwrap();
        let again = Request::get(path).header("If-None-Match", etag);
        let unchanged = server.send(again).await.expect(304);
        assert_eq!(unchanged.header("etag"), Some(etag));
        assert!(unchanged.body.is_empty());
        let other = Request::get(path).header("If-None-Match", "\"another\"");
        server.send(other).await.expect(200);
    }
}

/// A module is fetched with CORS. What is for listed origins alone, cookies, strangers are not told.
#[tokio::test]
async fn pages_of_any_origin_may_have_it() {
    let server = Server::start().await;
    server.allow_app_origin().await;
    for (origin, allowed, credentials) in [
        ("https://stranger.example", "*", None),
        (APP_ORIGIN, APP_ORIGIN, Some("true")),
    ] {
        let asked = Request::get(CODE).header("Origin", origin);
        let answer = server.send(asked).await.expect(200);
        let header = |name: &str| answer.header(name).map(str::to_owned);
        assert_eq!(
            header("access-control-allow-origin").as_deref(),
            Some(allowed)
        );
        assert_eq!(
            header("access-control-allow-credentials").as_deref(),
            credentials
        );
        assert_eq!(header("vary").as_deref(), Some("origin"));
    }
}

#[test]
fn its_types_know_every_code() {
    let types = source("countersign.d.ts");
    let (_, known) = types.split_once("export type ApiCode =").unwrap();
    let known: Vec<&str> = known
        .lines()
        .filter_map(|line| line.trim().strip_prefix("| '")?.strip_suffix('\''))
        .collect();
    let all: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(known, all);
}
