//! Paths and methods that are not there.

use countersign::http::Code as C;

use super::Case;
use crate::support::client::Request;

pub fn cases() -> Vec<Case> {
    let paths = [
        "/nowhere",
        "/v1",
        "/v1/",
        "/v1/login/",
        "//v1/login",
        "/V1/login",
        "/v1/me/sessions/",
        "/v1/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/.git/config",
    ];
    let methods = [
        ("GET", "/v1/login"),
        ("DELETE", "/v1/me"),
        ("PUT", "/v1/me"),
        ("POST", "/.well-known/jwks.json"),
        ("TRACE", "/v1/me"),
        ("BREW", "/v1/refresh"),
        ("OPTIONS", "/v1/logout"),
    ];
    let unknown = paths.map(|path| {
        Case::new(
            "an unknown path",
            C::NotFound,
            "/openapi.json",
            Request::get(path),
        )
    });
    let wrong = methods.map(|(method, path)| {
        Case::new(
            "a wrong method",
            C::MethodNotAllowed,
            "Allow",
            Request::new(method, path),
        )
    });
    unknown.into_iter().chain(wrong).collect()
}
