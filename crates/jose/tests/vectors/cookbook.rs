//! RFC 7520 and what was added to it: RFC 7797, Ed25519, and the set of the `panva/jose` library.

use countersign_jose::{Algorithm, KeyError, Refused, SigningKey, VerifyingKey, jws};
use serde_json::Value;

use crate::report::{Tally, folder, read};

/// One example: what can be said in compact form must verify, deterministic signatures must come
/// out the same, and the JSON serialization must be refused.
fn example(name: &str, case: &Value, tally: &mut Tally) {
    let input = &case["input"];
    let payload = input["payload"].as_str().unwrap();
    let (keys, algs) = (one_or_more(&input["key"]), one_or_more(&input["alg"]));
    let deterministic = case.get("reproducible").or(case.get("deterministic"));
    for ((key, alg), signing) in keys.iter().zip(&algs).zip(one_or_more(&case["signing"])) {
        let alg = Algorithm::from_name(alg.as_str().unwrap()).unwrap();
        let key = SigningKey::from_jwk_for(alg, key.to_string().as_bytes()).unwrap();
        let protected = &signing["protected"];
        if protected.get("b64") == Some(&Value::Bool(false)) {
            unencoded(name, case, &key, tally);
        } else if protected.get("alg").is_none() {
            tally.skip("unprotected headers exist in the JSON serialization alone");
        } else {
            let compact = in_compact_form(case, &signing, payload);
            let verified = jws::verify_with(&compact, &key.verifying_key());
            let bytes = verified.as_ref().map(jws::VerifiedBytes::payload);
            tally.expect(bytes == Ok(payload.as_bytes()), || {
                format!("{name}: {bytes:?}")
            });
            // The header that this crate writes: the algorithm, then the key's id.
            // ML-DSA is signed with fresh randomness here (FIPS 204 §3.4), there without.
            let same = deterministic == Some(&Value::Bool(true)) && !alg.name().starts_with("ML");
            if same && protected.get("kid").is_some() {
                let signed = jws::sign(&key, &jws::Header::default(), payload.as_bytes());
                assert_eq!(signed.as_ref(), Ok(&compact), "{name}: signed again");
            }
        }
        for form in ["json", "json_flat"] {
            let Some(json) = case["output"].get(form) else {
                continue;
            };
            assert!(
                jws::verify_with(&json.to_string(), &key.verifying_key()).is_err(),
                "{name}"
            );
        }
    }
}

/// The compact form, put together where the example has its parts alone: a detached payload is
/// the caller's to put back (RFC 7515 appendix F).
fn in_compact_form(case: &Value, signing: &Value, payload: &str) -> String {
    let compact = case["output"]["compact"].as_str().unwrap_or_default();
    if !compact.is_empty() && !compact.contains("..") {
        return compact.to_owned();
    }
    let payload = base64_simd::URL_SAFE_NO_PAD.encode_to_string(payload);
    let flat = &case["output"]["json_flat"];
    let part = |mine: &str, theirs: &str| {
        let part = signing.get(mine).unwrap_or(&flat[theirs]);
        part.as_str().unwrap().to_owned()
    };
    let header = part("protected_b64u", "protected");
    let signature = part("sig", "signature");
    format!("{header}.{payload}.{signature}")
}

/// RFC 7797: refused, whatever the signature says.
fn unencoded(name: &str, case: &Value, key: &SigningKey, tally: &mut Tally) {
    let output = &case["output"];
    let compact = output["compact"].as_str().map_or_else(
        || {
            let flat = output
                .get("json_flat")
                .unwrap_or(&output["json"]["signatures"][0]);
            let part = |name: &str| flat[name].as_str().unwrap();
            format!("{}.JC4wMg.{}", part("protected"), part("signature"))
        },
        str::to_owned,
    );
    let refused = jws::verify_with(&compact, &key.verifying_key()).unwrap_err();
    // One example's header lacks the "crit" that its own text shows.
    let as_it_should = matches!(refused, Refused::Critical | Refused::Unencoded);
    tally.expect(as_it_should, || format!("{name}: {refused:?}"));
}

