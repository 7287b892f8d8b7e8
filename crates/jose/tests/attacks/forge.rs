//! An attacker's tools: tokens with any header and any payload, properly signed or not.

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64_simd::URL_SAFE_NO_PAD;
use countersign_jose::{Algorithm, KeySet, Refused, SigningKey, UnixTime, Verified, Verifier};
use serde_json::Value;

pub const ISSUER: &str = "https://id.example";
pub const AUDIENCE: &str = "https://api.example";
pub const TYP: &str = "at+jwt";
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// Claims that are good at `NOW`.
pub const GOOD: &str =
    r#"{"iss":"https://id.example","aud":"https://api.example","sub":"u1","exp":1700000300}"#;

/// A secret that the attacker does not have; the forge does.
pub const SECRET: &[u8] = b"thirty-two bytes, neither more nor less";

pub static ES256: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::ES256).unwrap());
pub static RS256: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());
pub static ED25519: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDSA).unwrap());
pub static ML_DSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::MlDsa44).unwrap());
pub static HS256: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::hmac(Algorithm::HS256, SECRET, Some("shared")).unwrap());

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

pub fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()
}

/// A header for `HS256` with what is good, and these members.
pub fn header_with(members: &str) -> String {
    format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"shared"{members}}}"#)
}

/// A token whose signature holds under `HS256`, whatever header and payload are.
pub fn hs256(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    hs256_encoded(&b64(header), &b64(payload))
}

/// The same, from parts that need not be base64url.
pub fn hs256_encoded(header: &str, payload: &str) -> String {
    with_hmac(SECRET, &format!("{header}.{payload}"))
}

/// Signed with HMAC-SHA-256 under any secret.
pub fn with_hmac(secret: &[u8], signed: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", b64(tag))
}

/// Signed with a P-256 key that nobody trusts; gives the key's point as well.
pub fn with_foreign_p256(signed: &str) -> (String, Vec<u8>) {
    use aws_lc_rs::signature::KeyPair as _;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", b64(signature));
    (token, pair.public_key().as_ref().to_vec())
}

/// The verifier under attack, trusting this key alone.
pub fn verifier(key: &SigningKey) -> Verifier {
    let keys = KeySet::new(vec![key.verifying_key()]).unwrap();
    Verifier::new(ISSUER, AUDIENCE, TYP, keys)
}

pub fn verify(key: &SigningKey, token: &str) -> Result<Verified<Value>, Refused> {
    verifier(key).verify(token, NOW)
}

/// Why this token is refused by a verifier that trusts `key`.
pub fn refused(key: &SigningKey, token: &str) -> Refused {
    match verify(key, token) {
        Ok(_) => panic!("accepted: {}", &token[..token.len().min(500)]),
        Err(refused) => refused,
    }
}

/// Why this payload, well signed, is refused.
pub fn payload_refused(payload: impl AsRef<[u8]>) -> Refused {
    refused(&HS256, &hs256(header_with(""), payload))
}

/// Good claims with these members instead of `exp`.
pub fn with_times(members: &str) -> String {
    format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}",{members}}}"#)
}

/// The forge's own tokens are good: what is refused, is refused for what was done to it.
#[test]
fn an_honest_token_is_accepted() {
    let verified = verify(&HS256, &hs256(header_with(""), GOOD)).unwrap();
    assert_eq!(verified["sub"], "u1");
    assert_eq!(verified.key_id(), Some("shared"));
    for key in [&*ES256, &*RS256, &*ED25519, &*ML_DSA, &*HS256] {
        let claims: Value = serde_json::from_str(GOOD).unwrap();
        let token = countersign_jose::sign(key, TYP, &claims).unwrap();
        assert!(verify(key, &token).is_ok());
    }
}
