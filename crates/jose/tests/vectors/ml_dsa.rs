//! The examples of RFC 9964, appendix A: one for each parameter set.

use base64_simd::URL_SAFE_NO_PAD;
use countersign_jose::{Algorithm, SigningKey, VerifyingKey, jws};
use serde_json::Value;

use crate::report::{Tally, folder, read};

#[test]
fn rfc9964_examples() {
    let Some(folder) = folder() else { return };
    for (alg, file) in [
        (Algorithm::MlDsa44, "ML_DSA_44.jose"),
        (Algorithm::MlDsa65, "ML_DSA_65.jose"),
        (Algorithm::MlDsa87, "ML_DSA_87.jose"),
    ] {
        let file = format!("mldsa/{file}");
        let example = read(&folder, &format!("{file}.json"));
        let mut tally = Tally::of(&file);
        key(alg, &example, &mut tally);
        signature(&example, &mut tally);
        tally.finish(8);
    }
}

/// Seed and public key belong together, and come out as they went in.
fn key(alg: Algorithm, example: &Value, tally: &mut Tally) {
    let jwk = &example["jwk"];
    let private = SigningKey::from_jwk(jwk.to_string().as_bytes()).unwrap();
    tally.expect(private.algorithm() == alg, || "algorithm".into());
    let kid = jwk["kid"].as_str();
    tally.expect(private.kid() == kid, || "key id".into());
    let thumbprint = private.verifying_key().thumbprint();
    tally.expect(thumbprint.as_deref() == kid, || "thumbprint".into());
    let mut written: Value = serde_json::from_str(&private.to_jwk().unwrap()).unwrap();
    written.as_object_mut().unwrap().remove("use");
    tally.expect(written == *jwk, || format!("written as {written}"));
    for (member, raw) in [("pub", "raw_public_key"), ("priv", "priv")] {
        let octets = URL_SAFE_NO_PAD.decode_to_vec(written[member].as_str().unwrap());
        let same = octets.unwrap() == unhex(&example[raw]);
        tally.expect(same, || member.into());
    }
}

fn signature(example: &Value, tally: &mut Tally) {
    let mut public = example["jwk"].clone();
    public.as_object_mut().unwrap().remove("priv");
    let key = VerifyingKey::from_jwk(public.to_string().as_bytes()).unwrap();
    let token = example["jws"].as_str().unwrap();
    let verified = jws::verify_with(token, &key);
    tally.expect(verified.is_ok(), || format!("{verified:?}"));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let same = signed.as_bytes() == unhex(&example["raw_to_be_signed"])
        && URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap() == unhex(&example["raw_signature"]);
    tally.expect(same, || "the octets of the token".into());
}

fn unhex(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}
