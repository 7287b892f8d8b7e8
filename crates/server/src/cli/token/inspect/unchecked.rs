//! Reading a token that nobody has checked, as far as it can be read.
//!
//! Lenient on purpose, where a verifier is strict, so nothing that decides anything may use it:
//! it is private to `token inspect`, which shows it to a person and says that it was not checked.

use std::collections::BTreeMap;

use countersign_auth::env::Timestamp;
use countersign_jose::{MAX_HEADER, MAX_TOKEN, UnixTime};
use serde::{Deserializer as _, Serialize, Serializer};
use serde_json::Value;

use crate::cli::print::{from_now, time};
use crate::cli::token::members::{Into, Members};

/// A token in a token in a token: no deeper.
const MAX_DEPTH: usize = 3;

/// What of a payload that is no claims is shown.
const MAX_EXCERPT: usize = 200;

/// What a text says when it is read as a token. Nothing of it was checked.
#[derive(Debug, Default, Serialize)]
pub(super) struct Reading {
    /// Always false.
    pub(super) checked: bool,
    pub(super) kind: Kind,
    /// Of the text.
    pub(super) bytes: usize,
    /// The bytes of each part, decoded.
    pub(super) sizes: Sizes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) header: Option<Members>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) claims: Option<Members>,
    /// Claims that are times, in words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) times: BTreeMap<String, Time>,
    /// A payload that is no claims, or its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<String>,
    /// The token that is the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inside: Option<Box<Self>>,
    /// What is wrong with it, or would be refused.
    pub(super) problems: Vec<String>,
}

/// Bytes under the name of what they are.
#[derive(Debug, Default)]
pub(super) struct Sizes(pub(super) Vec<(&'static str, usize)>);

impl Serialize for Sizes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = self.0.iter();
        serializer.collect_map(named.map(|(name, bytes)| (name.replace(' ', "_"), bytes)))
    }
}

/// What it looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// JWS: three parts.
    Signed,
    /// JWE: five parts.
    Encrypted,
    /// JWE that says it holds a JWS.
    Nested,
    /// No token in compact form.
    #[default]
    Unknown,
}

/// A time in words.
#[derive(Debug, Serialize)]
pub(super) struct Time {
    pub(super) utc: String,
    pub(super) relative: String,
}

/// Reads what can be read.
pub(super) fn read(text: &str, now: UnixTime) -> Reading {
    let mut problems = Vec::new();
    let token = unwrapped(text, &mut problems);
    let mut reading = read_token(&token, now, 1);
    problems.append(&mut reading.problems);
    reading.problems = problems;
    reading
}

/// The token without what stands around it where people copy it.
fn unwrapped(text: &str, problems: &mut Vec<String>) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let labels = ["authorization:", "bearer"];
    while words.len() > 1 && labels.contains(&words[0].to_ascii_lowercase().as_str()) {
        words.remove(0);
    }
    if words.len() > 1 {
        let spaces = "it has white space inside, which was left out here; a verifier refuses it";
        problems.push(spaces.to_owned());
    }
    let token = words.concat();
    match token.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(token) => token.to_owned(),
        None => token,
    }
}

