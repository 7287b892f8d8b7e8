//! Encryption keys that are weak, misused, or mistaken for others.

use countersign_jose::{
    AgreementCurve, Algorithm, ContentEncryption, DecryptionKey, DecryptionKeySet, EncryptionKey,
    KeyError, KeyManagement, KeySet, Refused, SigningKey, VerifyingKey, jwe,
};
use serde_json::{Value, json};

use super::forge::*;
use crate::forge::{ES256, HS256, RS256, b64, unb64, verifier};

/// Points of X25519 with which every private key agrees on zero (RFC 7748 §6.1), in the forms that
/// 32 octets leave room for.
pub const LOW_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    low(1, 0, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    low(0xec, 0xff, 0x7f),
    low(0xed, 0xff, 0x7f),
    low(0xee, 0xff, 0x7f),
];

const fn low(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut point = [middle; 32];
    point[0] = first;
    point[31] = last;
    point
}

/// Secrets of one length for four algorithms: a key serves its own and no other (RFC 8725 §3.1).
#[test]
fn one_secret_under_another_algorithm() {
    let keys = [&*DIRECT, &*DIRECT_CBC, &*A256KW, &*A256GCMKW].map(|key| key.clone().with_kid("k"));
    let nameless: Vec<DecryptionKey> = keys
        .iter()
        .map(|key| {
            let jwk = key.to_jwk().unwrap().replace(r#","kid":"k""#, "");
            DecryptionKey::from_jwk(jwk.as_bytes()).unwrap()
        })
        .collect();
    for (i, writer) in keys.iter().enumerate() {
        let token = honest(writer, enc_for(writer), b"x");
        let without_id = honest(&nameless[i], enc_for(writer), b"x");
        for (j, reader) in keys.iter().enumerate() {
            if i == j {
                assert!(jwe::decrypt_with(&without_id, reader).is_ok());
                continue;
            }
            let expected = if writer.algorithm() == reader.algorithm() {
                let key = enc_for(reader);
                Refused::WrongEncryption { key }
            } else {
                let key = reader.algorithm();
                Refused::WrongKeyManagement { key }
            };
            assert_eq!(refused(reader, &token), expected);
            let set = DecryptionKeySet::new(vec![reader.clone()]).unwrap();
            assert_eq!(jwe::decrypt(&token, &set).err(), Some(expected));
            let outcome = jwe::decrypt(&without_id, &set).err();
            assert_eq!(outcome, Some(Refused::UnknownKey));
        }
    }
    // An RSA key for one hash, and a P-256 key for one of the three ways to agree.
    for (writer, alg) in [
        (&*RSA, KeyManagement::RsaOaep),
        (&*ECDH, KeyManagement::EcdhEsA128KW),
        (&*ECDH_KW, KeyManagement::EcdhEs),
    ] {
        let pem = writer.to_pem().unwrap();
        let reader = DecryptionKey::from_pem(alg, &pem).unwrap();
        let token = honest(writer, ContentEncryption::A256GCM, b"x");
        assert_eq!(
            refused(&reader, &token),
            Refused::WrongKeyManagement { key: alg }
        );
    }
}

/// RFC 7518 §4.4, §4.5, §4.7: exactly as long as the algorithm's key.
#[test]
fn secrets_of_another_length() {
    for (alg, needed) in [
        (KeyManagement::A128KW, 16),
        (KeyManagement::A256KW, 32),
        (KeyManagement::A128GCMKW, 16),
        (KeyManagement::A192GCMKW, 24),
        (KeyManagement::A256GCMKW, 32),
    ] {
        for len in (0..70).filter(|len| *len != needed) {
            let outcome = DecryptionKey::wrapping(alg, &vec![9; len], None);
            assert_eq!(outcome.err(), Some(KeyError::SecretLength { needed }));
        }
        assert!(EncryptionKey::wrapping(alg, &vec![9; needed], None).is_ok());
    }
    for (enc, needed) in ContentEncryption::ALL
        .into_iter()
        .zip([16, 24, 32, 32, 48, 64])
    {
        for len in (0..70).filter(|len| *len != needed) {
            let outcome = DecryptionKey::direct(enc, &vec![9; len], None);
            assert_eq!(
                outcome.err(),
                Some(KeyError::SecretLength { needed }),
                "{enc}"
            );
            let jwk = json!({"kty": "oct", "alg": enc.name(), "k": b64(vec![9; len])});
            let outcome = EncryptionKey::from_secret_jwk(jwk.to_string().as_bytes());
            assert_eq!(
                outcome.err(),
                Some(KeyError::SecretLength { needed }),
                "{enc}"
            );
        }
        assert!(EncryptionKey::direct(enc, &vec![9; needed], None).is_ok());
    }
    for alg in [KeyManagement::RsaOaep256, KeyManagement::EcdhEs] {
        let outcome = DecryptionKey::wrapping(alg, &[9; 32], None);
        assert_eq!(outcome.err(), Some(KeyError::WrongKeyManagement(alg)));
    }
    let outcome = DecryptionKey::wrapping(KeyManagement::Dir, &[9; 32], None);
    assert_eq!(outcome.err(), Some(KeyError::ContentEncryptionNeeded));
    let outcome = DecryptionKey::generate(KeyManagement::Dir);
    assert_eq!(outcome.err(), Some(KeyError::ContentEncryptionNeeded));
}

/// A secret that is the text of a (perhaps public) key is no secret.
#[test]
fn a_key_text_as_a_secret() {
    let texts: [&[u8; 32]; 4] = [
        b"-----BEGIN PUBLIC KEY-----\nMCowB",
        br#"{"kty":"OKP","crv":"X25519" }   "#,
        br#"{"keys":[]}                     "#,
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
    ];
    for text in texts {
        let is_key = Some(KeyError::SecretIsAKey);
        for alg in [KeyManagement::A256KW, KeyManagement::A256GCMKW] {
            assert_eq!(DecryptionKey::wrapping(alg, text, None).err(), is_key);
            assert_eq!(EncryptionKey::wrapping(alg, text, None).err(), is_key);
        }
        let enc = ContentEncryption::A128CbcHs256;
        assert_eq!(EncryptionKey::direct(enc, text, None).err(), is_key);
        assert_eq!(DecryptionKey::direct(enc, text, None).err(), is_key);
    }
}

fn jwk_of(key: &DecryptionKey) -> Value {
    serde_json::from_str(&key.to_jwk().unwrap()).unwrap()
}

fn bytes(jwk: &Value) -> Vec<u8> {
    jwk.to_string().into_bytes()
}

/// RFC 7517 §4.2: a key that signs never encrypts, and one that decrypts never verifies.
#[test]
fn signing_and_encryption_keys_are_not_exchanged() {
    for key in [&*ES256, &*RS256, &*HS256] {
        let own: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
        for alg in KeyManagement::ALL {
            let mut jwk = own.clone();
            jwk["alg"] = alg.name().into();
            let decrypting = DecryptionKey::from_jwk(&bytes(&jwk)).err().unwrap();
            let encrypting = EncryptionKey::from_jwk(&bytes(&jwk)).err().unwrap();
            let fits = alg.is_symmetric() == (own["kty"] == "oct")
                && (alg.name().starts_with("RSA") == (own["kty"] == "RSA"));
            if fits {
                assert_eq!(decrypting, KeyError::NotForEncryption, "{alg}");
            }
            if fits && own["kty"] != "oct" {
                assert_eq!(encrypting, KeyError::NotForEncryption, "{alg}");
            }
            assert!(DecryptionKey::from_jwk_for(alg, &bytes(&own)).is_err());
        }
        assert_eq!(
            DecryptionKey::from_jwk(&bytes(&own)).err(),
            Some(KeyError::UnknownKeyManagement)
        );
    }
    for key in every_kind() {
        let own = jwk_of(key);
        for alg in [
            None,
            Some(Algorithm::ES256),
            Some(Algorithm::RS256),
            Some(Algorithm::HS256),
        ] {
            let mut jwk = own.clone();
            if let Some(alg) = alg {
                jwk["alg"] = alg.name().into();
            }
            assert!(SigningKey::from_jwk(&bytes(&jwk)).is_err());
            assert!(VerifyingKey::from_jwk(&bytes(&jwk)).is_err());
            assert!(VerifyingKey::from_secret_jwk(&bytes(&jwk)).is_err());
            let set = json!({ "keys": [jwk] }).to_string();
            if own["kty"] != "oct" {
                assert!(KeySet::from_json(set.as_bytes()).unwrap().is_empty());
            }
        }
    }
}

/// RFC 7517 §4.3: `key_ops` says which side, and which kind.
#[test]
fn operations_that_a_key_is_not_for() {
    let encrypts = |jwk: &Value| EncryptionKey::from_jwk(&bytes(jwk)).map(|_| ());
    let encrypts_secretly = |jwk: &Value| EncryptionKey::from_secret_jwk(&bytes(jwk)).map(|_| ());
    let decrypts = |jwk: &Value| DecryptionKey::from_jwk(&bytes(jwk)).map(|_| ());
    let with = |key: &DecryptionKey, ops: Value| {
        let mut jwk = jwk_of(key);
        jwk["key_ops"] = ops;
        jwk
    };
    let not_for = Err(KeyError::NotForEncryption);
    for key in every_kind() {
        for ops in [json!(["sign"]), json!(["verify", "sign"]), json!(["x"])] {
            assert_eq!(decrypts(&with(key, ops)), not_for);
        }
        for ops in [
            json!("decrypt"),
            json!([1]),
            json!(["decrypt", "decrypt"]),
            json!({}),
        ] {
            let malformed = Err(KeyError::Malformed("key_ops"));
            assert_eq!(decrypts(&with(key, ops)), malformed);
        }
        assert_eq!(decrypts(&with(key, json!([]))), not_for);
        let mut signs = jwk_of(key);
        signs["use"] = "sig".into();
        assert_eq!(decrypts(&signs), not_for);
    }
    for (key, needed, other) in [
        (&*DIRECT, "decrypt", "unwrapKey"),
        (&*A256KW, "unwrapKey", "encrypt"),
        (&*A256GCMKW, "unwrapKey", "wrapKey"),
        (&*RSA, "unwrapKey", "wrapKey"),
        (&*RSA, "decrypt", "deriveKey"),
        (&*ECDH, "deriveKey", "decrypt"),
        (&*ECDH_KW, "deriveBits", "unwrapKey"),
        (&*X25519, "deriveBits", "encrypt"),
    ] {
        assert_eq!(decrypts(&with(key, json!([needed]))), Ok(()));
        assert_eq!(
            decrypts(&with(key, json!([other]))),
            not_for,
            "{needed} {other}"
        );
    }
    for (key, needed, other) in [
        (&*DIRECT, "encrypt", "decrypt"),
        (&*DIRECT, "encrypt", "wrapKey"),
        (&*A256KW, "wrapKey", "unwrapKey"),
        (&*A256GCMKW, "wrapKey", "decrypt"),
    ] {
        assert_eq!(encrypts_secretly(&with(key, json!([needed]))), Ok(()));
        assert_eq!(encrypts_secretly(&with(key, json!([other]))), not_for);
    }
    for (key, needed, other) in [
        (&*RSA, json!(["wrapKey"]), json!(["unwrapKey"])),
        (&*RSA, json!(["encrypt"]), json!([])),
        (&*ECDH, json!([]), json!(["wrapKey"])),
        (&*X25519, json!(["deriveBits"]), json!(["sign"])),
    ] {
        let public = |ops: Value| {
            let mut jwk = serde_json::to_value(key.encryption_key().public_jwk()).unwrap();
            jwk["key_ops"] = ops;
            jwk
        };
        assert_eq!(encrypts(&public(needed)), Ok(()));
        assert_eq!(encrypts(&public(other)), not_for);
    }
    // The public half of a private key: whoever may unwrap has somebody who wraps.
    assert_eq!(encrypts(&with(&RSA, json!(["unwrapKey"]))), Ok(()));
    assert_eq!(encrypts(&with(&RSA, json!(["wrapKey"]))), not_for);
}

#[test]
fn keys_whose_numbers_do_not_fit() {
    for key in [&*ECDH, &*X25519] {
        let own = jwk_of(key);
        let other = jwk_of(&if own["kty"] == "EC" {
            DecryptionKey::generate(KeyManagement::EcdhEs).unwrap()
        } else {
            DecryptionKey::generate_on(KeyManagement::EcdhEs, AgreementCurve::X25519).unwrap()
        });
        let with = |member: &str, value: Value| {
            let mut jwk = own.clone();
            jwk[member] = value;
            DecryptionKey::from_jwk(&bytes(&jwk)).err()
        };
        assert_eq!(with("d", other["d"].clone()), Some(KeyError::Invalid));
        assert_eq!(with("x", other["x"].clone()), Some(KeyError::Invalid));
        assert_eq!(
            with("d", b64([1; 31]).into()),
            Some(KeyError::Malformed("d"))
        );
        assert_eq!(
            with("d", b64([1; 33]).into()),
            Some(KeyError::Malformed("d"))
        );
        assert_eq!(
            with("x", b64([1; 31]).into()),
            Some(KeyError::Malformed("x"))
        );
        assert_eq!(with("crv", "Ed448".into()), Some(KeyError::UnknownCurve));
        let mut public = serde_json::to_value(key.encryption_key().public_jwk()).unwrap();
        let missing = DecryptionKey::from_jwk(&bytes(&public)).err();
        assert_eq!(missing, Some(KeyError::Missing("d")));
        if own["kty"] == "EC" {
            assert_eq!(with("d", b64([0; 32]).into()), Some(KeyError::Invalid));
            assert_eq!(with("d", b64([0xff; 32]).into()), Some(KeyError::Invalid));
            public["y"] = public["x"].clone();
            let outcome = EncryptionKey::from_jwk(&bytes(&public)).err();
            assert_eq!(outcome, Some(KeyError::Invalid));
        }
    }
    // Nobody agrees on anything secret with these.
    for point in LOW_ORDER {
        let jwk = json!({"kty": "OKP", "crv": "X25519", "x": b64(point), "alg": "ECDH-ES"});
        assert_eq!(
            EncryptionKey::from_jwk(&bytes(&jwk)).err(),
            Some(KeyError::Invalid)
        );
    }
    // Ed25519 signs.
    let signing = serde_json::to_value(crate::forge::ED25519.public_jwk()).unwrap();
    let mut jwk = signing.clone();
    (jwk["alg"], jwk["use"]) = ("ECDH-ES".into(), "enc".into());
    let wrong = Some(KeyError::WrongKeyManagement(KeyManagement::EcdhEs));
    assert_eq!(EncryptionKey::from_jwk(&bytes(&jwk)).err(), wrong);
}

/// RFC 7518 §4.2, §4.3: the same bounds as for signatures.
#[test]
fn weak_rsa_keys() {
    let own = serde_json::to_value(RSA.encryption_key().public_jwk()).unwrap();
    let with = |member: &str, octets: &[u8]| {
        let mut jwk = own.clone();
        jwk[member] = b64(octets).into();
        EncryptionKey::from_jwk(&bytes(&jwk)).err()
    };
    let n = unb64(own["n"].as_str().unwrap());
    let mut short = n[..128].to_vec();
    short[127] |= 1;
    assert_eq!(with("n", &short), Some(KeyError::RsaSize { bits: 1024 }));
    assert_eq!(with("e", &[1]), Some(KeyError::RsaExponent));
    assert_eq!(with("e", &[2]), Some(KeyError::RsaExponent));
    assert_eq!(with("e", &[1, 0, 0, 0, 1]), Some(KeyError::RsaExponent));
    assert_eq!(
        with("n", &[&[0], &n[..]].concat()),
        Some(KeyError::Malformed("n"))
    );
    let mut private = jwk_of(&RSA);
    private["d"] = b64([7; 256]).into();
    assert_eq!(
        DecryptionKey::from_jwk(&bytes(&private)).err(),
        Some(KeyError::Invalid)
    );
    private = jwk_of(&RSA);
    private["oth"] = json!([]);
    let more = Some(KeyError::Malformed("oth"));
    assert_eq!(DecryptionKey::from_jwk(&bytes(&private)).err(), more);
}

/// A key has one algorithm, and says which; for `dir` one content encryption as well.
#[test]
fn keys_without_or_with_another_algorithm() {
    let mut jwk = jwk_of(&ECDH);
    jwk.as_object_mut().unwrap().remove("alg");
    assert_eq!(
        DecryptionKey::from_jwk(&bytes(&jwk)).err(),
        Some(KeyError::AlgorithmNeeded)
    );
    let key = DecryptionKey::from_jwk_for(KeyManagement::EcdhEsA128KW, &bytes(&jwk)).unwrap();
    assert_eq!(key.algorithm(), KeyManagement::EcdhEsA128KW);
    let wrong = |alg| Some(KeyError::WrongKeyManagement(alg));
    for alg in [
        KeyManagement::RsaOaep256,
        KeyManagement::A256KW,
        KeyManagement::Dir,
    ] {
        assert_eq!(
            DecryptionKey::from_jwk_for(alg, &bytes(&jwk)).err(),
            wrong(alg)
        );
    }
    let named = bytes(&jwk_of(&ECDH));
    let alg = KeyManagement::EcdhEsA256KW;
    assert_eq!(DecryptionKey::from_jwk_for(alg, &named).err(), wrong(alg));

    let mut jwk = jwk_of(&DIRECT);
    jwk["alg"] = "dir".into();
    let needed = Some(KeyError::ContentEncryptionNeeded);
    assert_eq!(DecryptionKey::from_jwk(&bytes(&jwk)).err(), needed);
    for alg in [
        "RSA1_5",
        "A192KW",
        "ECDH-ES+A192KW",
        "PBES2-HS256+A128KW",
        "none",
        "HS256",
        "",
    ] {
        jwk["alg"] = alg.into();
        let unknown = Some(KeyError::UnknownKeyManagement);
        assert_eq!(
            DecryptionKey::from_jwk(&bytes(&jwk)).err(),
            unknown,
            "{alg}"
        );
    }
    // The content's encryption is a shared secret's "alg" alone.
    let mut jwk = jwk_of(&ECDH);
    jwk["alg"] = "A256GCM".into();
    assert_eq!(
        DecryptionKey::from_jwk(&bytes(&jwk)).err(),
        Some(KeyError::UnknownKeyManagement)
    );
}

/// RSA-OAEP with SHA-1 is not taken as a key to write with, in any form.
#[test]
fn a_reading_key_does_not_write() {
    let alg = KeyManagement::RsaOaep;
    let key = DecryptionKey::generate(alg).unwrap().encryption_key();
    let jwk = serde_json::to_vec(&key.public_jwk()).unwrap();
    let reading = Some(KeyError::ReadingOnly(alg));
    assert_eq!(EncryptionKey::from_jwk(&jwk).err(), reading);
    assert_eq!(EncryptionKey::from_jwk_for(alg, &jwk).err(), reading);
    assert_eq!(
        EncryptionKey::from_pem(alg, &key.to_pem().unwrap()).err(),
        reading
    );
    assert_eq!(
        EncryptionKey::from_der(alg, &key.to_der().unwrap()).err(),
        reading
    );
}

/// A secret is taken as one on purpose alone; sets are of objects, with ids of their own.
#[test]
fn secrets_and_sets() {
    let secret = bytes(&jwk_of(&A256KW));
    let refused = EncryptionKey::from_jwk(&secret).err();
    assert_eq!(refused, Some(KeyError::SecretInPublicSet));
    let public = serde_json::to_vec(&RSA.encryption_key().public_jwk()).unwrap();
    assert_eq!(
        EncryptionKey::from_secret_jwk(&public).err(),
        Some(KeyError::UnknownType)
    );

    let set = |keys: &[Value]| DecryptionKeySet::from_json(&bytes(&json!({ "keys": keys }))).err();
    assert_eq!(set(&[jwk_of(&RSA), jwk_of(&A256KW)]), None);
    assert_eq!(
        set(&[jwk_of(&A256KW), jwk_of(&A256KW)]),
        Some(KeyError::DuplicateKid)
    );
    let twice = vec![RSA.clone(), ECDH.clone().with_kid(RSA.kid().unwrap())];
    assert_eq!(
        DecryptionKeySet::new(twice).err(),
        Some(KeyError::DuplicateKid)
    );
    let signing: Value = serde_json::from_str(&ES256.to_jwk().unwrap()).unwrap();
    assert_eq!(
        set(&[jwk_of(&RSA), signing]),
        Some(KeyError::UnknownKeyManagement)
    );

    // What is derived would read arrays, member by member.
    let array = json!([["oct", "A256KW", "k"]]).to_string();
    assert_eq!(
        DecryptionKey::from_jwk(br#"["oct"]"#).err(),
        Some(KeyError::Json)
    );
    assert_eq!(
        VerifyingKey::from_jwk(br#"["oct"]"#).err(),
        Some(KeyError::Json)
    );
    for text in [&*array, r#"{"keys":[["oct"]]}"#, "[[]]", "[]", "null"] {
        assert_eq!(
            DecryptionKeySet::from_json(text.as_bytes()).err(),
            Some(KeyError::Json)
        );
        assert_eq!(
            KeySet::from_json(text.as_bytes()).err(),
            Some(KeyError::Json)
        );
        assert_eq!(
            KeySet::from_secret_json(text.as_bytes()).err(),
            Some(KeyError::Json)
        );
    }
}

/// PKCS#8 of X25519 is read here, the rest by the library: one text for one key.
#[test]
fn x25519_in_a_strange_pkcs8() {
    let good = X25519.to_pkcs8_der().unwrap();
    let read = |der: &[u8]| DecryptionKey::from_der(KeyManagement::EcdhEs, der);
    assert!(read(&good).is_ok());
    let public = unb64(jwk_of(&X25519)["x"].as_str().unwrap());
    let second = |public: &[u8]| {
        let mut der = good.to_vec();
        der[1] += 35;
        der[4] = 1;
        der.extend([&[0x81, 33, 0], public].concat());
        der
    };
    assert!(read(&second(&public)).is_ok());
    let mut changed = public.clone();
    changed[0] ^= 1;
    let mut wrong = vec![
        second(&changed),
        good[..good.len() - 1].to_vec(),
        [&good[..], &[0]].concat(),
    ];
    for (at, octet) in [
        (4, 2),
        (4, 0xff),
        (8, 4),
        (11, 0x70),
        (11, 0x6f),
        (13, 33),
        (15, 31),
    ] {
        let mut der = good.to_vec();
        assert_ne!(der[at], octet);
        der[at] = octet;
        wrong.push(der);
    }
    for der in wrong {
        assert_eq!(read(&der).err(), Some(KeyError::Der), "{der:?}");
    }
    // A key of another kind under that name.
    for (alg, key) in [
        (KeyManagement::EcdhEs, &*RSA),
        (KeyManagement::RsaOaep256, &*X25519),
    ] {
        let der = key.to_pkcs8_der().unwrap();
        assert_eq!(
            DecryptionKey::from_der(alg, &der).err(),
            Some(KeyError::Der)
        );
        let der = key.encryption_key().to_der().unwrap();
        let wrong = Some(KeyError::WrongKeyManagement(alg));
        assert_eq!(EncryptionKey::from_der(alg, &der).err(), wrong);
    }
    let signing = crate::forge::ED25519.to_pkcs8_der().unwrap();
    assert_eq!(read(&signing).err(), Some(KeyError::Der));
    assert_eq!(A256KW.to_pkcs8_der().err(), Some(KeyError::NoSuchForm));
    let secret = A256KW.encryption_key();
    assert_eq!(secret.to_der().err(), Some(KeyError::NoSuchForm));
    assert!(secret.public_jwk().is_none() && secret.thumbprint().is_none());
}

/// Nothing shows a secret: not the set, not the public JWK, not what is printed.
#[test]
fn nothing_secret_is_shown() {
    for key in every_kind() {
        let whole = jwk_of(key);
        let set = DecryptionKeySet::new(vec![key.clone()]).unwrap();
        let token = honest(key, enc_for(key), b"the plaintext");
        let shown = format!(
            "{key:?} {:?} {set:?} {:?} {:?} {:?}",
            key.encryption_key(),
            key.encryption_key().public_jwk(),
            verifier(&ES256).encrypted_to(set.clone()),
            jwe::decrypt(&token, &set).unwrap(),
        );
        assert!(!shown.contains("plaintext: ") && !shown.contains("the plaintext"));
        assert!(!shown.contains(&format!("{:?}", b"the plaintext")));
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            let Some(secret) = whole[member].as_str() else {
                continue;
            };
            assert!(!shown.contains(secret), "{member}");
            let octets = format!("{:?}", unb64(secret));
            assert!(!shown.contains(octets.trim_matches(['[', ']'])), "{member}");
        }
    }
}

/// The names of algorithm and parties go into an agreed key: the example of RFC 7518, appendix C, and
/// that its key serves nobody else.
#[test]
fn a_key_that_was_agreed_on_for_others() {
    let bob = json!({
        "kty": "EC", "crv": "P-256", "alg": "ECDH-ES",
        "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
        "d": "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw",
    });
    let bob = DecryptionKey::from_jwk(bob.to_string().as_bytes()).unwrap();
    let agreed = unb64("VqqN6vgjbSBcIijNcacQGg");
    let token = |apu: &str, apv: &str| {
        let header = json!({
            "alg": "ECDH-ES", "enc": "A128GCM", "apu": apu, "apv": apv,
            "epk": {
                "kty": "EC", "crv": "P-256",
                "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
                "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
            },
        });
        gcm(header.to_string(), &[], &agreed, b"for Bob")
    };
    let opened = jwe::decrypt_with(&token("QWxpY2U", "Qm9i"), &bob).unwrap();
    assert_eq!(opened.plaintext(), b"for Bob");
    for (apu, apv) in [
        ("QWxpY2U", "QWxpY2U"),
        ("Qm9i", "Qm9i"),
        ("", "Qm9i"),
        ("QWxpY2U", ""),
    ] {
        assert_eq!(refused(&bob, &token(apu, apv)), Refused::Decryption);
    }
}
