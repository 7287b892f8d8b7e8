//! Keys that must not be loaded.

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use countersign_jose::{Algorithm, KeyError, KeySet, SigningKey, VerifyingKey};
use serde_json::{Value, json};

use crate::forge::*;

/// A public RSA key of these numbers, as a JWK.
fn rsa(n: &[u8], e: &[u8]) -> Option<KeyError> {
    let jwk = json!({"kty": "RSA", "alg": "RS256", "n": b64(n), "e": b64(e)});
    VerifyingKey::from_jwk(jwk.to_string().as_bytes()).err()
}

/// CVE-2017-15361: moduli of that generator are powers of 65537 modulo small primes, here 1.
#[test]
fn rsa_keys_of_a_faulty_generator() {
    let primes = [
        11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
    ];
    let all: u128 = 2 * primes.iter().product::<u128>();
    let mut n = vec![0xff; 256];
    let rest = n
        .iter()
        .fold(0, |rest, &b| (rest << 8 | u128::from(b)) % all);
    let marked = u128::MAX - rest + 1;
    n[240..].copy_from_slice(&marked.to_be_bytes());
    assert_eq!(rsa(&n, &[1, 0, 1]), Some(KeyError::RsaGuessable));
    n[240..].copy_from_slice(&(marked + 2).to_be_bytes());
    assert_eq!(rsa(&n, &[1, 0, 1]), None);
}

/// RFC 7518 §3.3; RFC 8017 §3.1.
#[test]
fn weak_rsa_keys() {
    let f4 = [1, 0, 1];
    for bits in [512, 1024, 2040] {
        let n = vec![0xff; bits / 8];
        assert_eq!(rsa(&n, &f4), Some(KeyError::RsaSize { bits }));
    }
    let mut n = vec![0xff; 256];
    n[0] = 0x7f;
    assert_eq!(rsa(&n, &f4), Some(KeyError::RsaSize { bits: 2047 }));
    assert_eq!(
        rsa(&[0xff; 1025], &f4),
        Some(KeyError::RsaSize { bits: 8200 })
    );
    assert_eq!(rsa(&[0xff; 256], &[3]), None);
    for e in [&[1][..], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1], &[0xff; 8]] {
        assert_eq!(rsa(&[0xff; 256], e), Some(KeyError::RsaExponent), "{e:?}");
    }
    assert_eq!(rsa(&[0xff; 256], &[]), Some(KeyError::Malformed("e")));
    assert_eq!(
        rsa(&[0xff; 256], &[0, 1, 0, 1]),
        Some(KeyError::Malformed("e"))
    );
    assert_eq!(
        rsa(&[&[0], &[0xff; 256][..]].concat(), &f4),
        Some(KeyError::Malformed("n"))
    );
    assert_eq!(rsa(&[], &f4), Some(KeyError::Malformed("n")));
    let even = [&[0xff; 255][..], &[0xfe]].concat();
    assert_eq!(rsa(&even, &f4), Some(KeyError::Invalid));
}

/// A private key is measured like a public one, whether it is read or made.
#[test]
fn weak_private_rsa_keys() {
    const WEAK: &str = "\
-----BEGIN PRIVATE KEY-----
MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBAK4OF0Z+NwqCBdD9
Du7ZLYVYl/fmd5c0lapSNg+oJ3I8jIoeL4MigD+7jJvpevRrOEB6UE6RLiAF5CMx
vTbjxkNi7KB76Ha1M383y3/jTrY53KSgUZl1LNjZnwwoL0P/qDZdrEalH+qqz/6h
k+reUPVTSqohLjqzs/nSwjV2qf5TAgMBAAECgYEApkP3n/M5iOQjwju6ZBc6EMNM
iBaz7tDgl07pLZOn+sw0REwJfu8aK8dwzg7+0TULCyzMQgEVWqnGAIinAyQaYvlE
jSizzxj5EO6gE29853RzG1yof2zCLbYRhIIQ2wBp00KaAkWWLjgc+5rk9OpXdUxE
izfMYM6SyaMYvhIpYkECQQDZyLdlghf4pWCHitZ/VCV4S2fAbG5tS0jajryoDqFJ
+4Vi8QdhDVHi/IPEuiP9C5cBSPC8oa9bQPHIE+tSKY5rAkEAzJj7gAcsphzsU8Ro
OhZxFXeXVBxW1ECmlYQ8pJCX6LRQnq/HB2MbDY7uCAORuSmg+bBeHtq6LeQBwMVp
0FT5uQJBAKNukdpWN2D70iXFVdR1tCzDAZgQhwnzzjddmEvRts4LN30Zfb0iPspF
TykpuuohcW+gajBUcYDcitTnxdeBogMCQDhz4blCwYQYKPE4GVYlyRAWTnAL3b11
FUHeGemCaBfyYOhYMf+MzfMgw/b8HSJNJTif/GhhC8wLxJwPHJI6UCkCQQDNxbNg
Q+gV9lZ8B0ThBHor6vW2GmxcXtwD/PsgDEEmCd1x3O5iDMXifmvqMCjuNgaW0aEu
A+J9//e5K+kGv7rh
-----END PRIVATE KEY-----
";
    for alg in [Algorithm::RS256, Algorithm::PS512] {
        assert!(SigningKey::from_pem(alg, WEAK).is_err());
        for bits in [512, 1024, 2047, 16_384] {
            let refused = SigningKey::generate_rsa(alg, bits).err();
            assert_eq!(refused, Some(KeyError::RsaSize { bits }));
        }
    }
}

