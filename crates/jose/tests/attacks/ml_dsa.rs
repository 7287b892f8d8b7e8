//! Keys and signatures of ML-DSA that are almost right (RFC 9964 §7).

use aws_lc_rs::encoding::AsRawBytes as _;
use aws_lc_rs::signature::{ML_DSA_44_SIGNING, PqdsaKeyPair};
use countersign_jose::{Algorithm, KeyError, KeySet, Refused, SigningKey, VerifyingKey, sign};
use serde_json::{Value, json};

use crate::forge::*;

const SETS: [(Algorithm, usize, usize); 3] = [
    (Algorithm::MlDsa44, 1312, 2420),
    (Algorithm::MlDsa65, 1952, 3309),
    (Algorithm::MlDsa87, 2592, 4627),
];

fn whole() -> Value {
    serde_json::from_str(&ML_DSA.to_jwk().unwrap()).unwrap()
}

fn with(member: &str, value: impl Into<Value>) -> String {
    let mut jwk = whole();
    jwk[member] = value.into();
    jwk.to_string()
}

fn both(jwk: &str) -> [Option<KeyError>; 2] {
    [
        SigningKey::from_jwk(jwk.as_bytes()).err(),
        VerifyingKey::from_jwk(jwk.as_bytes()).err(),
    ]
}

/// RFC 9964 §3: of these keys `alg` is a part. What the caller knows does not take its place.
#[test]
fn an_akp_key_that_does_not_name_its_algorithm() {
    let mut nameless = whole();
    nameless.as_object_mut().unwrap().remove("alg");
    let nameless = nameless.to_string();
    let needed = Some(KeyError::AlgorithmNeeded);
    assert_eq!(both(&nameless), [needed.clone(), needed.clone()]);
    for (alg, ..) in SETS {
        let private = SigningKey::from_jwk_for(alg, nameless.as_bytes());
        let public = VerifyingKey::from_jwk_for(alg, nameless.as_bytes());
        assert_eq!(
            [private.err(), public.err()],
            [needed.clone(), needed.clone()]
        );
    }
    let set = format!(r#"{{"keys":[{nameless}]}}"#);
    let set = KeySet::from_json(set.as_bytes()).unwrap();
    assert_eq!(
        (set.len(), set.ignored()),
        (0, &[KeyError::AlgorithmNeeded][..])
    );

    for (alg, why) in [
        (json!(null), KeyError::Malformed("alg")),
        (json!(["ML-DSA-44"]), KeyError::Malformed("alg")),
        (json!("ML-DSA"), KeyError::UnknownAlgorithm),
        (json!("ml-dsa-44"), KeyError::UnknownAlgorithm),
        (json!("SLH-DSA-SHA2-128s"), KeyError::UnknownAlgorithm),
        (json!("ES256"), KeyError::WrongAlgorithm(Algorithm::ES256)),
        (json!("EdDSA"), KeyError::WrongAlgorithm(Algorithm::EdDSA)),
        (json!("HS256"), KeyError::WrongAlgorithm(Algorithm::HS256)),
        // The right type, and another length.
        (json!("ML-DSA-65"), KeyError::Malformed("pub")),
        (json!("ML-DSA-87"), KeyError::Malformed("pub")),
    ] {
        let why = Some(why);
        assert_eq!(both(&with("alg", alg.clone())), [why.clone(), why], "{alg}");
    }
    for kty in ["OKP", "EC", "RSA", "oct"] {
        for refused in both(&with("kty", kty)) {
            let mixed = Some(KeyError::WrongAlgorithm(Algorithm::MlDsa44));
            let secret = Some(KeyError::SecretInPublicSet);
            assert!(
                refused == mixed || kty == "oct" && refused == secret,
                "{kty}"
            );
        }
    }
    let other = VerifyingKey::from_jwk_for(Algorithm::MlDsa65, whole().to_string().as_bytes());
    let wrong = KeyError::WrongAlgorithm(Algorithm::MlDsa65);
    assert_eq!(other.err(), Some(wrong));
}

/// RFC 9964 §4, §7.3, §7.4: each half has one length, and belongs to the other.
#[test]
fn ml_dsa_halves_of_the_wrong_length_or_of_another_key() {
    for (alg, public, _) in SETS {
        let key = SigningKey::generate(alg).unwrap();
        let jwk: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
        for len in [0, 1, 32, public - 1, public + 1, 1312, 1952, 2592, 2560] {
            if len == public {
                continue;
            }
            let mut jwk = jwk.clone();
            jwk["pub"] = b64(vec![1; len]).into();
            let malformed = Some(KeyError::Malformed("pub"));
            assert_eq!(both(&jwk.to_string()), [malformed.clone(), malformed]);
        }
        for len in [0, 1, 31, 33, 64, 2560, 4032, 4896] {
            let mut jwk = jwk.clone();
            jwk["priv"] = b64(vec![1; len]).into();
            let refused = SigningKey::from_jwk(jwk.to_string().as_bytes()).err();
            assert_eq!(refused, Some(KeyError::Malformed("priv")), "{alg} {len}");
        }
        let other = SigningKey::generate(alg).unwrap();
        let other: Value = serde_json::from_str(&other.to_jwk().unwrap()).unwrap();
        for half in ["pub", "priv"] {
            let mut jwk = jwk.clone();
            jwk[half] = other[half].clone();
            let refused = SigningKey::from_jwk(jwk.to_string().as_bytes()).err();
            assert_eq!(refused, Some(KeyError::Invalid), "{alg} {half}");
        }
    }
    for member in ["pub", "priv"] {
        let padded = format!("{}=", whole()[member].as_str().unwrap());
        let refused = SigningKey::from_jwk(with(member, padded).as_bytes()).err();
        assert_eq!(refused, Some(KeyError::Malformed(member)));
        let refused = SigningKey::from_jwk(with(member, 7).as_bytes()).err();
        assert_eq!(refused, Some(KeyError::Malformed(member)));
    }
    // The names of other types of key do not do.
    let renamed = whole().to_string().replace("\"priv\"", "\"d\"");
    let refused = SigningKey::from_jwk(renamed.as_bytes()).err();
    assert_eq!(refused, Some(KeyError::Missing("priv")));
}

/// RFC 9964 §5, RFC 8725 §3.1: three algorithms, three kinds of key, whatever the key id says.
#[test]
fn one_ml_dsa_for_another_under_the_same_key_id() {
    let claims: Value = serde_json::from_str(GOOD).unwrap();
    let keys = SETS.map(|(alg, ..)| SigningKey::generate(alg).unwrap().with_kid("same"));
    for signer in &keys {
        let token = sign(signer, TYP, &claims).unwrap();
        let (_, rest) = token.split_once('.').unwrap();
        for key in &keys {
            if key.algorithm() == signer.algorithm() {
                assert!(verify(key, &token).is_ok());
                continue;
            }
            let wrong = Refused::WrongAlgorithm {
                key: key.algorithm(),
            };
            assert_eq!(refused(key, &token), wrong);
            // With the header of the other one, the signature is not one of its.
            let alg = key.algorithm();
            let header = format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"same"}}"#);
            let renamed = format!("{}.{rest}", b64(header));
            assert_eq!(refused(key, &renamed), Refused::Signature);
            assert!(matches!(
                refused(signer, &renamed),
                Refused::WrongAlgorithm { .. }
            ));
        }
    }
    let twice = keys.iter().map(SigningKey::verifying_key).collect();
    assert_eq!(KeySet::new(twice).err(), Some(KeyError::DuplicateKid));
}

