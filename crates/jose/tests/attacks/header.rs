//! Attacks through the header.

use countersign_jose::{Claim, KeySet, Refused, SigningKey, Unverified, Verifier, sign};
use serde_json::Value;

use crate::forge::*;

/// CVE-2018-0114, RFC 8725 §3.10: keys in the token, or addresses of keys.
#[test]
fn keys_that_the_token_brings_along() {
    let kid = ES256.kid().unwrap();
    for named in [
        format!(r#","kid":"{kid}""#),
        String::new(),
        r#","kid":"mine""#.to_owned(),
    ] {
        // The attacker's key is only known once it has signed; so the header names it by address,
        // and the embedded one is another: neither may be looked at.
        let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        for extra in [
            format!(r#","jwk":{jwk}"#),
            r#","jku":"https://evil.example/jwks.json""#.to_owned(),
            r#","x5u":"file:///etc/passwd""#.to_owned(),
            r#","x5c":["MIIB"],"x5t":"AAAA","x5t#S256":"AAAA""#.to_owned(),
        ] {
            let header = format!(r#"{{"alg":"ES256","typ":"at+jwt"{named}{extra}}}"#);
            let signed = format!("{}.{}", b64(header), b64(GOOD));
            let (token, _) = with_foreign_p256(&signed);
            let why = refused(&ES256, &token);
            assert!(
                matches!(why, Refused::Signature | Refused::UnknownKey),
                "{why:?}"
            );
        }
    }
}

/// The token's very own key, embedded: it verifies under itself, and is refused all the same.
#[test]
fn an_embedded_key_that_fits() {
    use countersign_jose::{Algorithm, jws};
    let mine = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwk = serde_json::to_string(&mine.public_jwk()).unwrap();
    let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","jwk":{jwk}}}"#);
    let token = signed_by(&mine, &header);
    assert!(jws::verify_with(&token, &mine.verifying_key()).is_ok());
    assert_eq!(refused(&ES256, &token), Refused::Signature);
}

/// Signs any header with a key of this crate, through its PKCS#8 form.
fn signed_by(key: &SigningKey, header: &str) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let pkcs8 = key.to_pkcs8_der().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
    let signed = format!("{}.{}", b64(header), b64(GOOD));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", b64(signature))
}

/// RFC 8725 §3.10: a key id is compared with known ones, and nothing else is done with it.
#[test]
fn a_hostile_key_id() {
    let hostile = [
        "../../../../dev/null",
        "/dev/null",
        "' OR '1'='1",
        "shared' --",
        "|/usr/bin/id",
        "$(id)",
        "https://evil.example/key",
        "\\u0000",
        "shared\\u0000",
        "SHARED",
        " shared",
        "shared ",
        "",
        "sh\\u0430red",
    ];
    for kid in hostile {
        let header = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{kid}"}}"#);
        assert_eq!(
            refused(&HS256, &hs256(header, GOOD)),
            Refused::UnknownKey,
            "{kid:?}"
        );
    }
    for kid in ["1", "null", "true", "[\"shared\"]", "{}"] {
        let header = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":{kid}}}"#);
        assert_eq!(
            refused(&HS256, &hs256(header, GOOD)),
            Refused::Header,
            "{kid}"
        );
    }
    let long = "x".repeat(1 << 20);
    let header = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{long}"}}"#);
    assert_eq!(refused(&HS256, &hs256(header, GOOD)), Refused::TooLong);
    // An escape is another spelling of the same id, and no more (RFC 8259 §8.3).
    let header = r#"{"alg":"HS256","typ":"at+jwt","kid":"sh\u0061red"}"#;
    assert!(verify(&HS256, &hs256(header, GOOD)).is_ok());
}

/// RFC 7515 §4.1.11, CVE-2025-59420: no extension is understood, so `crit` is refused, whatever it
/// says.
#[test]
fn critical_extensions() {
    for crit in [
        r#"["exp"]"#,
        r#"["b64"]"#,
        "[]",
        r#"["alg"]"#,
        r#"["x","x"]"#,
        "null",
        "true",
        r#""b64""#,
        "{}",
        "[1]",
    ] {
        for extra in ["", r#","b64":true"#, r#","b64":false"#, r#","x":1"#] {
            let header = header_with(&format!(r#","crit":{crit}{extra}"#));
            assert_eq!(
                refused(&HS256, &hs256(header, GOOD)),
                Refused::Critical,
                "{crit}{extra}"
            );
        }
    }
}

/// RFC 7797 §6 and §7, CVE-2026-32597: an unencoded payload.
#[test]
fn an_unencoded_payload() {
    for b64_member in ["false", "true", "null", "\"false\""] {
        let header = header_with(&format!(r#","b64":{b64_member}"#));
        assert_eq!(refused(&HS256, &hs256(&header, GOOD)), Refused::Unencoded);
        let token = hs256_encoded(&b64(&header), &GOOD.replace('.', ""));
        assert_eq!(refused(&HS256, &token), Refused::Unencoded);
    }
}

/// RFC 7515 §4: names are unique. Which of two counts, is for the attacker to know.
#[test]
fn duplicate_header_members() {
    for twice in [
        r#"{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"shared"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"shared","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"at+jwt","kid":"shared"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"other","kid":"shared"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"shared","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"shared","x":1,"x":2}"#,
    ] {
        assert_eq!(
            refused(&HS256, &hs256(twice, GOOD)),
            Refused::DuplicateHeader,
            "{twice}"
        );
    }
}

#[test]
fn a_header_that_is_no_object() {
    for text in [
        "",
        "null",
        "[]",
        "\"HS256\"",
        "1",
        "{",
        "{}x",
        "{}{}",
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256",}"#,
        "{'alg':'HS256'}",
        "{\"alg\":\"HS256\" /* */}",
        r#"["alg","HS256"]"#,
        r#"[{"alg":"HS256"}]"#,
    ] {
        let why = refused(&HS256, &hs256(text, GOOD));
        let expected = if text == r#"{"alg":"HS256"}"# {
            Refused::Type { needed: TYP.into() }
        } else {
            Refused::Header
        };
        assert_eq!(why, expected, "{text}");
    }
}

/// RFC 8725 §3.11 and §3.12: a token of one kind is not one of another, though issuer, audience
/// and key are right.
#[test]
fn one_kind_of_token_for_another() {
    let claims: Value = serde_json::from_str(GOOD).unwrap();
    let needed = Refused::Type { needed: TYP.into() };
    for typ in [
        "JWT",
        "rt+jwt",
        "id+jwt",
        "logout+jwt",
        "dpop+jwt",
        "at",
        "at+jwtx",
        "xat+jwt",
        "text/at+jwt",
        "application/x/at+jwt",
    ] {
        let token = sign(&HS256, typ, &claims).unwrap();
        assert_eq!(refused(&HS256, &token), needed, "{typ}");
    }
    let without = r#"{"alg":"HS256","kid":"shared"}"#;
    assert_eq!(refused(&HS256, &hs256(without, GOOD)), needed);
    for typ in ["null", "1", "[\"at+jwt\"]"] {
        let header = format!(r#"{{"alg":"HS256","kid":"shared","typ":{typ}}}"#);
        assert_eq!(refused(&HS256, &hs256(header, GOOD)), Refused::Header);
    }
    // RFC 7515 §4.1.9: media types have no case, and "application/" may be left out.
    for typ in ["AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(
            verify(&HS256, &sign(&HS256, typ, &claims).unwrap()).is_ok(),
            "{typ}"
        );
    }
}

/// A tool may leave the kind open, by name and for one call. Nothing else is left open with it, and
/// the verifier still asks for the kind in every other call.
#[test]
fn any_kind_for_people_who_ask_for_it_by_name() {
    let verifier = verifier(&HS256);
    let claims: Value = serde_json::from_str(GOOD).unwrap();
    let any = |token: &str| verifier.verify_of_any_type::<Value>(token, NOW);
    for typ in ["JWT", "logout+jwt", TYP] {
        let token = sign(&HS256, typ, &claims).unwrap();
        let accepted = any(&token).unwrap();
        assert_eq!((accepted.typ(), accepted.claims()), (Some(typ), &claims));
        assert_eq!(accepted.key_id(), Some("shared"));
        let exact = verifier.verify::<Value>(&token, NOW);
        assert_eq!(exact.is_ok(), typ == TYP, "{typ}");
    }
    let without = r#"{"alg":"HS256","kid":"shared"}"#;
    let token = hs256(without, GOOD);
    assert_eq!(any(&token).unwrap().typ(), None);

    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = with_hmac(b"another secret, which nobody has said to trust", signed);
    assert_eq!(any(&forged).err(), Some(Refused::Signature));
    let refuses = |from: &str, to: &str, why: Refused| {
        assert_eq!(
            any(&hs256(without, GOOD.replacen(from, to, 1))).err(),
            Some(why)
        );
    };
    refuses(r#""iss":""#, r#""iss":"x"#, Refused::Issuer);
    refuses(r#""aud":""#, r#""aud":"x"#, Refused::Audience);
    refuses(r#""exp""#, r#""ex""#, Refused::Missing(Claim::Expires));
}

/// CVE-2023-51774, CVE-2022-39227: encrypted tokens, the JSON serialization, texts that are both.
#[test]
fn something_that_is_no_compact_jws() {
    for members in [r#","enc":"A128GCM""#, r#","zip":"DEF""#] {
        let token = hs256(header_with(members), GOOD);
        assert_eq!(refused(&HS256, &token), Refused::Encrypted);
    }
    let jwe = r#"{"alg":"RSA-OAEP","enc":"A256GCM","typ":"at+jwt"}"#;
    let parts = [
        b64(jwe),
        b64([1; 256]),
        b64([2; 12]),
        b64([3; 99]),
        b64([4; 16]),
    ];
    assert_eq!(refused(&RS256, &parts.join(".")), Refused::Encrypted);
    assert_eq!(refused(&RS256, &parts[..3].join(".")), Refused::Encrypted);

    let honest = hs256(header_with(""), GOOD);
    let parts: Vec<&str> = honest.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let flat =
        format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    let both = format!(
        r#"{{"x":"{header}.{payload}.","protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#
    );
    for text in [&flat, &general, &both] {
        assert!(verify(&HS256, text).is_err());
        assert!(Unverified::parse(text).is_err());
    }
    for text in [
        format!("{honest}."),
        format!(".{honest}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}..{signature}"),
        "..".into(),
        ".".into(),
        String::new(),
    ] {
        assert!(verify(&HS256, &text).is_err(), "{text}");
    }
}

/// Without a key id only the one key of that algorithm can be meant.
#[test]
fn no_key_id_and_several_keys() {
    use countersign_jose::Algorithm;
    let one = SigningKey::hmac(Algorithm::HS256, SECRET, Some("one")).unwrap();
    let two = SigningKey::hmac(Algorithm::HS256, &[7; 32], Some("two")).unwrap();
    let token = hs256(r#"{"alg":"HS256","typ":"at+jwt"}"#, GOOD);
    let with = |keys: Vec<_>| Verifier::new(ISSUER, AUDIENCE, TYP, KeySet::new(keys).unwrap());
    let only = with(vec![one.verifying_key()]);
    assert!(only.verify::<Value>(&token, NOW).is_ok());
    let both = with(vec![one.verifying_key(), two.verifying_key()]);
    assert_eq!(
        both.verify::<Value>(&token, NOW).err(),
        Some(Refused::AmbiguousKey)
    );
    let none = with(Vec::new());
    assert_eq!(
        none.verify::<Value>(&token, NOW).err(),
        Some(Refused::UnknownKey)
    );
}
