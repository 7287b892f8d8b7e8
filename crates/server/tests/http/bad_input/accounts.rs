//! Calls about one's own account that are refused.

use countersign::http::Code as C;
use serde_json::json;

use super::{Case, SECRET};
use crate::actors::Browser;
use crate::server::PASSWORD;
use crate::support::client::Request;

pub fn cases(alice: &Browser<'_>) -> Vec<Case> {
    let call = |method, path: &str| Request::new(method, path).bearer(&alice.access_token);
    let ids = [
        "x",
        "0",
        "%00",
        "..%2f..%2fme",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ];
    let mut cases: Vec<_> = ids
        .map(|id| {
            let end = call("DELETE", &format!("/v1/me/sessions/{id}"));
            Case::new("no session's id", C::InvalidId, "session's id", end)
        })
        .into();
    let unknown = call("DELETE", &format!("/v1/me/sessions/{}", "A".repeat(32)));
    cases.push(Case::new(
        "an unknown session",
        C::NoSuchSession,
        "session",
        unknown,
    ));

    cases.extend(
        [
            (
                "a new address",
                C::UnknownField,
                "\"email\"",
                json!({ "email": "x@example.com" }),
            ),
            (
                "more roles",
                C::UnknownField,
                "\"roles\"",
                json!({ "roles": "admin" }),
            ),
            (
                "a numeric name",
                C::WrongType,
                "\"name\"",
                json!({ "name": 7 }),
            ),
            (
                "no user name",
                C::InvalidUsername,
                "",
                json!({ "username": "a b" }),
            ),
            (
                "a control character",
                C::InvalidName,
                "",
                json!({ "name": "a\u{7}b" }),
            ),
        ]
        .map(|(name, code, hint, change)| {
            Case::new(name, code, hint, call("PATCH", "/v1/me").json(&change))
        }),
    );

    let wrong = json!({ "current_password": SECRET, "new_password": "something quite new" });
    let half = json!({ "current_password": PASSWORD });
    let change = |form| call("POST", "/v1/me/password").json(form);
    cases.extend([
        Case::new(
            "a wrong password",
            C::WrongPassword,
            "current",
            change(&wrong),
        ),
        Case::new(
            "no new password",
            C::MissingField,
            "\"new_password\"",
            change(&half),
        ),
    ]);
    cases
}
