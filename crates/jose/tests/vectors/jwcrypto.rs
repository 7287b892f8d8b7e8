//! The constants of the `jwcrypto` library's tests, most of them from RFC 7515 to 7520.

use base64_simd::URL_SAFE_NO_PAD;
use countersign_jose::{
    Algorithm, DecryptionKey, DecryptionKeySet, EncryptionKey, KeyError, KeyManagement, KeySet,
    Refused, SigningKey, VerifyingKey, jwe, jws,
};
use serde_json::{Map, Value};

use crate::report::{Tally, folder, read, unhex};

#[test]
fn constants_of_jwcrypto() {
    let Some(folder) = folder() else { return };
    let file = read(&folder, "rfc/jwcrypto-tests-constants.json");
    let file = file.as_object().unwrap();
    let mut tally = Tally::of("rfc/jwcrypto-tests-constants");
    for (name, entry) in file {
        let known = signature(name, entry, file, &mut tally)
            || encryption(name, entry, file, &mut tally)
            || json_web_key(name, entry, &mut tally)
            || pem_key(name, entry, file, &mut tally);
        if !known {
            tally.skip(why_not(name));
        }
    }
    tally.finish(file.len());
}

/// Signed texts. False if the entry is something else.
fn signature(name: &str, entry: &Value, file: &Map<String, Value>, tally: &mut Tally) -> bool {
    match name {
        "A1_example" | "A2_example" | "A3_example" | "A4_example" => {
            let outcome = rfc7515_example(entry);
            tally.expect(outcome.is_ok(), || format!("{name}: {outcome:?}"));
        }
        "A5_example" => {
            let refused = rfc7515_example(entry).unwrap_err();
            tally.expect(refused == Refused::UnknownAlgorithm, || {
                format!("{name}: {refused:?}")
            });
        }
        "A6_serialized" | "A7_example" | "customhdr_jws_example" => {
            let key = &file["A3_example"]["key"];
            let outcome = last_signature(entry, key);
            tally.expect(outcome.is_ok(), || format!("{name}: {outcome:?}"));
        }
        "E_negative" => {
            let refused = jws::verify(entry.as_str().unwrap(), &no_keys());
            tally.expect(refused.is_err(), || name.to_owned());
        }
        "E_Ed25519" => {
            let key = SigningKey::from_jwk(entry["key_json"].as_str().unwrap().as_bytes());
            let token = entry["jws_serialization_compact"].as_str().unwrap();
            let outcome = jws::verify_with(token, &key.unwrap().verifying_key());
            tally.expect(outcome.is_ok(), || format!("{name}: {outcome:?}"));
        }
        _ => return false,
    }
    true
}

/// Encrypted texts. False if the entry is something else.
fn encryption(name: &str, entry: &Value, file: &Map<String, Value>, tally: &mut Tally) -> bool {
    let none = || DecryptionKeySet::new(Vec::new()).unwrap();
    match name {
        "E_A1_vector" => {
            let key = key_for(KeyManagement::RsaOaep, &file["E_A1_key"]);
            let plaintext = unhex(file["E_A1_plaintext"]["bytes_hex"].as_str().unwrap());
            let opened = jwe::decrypt_with(entry.as_str().unwrap(), &key);
            tally.expect(opened.is_ok_and(|o| o.plaintext() == plaintext), || {
                name.into()
            });
        }
        "E_A3_vector" => {
            let key = key_for(KeyManagement::A128KW, &file["E_A3_key"]);
            let plaintext = file["E_A3_plaintext"].as_str().unwrap();
            let opened = jwe::decrypt_with(entry.as_str().unwrap(), &key);
            let plaintext = plaintext.as_bytes();
            tally.expect(opened.is_ok_and(|o| o.plaintext() == plaintext), || {
                name.into()
            });
        }
        "Issue_136_Contributed_JWE" => {
            let key = file["Issue_136_Contributed_Key"].to_string();
            let key = DecryptionKey::from_jwk(key.as_bytes()).unwrap();
            let opened = jwe::decrypt_with(entry.as_str().unwrap(), &key);
            tally.expect(opened.is_ok(), || format!("{name}: {opened:?}"));
        }
        "E_A2_vector" | "A1_token" | "A2_token" => {
            let refused = jwe::decrypt(entry.as_str().unwrap(), &none()).err();
            tally.expect(refused == Some(Refused::Rsa15), || name.to_owned());
        }
        // The JSON serialization.
        "E_A4_vector" | "E_A4_ex" | "E_A5_ex" | "customhdr_jwe_ex" | "MMA_vector_ok_cek"
        | "MMA_vector_ko_cek" => {
            let refused = jwe::decrypt(entry.as_str().unwrap(), &none()).err();
            tally.expect(refused.is_some(), || name.to_owned());
        }
        // One that lacks the sender's key.
        "Issue_136_Protected_Header_no_epk" | "X25519_Protected_Header_no_epk" => {
            let alg = KeyManagement::from_name(entry["alg"].as_str().unwrap()).unwrap();
            let header = URL_SAFE_NO_PAD.encode_to_string(entry.to_string());
            let (key, iv, tag) = match alg {
                KeyManagement::EcdhEsA128KW => ("A".repeat(32), "A".repeat(16), "A".repeat(22)),
                _ => ("A".repeat(96), "A".repeat(22), "A".repeat(43)),
            };
            let token = format!("{header}.{key}.{iv}.{}.{tag}", "A".repeat(64));
            let refused = jwe::decrypt_with(&token, &DecryptionKey::generate(alg).unwrap());
            tally.expect(refused == Err(Refused::EphemeralKey), || {
                format!("{name}: {refused:?}")
            });
        }
        _ => return false,
    }
    true
}