fn one_or_more(value: &Value) -> Vec<Value> {
    value
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![value.clone()])
}

fn run_files(files: &[&str], total: usize) {
    let Some(folder) = folder() else { return };
    let mut tally = Tally::of(&files.join(", "));
    for file in files {
        example(
            file,
            &read(&folder, &format!("rfc7520/{file}.json")),
            &mut tally,
        );
    }
    tally.finish(total);
}

#[test]
fn rfc7520_signatures() {
    // Section 4.8 has three signatures.
    run_files(
        &[
            "jws/4_1.rsa_v15_signature",
            "jws/4_2.rsa-pss_signature",
            "jws/4_3.ecdsa_signature",
            "jws/4_4.hmac-sha2_integrity_protection",
            "jws/4_5.signature_with_detached_content",
            "jws/4_6.protecting_specific_header_fields",
            "jws/4_7.protecting_content_only",
            "jws/4_8.multiple_signatures",
        ],
        10,
    );
}

#[test]
fn rfc7797_unencoded_payloads() {
    run_files(
        &[
            "rfc7797/4.2.hmac-sha2_b64_false",
            "rfc7797/hmac-sha2_b64_false",
        ],
        2,
    );
}

#[test]
fn rfc8037_ed25519() {
    run_files(&["curve25519/jws"], 1);
}

#[test]
fn panva_jose() {
    let Some(folder) = folder() else { return };
    let mut tally = Tally::of("panva/jws");
    let cases = read(&folder, "panva/jws.json");
    let cases = cases.as_array().unwrap();
    for case in cases {
        example(case["title"].as_str().unwrap(), case, &mut tally);
    }
    tally.finish(cases.len());
}

#[test]
fn rfc7520_keys() {
    let Some(folder) = folder() else { return };
    let mut tally = Tally::of("rfc7520/jwk");
    let key = |file: &str| read(&folder, &format!("rfc7520/jwk/{file}.json")).to_string();

    let public = VerifyingKey::from_jwk(key("3_1.ec_public_key").as_bytes()).unwrap();
    tally.expect(same(&public, &key("3_1.ec_public_key")), || "3.1".into());
    let private = SigningKey::from_jwk(key("3_2.ec_private_key").as_bytes()).unwrap();
    tally.expect(private.public_jwk() == public.public_jwk(), || "3.2".into());

    let rsa = key("3_3.rsa_public_key");
    assert_eq!(
        VerifyingKey::from_jwk(rsa.as_bytes()).err(),
        Some(KeyError::AlgorithmNeeded)
    );
    let public = VerifyingKey::from_jwk_for(Algorithm::RS256, rsa.as_bytes()).unwrap();
    tally.expect(same(&public, &rsa), || "3.3".into());
    let private = key("3_4.rsa_private_key");
    let private = SigningKey::from_jwk_for(Algorithm::RS256, private.as_bytes()).unwrap();
    tally.expect(private.public_jwk() == public.public_jwk(), || "3.4".into());

    let secret = key("3_5.symmetric_key_mac_computation");
    let parsed = SigningKey::from_jwk(secret.as_bytes()).unwrap();
    let again: Value = serde_json::from_str(&parsed.to_jwk().unwrap()).unwrap();
    tally.expect(
        again == serde_json::from_str::<Value>(&secret).unwrap(),
        || format!("3.5: {again}"),
    );
    let encryption = SigningKey::from_jwk(key("3_6.symmetric_key_encryption").as_bytes());
    tally.expect(encryption.err() == Some(KeyError::NotForSignatures), || {
        "3.6".into()
    });
    tally.finish(6);
}

/// Whether the key is written as it was read, but for the algorithm, which is always written.
fn same(key: &VerifyingKey, json: &str) -> bool {
    let mut written = serde_json::to_value(key.public_jwk()).unwrap();
    written.as_object_mut().unwrap().remove("alg");
    written == serde_json::from_str::<Value>(json).unwrap()
}