fn read_token(token: &str, now: UnixTime, depth: usize) -> Reading {
    let mut reading = Reading {
        bytes: token.len(),
        ..Reading::default()
    };
    let parts: Vec<&str> = token.split('.').take(6).collect();
    match parts.as_slice() {
        [header, payload, signature] => {
            reading.kind = Kind::Signed;
            reading.read_header(header);
            reading.read_payload(payload, now, depth);
            let signature = reading.decode("signature", signature);
            if signature.is_some_and(|bytes| bytes.is_empty()) {
                reading.note("it has no signature at all: anybody can have written it");
            }
        }
        [header, key, iv, ciphertext, tag] => {
            reading.kind = Kind::Encrypted;
            reading.read_header(header);
            for (name, part) in [
                ("encrypted key", key),
                ("initialization vector", iv),
                ("ciphertext", ciphertext),
                ("authentication tag", tag),
            ] {
                reading.decode(name, part);
            }
            let cty = reading
                .header
                .as_ref()
                .and_then(|header| header.text("cty"));
            if cty.is_some_and(|cty| cty.eq_ignore_ascii_case("JWT")) {
                reading.kind = Kind::Nested;
            }
        }
        other => reading.problems.push(no_token(token, other.len())),
    }
    if token.len() > MAX_TOKEN {
        let longer =
            format!("it is longer than {MAX_TOKEN} bytes, which a verifier of ours refuses");
        reading.problems.push(longer);
    }
    if parts.len() > 1 && parts[0].len() > MAX_HEADER {
        let longer = format!(
            "its header is longer than {MAX_HEADER} bytes, which a verifier of ours refuses"
        );
        reading.problems.push(longer);
    }
    reading
}

fn no_token(token: &str, parts: usize) -> String {
    if token.is_empty() {
        return "there is nothing".to_owned();
    }
    if token.starts_with('{') {
        return "it looks like JSON; a token in JSON serialization is not read here, only the compact form".to_owned();
    }
    if token.starts_with("csr1_") {
        return "it looks like a refresh token of Countersign: a secret which only its server can read".to_owned();
    }
    let count = match parts {
        1 => "one part, without dots".to_owned(),
        6.. => "more than five parts".to_owned(),
        some => format!("{some} parts"),
    };
    format!(
        "it is no token in compact form: it has {count}, where a signed one has three parts with two dots between them and an encrypted one five with four"
    )
}

impl Reading {
    fn note(&mut self, problem: &str) {
        self.problems.push(problem.to_owned());
    }

    fn read_header(&mut self, part: &str) {
        let Some(bytes) = self.decode("header", part) else {
            return;
        };
        if let Some(header) = self.read_object("header", &bytes) {
            for (name, problem) in [
                (
                    "jwk",
                    "it brings a key along; no verifier may use that (RFC 8725 §3.10)",
                ),
                (
                    "jku",
                    "it names an address of keys; no verifier may fetch them (RFC 8725 §3.10)",
                ),
                (
                    "x5u",
                    "it names an address of a key; no verifier may fetch it (RFC 8725 §3.10)",
                ),
                (
                    "x5c",
                    "it brings a certificate along; no verifier may take its key (RFC 8725 §3.10)",
                ),
                (
                    "crit",
                    "it demands extensions (crit); a verifier of ours knows none and refuses",
                ),
                (
                    "zip",
                    "it is compressed (zip), which a verifier of ours refuses",
                ),
                (
                    "b64",
                    "its payload is not encoded (b64), which a verifier of ours refuses",
                ),
            ] {
                if header.get(name).is_some() {
                    self.note(problem);
                }
            }
            match header.text("alg") {
                None => self.note("its header names no algorithm (alg)"),
                Some(alg) if alg.eq_ignore_ascii_case("none") => {
                    self.note(
                        "its algorithm is none: it is not signed, anybody can have written it",
                    );
                }
                Some("RSA1_5") => self.note("RSA1_5 is unsafe, and a verifier of ours refuses it"),
                Some(_) => {}
            }
            self.header = Some(header);
        }
    }

    fn read_payload(&mut self, part: &str, now: UnixTime, depth: usize) {
        let Some(bytes) = self.decode("payload", part) else {
            return;
        };
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let is_token = text.starts_with("eyJ") && [2, 4].contains(&text.matches('.').count());
        if is_token && depth < MAX_DEPTH {
            self.inside = Some(Box::new(read_token(text, now, depth + 1)));
            return;
        }
        let Some(claims) = self.read_object("payload", &bytes) else {
            let excerpt: String = String::from_utf8_lossy(&bytes)
                .chars()
                .take(MAX_EXCERPT)
                .collect();
            self.payload = Some(excerpt);
            return;
        };
        for name in ["exp", "nbf", "iat", "auth_time", "updated_at"] {
            if let Some(value) = claims.get(name) {
                self.read_time(name, value, now);
            }
        }
        if claims.get("exp").is_none() {
            self.note(
                "it has no exp, so that it would never expire; a verifier of ours refuses it",
            );
        }
        self.claims = Some(claims);
    }

