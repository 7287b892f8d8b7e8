//! What an attacker writes tokens with.

use std::hint::black_box;

use countersign_jose::{
    Algorithm, KeySet, MAX_HEADER, MAX_TOKEN, SigningKey, UnixTime, Verifier, jws,
};
use serde::de::DeserializeOwned;

use super::super::claims::{AUDIENCE, ISSUER, NOW, TYP};
use super::super::race::Op;

/// Bytes of the longest header, decoded.
pub const HEADER: usize = MAX_HEADER / 4 * 3;

/// Bytes of a payload that leaves room for the usual header and for this signature.
pub fn payload_room(signature: usize) -> usize {
    (MAX_TOKEN - 200 - signature.div_ceil(3) * 4) / 4 * 3
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}

pub fn verifier(key: &SigningKey) -> Verifier {
    let keys = KeySet::new(vec![key.verifying_key()]).expect("one key");
    Verifier::new(ISSUER, AUDIENCE, TYP, keys)
}

/// Reads this token and sees it refused.
pub fn refuse<C: DeserializeOwned + 'static>(name: &str, verifier: &Verifier, token: String) -> Op {
    let verifier = verifier.clone();
    let now = UnixTime::from_secs(NOW);
    assert!(verifier.verify::<C>(&token, now).is_err(), "{name}");
    Box::new(move || {
        let refused = verifier.verify::<C>(black_box(&token), now);
        drop(black_box(refused));
    })
}

/// A token with this payload under this key, whatever the payload is.
pub fn signed(key: &SigningKey, payload: impl AsRef<[u8]>) -> String {
    let header = jws::Header {
        typ: Some(TYP),
        cty: None,
    };
    jws::sign(key, &header, payload.as_ref()).expect("signed")
}

/// A header that names the key, followed by these members.
pub fn header(alg: Algorithm, kid: &str, members: &str) -> String {
    let alg = alg.name();
    format!(r#"{{"alg":"{alg}","typ":"{TYP}","kid":"{kid}"{members}}}"#)
}

/// As many of what `item` writes, with commas between, as fit into so many bytes.
pub fn fill(room: usize, item: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for i in 0.. {
        let next = item(i);
        if text.len() + next.len() + 1 > room {
            break;
        }
        if i > 0 {
            text.push(',');
        }
        text.push_str(&next);
    }
    text
}

/// A short name for each number, most of which share first and last letter and length with many others.
pub fn short_name(i: usize) -> String {
    const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let letter = |i: usize| char::from(LETTERS[i % LETTERS.len()]);
    match i.checked_sub(LETTERS.len()) {
        None => letter(i).into(),
        Some(i) => [letter(i / LETTERS.len()), letter(i)].iter().collect(),
    }
}

/// JSON that is read slowly, each in so many bytes: by name. Values, not members.
pub fn values(room: usize) -> Vec<(&'static str, String)> {
    let nested = |open: &str, close: &str| {
        let depth = 120.min(room / (open.len() + close.len()) - 1);
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    };
    vec![
        ("one long string", format!("\"{}\"", "x".repeat(room - 2))),
        (
            "escapes",
            format!("\"{}\"", "\\u0041".repeat((room - 2) / 6)),
        ),
        (
            "escapes in pairs",
            format!("\"{}\"", "\\ud83d\\ude00".repeat((room - 2) / 12)),
        ),
        (
            "long UTF-8",
            format!("\"{}\"", "\u{1F600}".repeat((room - 2) / 4)),
        ),
        (
            "an array of empty arrays",
            format!("[{}]", fill(room - 2, |_| "[]".into())),
        ),
        (
            "an array of digits",
            format!("[{}]", fill(room - 2, |_| "1".into())),
        ),
        (
            "an array of fractions",
            format!("[{}]", fill(room - 2, |i| format!("{i}.5e-3"))),
        ),
        (
            "an array of strings",
            format!("[{}]", fill(room - 2, |i| format!("\"{i}\""))),
        ),
        (
            "an object of many names",
            format!(
                "{{{}}}",
                fill(room - 2, |i| format!("\"{}\":1", short_name(i)))
            ),
        ),
        ("a number of many digits", "9".repeat(room)),
        (
            "a fraction of many digits",
            format!("0.{}1", "0".repeat(room - 3)),
        ),
        ("a number beyond all", "1e999999999".into()),
        (
            "arrays as deep as is read, again and again",
            format!("[{}]", fill(room - 2, |_| nested("[", "]"))),
        ),
        (
            "objects as deep as is read, again and again",
            format!("[{}]", fill(room - 2, |_| nested("{\"a\":", "}"))),
        ),
        ("arrays without end", "[".repeat(room)),
        ("objects without end", "{\"a\":".repeat(room / 5)),
        ("white space", format!("{}1", " ".repeat(room - 1))),
    ]
}
