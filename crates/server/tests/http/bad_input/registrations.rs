//! Registrations that are refused.

use countersign::http::Code as C;
use serde_json::json;

use super::Case;
use crate::server::PASSWORD;
use crate::support::client::Request;

fn register(email: &str, password: &str) -> Request {
    let form = json!({ "email": email, "password": password });
    Request::post("/v1/register").json(&form)
}

fn named(name: &str, username: &str) -> Request {
    let form = json!({
        "email": "carol@example.com", "password": PASSWORD, "name": name, "username": username,
    });
    Request::post("/v1/register").json(&form)
}

pub fn cases() -> Vec<Case> {
    [addresses(), passwords(), names()]
        .into_iter()
        .flatten()
        .collect()
}

fn addresses() -> Vec<Case> {
    let long = format!("{}@example.com", "x".repeat(300));
    let mut cases: Vec<_> = [
        ("an empty address", ""),
        ("no @", "carol"),
        ("no domain", "carol@"),
        ("nobody", "@example.com"),
        ("two @", "carol@@example.com"),
        ("a space", "carol @example.com"),
        ("a line break", "carol@example.com\r\nBcc: x"),
        ("a NUL", "carol@exa\u{0}mple.com"),
        ("300 characters", &long),
    ]
    .map(|(name, email)| Case::new(name, C::InvalidEmail, "", register(email, PASSWORD)))
    .into();
    cases.extend(
        [
            "alice@example.com",
            "ALICE@EXAMPLE.COM",
            " alice@example.com ",
        ]
        .map(|email| {
            Case::new(
                "a taken address",
                C::EmailTaken,
                "sign in",
                register(email, PASSWORD),
            )
        }),
    );
    cases
}

fn passwords() -> Vec<Case> {
    let (long, longer) = ("xy ".repeat(86), "xy".repeat(5000));
    [
        (
            "a short password",
            C::PasswordTooShort,
            "at least 8",
            "seven77",
        ),
        ("an empty password", C::PasswordTooShort, "at least 8", ""),
        (
            "seven letters in ten bytes",
            C::PasswordTooShort,
            "at least 8",
            "äöüßäöü",
        ),
        ("258 characters", C::PasswordTooLong, "256", long.as_str()),
        (
            "10,000 characters",
            C::PasswordTooLong,
            "256",
            longer.as_str(),
        ),
        (
            "a common password",
            C::PasswordCommon,
            "another",
            "password123",
        ),
        (
            "a common one in capitals",
            C::PasswordCommon,
            "another",
            "PASSWORD123",
        ),
        (
            "a counted password",
            C::PasswordCommon,
            "another",
            "12345678",
        ),
        (
            "the address",
            C::PasswordIsIdentifier,
            "another",
            "Carol@example.com",
        ),
    ]
    .map(|(name, code, hint, password)| {
        Case::new(name, code, hint, register("carol@example.com", password))
    })
    .into()
}

fn names() -> Vec<Case> {
    let usernames = [
        "",
        "ca",
        "carol@home",
        "car ol",
        ".carol",
        "carol\u{202e}",
        "../carol",
    ];
    let mut cases: Vec<_> = usernames
        .map(|username| Case::new("no name", C::InvalidUsername, "", named("Carol", username)))
        .into();
    let administrator = Request::post("/v1/register").json(&json!({
        "email": "carol@example.com", "password": PASSWORD, "roles": ["admin"],
    }));
    cases.extend([
        Case::new(
            "a line break",
            C::InvalidName,
            "",
            named("Carol\nroot", "carol"),
        ),
        Case::new(
            "a long name",
            C::InvalidName,
            "",
            named(&"C".repeat(10_000), "carol"),
        ),
        Case::new(
            "an administrator",
            C::UnknownField,
            "\"roles\"",
            administrator,
        ),
    ]);
    cases
}
