//! Access tokens that are refused, and ways of sending them.

use base64_simd::URL_SAFE_NO_PAD;
use countersign::http::Code as C;
use countersign_jose::{SigningKey, sign};
use serde_json::{Map, Value, json};

use super::Case;
use crate::support::client::Request;

fn me(token: &str) -> Request {
    Request::get("/v1/me").bearer(token)
}

pub fn cases(token: &str, foreign: &str) -> Vec<Case> {
    [
        missing(),
        headers(token),
        garbage(token, foreign),
        at_the_proxy(token, foreign),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn missing() -> Vec<Case> {
    [
        ("GET", "/v1/me"),
        ("PATCH", "/v1/me"),
        ("GET", "/v1/me/sessions"),
        ("DELETE", "/v1/me/sessions"),
        ("DELETE", "/v1/me/sessions/x"),
        ("POST", "/v1/me/password"),
        ("POST", "/v1/logout-all"),
        ("GET", "/v1/forward-auth"),
        ("POST", "/v1/forward-auth/orders"),
    ]
    .map(|(method, path)| {
        Case::new(
            "no access token",
            C::MissingToken,
            "Bearer",
            Request::new(method, path),
        )
    })
    .into()
}

fn headers(token: &str) -> Vec<Case> {
    let mut cases: Vec<_> = [
        "",
        "Bearer",
        "Bearer ",
        "Basic YWxpY2U6eA==",
        "Token x",
        "Bearer\tx",
    ]
    .map(|value| {
        let request = Request::get("/v1/me").header("Authorization", value);
        Case::new("another scheme", C::TokenInvalid, "Bearer", request)
    })
    .into();
    let twice = me(token).bearer(token);
    let query = Request::get(&format!("/v1/me?access_token={token}"));
    let cookie = Request::get("/v1/me").header("Cookie", &format!("access_token={token}"));
    cases.extend([
        Case::new(
            "two tokens",
            C::DuplicateCredentials,
            "more than one",
            twice,
        ),
        Case::new(
            "a token in the query",
            C::MissingToken,
            "Authorization",
            query,
        ),
        Case::new(
            "a token in a cookie",
            C::MissingToken,
            "Authorization",
            cookie,
        ),
    ]);
    cases
}

fn garbage(token: &str, foreign: &str) -> Vec<Case> {
    let parts: Vec<&str> = token.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode_to_string(r#"{"alg":"none","typ":"at+jwt"}"#);
    [
        ("a token of another server", foreign.to_owned()),
        ("a garbled token", garbled(token)),
        ("a truncated token", token[..token.len() - 4].to_owned()),
        (
            "a token without its signature",
            format!("{}.{}.", parts[0], parts[1]),
        ),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("five parts", format!("{token}.x.y")),
        ("alg none", format!("{none}.{}.", parts[1])),
        (
            "alg none, signed",
            format!("{none}.{}.{}", parts[1], parts[2]),
        ),
        ("a padded token", format!("{token}==")),
        ("a token with a space", format!("{token} x")),
        ("no token but a word", "hello".to_owned()),
        ("nine thousand dots", ".".repeat(9000)),
    ]
    .map(|(name, token)| Case::new(name, C::TokenInvalid, "", me(&token)))
    .into()
}

/// What a proxy asks about.
fn at_the_proxy(token: &str, foreign: &str) -> Vec<Case> {
    let ask = || Request::get("/v1/forward-auth");
    let several = |name, request| Case::new(name, C::SeveralTokens, "one access token", request);
    let invalid = |name, request| Case::new(name, C::TokenInvalid, "", request);
    vec![
        several("two headers", ask().bearer(token).bearer(token)),
        several(
            "two kinds of header",
            ask().bearer(token).header("Authorization", "Basic eDp5"),
        ),
        invalid("a token of another server", ask().bearer(foreign)),
        invalid("a garbled token", ask().bearer(&garbled(token))),
        invalid("no bearer", ask().header("Authorization", "Basic eDp5")),
        invalid("an empty bearer", ask().header("Authorization", "Bearer ")),
        invalid("nine thousand dots", ask().bearer(&".".repeat(9000))),
        Case::new(
            "a token in the query",
            C::MissingToken,
            "Authorization",
            Request::get(&format!("/v1/forward-auth/?access_token={token}")),
        ),
        Case::new(
            "a cookie that nobody asked for",
            C::MissingToken,
            "Authorization",
            ask().header("Cookie", &format!("access={token}")),
        ),
    ]
}

/// Tokens that bear a good signature and are still not to be accepted.
pub fn well_signed(genuine: &str, key: &SigningKey, now: u64) -> Vec<Case> {
    let claims = claims(genuine);
    let signed = |typ: &str, name: &str, value: Option<Value>| {
        let mut claims = claims.clone();
        match value {
            Some(value) => claims.insert(name.to_owned(), value),
            None => claims.remove(name),
        };
        me(&sign(key, typ, &claims).unwrap())
    };
    let mut cases: Vec<_> = [
        (
            "for another audience",
            "aud",
            Some(json!("https://other.example")),
        ),
        ("for nobody", "aud", Some(json!([]))),
        ("without an audience", "aud", None),
        (
            "of another issuer",
            "iss",
            Some(json!("https://other.example")),
        ),
        ("of no issuer", "iss", None),
        ("without an end", "exp", None),
        ("with a text for an end", "exp", Some(json!("tomorrow"))),
        ("without epochs", "epochs", None),
        ("not valid yet", "nbf", Some(json!(now + 3600))),
    ]
    .map(|(name, claim, value)| {
        Case::new(name, C::TokenInvalid, "", signed("at+jwt", claim, value))
    })
    .into();
    let hour_old = || Some(json!(now - 3600));
    let of_nobody = Some(json!("AAAAAAAAAAAAAAAAAAAAAA"));
    cases.extend([
        Case::new("an ID token", C::TokenInvalid, "", signed("JWT", "x", None)),
        Case::new(
            "a logout token",
            C::TokenInvalid,
            "",
            signed("logout+jwt", "x", None),
        ),
        Case::new(
            "expired",
            C::TokenExpired,
            "3600 s ago",
            signed("at+jwt", "exp", hour_old()),
        ),
        Case::new(
            "about nobody",
            C::TokenRevoked,
            "account",
            signed("at+jwt", "sub", of_nobody),
        ),
    ]);
    cases
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Map<String, Value> {
    let part = token.split('.').nth(1).unwrap();
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// The token with one character of its last part changed.
pub fn garbled(token: &str) -> String {
    let at = token.len() - 10;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
