//! Another implementation in a process of its own, which measures itself: JSON lines over its standard input and output.
//!
//! | asked | answers |
//! | --- | --- |
//! | `{"alg", "enc", "jwk", "plaintext", "token"}` | `{"token"}`, its own, when it has warmed up; `{"error"}` |
//! | `{"key", "issuer", "audience", "tokens"}` | `{"token"}`, the first of them, when it has warmed up; `{"error"}` |
//! | `{"turn": "encrypt"}` or whatever else it does | `{"us"}`: microseconds for each repetition in a turn of a millisecond |

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const NODE: &str = "target/tools/venv/bin/node";
const JOSE: &str = "target/tools/node/node_modules/jose";
const FAST_JWT: &str = "target/peers/node/node_modules/fast-jwt";
const JOSEKIT: &str = "target/peers/release/countersign-bench-peers";

/// One that is running.
pub struct Peer {
    pub name: &'static str,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Node.js with `jose`; or what is missing.
    pub fn node() -> Result<Self, String> {
        if !Path::new(NODE).exists() || !Path::new(JOSE).exists() {
            return Err("Node's jose is left out: `make setup` installs it.".into());
        }
        let mut command = Command::new(NODE);
        command.arg("bench/peers/jose.mjs");
        Ok(Self::start("Node jose", &mut command))
    }

    /// Node.js with `fast-jwt`; or what is missing.
    pub fn fast_jwt() -> Result<Self, String> {
        if !Path::new(NODE).exists() || !Path::new(FAST_JWT).exists() {
            return Err(
                "fast-jwt is left out: `make bench` installs it where `make setup` has installed Node.js."
                    .into(),
            );
        }
        let mut command = Command::new(NODE);
        command.arg("bench/peers/fast-jwt.mjs");
        Ok(Self::start("fast-jwt", &mut command))
    }

    /// josekit, which needs OpenSSL; or what is missing.
    pub fn josekit() -> Result<Self, String> {
        if !Path::new(JOSEKIT).exists() {
            return Err(
                "josekit is left out: `make bench` builds it where OpenSSL's headers are (on Debian \
                 `apt-get install libssl-dev pkg-config`)."
                    .into(),
            );
        }
        Ok(Self::start("josekit", &mut Command::new(JOSEKIT)))
    }

    fn start(name: &'static str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a peer that starts");
        let requests = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            name,
            child,
            requests,
            answers,
        }
    }

    /// Hands over key and token, has it warm up, and gives the token that it made of the same plaintext.
    pub fn prepare(&mut self, task: &Value) -> String {
        let answer = self.ask(task);
        let token = answer["token"].as_str();
        token
            .unwrap_or_else(|| panic!("{} says {answer}", self.name))
            .to_owned()
    }

    /// Microseconds for each repetition.
    pub fn turn(&mut self, what: &str) -> f64 {
        let answer = self.ask(&json!({ "turn": what }));
        answer["us"]
            .as_f64()
            .unwrap_or_else(|| panic!("{} says {answer}", self.name))
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").expect("a peer that reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{} says {line:?}", self.name))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
