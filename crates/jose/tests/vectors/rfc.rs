//! Examples out of the texts of RFC 7638, 8037, 9278 and 9449, and of OpenID Connect Core.

use countersign_jose::{Algorithm, KeySet, Refused, SigningKey, VerifyingKey, hashes, jws};
use serde_json::Value;

use crate::report::{Tally, folder, read};

#[test]
fn examples_of_the_rfcs() {
    let Some(folder) = folder() else { return };
    let file = read(&folder, "rfc/spec-examples.json");
    let mut tally = Tally::of("rfc/spec-examples");
    for (name, entry) in file.as_object().unwrap() {
        match name.as_str() {
            "rfc7638" => thumbprint(entry, &mut tally),
            "rfc8037" => ed25519(entry, &mut tally),
            "rfc9449" => proofs_of_possession(entry, &mut tally),
            "rfc9278" => thumbprint_uri(entry, &file["rfc7638"], &mut tally),
            "oidc_core_A" => half_hashes(entry, &mut tally),
            "rfc7636_B" => tally.skip("OAuth, not JOSE"),
            "rfc6238_B_totp_8digits" | "rfc4226_D_hotp" => {
                tally.skip("one-time passwords, not JOSE");
            }
            other => panic!("{other} is new: say what becomes of it"),
        }
    }
    // RFC 8037 and RFC 9449 have three examples here, OpenID Connect two; the others one each.
    tally.finish(file.as_object().unwrap().len() + 5);
}

fn thumbprint(entry: &Value, tally: &mut Tally) {
    let key = VerifyingKey::from_jwk(entry["jwk"].to_string().as_bytes()).unwrap();
    let expected = entry["sha256_thumbprint"].as_str();
    tally.expect(key.thumbprint().as_deref() == expected, || "rfc7638".into());
}

fn thumbprint_uri(entry: &Value, key: &Value, tally: &mut Tally) {
    let key = VerifyingKey::from_jwk(key["jwk"].to_string().as_bytes()).unwrap();
    let thumbprint = key.thumbprint().unwrap();
    let uri = format!("urn:ietf:params:oauth:jwk-thumbprint:sha-256:{thumbprint}");
    tally.expect(entry["uri"] == uri, || "rfc9278".into());
}

fn half_hashes(entry: &Value, tally: &mut Tally) {
    for (hash, of) in [("at_hash", "access_token"), ("c_hash", "code")] {
        let ours = hashes::half_hash(Algorithm::RS256, entry[of].as_str().unwrap());
        tally.expect(ours.as_deref() == entry[hash].as_str(), || hash.into());
    }
}

fn ed25519(entry: &Value, tally: &mut Tally) {
    let key = SigningKey::from_jwk(entry["A.1_jwk"].to_string().as_bytes()).unwrap();
    let written: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    tally.expect(written["d"] == entry["A.1_jwk"]["d"], || {
        "rfc8037 A.1".into()
    });
    tally.expect(key.kid() == entry["A.3_thumbprint"].as_str(), || {
        "rfc8037 A.3".into()
    });
    let token = entry["A.4_jws"].as_str().unwrap();
    let verified = jws::verify_with(token, &key.verifying_key());
    let payload = entry["A.4_payload_verified_here"].as_str().unwrap();
    tally.expect(
        verified.is_ok_and(|verified| verified.payload() == payload.as_bytes()),
        || "rfc8037 A.4".into(),
    );
}

/// A proof carries its key. That is for the caller to take out and compare: a verifier here never
/// takes it by itself.
fn proofs_of_possession(entry: &Value, tally: &mut Tally) {
    for name in ["proof_token_endpoint", "proof_resource"] {
        let token = entry[name]["jwt"].as_str().unwrap();
        let header = token.split('.').next().unwrap();
        let header = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        let key = VerifyingKey::from_jwk(header["jwk"].to_string().as_bytes()).unwrap();
        assert_eq!(key.thumbprint().as_deref(), entry["jkt"].as_str());
        let verified = jws::verify_with(token, &key).unwrap();
        tally.expect(verified.typ() == Some("dpop+jwt"), || name.into());
        let none = KeySet::new(Vec::new()).unwrap();
        assert_eq!(jws::verify(token, &none), Err(Refused::UnknownKey));
    }
    let proof = &entry["proof_resource"];
    let ath = hashes::access_token_hash(proof["access_token"].as_str().unwrap());
    tally.expect(proof["ath"] == ath, || "ath".into());
}
