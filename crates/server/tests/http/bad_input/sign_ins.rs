//! Sign-ins that are refused.

use countersign::http::Code as C;
use serde_json::json;

use super::{Case, SECRET};
use crate::server::PASSWORD;
use crate::support::client::Request;

pub fn cases() -> Vec<Case> {
    let form = |name: &str, value: &str, password: &str| {
        Request::post("/v1/login").json(&json!({ name: value, "password": password }))
    };
    let to = |client: &str| {
        Request::post("/v1/login").json(&json!({
            "email": "alice@example.com", "password": PASSWORD, "client_id": client,
        }))
    };
    let mut cases: Vec<_> = [
        ("a wrong password", "email", "alice@example.com", SECRET),
        (
            "an unknown address",
            "email",
            "nobody@example.com",
            PASSWORD,
        ),
        ("an unknown name", "username", "nobody", PASSWORD),
        ("an empty address", "email", "", PASSWORD),
        ("an empty password", "email", "alice@example.com", ""),
        ("SQL for a name", "username", "' OR 1=1 --", PASSWORD),
        (
            "a disabled account, wrong password",
            "email",
            "bob@example.com",
            SECRET,
        ),
    ]
    .map(|(name, field, value, password)| {
        Case::new(
            name,
            C::InvalidCredentials,
            "wrong",
            form(field, value, password),
        )
    })
    .into();
    let disabled = form("email", "bob@example.com", PASSWORD);
    cases.extend([
        Case::new(
            "a disabled account",
            C::AccountDisabled,
            "disabled",
            disabled,
        ),
        Case::new(
            "an unknown client",
            C::UnknownClient,
            "client",
            to("nobody"),
        ),
        Case::new(
            "no client's name",
            C::UnknownClient,
            "client",
            to("../default; Path=/x"),
        ),
        Case::new(
            "a disabled client",
            C::ClientDisabled,
            "disabled",
            to("closed"),
        ),
    ]);
    cases
}
