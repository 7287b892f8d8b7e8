//! The `OpenAPI` document tells everything, and nothing else.

use std::collections::BTreeSet;

use countersign::http::Code;
use serde_json::Value;

use crate::server::Server;
use crate::support::client::Request;

async fn document() -> (Server, Value) {
    let server = Server::start().await;
    let document = server
        .send(Request::get("/openapi.json"))
        .await
        .expect(200)
        .json();
    (server, document)
}

#[tokio::test]
async fn every_operation_of_it_is_there_and_no_other_method_is() {
    let (server, document) = document().await;
    let paths = document["paths"].as_object().unwrap();
    for (path, item) in paths {
        let documented: BTreeSet<String> = item
            .as_object()
            .unwrap()
            .keys()
            .map(|m| m.to_uppercase())
            .collect();
        let asked = path.replace("{id}", "x");
        // TRACE is nobody's: its refusal lists what the router has.
        let refused = server
            .send(Request::new("TRACE", &asked))
            .await
            .refused(405, "method_not_allowed");
        let allowed: BTreeSet<String> = refused
            .header("allow")
            .unwrap()
            .split(',')
            .filter(|method| *method != "HEAD")
            .map(str::to_owned)
            .collect();
        assert_eq!(documented, allowed, "{path}");
    }
    for path in [
        "/v1/register",
        "/v1/login",
        "/v1/refresh",
        "/v1/logout",
        "/v1/logout-all",
        "/v1/session",
        "/v1/me",
        "/v1/me/sessions",
        "/v1/me/sessions/{id}",
        "/v1/me/password",
        "/v1/revocations",
        "/v1/revocations/stream",
        "/oauth/token",
        "/v1/forward-auth",
        "/gateway/{id}",
        "/oauth/introspect",
        "/oauth/revoke",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/livez",
        "/readyz",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    assert_eq!(paths.len(), 21, "a new route belongs into this list, too");
}

#[tokio::test]
async fn every_code_is_listed_and_every_code_that_a_route_names_exists() {
    let (_, document) = document().await;
    let listed = document["x-problems"].as_object().unwrap();
    assert_eq!(listed.len(), Code::ALL.len(), "no name is used twice");
    for code in Code::ALL {
        assert_eq!(
            listed[code.name()]["status"],
            code.status().as_u16(),
            "{}",
            code.name()
        );
        assert_eq!(listed[code.name()]["title"], code.title());
    }
    let mut named = 0;
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let description = response["description"].as_str().unwrap();
                let codes = description.split('`').skip(1).step_by(2);
                for code in codes.filter(|word| word.contains('_') && !word.contains('-')) {
                    named += 1;
                    assert_eq!(listed[code]["status"].to_string(), *status, "{code}");
                }
            }
        }
    }
    assert!(named > 50, "{named}");
}

#[test]
fn the_papers_list_the_same_codes() {
    let page = include_str!("../../../../docs/api.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let codes = Code::ALL.iter().map(|code| {
        let status = code.status().as_u16();
        format!("| `{}` | {status} | {} |", code.name(), code.title())
    });
    assert_eq!(rows, codes.collect::<Vec<_>>());
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let (_, document) = document().await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_description() {
    let (server, document) = document().await;
    let problem = server.send(Request::get("/v1/me")).await.expect(401).json();
    let (path, pointer) = problem["type"].as_str().unwrap().split_once('#').unwrap();
    assert_eq!(path, "/openapi.json");
    assert_eq!(
        document.pointer(pointer).unwrap()["title"],
        problem["title"]
    );
}

/// Every `$ref` of the document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(target) if name == "$ref" => found.push(target),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
