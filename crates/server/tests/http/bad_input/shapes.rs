//! Bodies that are not what a call reads.

use countersign::http::Code as C;

use super::{Case, SECRET};
use crate::support::client::Request;

fn json(body: impl Into<Vec<u8>>) -> Request {
    Request::post("/v1/login")
        .header("Content-Type", "application/json")
        .body(body)
}

pub fn cases() -> Vec<Case> {
    [
        malformed(),
        not_an_object(),
        fields(),
        media_types(),
        sizes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn malformed() -> Vec<Case> {
    let deep = format!(r#"{{"email":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let mut cases: Vec<_> = [
        ("no JSON", "hello"),
        ("an empty body", ""),
        ("half an object", r#"{"email":"alice@example.com""#),
        ("a trailing comma", r#"{"email":"a@example.com",}"#),
        ("single quotes", "{'email':'a@example.com'}"),
        ("text after the object", r#"{"email":"a@example.com"} {}"#),
        ("a comment", r#"{/* hi */"email":"a@example.com"}"#),
        ("a control character in a string", "{\"email\":\"a\u{1}b\"}"),
        ("half a surrogate pair", r#"{"email":"\ud800"}"#),
        ("NaN", r#"{"email":NaN}"#),
        ("a number beyond range", r#"{"email":1e400}"#),
        ("a byte order mark", "\u{feff}{}"),
        ("a NUL after the object", "{}\0"),
        ("nested five thousand deep", &deep),
    ]
    .map(|(name, body)| Case::new(name, C::MalformedJson, "line 1 column", json(body)))
    .into();
    let bad_utf8 = json(b"{\"email\":\"\xff\xfe\"}".to_vec());
    cases.push(Case::new(
        "bad UTF-8",
        C::MalformedJson,
        "line 1 column",
        bad_utf8,
    ));
    cases
}

fn not_an_object() -> Vec<Case> {
    [
        ("an array", r#"["alice@example.com"]"#),
        ("a string", r#""a-secret-that-no-answer-repeats""#),
        ("a number", "17"),
        ("null", "null"),
    ]
    .map(|(name, body)| Case::new(name, C::NotAnObject, "{\"name\": \"value\"", json(body)))
    .into()
}

fn fields() -> Vec<Case> {
    const EMAIL: &str = "\"email\"";
    const PASSWORD: &str = "\"password\"";
    let secret = format!(r#"{{"email":["{SECRET}"],"password":"x"}}"#);
    [
        (
            "a number for a string",
            C::WrongType,
            EMAIL,
            r#"{"email":17,"password":"x"}"#,
        ),
        (
            "an object for a string",
            C::WrongType,
            EMAIL,
            r#"{"email":{"$ne":null}}"#,
        ),
        (
            "a boolean for a string",
            C::WrongType,
            EMAIL,
            r#"{"email":true}"#,
        ),
        ("an array for a string", C::WrongType, EMAIL, &secret),
        (
            "a numeric password",
            C::WrongType,
            PASSWORD,
            r#"{"email":"a","password":12345678}"#,
        ),
        (
            "no password",
            C::MissingField,
            PASSWORD,
            r#"{"email":"a@example.com"}"#,
        ),
        (
            "null for a password",
            C::MissingField,
            PASSWORD,
            r#"{"email":"a","password":null}"#,
        ),
        (
            "no identifier",
            C::MissingField,
            "\"username\"",
            r#"{"password":"x"}"#,
        ),
        ("an empty object", C::MissingField, EMAIL, "{}"),
        (
            "two identifiers",
            C::DuplicateField,
            "not both",
            r#"{"email":"a","username":"a"}"#,
        ),
        (
            "a field twice",
            C::DuplicateField,
            EMAIL,
            r#"{"email":"a","email":"b"}"#,
        ),
        (
            "twice, escaped",
            C::DuplicateField,
            EMAIL,
            r#"{"email":"a","\u0065mail":"b"}"#,
        ),
        (
            "more",
            C::UnknownField,
            "\"x\"",
            r#"{"email":"a","password":"x","x":true}"#,
        ),
        (
            "a capital",
            C::UnknownField,
            "\"Email\"",
            r#"{"Email":"a","email":"a","password":"x"}"#,
        ),
        (
            "__proto__",
            C::UnknownField,
            "proto",
            r#"{"email":"a","password":"x","__proto__":{}}"#,
        ),
    ]
    .map(|(name, code, hint, body)| Case::new(name, code, hint, json(body)))
    .into()
}

fn media_types() -> Vec<Case> {
    const TYPE: C = C::UnsupportedMediaType;
    let form = format!(r#"{{"email":"alice@example.com","password":"{SECRET}"}}"#);
    let typed = |content_type| {
        Request::post("/v1/login")
            .header("Content-Type", content_type)
            .body(form.clone())
    };
    let mut cases: Vec<_> = [
        ("a form", "application/x-www-form-urlencoded"),
        ("plain text", "text/plain"),
        ("JSON in UTF-16", "application/json; charset=utf-16"),
        ("almost JSON", "application/jsonp"),
        ("an empty type", ""),
        ("multipart", "multipart/form-data; boundary=x"),
    ]
    .map(|(name, given)| Case::new(name, TYPE, "application/json", typed(given)))
    .into();
    let json = || typed("application/json");
    cases.extend([
        Case::new(
            "no type",
            TYPE,
            "Content-Type",
            Request::post("/v1/login").body(form.clone()),
        ),
        Case::new(
            "two types",
            TYPE,
            "more than one",
            json().header("Content-Type", "text/plain"),
        ),
        Case::new(
            "compressed",
            TYPE,
            "Encoding",
            json().header("Content-Encoding", "gzip"),
        ),
    ]);
    cases
}

fn sizes() -> Vec<Case> {
    let long = format!(
        r#"{{"email":"a@example.com","password":"{}"}}"#,
        "x".repeat(1_000_000)
    );
    vec![
        Case::new(
            "17 KiB of spaces",
            C::BodyTooLarge,
            "16384",
            json(vec![b' '; 17 * 1024]),
        ),
        Case::new("a password of 1 MB", C::BodyTooLarge, "16384", json(long)),
    ]
}