fn key_for(alg: KeyManagement, jwk: &Value) -> DecryptionKey {
    DecryptionKey::from_jwk_for(alg, jwk.to_string().as_bytes()).unwrap()
}

/// Keys as JSON. False if the entry is something else.
fn json_web_key(name: &str, entry: &Value, tally: &mut Tally) -> bool {
    match name {
        "PublicKeys" | "PrivateKeys" | "PublicKeys_EdDsa" | "PrivateKeys_EdDsa" => {
            // The EC key of the first two is for encryption, and in the private set the RSA
            // key has no "alg" to go by either.
            let set = KeySet::from_json(entry.to_string().as_bytes()).unwrap();
            tally.expect(set.len() == 1, || format!("{name}: {set:?}"));
        }
        "PublicKeys_secp256k1"
        | "PrivateKeys_secp256k1"
        | "PublicKeys_brainpool"
        | "PrivateKeys_brainpool" => {
            let set = KeySet::from_json(entry.to_string().as_bytes()).unwrap();
            let unknown = |why: &KeyError| *why == KeyError::UnknownCurve;
            let all = set.is_empty() && set.ignored().iter().all(unknown);
            tally.expect(all, || format!("{name}: {set:?}"));
        }
        "SymmetricKeys" => {
            let public = KeySet::from_json(entry.to_string().as_bytes()).err();
            let secret = KeySet::from_secret_json(entry.to_string().as_bytes()).err();
            let both = (public, secret);
            let as_it_should = both
                == (
                    Some(KeyError::SecretInPublicSet),
                    Some(KeyError::UnknownAlgorithm),
                );
            tally.expect(as_it_should, || format!("{name}: {both:?}"));
        }
        "Useofx5c" | "A2_key" | "E_A1_key" | "E_A2_key" => {
            let key = VerifyingKey::from_jwk_for(Algorithm::RS256, entry.to_string().as_bytes());
            tally.expect(key.is_ok(), || format!("{name}: {key:?}"));
        }
        "A3_key" | "A4_key" | "ECPublicJWK" => {
            let key = VerifyingKey::from_jwk(entry.to_string().as_bytes());
            tally.expect(key.is_ok(), || format!("{name}: {key:?}"));
        }
        "A5_key" => {
            let key = SigningKey::from_jwk_for(Algorithm::HS256, entry.to_string().as_bytes());
            let short = Some(KeyError::SecretTooShort { needed: 32 });
            tally.expect(key.err() == short, || name.to_owned());
        }
        "RSAPrivateKey" => {
            let key = SigningKey::from_jwk_for(Algorithm::RS256, entry.to_string().as_bytes());
            tally.expect(key.err() == Some(KeyError::NotForSignatures), || {
                name.to_owned()
            });
        }
        "X25519PublicJWK" => {
            let key = VerifyingKey::from_jwk(entry.to_string().as_bytes());
            let signs_nothing = key.err() == Some(KeyError::UnknownCurve);
            let json = entry.to_string();
            let key = EncryptionKey::from_jwk_for(KeyManagement::EcdhEs, json.as_bytes()).unwrap();
            let same = key.thumbprint().as_deref() == entry["kid"].as_str();
            tally.expect(signs_nothing && same, || name.to_owned());
        }
        _ => return false,
    }
    true
}

