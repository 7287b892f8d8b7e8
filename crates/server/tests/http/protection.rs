//! How tokens are protected for each client and audience: what signs them, and to whom they are encrypted.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::key_sets::{KeySets, Pace};
use countersign_auth::model::client::ClientKind;
use countersign_auth::model::key::{KeyPurpose, KeyState};
use countersign_auth::settings::Audience;
use countersign_auth::visitor::Visitor;
use countersign_guard::{Claims, Verified};
use countersign_jose::{
    Algorithm, DecryptionKey, DecryptionKeySet, KeyManagement, KeySet, Refused, Unverified,
    Verifier, VerifyingKey,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::server::{Options, PASSWORD, Server};
use crate::support::client::{Answer, Request};

const API: &str = "https://api.example";
/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(1);

fn audience(encrypt_to: Option<Value>, signing_algorithm: Option<Algorithm>) -> Audience {
    Audience {
        name: API.to_owned(),
        signing_algorithm,
        encrypt_to: encrypt_to.map(|form| serde_json::from_value(form).unwrap()),
    }
}

async fn server_with(audience: Audience) -> Server {
    let options = Options {
        settings: Box::new(|settings| settings.audiences = vec![audience]),
        ..Options::default()
    };
    let server = Server::with(options).await;
    server.register("alice@example.com").await;
    server
}

async fn sign_in(server: &Server, client: &str) -> Answer {
    let form = json!({ "email": "alice@example.com", "password": PASSWORD, "client_id": client });
    server.send(Request::post("/v1/login").json(&form)).await
}

async fn renew(server: &Server, client: &str, answer: &Answer) -> Answer {
    let token = answer.json()["refresh_token"].clone();
    let form = json!({ "client_id": client, "refresh_token": token });
    server.send(Request::post("/v1/refresh").json(&form)).await
}

fn token(answer: &Answer) -> String {
    let token = &answer.json()["access_token"];
    token.as_str().unwrap().to_owned()
}

fn algorithm(token: &str) -> Algorithm {
    Unverified::parse(token).unwrap().alg()
}

/// The published key set, as a service fetches it.
async fn key_set(server: &Server) -> KeySet {
    let request = Request::get("/.well-known/jwks.json");
    let set = server.send(request).await.expect(200).text();
    let set = KeySet::from_json(set.as_bytes()).unwrap();
    assert_eq!(set.ignored().len(), 0);
    set
}

/// What a service demands that has fetched the key set.
async fn verifier(server: &Server) -> Verifier {
    Verifier::new(&server.issuer, API, "at+jwt", key_set(server).await)
}

fn verify(server: &Server, verifier: &Verifier, token: &str) -> Result<Verified<Claims>, Refused> {
    verifier.verify(token, server.auth.env().now().unix())
}

fn to(own: &DecryptionKey) -> Reader {
    Reader(DecryptionKeySet::new(vec![own.clone()]).unwrap())
}

/// The keys with which a service decrypts.
struct Reader(DecryptionKeySet);

impl Reader {
    async fn read(self, server: &Server, token: &str) -> Result<Verified<Claims>, Refused> {
        let verifier = verifier(server).await.encrypted_to(self.0);
        verify(server, &verifier, token)
    }
}

fn jwk(key: &DecryptionKey) -> Value {
    json!(key.encryption_key().public_jwk().unwrap())
}

#[tokio::test]
async fn each_client_signs_with_what_it_asked_for_and_one_key_set_serves_all() {
    let server = server_with(audience(None, Some(Algorithm::MlDsa65))).await;
    let algorithms = [
        ("legacy", Algorithm::RS256),
        ("quantum", Algorithm::MlDsa44),
        ("cautious", Algorithm::MlDsa87),
        ("edwards", Algorithm::EdDSA),
    ];
    for (client, algorithm) in algorithms {
        server
            .put_client(client, ClientKind::Native, |client| {
                client.signing_algorithm = Some(algorithm);
            })
            .await;
    }
    server
        .put_client("desk", ClientKind::Native, |client| {
            client.audience = Some(API.to_owned());
        })
        .await;
    server.put_client("plain", ClientKind::Native, |_| {}).await;
    server.auth.upkeep().await.unwrap();

    let mut sizes = Vec::new();
    let expected = [("plain", Algorithm::ES256)].into_iter().chain(algorithms);
    for (client, expected) in expected {
        let signed_in = sign_in(&server, client).await.expect(200);
        let first = token(&signed_in);
        server.rest();
        let second = token(&renew(&server, client, &signed_in).await.expect(200));
        for token in [first, second] {
            assert_eq!(algorithm(&token), expected, "{client}");
            // The account API takes them all: they are for the issuer.
            let me = Request::get("/v1/me").bearer(&token);
            server.send(me).await.expect(200);
            sizes.push(format!("{expected} {}", token.len()));
        }
    }
    let desk = token(&sign_in(&server, "desk").await.expect(200));
    assert_eq!(algorithm(&desk), Algorithm::MlDsa65);
    verify(&server, &verifier(&server).await, &desk).unwrap();
    sizes.push(format!("{} {}", Algorithm::MlDsa65, desk.len()));
    println!("characters of tokens: {}", sizes.join(", "));

    // Two of each: the one that signs, and the one that is to sign next.
    let set = key_set(&server).await;
    let published: Vec<Algorithm> = set.iter().map(VerifyingKey::algorithm).collect();
    for algorithm in [
        Algorithm::ES256,
        Algorithm::RS256,
        Algorithm::MlDsa44,
        Algorithm::MlDsa65,
        Algorithm::MlDsa87,
        Algorithm::EdDSA,
    ] {
        let of_it = published.iter().filter(|other| **other == algorithm);
        assert_eq!(of_it.count(), 2, "{algorithm}");
    }
    assert_eq!(published.len(), 12);
}

#[tokio::test]
async fn a_key_taken_out_ends_its_tokens_and_no_others() {
    let server = server_with(audience(None, None)).await;
    for (client, algorithm) in [("legacy", Algorithm::RS256), ("other", Algorithm::PS256)] {
        server
            .put_client(client, ClientKind::Native, |client| {
                client.signing_algorithm = Some(algorithm);
            })
            .await;
    }
    server.auth.upkeep().await.unwrap();
    let me = async |token: &str| server.send(Request::get("/v1/me").bearer(token)).await;
    let legacy = sign_in(&server, "legacy").await;
    let other = token(&sign_in(&server, "other").await);
    let operator = Visitor::operator();

    // Rotated: what the old one signed is still good.
    let rotated = server
        .auth
        .rotate_keys(Some(Algorithm::RS256), &operator)
        .await;
    let states = |algorithm: &str| {
        let keys = server.auth.keys().into_iter();
        keys.filter(|key| key.purpose == KeyPurpose::Signing && key.algorithm == algorithm)
            .map(|key| key.state)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(rotated.unwrap().len(), server.auth.keys().len());
    let moved = [KeyState::Staged, KeyState::Active, KeyState::Retired];
    assert_eq!(states("RS256"), moved.into());
    assert_eq!(states("PS256"), [KeyState::Staged, KeyState::Active].into());
    me(&token(&legacy)).await.expect(200);

    // Taken out: refused from that moment, and the session goes on with another key.
    let old = token(&legacy);
    let kid = Unverified::parse(&old).unwrap().kid().unwrap().to_owned();
    server.auth.remove_key(&kid, &operator).await.unwrap();
    me(&token(&legacy)).await.refused(401, "token_invalid");
    me(&other).await.expect(200);
    let set = key_set(&server).await;
    assert!(set.iter().all(|key| key.kid() != Some(&kid)));
    server.rest();
    let renewed = token(&renew(&server, "legacy", &legacy).await.expect(200));
    assert_eq!(algorithm(&renewed), Algorithm::RS256);
    me(&renewed).await.expect(200);
}

#[tokio::test]
async fn only_its_audience_reads_an_encrypted_token() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEsA256KW).unwrap();
    let form = json!({ "jwk": jwk(&own) });
    let server = server_with(audience(Some(form), Some(Algorithm::MlDsa44))).await;
    server
        .put_client("desk", ClientKind::Native, |client| {
            client.audience = Some(API.to_owned());
            client.claims = [("mail".to_owned(), "email".parse().unwrap())].into();
        })
        .await;
    let signed_in = sign_in(&server, "desk").await.expect(200);
    server.rest();
    let renewed = renew(&server, "desk", &signed_in).await.expect(200);
    for answer in [&signed_in, &renewed] {
        let token = token(answer);
        println!("encrypted, ML-DSA-44 inside: {} characters", token.len());
        let claims = to(&own).read(&server, &token).await.unwrap();
        assert_eq!(claims.extra["mail"], "alice@example.com");
        assert_eq!(claims.client_id, "desk");
        // Nobody else reads it, nor takes it: not who has another key, not who has none.
        let stranger = DecryptionKey::generate(KeyManagement::EcdhEsA256KW).unwrap();
        assert!(to(&stranger).read(&server, &token).await.is_err());
        let plain = verify(&server, &verifier(&server).await, &token);
        assert_eq!(plain.unwrap_err(), Refused::Encrypted);
        let me = Request::get("/v1/me").bearer(&token);
        server.send(me).await.refused(401, "token_invalid");
    }
    let metadata = Request::get("/.well-known/oauth-authorization-server");
    let metadata = server.send(metadata).await.expect(200).text();
    assert!(!metadata.contains("encryption"), "nothing is claimed of it");
}

