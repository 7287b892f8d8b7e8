//! What a refusal asks of memory, counted by an allocator in place of the usual one.

use countersign_jose::{
    Algorithm, DecryptionKey, DecryptionKeySet, KeyManagement, KeySet, SigningKey, UnixTime,
    Verifier, jws,
};
use serde::de::IgnoredAny;

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://api.example";
const TYP: &str = "at+jwt";
const SECRET: &[u8] = b"thirty-two bytes, neither more nor less";
const AT: UnixTime = UnixTime::from_secs(1_700_000_000);

/// A string of thousands of letters where something else should be would be written out, escaped, into an error that
/// nobody reads; nested arrays would be kept. Either takes several times as long as reading them.
#[test]
fn what_is_refused_is_not_copied_into_an_error() {
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let signing = SigningKey::hmac(Algorithm::HS256, SECRET, None).unwrap();
    let keys = KeySet::new(vec![signing.verifying_key()]).unwrap();
    let signed = Verifier::new(ISSUER, AUDIENCE, TYP, keys);
    let own = DecryptionKeySet::new(vec![own]).unwrap();
    let encrypted = signed.clone().encrypted_to(own);
    let long = format!("\"{}\"", "\u{1F600}".repeat(700));
    let nested = format!(
        "[{}1]",
        format!("{}{},", "[".repeat(50), "]".repeat(50)).repeat(20)
    );
    let start = r#"{"alg":"ECDH-ES","enc":"A256GCM","cty":"JWT""#;
    let b64 = |json: &str| base64_simd::URL_SAFE_NO_PAD.encode_to_string(json);
    let header = |json: &str| format!("{}....", b64(json));
    let payload = |json: &str| {
        let header = jws::Header {
            typ: Some(TYP),
            cty: None,
        };
        jws::sign(&signing, &header, json.as_bytes()).unwrap()
    };
    for (what, verifier, token) in [
        ("a header", &encrypted, header(&long)),
        ("a signed one's", &signed, format!("{}..", b64(&long))),
        (
            "epk",
            &encrypted,
            header(&format!(r#"{start},"epk":{long}}}"#)),
        ),
        (
            "p2c",
            &encrypted,
            header(&format!(r#"{start},"p2c":{nested}}}"#)),
        ),
        (
            "p2c, a text",
            &encrypted,
            header(&format!(r#"{start},"p2c":{long}}}"#)),
        ),
        ("a payload", &signed, payload(&long)),
        ("exp", &signed, payload(&format!(r#"{{"exp":{long}}}"#))),
    ] {
        let refuse = || {
            let refused = verifier.verify::<IgnoredAny>(&token, AT).err();
            drop(refused.unwrap());
        };
        refuse();
        let bytes = allocation_counter::measure(refuse).bytes_total;
        assert!(bytes < 1000, "{what}: {bytes} bytes");
    }
}