/// FIPS 204 §3.6.2: a signature has its one length.
#[test]
fn an_ml_dsa_signature_of_the_wrong_length() {
    for (alg, _, len) in SETS {
        let key = SigningKey::generate(alg).unwrap();
        let token = sign(&key, TYP, &serde_json::from_str::<Value>(GOOD).unwrap()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let honest = unb64(signature);
        assert_eq!(honest.len(), len);
        let zeros = vec![0; len];
        let mut flipped = honest.clone();
        flipped[len - 1] ^= 1;
        for (what, signature) in [
            ("empty", &[][..]),
            ("one octet", &honest[..1]),
            ("cut", &honest[..len - 1]),
            ("cut in front", &honest[1..]),
            ("half", &honest[..len / 2]),
            ("zero", &zeros),
            ("the last bit", &flipped),
        ] {
            let token = format!("{signed}.{}", b64(signature));
            assert_eq!(refused(&key, &token), Refused::Signature, "{alg} {what}");
        }
        let prolonged = format!("{signed}.{}", b64([&honest[..], &[0]].concat()));
        assert_eq!(refused(&key, &prolonged), Refused::Signature, "{alg}");
    }
}

/// Definite lengths, as DER has them (X.690 §10.1).
fn der(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let len = u16::try_from(contents.len()).unwrap();
    let [high, low] = len.to_be_bytes();
    let head = match len {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, contents].concat()
}

/// RFC 9881 §2: 2.16.840.1.101.3.4.3.17, and no parameters.
const OID: &[u8] = &[
    0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11,
];
const NULL: &[u8] = &[0x05, 0x00];

/// RFC 9881 §4: the only way to write this public key.
#[test]
fn ml_dsa_public_keys_in_der() {
    let octets = unb64(whole()["pub"].as_str().unwrap());
    let spki = |algorithm: &[&[u8]], unused: u8, key: &[u8]| {
        let (algorithm, key) = (der(0x30, algorithm), der(0x03, &[&[unused], key]));
        der(0x30, &[&algorithm, &key])
    };
    let good = spki(&[OID], 0, &octets);
    assert_eq!(ML_DSA.verifying_key().to_der().unwrap(), good);
    let read = |der: &[u8]| VerifyingKey::from_der(Algorithm::MlDsa44, der);
    assert_eq!(read(&good).unwrap().kid(), ML_DSA.kid());
    let of_another_set = [&OID[..10], &[0x12]].concat();
    for (what, wrong) in [
        ("parameters", spki(&[OID, NULL], 0, &octets)),
        ("unused bits", spki(&[OID], 1, &octets)),
        ("too short", spki(&[OID], 0, &octets[1..])),
        ("too long", spki(&[OID], 0, &[&octets[..], &[0]].concat())),
        ("another set", spki(&[&of_another_set], 0, &octets)),
        ("the octets alone", octets.clone()),
        ("something behind", [&good[..], NULL].concat()),
    ] {
        assert_eq!(read(&wrong).err(), Some(KeyError::Der), "{what}");
    }
    for alg in [Algorithm::MlDsa65, Algorithm::MlDsa87, Algorithm::EdDSA] {
        let refused = VerifyingKey::from_der(alg, &good).err();
        assert_eq!(refused, Some(KeyError::WrongAlgorithm(alg)));
    }
}

/// RFC 9881 §6: the seed, the seed and what it expands to, or that alone, which cannot be written
/// as a JWK (RFC 9964 §4).
#[test]
fn ml_dsa_private_keys_in_der() {
    let seed = unb64(whole()["priv"].as_str().unwrap());
    let pair = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, &seed).unwrap();
    let raw = pair.private_key().as_raw_bytes().unwrap();
    let expanded = der(0x04, &[raw.as_ref()]);
    let seed_and = |expanded: &[u8]| der(0x30, &[&der(0x04, &[&seed]), expanded]);
    let alone = der(0x80, &[&seed]);
    let pkcs8 = |algorithm: &[&[u8]], key: &[u8]| {
        let (algorithm, key) = (der(0x30, algorithm), der(0x04, &[key]));
        der(0x30, &[&[0x02, 0x01, 0x00], &algorithm, &key])
    };
    let read = |der: &[u8]| SigningKey::from_der(Algorithm::MlDsa44, der);

    let good = pkcs8(&[OID], &alone);
    assert_eq!(*ML_DSA.to_pkcs8_der().unwrap(), good);
    for der in [&good, &pkcs8(&[OID], &seed_and(&expanded))] {
        let key = read(der).unwrap();
        assert_eq!(key.to_jwk(), ML_DSA.to_jwk());
        assert_eq!(*key.to_pkcs8_der().unwrap(), good);
    }
    let lost = read(&pkcs8(&[OID], &expanded)).err();
    assert_eq!(lost, Some(KeyError::SeedNeeded));

    let other = PqdsaKeyPair::generate(&ML_DSA_44_SIGNING).unwrap();
    let other = other.private_key().as_raw_bytes().unwrap();
    let foreign = seed_and(&der(0x04, &[other.as_ref()]));
    let of_another_set = [&OID[..10], &[0x12]].concat();
    for (what, wrong) in [
        ("parameters", pkcs8(&[OID, NULL], &alone)),
        ("halves that do not fit", pkcs8(&[OID], &foreign)),
        ("a short seed", pkcs8(&[OID], &der(0x80, &[&seed[1..]]))),
        (
            "the seed as another form",
            pkcs8(&[OID], &der(0x04, &[&seed])),
        ),
        ("the bare seed", pkcs8(&[OID], &seed)),
        ("another set", pkcs8(&[&of_another_set], &alone)),
        ("only a seed", alone.clone()),
    ] {
        assert_eq!(read(&wrong).err(), Some(KeyError::Der), "{what}");
    }
    for alg in [Algorithm::MlDsa65, Algorithm::MlDsa87, Algorithm::EdDSA] {
        let refused = SigningKey::from_der(alg, &good).err();
        assert_eq!(refused, Some(KeyError::Der), "{alg}");
    }
}