/// A service that shows its key set, while it is there.
struct Api {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    body: watch::Sender<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Api {
    /// At this port; 0 is any.
    async fn at(port: u16, body: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let (sender, body) = watch::channel(body.to_owned());
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let body = body.borrow().clone();
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
                drop(stream.write_all(answer.as_bytes()).await);
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            address,
            asked,
            body: sender,
            task,
        }
    }

    fn uri(&self) -> String {
        uri(self.address.port())
    }

    /// Until it has been asked once more.
    async fn until_asked(&self) {
        let before = self.asked.load(Ordering::SeqCst);
        let asked = async {
            while self.asked.load(Ordering::SeqCst) < before + 2 {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, asked).await.unwrap();
    }

    /// It goes away, and its port is free.
    async fn go(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

fn uri(port: u16) -> String {
    format!("http://localhost:{port}/keys")
}

fn set(keys: &[&DecryptionKey]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| jwk(key)).collect();
    json!({ "keys": keys }).to_string()
}

const QUICK: Pace = Pace {
    again: Duration::from_millis(10),
    retry: Duration::from_millis(10),
    slowest_retry: Duration::from_millis(20),
};

/// Follows key sets as `serve` does.
fn follow(server: &Server, private_hosts: &[&str]) -> watch::Sender<bool> {
    let hosts = private_hosts.iter().map(|host| (*host).to_owned());
    let (stop, stopped) = watch::channel(false);
    let key_sets = KeySets::new(server.auth.clone(), hosts).at(QUICK);
    tokio::spawn(key_sets.follow(stopped));
    stop
}

async fn desk(server: &Server) {
    server
        .put_client("desk", ClientKind::Native, |client| {
            client.audience = Some(API.to_owned());
        })
        .await;
}

/// Until a sign-in is answered so.
async fn until(server: &Server, status: u16) -> Answer {
    let answered = async {
        loop {
            let answer = sign_in(server, "desk").await;
            if answer.status == status {
                return answer;
            }
        }
    };
    timeout(LONG, answered).await.unwrap()
}

#[tokio::test]
async fn a_key_set_that_is_not_there_is_a_503_until_it_is() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    // A port on which nobody listens yet.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let server = server_with(audience(Some(json!({ "jwks_uri": uri(port) })), None)).await;
    desk(&server).await;
    let _stop = follow(&server, &["localhost"]);

    let refused = sign_in(&server, "desk").await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    let refused = refused.refused(503, "cannot_protect");
    assert!(
        !refused.text().contains("localhost"),
        "where is nobody's business"
    );
    assert_eq!(server.count("sessions"), 0, "nothing has begun");
    assert_eq!(server.audited("signed_in"), 0);

    let api = Api::at(port, &set(&[&own])).await;
    let answer = until(&server, 200).await;
    to(&own).read(&server, &token(&answer)).await.unwrap();

    // Gone again, or answering with something else: the key that is known stays in use.
    for body in ["<html>", "{}"] {
        api.body.send(body.to_owned()).unwrap();
        api.until_asked().await;
        let answer = sign_in(&server, "desk").await.expect(200);
        to(&own).read(&server, &token(&answer)).await.unwrap();
    }
    api.go().await;
    server.rest();
    let renewed = renew(&server, "desk", &answer).await.expect(200);
    to(&own).read(&server, &token(&renewed)).await.unwrap();

    // It comes back with another key, and then with none at all: what it says holds.
    let next = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let api = Api::at(port, &set(&[&next, &own])).await;
    api.until_asked().await;
    api.until_asked().await;
    let answer = sign_in(&server, "desk").await.expect(200);
    to(&next).read(&server, &token(&answer)).await.unwrap();
    api.body.send(set(&[])).unwrap();
    until(&server, 503).await;
    server.rest();
    renew(&server, "desk", &answer)
        .await
        .refused(503, "cannot_protect");
    api.body.send(set(&[&own])).unwrap();
    until(&server, 200).await;
    let renewed = renew(&server, "desk", &answer).await.expect(200);
    to(&own).read(&server, &token(&renewed)).await.unwrap();
}

#[tokio::test]
async fn a_client_that_comes_later_has_its_key_set_fetched() {
    let own = DecryptionKey::generate(KeyManagement::RsaOaep256).unwrap();
    let api = Api::at(0, &set(&[&own])).await;
    let server = server_with(audience(None, None)).await;
    let _stop = follow(&server, &["localhost"]);
    let to_it = serde_json::from_value(json!({ "jwks_uri": api.uri() })).unwrap();
    server
        .put_client("desk", ClientKind::Native, |client| {
            client.audience = Some(API.to_owned());
            client.encrypt_to = Some(to_it);
        })
        .await;
    let answer = until(&server, 200).await;
    to(&own).read(&server, &token(&answer)).await.unwrap();
}

/// Server-side request forgery: a name that leads into a private network is not asked, unless it was named.
#[tokio::test]
async fn key_sets_in_private_networks_are_fetched_only_where_that_is_said() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let api = Api::at(0, &set(&[&own])).await;
    let server = server_with(audience(Some(json!({ "jwks_uri": api.uri() })), None)).await;
    desk(&server).await;
    // Another one is named; what it resolves to does not matter.
    let stop = follow(&server, &["127.0.0.1", "api.example"]);
    for _ in 0..20 {
        sign_in(&server, "desk")
            .await
            .refused(503, "cannot_protect");
        tokio::task::yield_now().await;
    }
    assert_eq!(api.asked.load(Ordering::SeqCst), 0);
    stop.send(true).unwrap();

    let _stop = follow(&server, &["localhost"]);
    until(&server, 200).await;
    assert!(api.asked.load(Ordering::SeqCst) > 0);
}
