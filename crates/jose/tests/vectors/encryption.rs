//! Encryption in RFC 7520, with the nested token of its section 6; X25519; and the set of the
//! `panva/jose` library.

use countersign_jose::{
    Algorithm, ContentEncryption, DecryptionKey, DecryptionKeySet, KeyManagement, KeySet, Refused,
    UnixTime, Verifier, VerifyingKey, jwe, jws,
};
use serde_json::{Value, json};

use crate::report::{Tally, folder, read};

/// One example: what can be said in compact form must decrypt, and the JSON serialization must be
/// refused.
fn example(name: &str, case: &Value, tally: &mut Tally) {
    let input = &case["input"];
    let none = DecryptionKeySet::new(Vec::new()).unwrap();
    for form in ["json", "json_flat"] {
        if let Some(json) = case["output"].get(form) {
            assert!(jwe::decrypt(&json.to_string(), &none).is_err(), "{name}");
        }
    }
    let Some(compact) = case["output"]["compact"].as_str() else {
        return tally.skip("what the JSON serialization alone can say");
    };
    let plaintext = input["plaintext"].as_str().unwrap();
    let alg = input["alg"].as_str().unwrap();
    if let Some(password) = input["pwd"].as_str() {
        password_protected(name, compact, password, plaintext, tally);
        return;
    }
    let Some(alg) = KeyManagement::from_name(alg) else {
        assert_eq!(jwe::decrypt(compact, &none).err(), Some(Refused::Rsa15));
        return tally.skip("RSA1_5 is refused");
    };
    let key = decryption_key(alg, &input["key"], &input["enc"]);
    let outcome = jwe::decrypt_with(compact, &key);
    if input.get("zip").is_some() {
        assert_eq!(outcome.err(), Some(Refused::Compressed), "{name}");
        return tally.skip("compression (zip) is refused");
    }
    let opened = outcome.as_ref().map(jwe::DecryptedBytes::plaintext);
    tally.expect(opened == Ok(plaintext.as_bytes()), || {
        format!("{name}: {opened:?}")
    });
    // The key, by way of its own JWK, opens what is encrypted to it here as well.
    let again = DecryptionKey::from_jwk(key.to_jwk().unwrap().as_bytes()).unwrap();
    let enc = ContentEncryption::from_name(input["enc"].as_str().unwrap()).unwrap();
    let header = jwe::Header::default();
    match jwe::encrypt(&again.encryption_key(), enc, &header, plaintext.as_bytes()) {
        Ok(token) => {
            let opened = jwe::decrypt_with(&token, &key).unwrap();
            assert_eq!(opened.plaintext(), plaintext.as_bytes(), "{name}");
        }
        Err(why) => assert_eq!(alg, KeyManagement::RsaOaep, "{why:?}"),
    }
}

/// The examples' keys do not always name their algorithm, or only that of the content.
fn decryption_key(alg: KeyManagement, jwk: &Value, enc: &Value) -> DecryptionKey {
    let mut jwk = jwk.clone();
    let name = if alg == KeyManagement::Dir {
        enc.clone()
    } else {
        alg.name().into()
    };
    assert!(jwk.get("alg").is_none_or(|own| *own == name));
    jwk["alg"] = name;
    DecryptionKey::from_jwk(jwk.to_string().as_bytes()).unwrap()
}

/// RFC 7520 §5.3: two keys under a password. As a token it is refused.
fn password_protected(
    name: &str,
    compact: &str,
    password: &str,
    plaintext: &str,
    tally: &mut Tally,
) {
    let set: Value = serde_json::from_str(plaintext).unwrap();
    let opened = DecryptionKeySet::from_encrypted_json(compact, password.as_bytes()).unwrap();
    let ids: Vec<Option<&str>> = opened.iter().map(DecryptionKey::kid).collect();
    let expected = set["keys"].as_array().unwrap();
    let expected: Vec<Option<&str>> = expected.iter().map(|key| key["kid"].as_str()).collect();
    tally.expect(ids == expected, || format!("{name}: {ids:?}"));
    let refused = jwe::decrypt(compact, &opened).err();
    assert_eq!(refused, Some(Refused::PasswordBased));
}

fn run_files(files: &[&str]) {
    let Some(folder) = folder() else { return };
    let mut tally = Tally::of(&files.join(", "));
    for file in files {
        let case = read(&folder, &format!("rfc7520/{file}.json"));
        example(file, &case, &mut tally);
    }
    tally.finish(files.len());
}

#[test]
fn rfc7520_encryption() {
    run_files(&[
        "jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2",
        "jwe/5_2.key_encryption_using_rsa-oaep_with_aes-gcm",
        "jwe/5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2",
        "jwe/5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm",
        "jwe/5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2",
        "jwe/5_6.direct_encryption_using_aes-gcm",
        "jwe/5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2",
        "jwe/5_8.key_wrap_using_aes-keywrap_with_aes-gcm",
        "jwe/5_9.compressed_content",
        "jwe/5_10.including_additional_authentication_data",
        "jwe/5_11.protecting_specific_header_fields",
        "jwe/5_12.protecting_content_only",
        "jwe/5_13.encrypting_to_multiple_recipients",
    ]);
}

#[test]
fn rfc8037_x25519() {
    run_files(&["curve25519/ecdh-es"]);
}

#[test]
fn panva_jose() {
    let Some(folder) = folder() else { return };
    let mut tally = Tally::of("panva/jwe");
    let cases = read(&folder, "panva/jwe.json");
    let cases = cases.as_array().unwrap();
    for case in cases {
        example(case["title"].as_str().unwrap(), case, &mut tally);
    }
    tally.finish(cases.len());
}

/// RFC 7520 §6: a token signed by one, encrypted to another. Its claims lack an audience, so the
/// verifier goes as far as that.
#[test]
fn rfc7520_nesting() {
    let Some(folder) = folder() else { return };
    let file = "6.nesting_signatures_and_encryption";
    let case = read(&folder, &format!("rfc7520/{file}.json"));
    let mut tally = Tally::of(file);
    let (sign, encrypt) = (&case["sign"], &case["encrypt"]);
    let own = decryption_key(
        KeyManagement::RsaOaep,
        &encrypt["input"]["key"],
        &json!(null),
    );
    let issuers = sign["input"]["key"].to_string();
    let issuers = VerifyingKey::from_jwk_for(Algorithm::PS256, issuers.as_bytes()).unwrap();
    let token = encrypt["output"]["compact"].as_str().unwrap();

    let opened = jwe::decrypt_with(token, &own).unwrap();
    assert_eq!(opened.cty(), Some("JWT"));
    let signed = std::str::from_utf8(opened.plaintext()).unwrap();
    let inner = jws::verify_with(signed, &issuers).unwrap();
    let payload = sign["input"]["payload"].as_str().unwrap();
    tally.expect(inner.payload() == payload.as_bytes(), || file.into());

    let verifier = Verifier::new(
        "hobbiton.example",
        "a",
        "JWT",
        KeySet::new(vec![issuers]).unwrap(),
    )
    .encrypted_to(DecryptionKeySet::new(vec![own]).unwrap());
    let outcome = verifier.verify::<Value>(token, UnixTime::from_secs(1_300_000_000));
    let lacks = Refused::Missing(countersign_jose::Claim::Audience);
    tally.expect(outcome.err() == Some(lacks), || file.into());
    tally.finish(2);
}
