//! Tokens that are signed and encrypted, or should be.

use countersign_jose::{
    Algorithm, ContentEncryption, DecryptionKeySet, EncryptError, Part, Refused, SigningKey,
    UnixTime, Verified, Verifier, encrypt, jwe, sign,
};
use serde_json::{Value, json};

use super::forge::*;
use crate::forge::{ES256, GOOD, NOW, TYP, b64, header_with, hs256, verifier};

/// The verifier under attack: it trusts `ES256`, and tokens must be encrypted to `DIRECT`.
fn reader() -> Verifier {
    let keys = DecryptionKeySet::new(vec![DIRECT.clone(), RSA.clone()]).unwrap();
    verifier(&ES256).encrypted_to(keys)
}

fn verify(token: &str) -> Result<Verified<Value>, Refused> {
    reader().verify(token, NOW)
}

fn signed(key: &SigningKey, claims: &str) -> String {
    let claims: Value = serde_json::from_str(claims).unwrap();
    sign(key, TYP, &claims).unwrap()
}

/// Whatever text, encrypted as a token would be.
fn wrap(inner: &[u8]) -> String {
    direct(direct_with(r#","cty":"JWT""#), inner)
}

#[test]
fn an_honest_token_is_accepted() {
    let inner = signed(&ES256, GOOD);
    let enc = ContentEncryption::A256GCM;
    for token in [
        wrap(inner.as_bytes()),
        encrypt(&DIRECT.encryption_key(), enc, &inner).unwrap(),
        encrypt(&RSA.encryption_key(), enc, &inner).unwrap(),
    ] {
        let verified = verify(&token).unwrap();
        assert_eq!(verified["sub"], "u1");
        assert_eq!(verified.key_id(), ES256.kid());
    }
}

/// Neither half is enough.
#[test]
fn a_token_that_is_only_signed_or_only_encrypted() {
    let inner = signed(&ES256, GOOD);
    assert_eq!(verify(&inner).err(), Some(Refused::NotEncrypted));
    assert_eq!(Refused::NotEncrypted.code(), "token_not_encrypted");
    let outcome = verifier(&ES256).verify::<Value>(&wrap(inner.as_bytes()), NOW);
    assert_eq!(outcome.err(), Some(Refused::Encrypted));
    // The claims themselves, which anybody who has the public key can encrypt.
    assert_eq!(
        verify(&wrap(GOOD.as_bytes())).err(),
        Some(Refused::Base64(Part::Header))
    );
    let to = RSA.encryption_key();
    let header = jwe::Header {
        typ: Some(TYP),
        cty: Some("JWT"),
    };
    let token = jwe::encrypt(&to, ContentEncryption::A256GCM, &header, GOOD.as_bytes()).unwrap();
    assert_eq!(verify(&token).err(), Some(Refused::Base64(Part::Header)));
    // A signature is not optional inside.
    let unsigned = format!("{}.{}.", b64(r#"{"alg":"none","typ":"at+jwt"}"#), b64(GOOD));
    assert_eq!(
        verify(&wrap(unsigned.as_bytes())).err(),
        Some(Refused::UnknownAlgorithm)
    );
    let (start, _) = inner.rsplit_once('.').unwrap();
    let outcome = verify(&wrap(format!("{start}.").as_bytes()));
    assert_eq!(outcome.err(), Some(Refused::Signature));
}

/// RFC 7519 §5.2: `cty` must say that a token is inside.
#[test]
fn another_kind_of_content() {
    let inner = signed(&ES256, GOOD);
    let with = |cty: &str| verify(&direct(direct_with(cty), inner.as_bytes())).err();
    for cty in ["JWT", "jwt", "Jwt", "application/jwt", "APPLICATION/JWT"] {
        assert_eq!(with(&format!(r#","cty":"{cty}""#)), None, "{cty}");
    }
    assert_eq!(with(""), Some(Refused::NotNested));
    for cty in [
        "",
        "JWS",
        "JWT ",
        "at+jwt",
        "text/jwt",
        "application/application/jwt",
        "JWTs",
    ] {
        assert_eq!(
            with(&format!(r#","cty":"{cty}""#)),
            Some(Refused::NotNested),
            "{cty}"
        );
    }
    assert_eq!(with(r#","typ":"JWT""#), Some(Refused::NotNested));
    assert_eq!(with(r#","cty":["JWT"]"#), Some(Refused::Header));
}

/// What is inside is verified as if it stood alone.
#[test]
fn what_is_inside_is_verified_in_full() {
    let stranger = SigningKey::generate(Algorithm::ES256).unwrap();
    let stranger = stranger.with_kid(ES256.kid().unwrap());
    let inside = |inner: &str| verify(&wrap(inner.as_bytes())).err();
    assert_eq!(inside(&signed(&stranger, GOOD)), Some(Refused::Signature));
    assert_eq!(
        inside(&hs256(header_with(""), GOOD)),
        Some(Refused::UnknownKey)
    );
    let claims: Value = serde_json::from_str(GOOD).unwrap();
    let with = |member: &str, value: Value| {
        let mut claims = claims.clone();
        claims[member] = value;
        inside(&sign(&ES256, TYP, &claims).unwrap())
    };
    assert_eq!(with("iss", "evil".into()), Some(Refused::Issuer));
    assert_eq!(with("aud", "evil".into()), Some(Refused::Audience));
    let at = UnixTime::from_secs(1_600_000_000);
    assert_eq!(
        with("exp", 1_600_000_000.into()),
        Some(Refused::Expired { at, now: NOW })
    );
    let outcome = inside(&sign(&ES256, "JWT", &claims).unwrap());
    assert_eq!(outcome, Some(Refused::Type { needed: TYP.into() }));
}

/// RFC 7519 §5.3: copies of claims in the header are not read. Nobody signed them.
#[test]
fn claims_that_the_header_repeats() {
    let header = direct_with(
        r#","cty":"JWT","iss":"https://evil.example","sub":"admin","aud":"x","exp":1,"typ":"x""#,
    );
    let token = direct(header, signed(&ES256, GOOD).as_bytes());
    let verified = verify(&token).unwrap();
    assert_eq!(verified["sub"], "u1");
    assert_eq!(verified["iss"], "https://id.example");
    // Nor do they stand in for those inside that are absent.
    let header =
        direct_with(r#","cty":"JWT","iss":"https://id.example","aud":"https://api.example""#);
    let inner = sign(&ES256, TYP, &json!({"exp": 1_700_000_300})).unwrap();
    let refused = verify(&direct(header, inner.as_bytes())).err();
    assert_eq!(
        refused,
        Some(Refused::Missing(countersign_jose::Claim::Issuer))
    );
}

/// One wrapping, and nothing around the token in it.
#[test]
fn strange_things_inside() {
    let inner = signed(&ES256, GOOD);
    assert_eq!(
        verify(&wrap(wrap(inner.as_bytes()).as_bytes())).err(),
        Some(Refused::Encrypted)
    );
    for text in ["", ".", "..", "x", "{}"] {
        assert!(verify(&wrap(text.as_bytes())).is_err(), "{text:?}");
    }
    for (front, behind) in [
        (" ", ""),
        ("", "\n"),
        ("\u{feff}", ""),
        ("", "\0"),
        ("\"", "\""),
    ] {
        let text = format!("{front}{inner}{behind}");
        let outcome = verify(&wrap(text.as_bytes())).err();
        assert!(
            matches!(outcome, Some(Refused::Base64(_))),
            "{text:?} {outcome:?}"
        );
    }
    let invalid = [inner.as_bytes(), &[0xff]].concat();
    assert_eq!(verify(&wrap(&invalid)).err(), Some(Refused::NotCompact));
    assert!(verify(&wrap(&vec![b'.'; 12_000])).is_err());
}

/// Nothing is wrapped that no verifier would take.
#[test]
fn what_is_not_wrapped() {
    let to = DIRECT.encryption_key();
    let enc = ContentEncryption::A256GCM;
    let unsigned = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(GOOD));
    for text in [
        "",
        "{}",
        GOOD,
        "a.b",
        "a.b.c",
        "a.b.c.d",
        &unsigned,
        &wrap(b"x"),
    ] {
        assert_eq!(
            encrypt(&to, enc, text),
            Err(EncryptError::NotSigned),
            "{text}"
        );
    }
    let mut claims: Value = serde_json::from_str(GOOD).unwrap();
    claims["x"] = "x".repeat(10_000).into();
    let long = sign(&ES256, TYP, &claims).unwrap();
    assert_eq!(encrypt(&to, enc, &long), Err(EncryptError::TooLong));
    assert_eq!(
        encrypt(&to, enc, &"a".repeat(20_000)),
        Err(EncryptError::TooLong)
    );
    let other = ContentEncryption::A128CbcHs256;
    let refused = EncryptError::WrongEncryption { key: enc };
    assert_eq!(encrypt(&to, other, &signed(&ES256, GOOD)), Err(refused));
    for typ in ["", "a b", "\"", "ä"] {
        let header = jwe::Header {
            typ: Some(typ),
            cty: None,
        };
        let refused = jwe::encrypt(&to, enc, &header, b"x");
        assert_eq!(refused, Err(EncryptError::MediaType), "{typ}");
    }
}

/// Other keys to verify with do not let go of the keys to decrypt with.
#[test]
fn rotating_keys_keeps_encryption_required() {
    let reader = reader();
    assert_eq!(reader.decryption_keys().map(DecryptionKeySet::len), Some(2));
    let again = reader.with_keys(reader.keys().clone()).with_leeway(10);
    let inner = signed(&ES256, GOOD);
    let outcome = again.verify::<Value>(&inner, NOW);
    assert_eq!(outcome.err(), Some(Refused::NotEncrypted));
    assert!(again.verify::<Value>(&wrap(inner.as_bytes()), NOW).is_ok());
    assert!(verifier(&ES256).decryption_keys().is_none());
}
