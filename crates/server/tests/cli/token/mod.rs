//! `countersign token …`, as a stranger runs it: in an empty folder, without a server.

mod decrypt;
mod inspect;
mod keys;
mod published;
mod sign;
mod verify;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::binary::command;
use crate::temp::TempDir;

/// The present, wherever a test needs one.
const NOW: u64 = 1_700_000_000;

/// Somebody at a terminal, in a folder of their own.
struct Desk(TempDir);

impl Desk {
    /// With a key to sign with: `key.jwk`, `key.pub.jwk`.
    fn with_key() -> Self {
        let desk = Self::empty();
        desk.generate("key", &["--alg", "ES256", "--kid", "first"]);
        desk
    }

    fn empty() -> Self {
        Self(TempDir::new())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// `countersign token …` with this on its standard input.
    fn run(&self, args: &[&str], input: impl AsRef<[u8]>) -> Output {
        run(self.0.path(), &[&["token"], args].concat(), input.as_ref())
    }

    /// What it prints, if it succeeds.
    #[track_caller]
    fn done(&self, args: &[&str], input: impl AsRef<[u8]>) -> String {
        let output = self.run(args, input);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The code and the message of its failure to begin.
    #[track_caller]
    fn fails(&self, args: &[&str], input: &str) -> (String, String) {
        let output = self.run(&[args, &["--json"]].concat(), input);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
        let failure: Value = serde_json::from_slice(&output.stderr).unwrap();
        let text = |name: &str| failure["error"][name].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }

    /// A new key, in `<name>.jwk` and `<name>.pub.jwk`.
    fn generate(&self, name: &str, args: &[&str]) {
        let (private, public) = (format!("{name}.jwk"), format!("{name}.pub.jwk"));
        let files = ["--out", &private, "--public-out", &public];
        self.done(&[&["key", "generate"], args, &files[..]].concat(), "");
    }

    /// A token of these claims, signed with `key.jwk`.
    fn sign(&self, claims: &Value, args: &[&str]) -> String {
        self.sign_with("key.jwk", claims, args)
    }

    fn sign_with(&self, key: &str, claims: &Value, args: &[&str]) -> String {
        let sign = ["sign", "--key", key, "--claims", "-"];
        let token = self.done(&[&sign[..], args].concat(), claims.to_string());
        token.trim_end().to_owned()
    }
}

/// Its input is a file, so that no pipe can be full on both sides.
fn run(folder: &Path, args: &[&str], input: &[u8]) -> Output {
    let path = folder.join("stdin");
    File::create(&path).unwrap().write_all(input).unwrap();
    let input = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    command(folder, args).stdin(input).output().unwrap()
}

/// Whatever header and payload, with these bytes for a signature.
fn forged(header: &str, payload: &str, signature: &[u8]) -> String {
    let parts = [header.as_bytes(), payload.as_bytes(), signature];
    parts
        .map(|part| URL_SAFE_NO_PAD.encode_to_string(part))
        .join(".")
}

/// Claims that are good at `NOW`.
fn good() -> Value {
    serde_json::json!({
        "iss": "https://id.example", "aud": "orders", "sub": "ada", "exp": NOW + 300, "iat": NOW,
    })
}

/// Characters that move a cursor, turn writing around or hide themselves.
const HARMFUL: [char; 9] = [
    '\u{1b}', '\r', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}', '\u{feff}',
];

/// Nothing that was printed is one of them.
#[track_caller]
fn assert_harmless(output: &Output) {
    for printed in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(printed).unwrap();
        assert!(!text.contains(HARMFUL), "{text:?}");
    }
}
