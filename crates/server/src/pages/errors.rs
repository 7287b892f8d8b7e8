//! Pages that say what went wrong: whatever a route or the edge refuses, when it is a person who looks.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use minijinja::context;
use minijinja::value::Value;

use super::reader::{Address, is_in_query};
use super::render;
use crate::http::{App, Code, Problem};

/// What is not for people, whatever they type into their browsers: its refusals are documents of JSON.
const NOT_PAGES: [&str; 8] = [
    "/v1/",
    "/oauth/",
    "/gateway/",
    "/.well-known/",
    "/openapi.json",
    "/livez",
    "/readyz",
    "/client/",
];

/// A person who looks at the answer to a request, whatever it will be.
pub(crate) struct Onlooker {
    address: Address,
    /// Whether the same can be asked again by following a link.
    repeats: bool,
}

impl Onlooker {
    /// `None`: a program asks.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let headers = request.headers();
        let accepted = headers.get(header::ACCEPT)?.to_str().ok()?;
        let (path, query) = (request.uri().path(), request.uri().query());
        if !accepted.contains("text/html")
            || NOT_PAGES.iter().any(|prefix| path.starts_with(prefix))
        {
            return None;
        }
        Some(Self {
            address: Address::of_any(path, query, headers),
            repeats: request.method().is_safe(),
        })
    }
}

/// Puts a page in the place of a problem document; status and headers stay.
pub(crate) fn show_problem(
    app: &App,
    reader: &Onlooker,
    problem: &Problem,
    id: Option<&str>,
    response: &mut Response,
) {
    let texts = app.pages().texts(reader.address.language());
    let kind = kind(problem);
    let wait = texts.wait(problem.retry_after_seconds().unwrap_or(1));
    let text = texts.fill(&format!("error.{kind}.text"), &[("wait", &wait)]);
    let title = texts.get(&format!("error.{kind}.title")).to_owned();
    let link = match kind {
        "not_found" | "method_not_allowed" => Some(("error.home", "/account")),
        "signed_out" => Some(("error.sign_in", "/login")),
        _ => None,
    };
    let link = link.map(|(key, path)| {
        let address = format!("{path}{}", reader.address.home_query());
        context! { text => texts.get(key), address }
    });
    let again = || {
        let address = reader.address.in_language(reader.address.language());
        context! { text => texts.get("error.retry"), address }
    };
    let link = link.or_else(|| (reader.repeats && kind == "unavailable").then(again));
    let values = context! {
        title,
        text,
        detail => told(kind == "bad_link", problem.detail()),
        reference => told(kind == "internal" || kind == "unavailable", id.unwrap_or_default()),
        link => link.unwrap_or(Value::from(())),
    };
    // If that page cannot be made either, the document says as much.
    if let Ok(html) = app.pages().render("error.html", &reader.address, values) {
        *response.body_mut() = Body::from(html);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        render::dress(response.headers_mut(), None);
    }
}

fn told(is_told: bool, text: &str) -> Value {
    if is_told && !text.is_empty() {
        Value::from(text)
    } else {
        Value::from(())
    }
}

/// Which page says it.
fn kind(problem: &Problem) -> &'static str {
    match problem.code() {
        Code::DuplicateField if problem.at_field().is_some_and(is_in_query) => "bad_link",
        Code::NotFound => "not_found",
        Code::MethodNotAllowed => "method_not_allowed",
        Code::CrossSite => "cross_site",
        Code::NoSession
        | Code::SessionExpired
        | Code::SessionSuperseded
        | Code::SessionRevoked
        | Code::TokenRevoked => "signed_out",
        Code::MalformedForm
        | Code::MissingField
        | Code::DuplicateField
        | Code::InvalidId
        | Code::BodyTooLarge
        | Code::UnsupportedMediaType => "bad_form",
        Code::UnknownClient
        | Code::ClientDisabled
        | Code::NativeClient
        | Code::ServiceClient
        | Code::InvalidRedirectUri
        | Code::InvalidState => "bad_link",
        Code::TooManyRequests | Code::TooManyRetries => "too_many_requests",
        Code::Busy | Code::Unavailable | Code::CannotProtect | Code::RequestTimeout => {
            "unavailable"
        }
        Code::WrongHost => "wrong_host",
        Code::PlainHttp => "plain_http",
        Code::Proxied => "proxied",
        Code::Internal => "internal",
        _ => "other",
    }
}