    fn read_time(&mut self, name: &str, value: &Value, now: UnixTime) {
        let max = UnixTime::MAX.as_secs();
        let seconds = match (value.as_u64(), value.as_f64()) {
            (Some(whole), _) if whole <= max => whole,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "from 0 to 2^53, and the earlier second is meant"
            )]
            (None, Some(part)) if (0.0..=max as f64).contains(&part) => part as u64,
            _ => {
                let problem =
                    format!("its {name} is no time: a number of seconds since 1970 is needed");
                return self.problems.push(problem);
            }
        };
        // The year 5138; in milliseconds, 1973.
        if seconds > 100_000_000_000 {
            self.problems.push(format!(
                "its {name} is thousands of years ahead: milliseconds, where seconds are needed?"
            ));
        }
        let at = UnixTime::from_secs(seconds);
        let time = Time {
            utc: time(Timestamp::from_secs(seconds)),
            relative: from_now(at, now),
        };
        self.times.insert(name.to_owned(), time);
    }

    /// The bytes of a part.
    fn decode(&mut self, name: &'static str, part: &str) -> Option<Vec<u8>> {
        let is_letter = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
        // What other programs write: padding, and the other alphabet (RFC 4648 §4, §5).
        let usual: Vec<u8> = part
            .trim_end_matches('=')
            .bytes()
            .map(|byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            })
            .collect();
        if let Some(at) = usual.iter().position(|byte| !is_letter(byte)) {
            let problem = format!(
                "its {name} is no base64url from its character {} on",
                at + 1
            );
            self.problems.push(problem);
            return None;
        }
        let other: Vec<u8> = usual
            .into_iter()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            })
            .collect();
        let Ok(bytes) = base64_simd::forgiving_decode_to_vec(&other) else {
            let problem = format!(
                "its {name} is cut off: base64url never has {} characters",
                other.len()
            );
            self.problems.push(problem);
            return None;
        };
        if base64_simd::URL_SAFE_NO_PAD.encode_to_string(&bytes) != part {
            let problem = format!(
                "its {name} is not as base64url must be written; a verifier of ours refuses it"
            );
            self.problems.push(problem);
        }
        self.sizes.0.push((name, bytes.len()));
        Some(bytes)
    }

    /// The members of an object, as far as they can be read; none if it is no object at all.
    fn read_object(&mut self, name: &str, bytes: &[u8]) -> Option<Members> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            let problem = format!("its {name} is not text (UTF-8)");
            self.problems.push(problem);
            return None;
        };
        let mut members = Members::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json
            .deserialize_map(Into(&mut members))
            .and_then(|()| json.end());
        if let Err(error) = read {
            self.problems.push(wrong_json(name, &error));
            // Of a number that the end cuts off, the rest may be missing.
            let is_cut = error.is_eof() && members.0.last().is_some_and(|last| last.1.is_number());
            if is_cut {
                members.0.pop();
            }
            if members.0.is_empty() {
                return None;
            }
        }
        for repeated in members.repeated() {
            let problem = format!(
                "its {name} has {} more than once; a verifier of ours refuses it",
                Value::from(repeated)
            );
            self.problems.push(problem);
        }
        Some(members)
    }
}

/// In words of our own: those of the parser speak of what is "valid".
fn wrong_json(name: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        format!("its {name} ends in the middle of its JSON")
    } else if error.is_data() {
        format!("its {name} is JSON, but not an object")
    } else {
        let (line, column) = (error.line(), error.column());
        format!("its {name} is no JSON from line {line}, column {column} on")
    }
}
