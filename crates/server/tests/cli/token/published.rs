//! `token verify` with keys from where an issuer publishes them.

use serde_json::json;

use super::Desk;
use crate::binary::{Server, command};

/// Signs somebody in, and gives back their access token.
fn token_of(server: &Server) -> String {
    let mut connection = server.connect();
    let account = json!({ "email": "ada@example.com", "password": "a difference engine" });
    connection
        .post("/v1/register", &account)
        .unwrap()
        .expect(201);
    let signed_in = connection.post("/v1/login", &account).unwrap().expect(200);
    signed_in.text("access_token")
}

#[test]
fn a_running_server_is_asked_for_its_keys() {
    let desk = Desk::empty();
    let server = Server::start(desk.0.path(), 0, &[]);
    let token = token_of(&server);
    let issuer = server.issuer.clone();
    let keys = format!("{}/.well-known/jwks.json", server.issuer);
    let ours = ["--issuer", &issuer, "--audience", &issuer];
    let line = desk.done(&[&["verify", "--keys", &keys], &ours[..]].concat(), &token);
    assert!(line.starts_with("accepted {"), "{line}");

    let metadata = format!("{}/.well-known/oauth-authorization-server", server.issuer);
    let (code, message) = desk.fails(
        &[&["verify", "--keys", &metadata], &ours[..]].concat(),
        &token,
    );
    assert_eq!(code, "key");
    assert!(message.contains("jwks_uri"), "{message}");
    let nowhere = format!("{}/keys", server.issuer);
    let (code, message) = desk.fails(
        &[&["verify", "--keys", &nowhere], &ours[..]].concat(),
        &token,
    );
    assert_eq!(code, "fetch");
    assert!(message.contains("404"), "{message}");
    server.stop();

    let (code, message) = desk.fails(&[&["verify", "--keys", &keys], &ours[..]].concat(), &token);
    assert_eq!(code, "fetch");
    assert!(message.contains("cannot be reached"), "{message}");
}

/// Whom this machine trusts, `SSL_CERT_FILE` says.
#[test]
fn keys_come_over_https_from_whom_this_machine_trusts() {
    let desk = Desk::empty();
    desk.write("cert.pem", include_str!("../../http/data/first.pem"));
    desk.write("key.pem", include_str!("../../http/data/first.key.pem"));
    desk.write("other.pem", include_str!("../../http/data/second.pem"));
    let settings = [
        ("COUNTERSIGN_TLS_CERTIFICATE", "cert.pem"),
        ("COUNTERSIGN_TLS_KEY", "key.pem"),
        ("COUNTERSIGN_ISSUER", "https://localhost"),
    ];
    let server = Server::start(desk.0.path(), 0, &settings);
    let keys = format!("https://localhost:{}/.well-known/jwks.json", server.port);
    let verify = [
        "token",
        "verify",
        "--keys",
        &keys,
        "--issuer",
        "i",
        "--audience",
        "a",
        "--json",
    ];
    desk.write("input", "x\n");
    for (trusted, code) in [("cert.pem", 1), ("other.pem", 2), ("absent.pem", 2)] {
        let output = command(desk.0.path(), &verify)
            .env("SSL_CERT_FILE", desk.path(trusted))
            .env("SSL_CERT_DIR", desk.path("no-folder"))
            .stdin(std::fs::File::open(desk.path("input")).unwrap())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{trusted}: {output:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            errors.contains("\"fetch\""),
            code == 2,
            "{trusted}: {errors}"
        );
    }
    server.stop();
}