/// RFC 7518 §3.2.
#[test]
fn short_hmac_secrets() {
    for (alg, needed) in [
        (Algorithm::HS256, 32),
        (Algorithm::HS384, 48),
        (Algorithm::HS512, 64),
    ] {
        let short = Some(KeyError::SecretTooShort { needed });
        for len in [0, 1, needed / 2, needed - 1] {
            assert_eq!(SigningKey::hmac(alg, &vec![1; len], None).err(), short);
            assert_eq!(VerifyingKey::hmac(alg, &vec![1; len], None).err(), short);
            let jwk = json!({"kty": "oct", "alg": alg.name(), "k": b64(vec![1; len])});
            assert_eq!(
                SigningKey::from_jwk(jwk.to_string().as_bytes()).err(),
                short
            );
        }
        assert!(SigningKey::hmac(alg, &vec![1; needed], None).is_ok());
    }
    assert_eq!(
        SigningKey::hmac(Algorithm::ES256, &[1; 64], None).err(),
        Some(KeyError::WrongAlgorithm(Algorithm::ES256))
    );
}

/// CVE-2016-10555 and its kin, from the side of the configuration: the text of a key is no secret.
#[test]
fn a_key_in_any_form_as_an_hmac_secret() {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for key in [&*ES256, &*RS256, &*ED25519, &*ML_DSA] {
        let public = key.verifying_key();
        let jwk = serde_json::to_string(&key.public_jwk()).unwrap();
        for der in [
            public.to_der().unwrap(),
            key.to_pkcs8_der().unwrap().to_vec(),
        ] {
            texts.push(STANDARD.encode_to_string(&der).into_bytes());
            texts.push(URL_SAFE_NO_PAD.encode_to_string(&der).into_bytes());
            texts.push(der);
        }
        for pem in [public.to_pem().unwrap(), key.to_pem().unwrap().to_string()] {
            texts.push(pem.trim().as_bytes().to_vec());
            texts.push(pem.replace('\n', "\r\n").into_bytes());
            texts.push(pem.replace('\n', " ").into_bytes());
            texts.push(pem.replace('\n', "\\n").into_bytes());
            texts.push(STANDARD.encode_to_string(&pem).into_bytes());
            texts.push(format!("\n  {pem}").into_bytes());
            texts.push(pem.into_bytes());
        }
        texts.push(format!(" {jwk}\n").into_bytes());
        texts.push(key.to_jwk().unwrap().as_bytes().to_vec());
        texts.push(verifier(key).keys().to_json().into_bytes());
        texts.push(STANDARD.encode_to_string(&jwk).into_bytes());
        texts.push(jwk.into_bytes());
    }
    texts.push(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB4qHgWN8Q8Z0wG5k8sJ me@host".to_vec());
    texts.push(b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDf0Xk5v8sJ me@host.example".to_vec());
    texts.push(b"-----BEGIN CERTIFICATE-----\nMIIBWzCCAQYCARgwDQYJKoZIhvcNAQEEBQAw".to_vec());
    for text in texts {
        let shown = String::from_utf8_lossy(&text);
        let refused = SigningKey::hmac(Algorithm::HS256, &text, None).err();
        assert_eq!(refused, Some(KeyError::SecretIsAKey), "{shown}");
        let jwk = json!({"kty": "oct", "alg": "HS256", "k": b64(&text)}).to_string();
        let refused = VerifyingKey::from_secret_jwk(jwk.as_bytes()).err();
        assert_eq!(refused, Some(KeyError::SecretIsAKey), "{shown}");
    }
    // What merely looks a little like one, is a good secret.
    for secret in [
        &b"correct horse battery staple, and some more"[..],
        b"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnR4AZ",
        br#"{"secret":"0123456789abcdef0123456789"}"#,
        &[0x30; 48],
    ] {
        assert!(SigningKey::hmac(Algorithm::HS256, secret, None).is_ok());
    }
}

/// RFC 7518 §6.2.2, RFC 8037 §2: the point must be on its curve, the halves belong together.
#[test]
fn keys_whose_numbers_do_not_fit() {
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    let whole: Value = serde_json::from_str(&ES256.to_jwk().unwrap()).unwrap();
    let foreign: Value = serde_json::from_str(&other.to_jwk().unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut jwk = whole.clone();
        jwk[name] = value;
        jwk.to_string()
    };
    for member in ["x", "y"] {
        let jwk = with(member, foreign[member].clone());
        assert_eq!(
            VerifyingKey::from_jwk(jwk.as_bytes()).err(),
            Some(KeyError::Invalid)
        );
        let jwk = with(member, b64([0; 32]).into());
        assert_eq!(
            VerifyingKey::from_jwk(jwk.as_bytes()).err(),
            Some(KeyError::Invalid)
        );
        for len in [0, 31, 33, 48] {
            let jwk = with(member, b64(vec![1; len]).into());
            assert!(matches!(
                VerifyingKey::from_jwk(jwk.as_bytes()),
                Err(KeyError::Malformed(_))
            ));
        }
        let jwk = with(
            member,
            format!("{}=", whole[member].as_str().unwrap()).into(),
        );
        assert!(matches!(
            VerifyingKey::from_jwk(jwk.as_bytes()),
            Err(KeyError::Malformed(_))
        ));
    }
    for d in [
        foreign["d"].clone(),
        b64([0; 32]).into(),
        b64([0xff; 32]).into(),
    ] {
        assert_eq!(
            SigningKey::from_jwk(with("d", d).as_bytes()).err(),
            Some(KeyError::Invalid)
        );
    }
    for (member, value, why) in [
        (
            "crv",
            json!("P-384"),
            KeyError::WrongAlgorithm(Algorithm::ES256),
        ),
        (
            "crv",
            json!("secp256k1"),
            KeyError::WrongAlgorithm(Algorithm::ES256),
        ),
        (
            "kty",
            json!("OKP"),
            KeyError::WrongAlgorithm(Algorithm::ES256),
        ),
        ("kty", json!("ec"), KeyError::UnknownType),
        (
            "alg",
            json!("ES384"),
            KeyError::WrongAlgorithm(Algorithm::ES384),
        ),
        (
            "alg",
            json!("RS256"),
            KeyError::WrongAlgorithm(Algorithm::RS256),
        ),
        ("alg", json!("none"), KeyError::UnknownAlgorithm),
        ("alg", json!(null), KeyError::Malformed("alg")),
        ("kid", json!(7), KeyError::Malformed("kid")),
        ("use", json!("enc"), KeyError::NotForSignatures),
        ("key_ops", json!(["verify"]), KeyError::NotForSignatures),
        ("key_ops", json!(["encrypt"]), KeyError::NotForSignatures),
        (
            "key_ops",
            json!(["sign", "sign"]),
            KeyError::Malformed("key_ops"),
        ),
        ("key_ops", json!("sign"), KeyError::Malformed("key_ops")),
    ] {
        let refused = SigningKey::from_jwk(with(member, value.clone()).as_bytes()).err();
        assert_eq!(refused, Some(why), "{member} {value}");
    }
}

/// A public key, whatever it is read from, signs nothing; and one of another algorithm is not
/// taken for it.
#[test]
fn a_public_key_is_no_private_key() {
    for key in [&*ES256, &*RS256, &*ED25519, &*ML_DSA] {
        let jwk = serde_json::to_string(&key.public_jwk()).unwrap();
        let lacking = if key.algorithm() == Algorithm::MlDsa44 {
            "priv"
        } else {
            "d"
        };
        assert_eq!(
            SigningKey::from_jwk(jwk.as_bytes()).err(),
            Some(KeyError::Missing(lacking))
        );
        let public = key.verifying_key();
        assert!(SigningKey::from_pem(key.algorithm(), &public.to_pem().unwrap()).is_err());
        assert!(SigningKey::from_der(key.algorithm(), &public.to_der().unwrap()).is_err());
        for alg in Algorithm::ALL {
            let fits = alg.name()[1..2] == key.algorithm().name()[1..2]
                && alg.name().len() == 5
                && key.algorithm().name().starts_with(['R', 'P'])
                && alg.name().starts_with(['R', 'P']);
            let same = alg == key.algorithm() || fits;
            assert_eq!(
                VerifyingKey::from_der(alg, &public.to_der().unwrap()).is_ok(),
                same,
                "{alg}"
            );
            assert_eq!(
                SigningKey::from_der(alg, &key.to_pkcs8_der().unwrap()).is_ok(),
                same,
                "{alg}"
            );
        }
    }
}

/// RFC 8725 §2.1; a set that was fetched must not bring secrets.
#[test]
fn sets_that_mix_secrets_and_public_keys() {
    let mixed = vec![HS256.verifying_key(), ES256.verifying_key()];
    assert_eq!(KeySet::new(mixed).err(), Some(KeyError::MixedSet));
    let secret: Value = serde_json::from_str(&HS256.to_jwk().unwrap()).unwrap();
    let public = serde_json::to_value(ES256.public_jwk()).unwrap();
    for keys in [
        json!([secret]),
        json!([secret, public]),
        json!([public, secret]),
    ] {
        let set = json!({ "keys": keys }).to_string();
        let refused = KeySet::from_json(set.as_bytes()).err();
        assert_eq!(refused, Some(KeyError::SecretInPublicSet));
    }
    let set = json!({"keys": [secret, public]}).to_string();
    assert_eq!(
        KeySet::from_secret_json(set.as_bytes()).err(),
        Some(KeyError::MixedSet)
    );
    let twice = json!({"keys": [public, public]}).to_string();
    assert_eq!(
        KeySet::from_json(twice.as_bytes()).err(),
        Some(KeyError::DuplicateKid)
    );
}

/// RFC 7517 §5: one strange key does not take the others with it.
#[test]
fn a_set_with_strange_keys() {
    let public = serde_json::to_value(ES256.public_jwk()).unwrap();
    let set = json!({"keys": [
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
        {"kty": 7}, {}, {"kty": "EC", "crv": "P-256"},
        {"kty": "RSA", "n": {}, "e": [], "alg": "RS256"},
        public,
    ], "more": [[[]]]})
    .to_string();
    let set = KeySet::from_json(set.as_bytes()).unwrap();
    assert_eq!((set.len(), set.ignored().len()), (1, 5));
    assert!(set.find(ES256.kid(), Algorithm::ES256).is_some());
    for text in [
        "",
        "[]",
        "{}",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":[1]}"#,
        r#"{"keys":[],"keys":[]}"#,
    ] {
        assert_eq!(
            KeySet::from_json(text.as_bytes()).err(),
            Some(KeyError::Json),
            "{text}"
        );
    }
}

/// No published form holds a secret: not the set, not the JWK, not what is printed.
#[test]
fn nothing_secret_is_shown() {
    assert!(HS256.public_jwk().is_none() && HS256.verifying_key().public_jwk().is_none());
    assert!(HS256.verifying_key().thumbprint().is_none());
    assert_eq!(HS256.verifying_key().to_der(), Err(KeyError::NoSuchForm));
    assert_eq!(verifier(&HS256).keys().to_json(), r#"{"keys":[]}"#);
    for key in [&*ES256, &*RS256, &*ED25519, &*ML_DSA, &*HS256] {
        let whole: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
        let shown = format!(
            "{key:?} {:?} {:?} {:?} {}",
            key.verifying_key(),
            verifier(key),
            key.public_jwk(),
            verifier(key).keys().to_json(),
        );
        for member in ["d", "p", "q", "dp", "dq", "qi", "k", "priv"] {
            let Some(secret) = whole[member].as_str() else {
                continue;
            };
            assert!(!shown.contains(secret), "{member}");
            let bytes = format!("{:?}", unb64(secret));
            assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{member}");
        }
    }
}

/// RFC 8017 appendix A.1, RFC 5480 §2.1.1, RFC 8410 §3: what follows the algorithm's identifier.
#[test]
fn der_with_parameters_that_mean_nothing() {
    for key in [&*ES256, &*RS256, &*ED25519] {
        let good = key.verifying_key().to_der().unwrap();
        // The lengths of both sequences, of which the outer one may need two octets.
        let inner = if good[1] == 0x82 { 4 } else { 2 };
        let end = inner + 2 + usize::from(good[inner + 1]);
        for extra in [&[0x05, 0x00][..], &[0x06, 0x01, 0x2a], &[0x30, 0x00]] {
            let mut der = [&good[..end], extra, &good[end..]].concat();
            der[inner - 1] += u8::try_from(extra.len()).unwrap();
            der[inner + 1] += u8::try_from(extra.len()).unwrap();
            let refused = VerifyingKey::from_der(key.algorithm(), &der).err();
            assert_eq!(
                refused,
                Some(KeyError::Der),
                "{} {extra:?}",
                key.algorithm()
            );
        }
    }
    // Without the NULL that RSA asks for, it is the same key.
    let good = RS256.verifying_key().to_der().unwrap();
    let mut der = [&good[..17], &good[19..]].concat();
    assert_eq!(good[17..19], [0x05, 0x00]);
    der[3] -= 2;
    der[5] -= 2;
    let key = VerifyingKey::from_der(Algorithm::RS256, &der).unwrap();
    assert_eq!(key.to_der().unwrap(), good);
}