/// Keys as PEM. False if the entry is something else.
fn pem_key(name: &str, entry: &Value, file: &Map<String, Value>, tally: &mut Tally) -> bool {
    match name {
        "RSAPublicPEM" => {
            let key = VerifyingKey::from_pem(Algorithm::PS256, pem(entry));
            tally.expect(key.is_ok(), || format!("{name}: {key:?}"));
        }
        "ECPublicPEM" => {
            let key = VerifyingKey::from_pem(Algorithm::ES256, pem(entry)).unwrap();
            let same = key.kid() == file["ECPublicJWK"]["kid"].as_str()
                && key.to_pem().unwrap() == pem(entry);
            tally.expect(same, || name.to_owned());
        }
        "Ed25519PublicPEM" => {
            let key = VerifyingKey::from_pem(Algorithm::EdDSA, pem(entry)).unwrap();
            tally.expect(key.to_pem().unwrap() == pem(entry), || name.to_owned());
        }
        "Ed25519PrivatePEM" => {
            let key = SigningKey::from_pem(Algorithm::EdDSA, pem(entry)).unwrap();
            tally.expect(*key.to_pem().unwrap() == pem(entry), || name.to_owned());
        }
        "RSAPrivatePEM" => {
            let key = SigningKey::from_pem(Algorithm::RS256, pem(entry));
            tally.expect(key.err() == Some(KeyError::Pem), || {
                "an encrypted key".into()
            });
        }
        "PublicCert" => {
            let key = VerifyingKey::from_pem(Algorithm::RS256, pem(entry));
            tally.expect(key.err() == Some(KeyError::Pem), || "a certificate".into());
        }
        "X25519PrivatePEM" => {
            let key = SigningKey::from_pem(Algorithm::EdDSA, pem(entry));
            assert_eq!(key.err(), Some(KeyError::Der));
            let key = DecryptionKey::from_pem(KeyManagement::EcdhEs, pem(entry)).unwrap();
            let same = *key.to_pem().unwrap() == pem(entry)
                && key.encryption_key().to_pem().unwrap() == pem(&file["X25519PublicPEM"]);
            tally.expect(same, || name.to_owned());
        }
        "X25519PublicPEM" => {
            let key = VerifyingKey::from_pem(Algorithm::EdDSA, pem(entry));
            assert!(matches!(key.err(), Some(KeyError::WrongAlgorithm(_))));
            let key = EncryptionKey::from_pem(KeyManagement::EcdhEs, pem(entry)).unwrap();
            let same = key.to_pem().unwrap() == pem(entry)
                && key.kid() == file["X25519PublicJWK"]["kid"].as_str();
            tally.expect(same, || name.to_owned());
        }
        _ => return false,
    }
    true
}

fn why_not(name: &str) -> &'static str {
    match name {
        "A6_example" => "the same as A6_serialized",
        "unicode_literals" | "RSAPrivatePassword" | "PublicCertThumbprint" => "no JOSE object",
        "jwe_algs_and_rsa1_5" => "the other library's list of algorithms",
        "E_A1_ex" | "E_A2_ex" | "E_A3_ex" => "the same as the vector of its name",
        _ if ["A", "E_A", "Issue_136", "MMA", "rfc7797"]
            .iter()
            .any(|start| name.starts_with(start)) =>
        {
            "a part of another entry"
        }
        other => panic!("{other} is new: say what becomes of it"),
    }
}

/// An example of RFC 7515 appendix A in its parts: key, header, payload, signature.
fn rfc7515_example(entry: &Value) -> Result<jws::VerifiedBytes, Refused> {
    let token = format!(
        "{}.{}.{}",
        URL_SAFE_NO_PAD.encode_to_string(entry["protected"].as_str().unwrap()),
        URL_SAFE_NO_PAD.encode_to_string(entry["payload"]["utf8"].as_str().unwrap()),
        URL_SAFE_NO_PAD.encode_to_string(unhex(
            entry["signature"]["hex"].as_str().unwrap_or_default()
        )),
    );
    match Algorithm::from_name(entry["alg"].as_str().unwrap()) {
        Some(alg) => {
            let key = SigningKey::from_jwk_for(alg, entry["key"].to_string().as_bytes()).unwrap();
            jws::verify_with(&token, &key.verifying_key())
        }
        None => jws::verify(&token, &no_keys()),
    }
}

/// The last signature of a JSON serialization, in compact form. As it stands, it is refused.
fn last_signature(entry: &Value, key: &Value) -> Result<jws::VerifiedBytes, Refused> {
    let text = entry.as_str().unwrap();
    let key = VerifyingKey::from_jwk(key.to_string().as_bytes()).unwrap();
    assert!(jws::verify_with(text, &key).is_err());
    let json: Value = serde_json::from_str(text).unwrap();
    let signature = json["signatures"]
        .as_array()
        .and_then(|all| all.last())
        .unwrap_or(&json);
    let part = |value: &Value| value.as_str().unwrap().to_owned();
    let token = [
        part(&signature["protected"]),
        part(&json["payload"]),
        part(&signature["signature"]),
    ];
    jws::verify_with(&token.join("."), &key)
}

fn no_keys() -> KeySet {
    KeySet::new(Vec::new()).unwrap()
}

fn pem(entry: &Value) -> &str {
    entry["utf8"].as_str().unwrap()
}
