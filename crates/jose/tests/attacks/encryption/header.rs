//! Headers of encrypted tokens.

use countersign_jose::{
    AgreementCurve, ContentEncryption, DecryptionKey, DecryptionKeySet, KeyManagement, Refused,
    Unverified, jwe, jws,
};
use serde_json::{Value, json};

use super::forge::*;
use crate::forge::{ES256, GOOD, TYP, b64, unb64};

/// RFC 8725 §3.2, RFC 7516 §11.5: `RSA1_5` is refused by its name, whatever key and padding.
#[test]
fn rsa1_5_is_refused_with_its_reason() {
    for key in every_kind() {
        let token = honest(key, enc_for(key), b"x");
        let header = header_of(&token).replace(key.algorithm().name(), "RSA1_5");
        assert_eq!(refused(key, &with_header(&token, &header)), Refused::Rsa15);
    }
    assert_eq!(Refused::Rsa15.code(), "token_rsa1_5");
    assert!(Refused::Rsa15.to_string().contains("RSA-OAEP-256"));
}

/// CVE-2024-28176, CVE-2024-28180, RFC 8725 §3.6: nothing is inflated, whatever `zip` says.
#[test]
fn a_token_that_would_inflate() {
    let bomb = b"\x4b\x4c\x1c\x05\xa3\x60\x14\x8c\x54\x00\x00";
    for zip in [
        r#""DEF""#,
        r#""def""#,
        r#""none""#,
        "null",
        "false",
        "{}",
        "[]",
        "0",
    ] {
        let header = direct_with(&format!(r#","zip":{zip}"#));
        assert_eq!(
            refused(&DIRECT, &direct(header, bomb)),
            Refused::Compressed,
            "{zip}"
        );
    }
    assert_eq!(Refused::Compressed.code(), "token_compressed");
}

/// Key wrap with 192 bits is not in the library, and a password protects no token.
#[test]
fn algorithms_that_are_refused_with_their_reason() {
    for (alg, why) in [
        ("A192KW", Refused::KeyWrap192),
        ("ECDH-ES+A192KW", Refused::KeyWrap192),
        ("PBES2-HS256+A128KW", Refused::PasswordBased),
        ("PBES2-HS384+A192KW", Refused::PasswordBased),
        ("PBES2-HS512+A256KW", Refused::PasswordBased),
        ("none", Refused::UnknownAlgorithm),
        ("DIR", Refused::UnknownAlgorithm),
        ("dir ", Refused::UnknownAlgorithm),
        ("", Refused::UnknownAlgorithm),
        ("HS256", Refused::UnknownAlgorithm),
        ("ES256", Refused::UnknownAlgorithm),
        ("RSA-OAEP-384", Refused::UnknownAlgorithm),
        ("A256GCM", Refused::UnknownAlgorithm),
    ] {
        // CVE-2022-36083: a count that would take a century is not even looked at.
        let header = format!(
            r#"{{"alg":"{alg}","enc":"A256GCM","kid":"dir","p2c":4294967295,"p2s":"{}"}}"#,
            b64([1; 16])
        );
        assert_eq!(refused(&DIRECT, &direct(header, b"x")), why, "{alg}");
    }
    for alg in ["null", "0", "[\"dir\"]", "{}"] {
        let header = format!(r#"{{"alg":{alg},"enc":"A256GCM"}}"#);
        assert_eq!(
            refused(&DIRECT, &direct(header, b"x")),
            Refused::Header,
            "{alg}"
        );
    }
    let header = r#"{"enc":"A256GCM","kid":"dir"}"#;
    assert_eq!(
        refused(&DIRECT, &direct(header, b"x")),
        Refused::NoAlgorithm
    );
}

#[test]
fn a_content_encryption_that_is_absent_or_unknown() {
    let with = |enc: &str| refused(&DIRECT, &direct(format!(r#"{{"alg":"dir"{enc}}}"#), b"x"));
    assert_eq!(with(""), Refused::NoEncryption);
    for enc in [
        "a256gcm",
        "A256GCM ",
        "",
        "none",
        "A256CBC",
        "A256KW",
        "dir",
        "A256GC\\u004e",
    ] {
        assert_eq!(
            with(&format!(r#","enc":"{enc}""#)),
            Refused::UnknownEncryption,
            "{enc}"
        );
    }
    for enc in ["null", "1", "[\"A256GCM\"]"] {
        assert_eq!(with(&format!(r#","enc":{enc}"#)), Refused::Header, "{enc}");
    }
}

/// RFC 7515 §4: no member twice, in whatever spelling; nor in the sender's key.
#[test]
fn duplicate_header_members() {
    for twice in [
        r#","alg":"dir""#,
        r#","\u0061lg":"dir""#,
        r#","enc":"A128GCM""#,
        r#","kid":"dir""#,
        r#","cty":"a","cty":"a""#,
        r#","x":1,"x":1"#,
        r#","epk":{},"epk":{}"#,
        r#","p2c":1,"p2c":1"#,
    ] {
        let why = refused(&DIRECT, &direct(direct_with(twice), b"x"));
        assert_eq!(why, Refused::DuplicateHeader, "{twice}");
    }
    let many: Vec<String> = (0..40).map(|i| format!(r#","m{i}":0"#)).collect();
    let why = refused(&DIRECT, &direct(direct_with(&many.concat()), b"x"));
    assert_eq!(why, Refused::DuplicateHeader);
    let token = honest(&ECDH, ContentEncryption::A256GCM, b"x");
    for member in [r#""crv":"P-256""#, r#""x":"AA""#, r#""\u0078":"AA""#] {
        let header = header_of(&token).replace(r#""kty":"EC""#, &format!(r#""kty":"EC",{member}"#));
        assert_eq!(
            refused(&ECDH, &with_header(&token, &header)),
            Refused::Header,
            "{member}"
        );
    }
}

/// RFC 7516 §4.1.13, RFC 7797: no extension is understood.
#[test]
fn critical_extensions_and_unencoded_payloads() {
    for crit in [
        r#"["exp"]"#,
        "[]",
        r#"["zip"]"#,
        r#"["alg","alg"]"#,
        "null",
        "true",
        r#""x""#,
    ] {
        let header = direct_with(&format!(r#","crit":{crit},"exp":1"#));
        assert_eq!(
            refused(&DIRECT, &direct(header, b"x")),
            Refused::Critical,
            "{crit}"
        );
    }
    let header = direct_with(r#","b64":false"#);
    assert_eq!(refused(&DIRECT, &direct(header, b"x")), Refused::Unencoded);
}

#[test]
fn a_header_that_is_no_object() {
    for text in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{",
        "{}x",
        "{} {}",
        "\u{feff}{}",
        "{\"alg\":\"dir\",}",
    ] {
        assert_eq!(
            refused(&DIRECT, &direct(text, b"x")),
            Refused::Header,
            "{text}"
        );
    }
    let invalid = [
        &b"{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"x\":\""[..],
        &[0xff],
        b"\"}",
    ]
    .concat();
    assert_eq!(refused(&DIRECT, &direct(invalid, b"x")), Refused::Header);
    for wrong in ["kid", "typ", "cty", "apu", "apv", "iv", "tag", "p2s"] {
        let header = direct_with("").replace("\"kid\":\"dir\"", &format!("\"{wrong}\":1"));
        assert_eq!(
            refused(&DIRECT, &direct(header, b"x")),
            Refused::Header,
            "{wrong}"
        );
    }
}

/// RFC 8725 §3.10, CVE-2018-0114: keys that the token brings along are nobody's.
#[test]
fn keys_that_the_token_brings_along() {
    let mine = DecryptionKey::direct(ContentEncryption::A256GCM, &[9; 32], Some("dir")).unwrap();
    let jwk = mine.to_jwk().unwrap();
    for member in [
        format!(r#","jwk":{}"#, &*jwk),
        r#","jku":"https://evil.example/keys""#.into(),
        r#","x5u":"https://evil.example/cert""#.into(),
        r#","x5c":["MIIB"]"#.into(),
    ] {
        let header = direct_with(&member);
        let token = gcm(&header, &[], &[9; 32], b"x");
        assert!(jwe::decrypt_with(&token, &mine).is_ok(), "{member}");
        assert_eq!(refused(&DIRECT, &token), Refused::Decryption, "{member}");
    }
}

/// A key id is compared with known ones, and that is all.
#[test]
fn a_hostile_or_missing_key_id() {
    let long = "k".repeat(2000);
    for kid in [
        "",
        "../../etc/passwd",
        "' OR 1=1 --",
        "https://evil.example",
        "DIR",
        "a\\u0000",
        &long,
    ] {
        let header = format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}"}}"#);
        assert_eq!(
            refused(&DIRECT, &direct(&header, b"x")),
            Refused::UnknownKey,
            "{kid}"
        );
        let set = DecryptionKeySet::new(vec![DIRECT.clone()]).unwrap();
        let refused = jwe::decrypt(&direct(&header, b"x"), &set).err();
        assert_eq!(refused, Some(Refused::UnknownKey));
    }
    // Without one: the only key for these algorithms, and no guessing.
    let token = direct(r#"{"alg":"dir","enc":"A256GCM"}"#, b"x");
    let set = |keys: Vec<DecryptionKey>| DecryptionKeySet::new(keys).unwrap();
    let several = set(every_kind().into_iter().cloned().collect());
    assert!(jwe::decrypt(&token, &several).is_ok());
    let two = set(vec![DIRECT.clone(), DIRECT.clone().with_kid("other")]);
    assert_eq!(
        jwe::decrypt(&token, &two).err(),
        Some(Refused::AmbiguousKey)
    );
    let none = set(vec![DIRECT_CBC.clone(), A256KW.clone()]);
    assert_eq!(jwe::decrypt(&token, &none).err(), Some(Refused::UnknownKey));
    let none = set(Vec::new());
    assert_eq!(jwe::decrypt(&token, &none).err(), Some(Refused::UnknownKey));
}

/// Replaces the sender's key in an honest token for this key, and says why that is refused.
fn with_epk(key: &DecryptionKey, epk: &Value) -> Refused {
    let token = honest(key, ContentEncryption::A256GCM, b"x");
    let mut header: Value = serde_json::from_str(&header_of(&token)).unwrap();
    header["epk"] = epk.clone();
    refused(key, &with_header(&token, &header.to_string()))
}

fn honest_epk(key: &DecryptionKey) -> Value {
    let token = honest(key, ContentEncryption::A256GCM, b"x");
    let header: Value = serde_json::from_str(&header_of(&token)).unwrap();
    header["epk"].clone()
}

/// CVE-2016-9121 and its kin: a point off the curve would give the private key away bit by bit.
#[test]
fn a_sender_key_off_the_curve() {
    for curve in [
        AgreementCurve::P256,
        AgreementCurve::P384,
        AgreementCurve::P521,
    ] {
        for alg in [KeyManagement::EcdhEs, KeyManagement::EcdhEsA128KW] {
            let key = DecryptionKey::generate_on(alg, curve).unwrap();
            let epk = honest_epk(&key);
            let len = unb64(epk["x"].as_str().unwrap()).len();
            let with = |x: Vec<u8>, y: Vec<u8>| {
                let mut epk = epk.clone();
                (epk["x"], epk["y"]) = (b64(x).into(), b64(y).into());
                with_epk(&key, &epk)
            };
            let x = || unb64(epk["x"].as_str().unwrap());
            let y = || unb64(epk["y"].as_str().unwrap());
            let changed = |mut number: Vec<u8>| {
                number[len - 1] ^= 1;
                number
            };
            for (case, why) in [
                ("another y", with(x(), changed(y()))),
                ("another x", with(changed(x()), y())),
                ("swapped", with(y(), x())),
                ("zero", with(vec![0; len], vec![0; len])),
                ("one", with(vec![0; len], changed(vec![0; len]))),
                ("beyond the field", with(vec![0xff; len], y())),
                ("short", with(x()[1..].to_vec(), y())),
                ("long", with([&[0], &x()[..]].concat(), y())),
                ("empty", with(Vec::new(), Vec::new())),
            ] {
                assert_eq!(why, Refused::EphemeralKey, "{} {case}", curve.name());
            }
        }
    }
}

/// RFC 7518 §4.6.1.1: a public key on the recipient's curve, and nothing else.
#[test]
fn a_sender_key_of_another_kind() {
    let other = |curve| {
        let key = DecryptionKey::generate_on(KeyManagement::EcdhEs, curve).unwrap();
        honest_epk(&key)
    };
    for key in [&*ECDH, &*ECDH_KW] {
        let good = honest_epk(key);
        for curve in [
            AgreementCurve::P384,
            AgreementCurve::P521,
            AgreementCurve::X25519,
        ] {
            assert_eq!(with_epk(key, &other(curve)), Refused::EphemeralKey);
        }
        for private in ["d", "k", "p", "q", "dp", "dq", "qi", "oth"] {
            let mut epk = good.clone();
            epk[private] = b64([1; 32]).into();
            assert_eq!(with_epk(key, &epk), Refused::EphemeralKey, "{private}");
        }
        for absent in ["kty", "crv", "x", "y"] {
            let mut epk = good.clone();
            epk.as_object_mut().unwrap().remove(absent);
            assert_eq!(with_epk(key, &epk), Refused::EphemeralKey, "{absent}");
        }
        for (member, value) in [
            ("kty", json!("OKP")),
            ("kty", json!("oct")),
            ("kty", json!("ec")),
            ("crv", json!("secp256k1")),
            ("crv", json!("P-384")),
            ("x", json!(1)),
            ("y", json!(null)),
            ("x", json!([good["x"]])),
        ] {
            let mut epk = good.clone();
            epk[member] = value;
            assert_eq!(with_epk(key, &epk), Refused::EphemeralKey, "{member}");
        }
        let signing = serde_json::to_value(crate::forge::ED25519.public_jwk()).unwrap();
        assert_eq!(with_epk(key, &signing), Refused::EphemeralKey);
        for no_object in [json!(null), json!("x"), json!(["EC", null]), json!(7)] {
            assert_eq!(with_epk(key, &no_object), Refused::Header, "{no_object}");
        }
        let token = honest(key, ContentEncryption::A256GCM, b"x");
        let header = header_of(&token).replace("\"epk\"", "\"eph\"");
        assert_eq!(
            refused(key, &with_header(&token, &header)),
            Refused::EphemeralKey
        );
    }
    // One that signs, and one of P-256, where X25519 is the recipient's.
    let signing = json!({"kty": "OKP", "crv": "Ed25519", "x": honest_epk(&X25519)["x"]});
    assert_eq!(with_epk(&X25519, &signing), Refused::EphemeralKey);
    assert_eq!(with_epk(&X25519, &honest_epk(&ECDH)), Refused::EphemeralKey);
}

/// RFC 7748 §6.1, RFC 8037 §3.2.1: points of low order make a secret that everybody knows.
#[test]
fn a_sender_key_of_low_order() {
    let wrapping =
        DecryptionKey::generate_on(KeyManagement::EcdhEsA128KW, AgreementCurve::X25519).unwrap();
    for point in super::keys::LOW_ORDER {
        let epk = json!({"kty": "OKP", "crv": "X25519", "x": b64(point)});
        assert_eq!(with_epk(&X25519, &epk), Refused::EphemeralKey, "{point:?}");
        assert_eq!(
            with_epk(&wrapping, &epk),
            Refused::EphemeralKey,
            "{point:?}"
        );
    }
    // Any other point leads to a secret, though not to the right one.
    let epk = json!({"kty": "OKP", "crv": "X25519", "x": b64([9; 32])});
    assert_eq!(with_epk(&X25519, &epk), Refused::Decryption);
}

/// RFC 7518 §4.6.1.2: `apu` and `apv` go into the derived key, so they count, and are canonical.
#[test]
fn parties_that_are_wrong() {
    for key in [&*ECDH, &*ECDH_KW, &*X25519] {
        let token = honest(key, ContentEncryption::A256GCM, b"x");
        for name in ["apu", "apv"] {
            for text in ["QQ==", "QR", "Q Q", "Q", "QQ\\n"] {
                let member = format!(r#"{{"{name}":"{text}","#);
                let header = header_of(&token).replacen('{', &member, 1);
                let why = refused(key, &with_header(&token, &header));
                assert_eq!(
                    why,
                    Refused::Parameter(if name == "apu" { "apu" } else { "apv" })
                );
            }
        }
    }
}

/// RFC 7518 §4.7.1: 96 bits of IV, 128 of tag, of the wrapped key too.
#[test]
fn an_iv_or_tag_of_the_wrapped_key_with_another_length() {
    let cek = [9; 32];
    let mut encrypted = cek;
    let tag = gcm_in_place(SECRET32, [3; 12], &[], &mut encrypted);
    let with = |iv: &str, tag: &str| {
        let header = format!(r#"{{"alg":"A256GCMKW","enc":"A256GCM","kid":"gcmkw"{iv}{tag}}}"#);
        jwe::decrypt_with(&gcm(header, &encrypted, &cek, b"x"), &A256GCMKW)
    };
    let iv = |bytes: &[u8]| format!(r#","iv":"{}""#, b64(bytes));
    let text = |bytes: &[u8]| format!(r#","tag":"{}""#, b64(bytes));
    assert!(with(&iv(&[3; 12]), &text(&tag)).is_ok());
    for len in [0, 4, 8, 11, 13, 16, 24, 33, 500] {
        let outcome = with(&iv(&vec![3; len]), &text(&tag));
        assert_eq!(outcome, Err(Refused::Parameter("iv")), "{len}");
    }
    for len in [0, 1, 4, 8, 12, 15] {
        let outcome = with(&iv(&[3; 12]), &text(&tag[..len]));
        assert_eq!(outcome, Err(Refused::Parameter("tag")), "{len}");
    }
    let long = [&tag[..], &[0]].concat();
    assert_eq!(
        with(&iv(&[3; 12]), &text(&long)),
        Err(Refused::Parameter("tag"))
    );
    assert_eq!(with("", &text(&tag)), Err(Refused::Parameter("iv")));
    assert_eq!(with(&iv(&[3; 12]), ""), Err(Refused::Parameter("tag")));
    assert_eq!(with(&iv(&[4; 12]), &text(&tag)), Err(Refused::Decryption));
    assert_eq!(
        with(&iv(&[3; 12]), &text(&[0; 16])),
        Err(Refused::Decryption)
    );
    let padded = text(&tag).replacen("\"\"", "=\"\"", 1);
    let padded = padded.trim_end_matches('"').to_owned() + "==\"";
    assert_eq!(with(&iv(&[3; 12]), &padded), Err(Refused::Parameter("tag")));
}

/// CVE-2023-51774, CVE-2022-39227: what is one thing is not the other, nor both.
#[test]
fn one_kind_of_token_for_the_other() {
    let claims: Value = serde_json::from_str(GOOD).unwrap();
    let signed = countersign_jose::sign(&ES256, TYP, &claims).unwrap();
    for key in every_kind() {
        assert_eq!(refused(key, &signed), Refused::NotEncrypted);
        let token = honest(key, enc_for(key), b"x");
        assert_eq!(Unverified::parse(&token).err(), Some(Refused::Encrypted));
        let outcome = jws::verify_with(&token, &ES256.verifying_key());
        assert_eq!(outcome.err(), Some(Refused::Encrypted));

        let parts = parts(&token);
        let json = json!({
            "protected": parts[0], "encrypted_key": parts[1], "iv": parts[2],
            "ciphertext": parts[3], "tag": parts[4],
        });
        assert_eq!(refused(key, &json.to_string()), Refused::NotCompact);
        // JSON outside and a good token inside, or a good token with more behind or in front.
        let both = format!(r#"{{"x":"{token}"}}"#);
        assert!(matches!(refused(key, &both), Refused::Base64(_)));
        for text in [
            format!("{token}."),
            format!(".{token}"),
            format!("{token}.{signed}"),
            format!("{signed}.{token}"),
            token.replacen('.', "..", 1),
            parts[..4].join("."),
            parts[..2].join("."),
            String::new(),
            ".....".into(),
        ] {
            assert_eq!(refused(key, &text), Refused::NotCompact, "{text}");
        }
        assert_eq!(refused(key, &parts[..3].join(".")), Refused::NotEncrypted);
    }
    // A header of a signed token in front of five parts, and of an encrypted one before three.
    let mut parts = parts(&honest(&DIRECT, ContentEncryption::A256GCM, b"x"));
    let encrypted_header = parts[0].clone();
    parts[0] = signed.split('.').next().unwrap().into();
    assert_eq!(refused(&DIRECT, &parts.join(".")), Refused::NoEncryption);
    let (_, rest) = signed.split_once('.').unwrap();
    let outcome = Unverified::parse(&format!("{encrypted_header}.{rest}")).err();
    assert_eq!(outcome, Some(Refused::Encrypted));
}
