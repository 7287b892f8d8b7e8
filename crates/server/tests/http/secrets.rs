//! No answer of any endpoint holds a symmetric or a private key, whatever signs the tokens.

use std::fmt::Write as _;

use countersign_auth::model::client::ClientKind;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::actors::{Browser, Phone, Service};
use crate::server::{MASTER_KEY, Options, PASSWORD, SHARED_SECRET, Server};
use crate::support::client::{Answer, Request};

/// Texts that must be in no answer: each secret in every spelling that it could leave in.
struct Forbidden(Vec<String>);

impl Forbidden {
    fn new() -> Self {
        // Members of JSON Web Keys that only private and symmetric ones have (RFC 7518 §6.2.2, §6.3.2, §6.4).
        let members =
            ["d", "k", "p", "q", "dp", "dq", "qi", "oth"].map(|name| format!("\"{name}\":"));
        let mut forbidden = Self(members.to_vec());
        forbidden
            .0
            .extend(["PRIVATE KEY", "$argon2"].map(str::to_owned));
        forbidden.add(&MASTER_KEY);
        forbidden.add(SHARED_SECRET);
        forbidden
    }

    fn add(&mut self, secret: &[u8]) {
        let hex = hex(secret);
        self.0
            .push(base64_simd::URL_SAFE_NO_PAD.encode_to_string(secret));
        self.0
            .push(base64_simd::STANDARD_NO_PAD.encode_to_string(secret));
        self.0.push(hex.to_uppercase());
        self.0.push(hex);
        self.0.push(String::from_utf8_lossy(secret).into_owned());
    }

    /// The private parts of the server's own signing key.
    fn add_key(&mut self, key: &SigningKey) {
        let jwk: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
        for member in ["d", "k", "p", "q", "dp", "dq", "qi", "priv"] {
            if let Some(part) = jwk[member].as_str() {
                self.0.push(part.to_owned());
                self.add(&base64_simd::URL_SAFE_NO_PAD.decode_to_vec(part).unwrap());
            }
        }
    }

    #[track_caller]
    fn check(&self, what: &str, answer: &Answer) {
        let everything = answer.everything();
        let compact: String = everything.split_whitespace().collect();
        for text in &self.0 {
            assert!(!everything.contains(text.as_str()), "{what}: {everything}");
            assert!(!compact.contains(text.as_str()), "{what}: {everything}");
        }
        assert!(!everything.contains(PASSWORD), "{what}: {everything}");
    }
}

/// Calls every operation of the `OpenAPI` document, well and badly, as nobody and as somebody.
async fn walk(server: &Server, forbidden: &Forbidden) -> usize {
    server.put_client("phone", ClientKind::Native, |_| {}).await;
    let mut alice = Browser::signed_in(server, "alice@example.com").await;
    let mut seen = 0;
    let mut check = |what: &str, answer: &Answer| {
        seen += 1;
        forbidden.check(what, answer);
    };

    let credentials = json!({ "email": "alice@example.com", "password": PASSWORD });
    let native =
        json!({ "email": "alice@example.com", "password": PASSWORD, "client_id": "phone" });
    let document = server
        .send(Request::get("/openapi.json"))
        .await
        .expect(200)
        .json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let what = format!("{method} {path}");
            let request = || Request::new(&method.to_uppercase(), &path.replace("{id}", "x"));
            check(&what, &server.send(request()).await);
            check(&what, &server.send(request().json(&credentials)).await);
            check(&what, &server.send(request().json(&native)).await);
            check(&what, &alice.call(request()).await);
            // Sign-out and the like succeeded: she comes back.
            alice.sign_in("alice@example.com").await.expect(200);
        }
    }
    for path in [
        "/openapi.json",
        "/nowhere",
        "/metrics",
        "/v1/keys",
        "/keys",
        "/.well-known/openid-configuration",
    ] {
        check(path, &server.send(Request::get(path)).await);
    }
    let orders = Service::registered(server, "orders", |_| {}).await;
    let token = orders.token().await;
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        for form in [orders.by_header(path), orders.by_body(path)] {
            let form = form
                .field("grant_type", "client_credentials")
                .field("token", &token);
            let answer = server.send(form.request()).await.expect(200);
            check(path, &answer);
            assert!(!answer.everything().contains(&orders.secret), "{path}");
        }
    }
    let mut phone = Phone::signed_in(server, "alice@example.com").await;
    server.rest();
    check("a native renewal", &phone.refresh().await.expect(200));
    check("a browser's renewal", &alice.refresh().await.expect(200));
    check(
        "a change of password",
        &alice
            .change_password("another good password")
            .await
            .expect(200),
    );
    seen
}

#[tokio::test]
async fn with_a_shared_secret() {
    let server = Server::with(Options {
        settings: Box::new(|settings| settings.signing.algorithm = Algorithm::HS256),
        shared_secret: true,
        ..Options::default()
    })
    .await;
    let walked = walk(&server, &Forbidden::new()).await;
    assert!(walked > 60, "{walked}");
    let keys = server
        .send(Request::get("/.well-known/jwks.json"))
        .await
        .expect(200);
    assert_eq!(
        keys.json(),
        json!({ "keys": [] }),
        "a shared secret is not published"
    );
}

#[tokio::test]
async fn with_a_key_pair_of_each_kind() {
    for algorithm in [
        Algorithm::ES256,
        Algorithm::ES512,
        Algorithm::EdDSA,
        Algorithm::RS256,
        Algorithm::PS384,
        Algorithm::MlDsa65,
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        let mut forbidden = Forbidden::new();
        forbidden.add_key(&key);
        let server = Server::with(Options {
            settings: Box::new(move |settings| settings.signing.algorithm = algorithm),
            own_key: Some(key),
            ..Options::default()
        })
        .await;
        walk(&server, &forbidden).await;
        let keys = server
            .send(Request::get("/.well-known/jwks.json"))
            .await
            .expect(200)
            .json();
        assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{algorithm}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
