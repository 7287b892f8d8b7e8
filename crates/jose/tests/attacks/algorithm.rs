//! Attacks on the choice of algorithm.

use countersign_jose::{Refused, sign};
use serde_json::Value;

use crate::forge::*;

/// CVE-2015-9235, CVE-2020-28042, RFC 8725 §3.1.
#[test]
fn none_in_any_spelling_and_a_missing_signature() {
    for name in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        " none",
        "no\\u006ee",
        "",
        "null",
        "NoNe\\u0000",
    ] {
        for key in [&*HS256, &*ES256, &*RS256, &*ED25519, &*ML_DSA] {
            let header = format!(
                r#"{{"alg":"{name}","typ":"at+jwt","kid":"{}"}}"#,
                key.kid().unwrap()
            );
            for signature in ["", "AA", &b64([0; 64])] {
                let token = format!("{}.{}.{signature}", b64(&header), b64(GOOD));
                assert_eq!(refused(key, &token), Refused::UnknownAlgorithm, "{name:?}");
            }
        }
    }
}

#[test]
fn an_algorithm_that_is_absent_or_no_string() {
    let without = r#"{"typ":"at+jwt","kid":"shared"}"#;
    assert_eq!(refused(&HS256, &hs256(without, GOOD)), Refused::NoAlgorithm);
    for alg in ["null", "0", "true", "[\"HS256\"]", "{\"alg\":\"HS256\"}"] {
        let header = format!(r#"{{"alg":{alg},"typ":"at+jwt","kid":"shared"}}"#);
        assert_eq!(
            refused(&HS256, &hs256(header, GOOD)),
            Refused::Header,
            "{alg}"
        );
    }
}

#[test]
fn a_signature_cut_off_an_honest_token() {
    for key in [&*HS256, &*ES256, &*RS256, &*ED25519, &*ML_DSA] {
        let claims: Value = serde_json::from_str(GOOD).unwrap();
        let token = sign(key, TYP, &claims).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(refused(key, &format!("{signed}.")), Refused::Signature);
        assert_eq!(refused(key, signed), Refused::NotCompact);
        let shorter = &signature[..signature.len() / 8 * 4];
        assert_eq!(
            refused(key, &format!("{signed}.{shorter}")),
            Refused::Signature
        );
    }
}

/// CVE-2016-10555, CVE-2022-29217, CVE-2023-48223: the public key, in every form an attacker can
/// get it in, as the secret of an HMAC. The key is one for another algorithm: that is the end.
#[test]
fn a_public_key_as_an_hmac_secret() {
    for key in [&*ES256, &*RS256, &*ED25519, &*ML_DSA] {
        let public = key.verifying_key();
        let jwk = serde_json::to_value(key.public_jwk()).unwrap();
        let mut secrets = vec![
            public.to_pem().unwrap().into_bytes(),
            public.to_pem().unwrap().trim_end().as_bytes().to_vec(),
            public.to_der().unwrap(),
            jwk.to_string().into_bytes(),
            verifier(key).keys().to_json().into_bytes(),
            Vec::new(),
        ];
        for member in ["n", "x", "y", "pub"] {
            secrets.extend(jwk[member].as_str().map(unb64));
            secrets.extend(jwk[member].as_str().map(|text| text.as_bytes().to_vec()));
        }
        let kid = key.kid().unwrap();
        for secret in secrets {
            let header = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{kid}"}}"#);
            let token = with_hmac(&secret, &format!("{}.{}", b64(header), b64(GOOD)));
            let wrong = Refused::WrongAlgorithm {
                key: key.algorithm(),
            };
            assert_eq!(refused(key, &token), wrong);
            let header = r#"{"alg":"HS256","typ":"at+jwt"}"#;
            let token = with_hmac(&secret, &format!("{}.{}", b64(header), b64(GOOD)));
            assert_eq!(refused(key, &token), Refused::UnknownKey);
        }
    }
}

/// RFC 8725 §3.1: a key does not serve an algorithm of its own family but its own.
#[test]
fn another_algorithm_of_the_same_kind_of_key() {
    let claims: Value = serde_json::from_str(GOOD).unwrap();
    let token = sign(&RS256, TYP, &claims).unwrap();
    for alg in ["RS384", "RS512", "PS256", "PS384", "PS512"] {
        let mut header: Value =
            serde_json::from_slice(&unb64(token.split('.').next().unwrap())).unwrap();
        header["alg"] = alg.into();
        let parts: Vec<&str> = token.split('.').collect();
        let token = format!("{}.{}.{}", b64(header.to_string()), parts[1], parts[2]);
        let wrong = Refused::WrongAlgorithm {
            key: RS256.algorithm(),
        };
        assert_eq!(refused(&RS256, &token), wrong, "{alg}");
    }
}

/// RFC 9864 §2.2: both names of Ed25519 are read; the one of Ed448's family is not enough.
#[test]
fn ed25519_goes_by_two_names_and_no_third() {
    use countersign_jose::SigningKey;
    let jwk = ED25519.to_jwk().unwrap();
    let private: Value = serde_json::from_str(&jwk).unwrap();
    assert_eq!(private["alg"], "EdDSA");
    let renamed = jwk.replace("\"EdDSA\"", "\"Ed25519\"");
    let same = SigningKey::from_jwk(renamed.as_bytes()).unwrap();
    assert_eq!(same.algorithm(), ED25519.algorithm());
    let pkcs8 = ED25519.to_pkcs8_der().unwrap();
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap();
    for name in ["EdDSA", "Ed25519"] {
        let header = format!(r#"{{"alg":"{name}","typ":"at+jwt"}}"#);
        let signed = format!("{}.{}", b64(header), b64(GOOD));
        let token = format!("{signed}.{}", b64(pair.sign(signed.as_bytes())));
        assert!(verify(&ED25519, &token).is_ok(), "{name}");
    }
    for (name, wrong) in [
        ("Ed448", Refused::UnknownAlgorithm),
        ("eddsa", Refused::UnknownAlgorithm),
    ] {
        let header = format!(r#"{{"alg":"{name}","typ":"at+jwt"}}"#);
        let token = format!("{}.{}.{}", b64(header), b64(GOOD), b64([0; 64]));
        assert_eq!(refused(&ED25519, &token), wrong);
    }
}
