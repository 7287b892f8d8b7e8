//! Renewals and sign-outs that are refused.

use countersign::http::Code as C;
use serde_json::{Value, json};

use super::{Case, tokens};
use crate::actors::Browser;
use crate::support::client::Request;

fn with_cookie(cookie: &str) -> Request {
    Request::post("/v1/refresh")
        .header("Sec-Fetch-Site", "same-origin")
        .header("Cookie", cookie)
}

fn native(form: &Value) -> Request {
    Request::post("/v1/refresh").json(form)
}

pub fn cases(alice: &Browser<'_>) -> Vec<Case> {
    let token = alice.refresh_token().unwrap();
    [
        cookies(token),
        bad_tokens(token, &alice.access_token),
        bodies(token),
        sign_outs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cookies(token: &str) -> Vec<Case> {
    const NONE: C = C::NoRefreshToken;
    let two = with_cookie(&format!(
        "countersign-default={token}; countersign-default=x"
    ));
    vec![
        Case::new("no cookie", NONE, "sign in", Request::post("/v1/refresh")),
        Case::new(
            "an empty cookie",
            NONE,
            "sign in",
            with_cookie("countersign-default="),
        ),
        Case::new(
            "another cookie",
            NONE,
            "sign in",
            with_cookie("countersign-other=x"),
        ),
        Case::new("two cookies", C::DuplicateCredentials, "more than one", two),
    ]
}

fn bad_tokens(token: &str, access_token: &str) -> Vec<Case> {
    [
        ("a garbled token", tokens::garbled(token)),
        ("half a token", token[..token.len() / 2].to_owned()),
        ("a token and more", format!("{token}AAAA")),
        ("an access token", access_token.to_owned()),
        ("a very long token", "x".repeat(8000)),
    ]
    .map(|(name, token)| {
        let cookie = format!("countersign-default={token}");
        Case::new(name, C::RefreshInvalid, "sign in", with_cookie(&cookie))
    })
    .into()
}

fn bodies(token: &str) -> Vec<Case> {
    let phone = |token: &str| native(&json!({ "client_id": "phone", "refresh_token": token }));
    let nobody = native(&json!({ "client_id": "nobody", "refresh_token": token }));
    let nothing = native(&json!({ "client_id": "phone" }));
    let browser = native(&json!({ "refresh_token": token }));
    vec![
        Case::new("no token", C::MissingField, "\"refresh_token\"", nothing),
        Case::new(
            "another client's token",
            C::RefreshInvalid,
            "sign in",
            phone(token),
        ),
        Case::new(
            "a bare prefix",
            C::RefreshInvalid,
            "sign in",
            phone("csr1_"),
        ),
        Case::new("an empty token", C::RefreshInvalid, "sign in", phone("")),
        Case::new(
            "a browser's token in a body",
            C::UnknownField,
            "cookie",
            browser,
        ),
        Case::new("an unknown client", C::UnknownClient, "client", nobody),
    ]
}

fn sign_outs() -> Vec<Case> {
    let nobody = Request::post("/v1/logout").json(&json!({ "client_id": "nobody" }));
    let neither = Request::post("/v1/logout");
    vec![
        Case::new(
            "sign-out of nobody",
            C::MissingToken,
            "Authorization",
            neither,
        ),
        Case::new("sign-out of no client", C::UnknownClient, "client", nobody),
    ]
}
