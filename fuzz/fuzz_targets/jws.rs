//! Compact JWS. With a NUL byte in it, the input is a header and a payload, which are signed here:
//! the library must accept exactly what an independent reading of the header accepts. Otherwise it
//! is a whole token: what is accepted must be canonical, and say what the library says it says.

#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use countersign_fuzz::{Object, PUBLIC, SECRET, SIGNING_KEYS, b64, octets_of, unb64};
use countersign_jose::{KeySet, MAX_HEADER, MAX_TOKEN, Refused, Unverified, jws};
use libfuzzer_sys::fuzz_target;

static HMAC: LazyLock<hmac::Key> =
    LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &octets_of(SIGNING_KEYS, "hs256", "k")));

fuzz_target!(|data: &[u8]| {
    if let Some(at) = data.iter().position(|byte| *byte == 0) {
        well_signed(&data[..at], &data[at + 1..]);
    } else if let Ok(text) = std::str::from_utf8(data) {
        for keys in [&*PUBLIC, &*SECRET] {
            token(text, keys);
        }
    }
});

fn token(text: &str, keys: &KeySet) {
    let parsed = Unverified::parse(text);
    let verified = match jws::verify(text, keys) {
        Ok(verified) => verified,
        Err(why) => {
            assert!(parsed.is_ok() || parsed.err() == Some(why));
            return;
        }
    };
    let parsed = parsed.expect("what verifies can be parsed");
    assert_eq!(parsed.alg(), verified.algorithm());
    assert!(parsed.kid().is_none() || parsed.kid() == verified.key_id());
    assert!(text.len() <= MAX_TOKEN);
    let parts: Vec<Vec<u8>> = text
        .split('.')
        .map(|part| unb64(part).expect("canonical base64url"))
        .collect();
    let [header, payload, _] = &parts[..] else {
        panic!("{} parts", parts.len());
    };
    assert_eq!(payload, verified.payload());
    let header = Object::read(header).expect("an object");
    let algorithm: Option<String> = header.value("alg");
    let name = verified.algorithm().name();
    assert!(algorithm.is_some_and(|alg| alg == name || (name == "EdDSA" && alg == "Ed25519")));
    let key = keys.find(verified.key_id(), verified.algorithm());
    let again = jws::verify_with(text, key.expect("its key"));
    assert_eq!(again, Ok(verified));
}

fn well_signed(header: &[u8], payload: &[u8]) {
    let signed = format!("{}.{}", b64(header), b64(payload));
    let tag = hmac::sign(&HMAC, signed.as_bytes());
    let token = format!("{signed}.{}", b64(tag.as_ref()));
    let outcome = jws::verify(&token, &SECRET);
    if token.len() > MAX_TOKEN || b64(header).len() > MAX_HEADER {
        assert_eq!(outcome, Err(Refused::TooLong));
        return;
    }
    assert_eq!(outcome.is_ok(), is_good(header), "{outcome:?}");
    match outcome {
        Ok(verified) => {
            assert_eq!(verified.payload(), payload);
            let typ: Option<String> = Object::read(header).and_then(|header| header.value("typ"));
            assert_eq!(verified.typ(), typ.as_deref());
        }
        Err(why) => assert_ne!(why, Refused::Signature),
    }
}

/// What RFC 7515 §4 and the library's own bounds ask of a header for the shared secret.
fn is_good(header: &[u8]) -> bool {
    let Some(header) = Object::read(header) else {
        return false;
    };
    let texts = ["alg", "kid", "typ"]
        .iter()
        .all(|name| header.may_be_text(name));
    let forbidden = ["crit", "enc", "zip", "b64"]
        .iter()
        .any(|name| header.has(name));
    let of_key = !header.has("kid") || header.value("kid") == Some("hs256".to_owned());
    let algorithm = header.value("alg") == Some("HS256".to_owned());
    header.len() <= 32 && texts && !forbidden && of_key && algorithm
}
