//! Tokens before the ordinary libraries of other languages: Node's `jose` and Python's `PyJWT`, from the published key set
//! or by the shared secret.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::binary::Server;
use crate::ledger::PASSWORD;
use crate::skip::skip;
use crate::temp::TempDir;

const SHARED_SECRET: &str = "what the services of one team share, 45 bytes";

#[test]
fn es256_is_accepted_elsewhere_and_refused_when_changed() {
    accepted_and_refused("ES256");
}

#[test]
fn eddsa_is_accepted_elsewhere_and_refused_when_changed() {
    accepted_and_refused("EdDSA");
}

#[test]
fn rs256_is_accepted_elsewhere_and_refused_when_changed() {
    accepted_and_refused("RS256");
}

#[test]
fn hs256_is_accepted_elsewhere_and_refused_when_changed() {
    accepted_and_refused("HS256");
}

fn accepted_and_refused(algorithm: &str) {
    let Some(verifiers) = verifiers() else {
        skip("the tools of `make setup` are missing (target/tools)");
        return;
    };
    let folder = TempDir::new();
    let mut settings = vec![("COUNTERSIGN_SIGNING_ALGORITHM", algorithm)];
    if algorithm == "HS256" {
        settings.push(("JWT_SECRET", SHARED_SECRET));
    }
    let server = Server::start(folder.path(), 0, &settings);
    let token = sign_in(&server);
    let request = |token: &str| {
        let mut request = json!({
            "token": token, "issuer": server.issuer, "audience": server.issuer, "algorithm": algorithm,
        });
        if algorithm == "HS256" {
            request["secret"] = SHARED_SECRET.into();
        } else {
            request["jwks_uri"] = format!("{}/.well-known/jwks.json", server.issuer).into();
        }
        request
    };
    let mut requests = vec![request(&token)];
    requests.extend(changed(&token).iter().map(|token| request(token)));
    for (name, verifier) in verifiers {
        let verdicts = verifier.ask(&requests);
        assert_eq!(verdicts.len(), requests.len(), "{name}: {verdicts:?}");
        assert_eq!(verdicts[0]["accepted"], true, "{name}: {verdicts:?}");
        assert_eq!(verdicts[0]["claims"]["iss"], server.issuer.as_str());
        for verdict in &verdicts[1..] {
            assert_eq!(verdict["accepted"], false, "{name}: {verdicts:?}");
        }
        println!(
            "{algorithm}, {name}: 1 accepted, {} changed ones refused",
            verdicts.len() - 1
        );
    }
    server.stop();
}

/// Registers and signs in; the access token.
fn sign_in(server: &Server) -> String {
    let mut connection = server.connect();
    let form = json!({ "email": "ada@example.com", "password": PASSWORD });
    connection.post("/v1/register", &form).unwrap().expect(201);
    let reply = connection.post("/v1/login", &form).unwrap().expect(200);
    reply.text("access_token")
}

/// The token with one character changed, once in each of its parts.
fn changed(token: &str) -> Vec<String> {
    let mut start = 0;
    let mut changed = Vec::new();
    for part in token.split('.') {
        let middle = start + part.len() / 2;
        let other = if token.as_bytes()[middle] == b'A' {
            "B"
        } else {
            "A"
        };
        changed.push(format!(
            "{}{other}{}",
            &token[..middle],
            &token[middle + 1..]
        ));
        start += part.len() + 1;
    }
    changed
}

/// A script of `tests/interop`, with what runs it.
struct Verifier {
    program: PathBuf,
    script: PathBuf,
}

/// Both, if their tools are installed.
fn verifiers() -> Option<[(&'static str, Verifier); 2]> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let verifier = |program: &str, script: &str| Verifier {
        program: root.join("target/tools/venv/bin").join(program),
        script: root.join("tests/interop").join(script),
    };
    let both = [
        ("jose", verifier("node", "verify.mjs")),
        ("PyJWT", verifier("python", "verify.py")),
    ];
    let are_there = both.iter().all(|(_, verifier)| verifier.program.exists())
        && root.join("target/tools/node/node_modules/jose").exists();
    are_there.then_some(both)
}

impl Verifier {
    /// One verdict for each request.
    fn ask(&self, requests: &[Value]) -> Vec<Value> {
        let mut child = Command::new(&self.program)
            .arg(&self.script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines: Vec<String> = requests.iter().map(ToString::to_string).collect();
        let lines = lines.join("\n");
        // One that ends early says why on standard error.
        drop(child.stdin.take().unwrap().write_all(lines.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: {errors}",
            self.script.display()
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}
