//! Forms that OAuth's endpoints refuse (RFC 6749 §5.2).

use base64_simd::STANDARD;

use super::SECRET;
use crate::actors::{Service, ServiceForm};
use crate::support::client::{Answer, Request};

/// A request and how it is refused.
pub struct Mistake {
    pub name: &'static str,
    pub request: Request,
    status: u16,
    error: &'static str,
    hint: &'static str,
}

impl Mistake {
    #[track_caller]
    pub fn check(&self, answer: &Answer) {
        let what = format!("{}: {}", self.name, answer.everything());
        let told = answer.json();
        assert_eq!(
            (answer.status, &told["error"]),
            (self.status, &self.error.into()),
            "{what}"
        );
        let description = told["error_description"].as_str().unwrap();
        assert!(
            description.len() > 10 && description.contains(self.hint),
            "{what}"
        );
        assert!(!answer.everything().contains(SECRET), "{what}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge.is_some(), self.status == 401, "{what}");
        assert!(
            challenge.is_none_or(|challenge| challenge.starts_with("Basic ")),
            "{what}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        assert!(answer.header("set-cookie").is_none(), "{what}");
    }
}

const TOKEN: &str = "/oauth/token";

pub fn mistakes(service: &Service<'_>) -> Vec<Mistake> {
    [
        proofs(service),
        forms(service),
        grants(service),
        questions(service),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn mistake(
    name: &'static str,
    (status, error): (u16, &'static str),
    hint: &'static str,
    request: impl Into<Request>,
) -> Mistake {
    let request = request.into();
    Mistake {
        name,
        request,
        status,
        error,
        hint,
    }
}

impl From<ServiceForm> for Request {
    fn from(form: ServiceForm) -> Self {
        form.request()
    }
}

const CLIENT: (u16, &str) = (401, "invalid_client");
const TYPE: (u16, &str) = (415, "invalid_request");
const SCOPE: (u16, &str) = (400, "invalid_scope");
const TARGET: (u16, &str) = (400, "invalid_target");
const GRANT: (u16, &str) = (400, "unsupported_grant_type");
const FORM: &str = "application/x-www-form-urlencoded";
const REQUEST: (u16, &str) = (400, "invalid_request");

fn proofs(service: &Service<'_>) -> Vec<Mistake> {
    let grant = [("grant_type", "client_credentials")];
    let posted = |fields: &[(&str, &str)]| Request::post(TOKEN).form(&[&grant, fields].concat());
    let authorized = |value: &str| posted(&[]).header("Authorization", value);
    let basic = |pair: &str| authorized(&format!("Basic {}", STANDARD.encode_to_string(pair)));
    let body = |id: &str, secret: &str| posted(&[("client_id", id), ("client_secret", secret)]);
    let mut mistakes = vec![
        mistake("nobody", CLIENT, "client_id and client_secret", posted(&[])),
        mistake(
            "no secret",
            CLIENT,
            "client_secret",
            posted(&[("client_id", "orders")]),
        ),
        mistake(
            "an empty secret",
            CLIENT,
            "client_secret",
            body("orders", ""),
        ),
        mistake(
            "a wrong secret",
            CLIENT,
            "not those of a service",
            body("orders", SECRET),
        ),
        mistake(
            "an unknown client",
            CLIENT,
            "not those of a service",
            body("nobody", SECRET),
        ),
        mistake(
            "no client's id",
            CLIENT,
            "not those of a service",
            body("No Client!", SECRET),
        ),
        mistake(
            "a browser client",
            CLIENT,
            "not those of a service",
            body("default", SECRET),
        ),
        mistake(
            "its own hash",
            CLIENT,
            "not those of a service",
            body("orders", &hash(service)),
        ),
        mistake(
            "a wrong secret by header",
            CLIENT,
            "not those of a service",
            basic(&format!("orders:{SECRET}")),
        ),
        mistake("no colon", CLIENT, "Base64", basic("orders")),
        mistake("no Base64", CLIENT, "Base64", authorized("Basic !!!")),
        mistake(
            "bad UTF-8",
            CLIENT,
            "Base64",
            authorized("Basic b3JkZXJzOv8="),
        ),
        mistake("half an escape", CLIENT, "Base64", basic("orders:%4")),
        mistake(
            "a token in place of a secret",
            CLIENT,
            "Basic",
            authorized("Bearer x"),
        ),
        mistake("an empty header", CLIENT, "Basic", authorized("")),
        mistake(
            "two headers",
            REQUEST,
            "more than one",
            authorized("Basic x").header("Authorization", "Basic y"),
        ),
    ];
    let both = service
        .by_header(TOKEN)
        .field("client_secret", &service.secret);
    mistakes.push(mistake("header and body", REQUEST, "send it once", both));
    let other = service.by_header(TOKEN).field("client_id", "default");
    mistakes.push(mistake("two clients", REQUEST, "another one", other));
    let query = Request::post(&format!(
        "{TOKEN}?client_id=orders&client_secret={}",
        service.secret
    ))
    .form(&grant);
    mistakes.push(mistake(
        "a secret in the query",
        CLIENT,
        "in the body",
        query,
    ));
    mistakes
}

fn forms(service: &Service<'_>) -> Vec<Mistake> {
    let typed = |content_type: &str, body: &str| {
        Request::post(TOKEN)
            .header("Content-Type", content_type)
            .body(body)
    };
    let twice = |name| service.by_body(TOKEN).field(name, "a").field(name, "a");
    vec![
        mistake("JSON", TYPE, "form", typed("application/json", "{}")),
        mistake("no type", TYPE, "form", Request::post(TOKEN).body("a=b")),
        mistake(
            "UTF-16",
            TYPE,
            "form",
            typed(&format!("{FORM}; charset=utf-16"), "a=b"),
        ),
        mistake(
            "compressed",
            TYPE,
            "Encoding",
            typed(FORM, "a=b").header("Content-Encoding", "gzip"),
        ),
        mistake("half an escape", REQUEST, "percent", typed(FORM, "a=%4")),
        mistake("no escape", REQUEST, "percent", typed(FORM, "a=%zz")),
        mistake(
            "a sign in an escape",
            REQUEST,
            "percent",
            typed(FORM, "a=%+1"),
        ),
        mistake("bad UTF-8", REQUEST, "UTF-8", typed(FORM, "a=%ff")),
        mistake(
            "17 KiB",
            (413, "invalid_request"),
            "16384",
            typed(FORM, &"a".repeat(17 * 1024)),
        ),
        mistake(
            "two secrets",
            REQUEST,
            "client_secret",
            twice("client_secret"),
        ),
        mistake("two names", REQUEST, "client_id", twice("client_id")),
        mistake("two grants", REQUEST, "grant_type", twice("grant_type")),
        mistake(
            "two scopes",
            REQUEST,
            "scope",
            twice("scope").field("grant_type", "client_credentials"),
        ),
    ]
}

fn grants(service: &Service<'_>) -> Vec<Mistake> {
    let typed = |grant: &str| service.by_header(TOKEN).field("grant_type", grant);
    let ask = |name: &str, value: &str| typed("client_credentials").field(name, value);
    vec![
        mistake("no grant", REQUEST, "grant_type", service.by_header(TOKEN)),
        mistake("an empty grant", REQUEST, "grant_type", typed("")),
        mistake("a password", GRANT, "client_credentials", typed("password")),
        mistake(
            "a refresh token",
            GRANT,
            "client_credentials",
            typed("refresh_token"),
        ),
        mistake(
            "a code",
            GRANT,
            "client_credentials",
            typed("authorization_code"),
        ),
        mistake(
            "in capitals",
            GRANT,
            "client_credentials",
            typed("CLIENT_CREDENTIALS"),
        ),
        mistake(
            "more scope",
            SCOPE,
            "beyond",
            ask("scope", "prices:read prices:write"),
        ),
        mistake(
            "no scope but spaces",
            SCOPE,
            "no scope",
            ask("scope", "prices:read  "),
        ),
        mistake(
            "a quoted scope",
            SCOPE,
            "no scope",
            ask("scope", "\"prices:read\""),
        ),
        mistake(
            "another audience",
            TARGET,
            "audience",
            ask("resource", "https://other.example"),
        ),
        mistake(
            "another audience, otherwise",
            TARGET,
            "audience",
            ask("audience", SECRET),
        ),
        mistake(
            "two audiences",
            TARGET,
            "one audience",
            ask("resource", "https://a.example").field("resource", "https://b.example"),
        ),
    ]
}

/// The other endpoints ask for the same proof.
fn questions(service: &Service<'_>) -> Vec<Mistake> {
    let of = |path: &'static str| {
        let wrong = service
            .by_header(path)
            .field("token", SECRET)
            .field("client_secret", SECRET);
        let guess = [
            ("token", SECRET),
            ("client_id", "orders"),
            ("client_secret", SECRET),
        ];
        [
            mistake(
                "nobody asks",
                CLIENT,
                "client_secret",
                Request::post(path).form(&[("token", SECRET)]),
            ),
            mistake(
                "a guess",
                CLIENT,
                "not those of a service",
                Request::post(path).form(&guess),
            ),
            mistake(
                "a token asks",
                CLIENT,
                "Basic",
                Request::post(path).bearer(SECRET).form(&[("token", "x")]),
            ),
            mistake("header and body", REQUEST, "send it once", wrong),
            mistake("no token", REQUEST, "token", service.by_header(path)),
            mistake(
                "two tokens",
                REQUEST,
                "token",
                service
                    .by_header(path)
                    .field("token", "a")
                    .field("token", "b"),
            ),
            mistake(
                "JSON",
                TYPE,
                "form",
                Request::post(path).json(&serde_json::json!({ "token": "x" })),
            ),
        ]
    };
    ["/oauth/introspect", "/oauth/revoke"]
        .into_iter()
        .flat_map(of)
        .collect()
}

/// What is kept of the service's secret.
fn hash(service: &Service<'_>) -> String {
    let secret = countersign_auth::model::secret::ClientSecret::presented(service.secret.clone());
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(secret.hash().as_bytes())
}
