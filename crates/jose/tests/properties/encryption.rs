//! The same for encryption.

use std::sync::LazyLock;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_jose::{
    AgreementCurve, Algorithm, ContentEncryption, DecryptionKey, DecryptionKeySet, EncryptError,
    EncryptionKey, KeyError, KeyManagement, KeySet, Refused, SigningKey, Verifier, encrypt, jwe,
    sign,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use crate::{Counts, NOW, check, claims};

/// Keys for every algorithm, on every curve, and for `dir` with every content encryption.
pub static KEYS: LazyLock<Vec<DecryptionKey>> = LazyLock::new(|| {
    let mut keys = Vec::new();
    for alg in KeyManagement::ALL {
        match alg {
            KeyManagement::Dir => {
                let direct = |enc| DecryptionKey::generate_direct(enc).unwrap();
                keys.extend(ContentEncryption::ALL.map(direct));
            }
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA128KW | KeyManagement::EcdhEsA256KW => {
                let on = |curve| DecryptionKey::generate_on(alg, curve).unwrap();
                keys.extend(AgreementCurve::ALL.map(on));
            }
            _ => keys.push(DecryptionKey::generate(alg).unwrap()),
        }
    }
    keys
});

/// Those that encrypt as well.
fn writing() -> Vec<DecryptionKey> {
    let writes = |key: &&DecryptionKey| key.algorithm() != KeyManagement::RsaOaep;
    KEYS.iter().filter(writes).cloned().collect()
}

fn names() -> Vec<&'static str> {
    let writing = KeyManagement::ALL
        .into_iter()
        .filter(|alg| *alg != KeyManagement::RsaOaep);
    let encs = ContentEncryption::ALL.map(ContentEncryption::name);
    writing.map(KeyManagement::name).chain(encs).collect()
}

fn encryption() -> impl Strategy<Value = ContentEncryption> {
    select(ContentEncryption::ALL.to_vec())
}

fn header() -> jwe::Header<'static> {
    jwe::Header {
        typ: Some("x"),
        cty: None,
    }
}

#[test]
fn what_is_encrypted_decrypts_with_every_key_and_encryption() {
    let mut counts = Counts::default();
    for key in writing() {
        for enc in ContentEncryption::ALL {
            let to = key.encryption_key();
            if let Some(own) = key.content_encryption().filter(|own| *own != enc) {
                let refused = jwe::encrypt(&to, enc, &header(), b"");
                assert_eq!(refused, Err(EncryptError::WrongEncryption { key: own }));
                continue;
            }
            for len in [0, 1, 15, 16, 17, 1000] {
                let plaintext = vec![7; len];
                let token = jwe::encrypt(&to, enc, &header(), &plaintext).unwrap();
                let opened = jwe::decrypt_with(&token, &key).unwrap();
                assert_eq!(opened.plaintext(), plaintext);
                assert_eq!(
                    (opened.algorithm(), opened.content_encryption()),
                    (key.algorithm(), enc)
                );
                assert_eq!((opened.typ(), opened.cty()), (Some("x"), None));
                assert_eq!(opened.key_id(), key.kid());
                let set = DecryptionKeySet::new(vec![key.clone()]).unwrap();
                let opened = jwe::decrypt(&token, &set).unwrap().into_plaintext();
                assert_eq!(*opened, plaintext);
                assert_ne!(jwe::encrypt(&to, enc, &header(), &plaintext), Ok(token));
                counts.add(key.algorithm().name());
                counts.add(enc.name());
            }
        }
    }
    counts.at_least(36, &names());
    let key = DecryptionKey::generate(KeyManagement::RsaOaep)
        .unwrap()
        .encryption_key();
    let refused = jwe::encrypt(&key, ContentEncryption::A256GCM, &header(), b"");
    assert_eq!(
        refused,
        Err(EncryptError::ReadingOnly(KeyManagement::RsaOaep))
    );
    // Nor is it read back.
    let again = EncryptionKey::from_der(KeyManagement::RsaOaep, &key.to_der().unwrap());
    let reading_only = KeyError::ReadingOnly(KeyManagement::RsaOaep);
    assert_eq!(again.err(), Some(reading_only));
}

/// The content encryption for a key: its own, or this one.
fn enc_for(key: &DecryptionKey, enc: ContentEncryption) -> ContentEncryption {
    key.content_encryption().unwrap_or(enc)
}

#[test]
fn any_bytes_can_be_encrypted_and_come_back() {
    let mut counts = Counts::default();
    let strategy = (select(writing()), encryption(), vec(any::<u8>(), 0..2000));
    check(500, &strategy, |(key, enc, plaintext)| {
        let enc = enc_for(&key, enc);
        let token = jwe::encrypt(&key.encryption_key(), enc, &header(), &plaintext).unwrap();
        let opened = jwe::decrypt_with(&token, &key).unwrap();
        assert_eq!(opened.plaintext(), plaintext);
        counts.add(key.algorithm().name());
        counts.add(enc.name());
    });
    counts.at_least(10, &names());
}

#[test]
fn any_changed_byte_is_refused() {
    let mut counts = Counts::default();
    let character = prop_oneof![
        4 => select(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".to_vec()),
        1 => 0_u8..0x80,
    ];
    // A part first, so that short ones are hit as often as long ones.
    let change = (0_usize..5, any::<Index>(), character);
    let strategy = (select(writing()), encryption(), vec(change, 15));
    check(400, &strategy, |(key, enc, changes)| {
        let enc = enc_for(&key, enc);
        let token = jwe::encrypt(&key.encryption_key(), enc, &header(), b"content").unwrap();
        for (part, index, character) in changes {
            let start: usize = token.split('.').take(part).map(|part| part.len() + 1).sum();
            let len = token.split('.').nth(part).unwrap().len();
            // With the dot behind it, if there is one.
            let len = if part < 4 { len + 1 } else { len };
            let at = start + index.index(len);
            let mut changed = token.clone().into_bytes();
            if changed[at] == character {
                continue;
            }
            let dot = changed[at] == b'.';
            changed[at] = character;
            let changed = String::from_utf8(changed).unwrap();
            let outcome = jwe::decrypt_with(&changed, &key);
            assert!(
                outcome.is_err(),
                "{} {enc}: byte {at} of {token}",
                key.algorithm()
            );
            let names = ["header", "encrypted key", "iv", "ciphertext", "tag"];
            counts.add(if dot { "dot" } else { names[part] });
            counts.add(key.algorithm().name());
            counts.add(enc.name());
        }
    });
    counts.at_least(100, &names());
    counts.at_least(400, &["header", "encrypted key", "iv", "ciphertext", "tag"]);
    counts.at_least(50, &["dot"]);
}

#[test]
fn a_token_opens_under_its_own_key_alone() {
    let mut counts = Counts::default();
    for key in writing() {
        // On the same curve, or of the same length.
        let jwk: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
        let curve = |curve: &AgreementCurve| jwk["crv"] == curve.name();
        let curve = AgreementCurve::ALL.into_iter().find(curve);
        let other = match (key.content_encryption(), curve) {
            (Some(enc), _) => DecryptionKey::generate_direct(enc),
            (_, Some(curve)) => DecryptionKey::generate_on(key.algorithm(), curve),
            _ => DecryptionKey::generate(key.algorithm()),
        };
        let other = other.unwrap();
        let kid = key.kid().unwrap_or("same").to_owned();
        let (key, other) = (key.with_kid(&kid), other.with_kid(&kid));
        for enc in ContentEncryption::ALL {
            let enc = enc_for(&key, enc);
            let token = jwe::encrypt(&key.encryption_key(), enc, &header(), b"x").unwrap();
            assert!(jwe::decrypt_with(&token, &key).is_ok());
            let refused = jwe::decrypt_with(&token, &other).err();
            assert_eq!(
                refused,
                Some(Refused::Decryption),
                "{} {enc}",
                key.algorithm()
            );
            counts.add(key.algorithm().name());
        }
    }
    counts.at_least(6, &names()[..10]);
}

#[test]
fn signed_and_encrypted_tokens_verify_and_nothing_is_lost() {
    let mut counts = Counts::default();
    let signing = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let signed = KeySet::new(vec![signing.verifying_key()]).unwrap();
    let strategy = (select(writing()), encryption(), claims());
    check(300, &strategy, |(key, enc, claims)| {
        let enc = enc_for(&key, enc);
        let inner = sign(&signing, "at+jwt", &claims).unwrap();
        let token = encrypt(&key.encryption_key(), enc, &inner).unwrap();
        let keys = DecryptionKeySet::new(vec![key.clone()]).unwrap();
        let verifier = Verifier::new("i", "a", "at+jwt", signed.clone());
        let both = verifier.clone().encrypted_to(keys);
        let good = both.verify::<Value>(&token, NOW).unwrap();
        assert_eq!(*good, claims);
        assert_eq!(good.key_id(), signing.kid());
        let refused = verifier.verify::<Value>(&token, NOW).err();
        assert_eq!(refused, Some(Refused::Encrypted));
        assert!(verifier.verify::<Value>(&inner, NOW).is_ok());
        let refused = both.verify::<Value>(&inner, NOW).err();
        assert_eq!(refused, Some(Refused::NotEncrypted));
        counts.add(key.algorithm().name());
        counts.add(enc.name());
    });
    counts.at_least(5, &names());
}

/// A key that is written, read and written again, is the same text; so are its parts.
fn round_trip(key: &DecryptionKey) {
    let alg = key.algorithm();
    let jwk = key.to_jwk().unwrap();
    let again = DecryptionKey::from_jwk(jwk.as_bytes()).unwrap();
    assert_eq!(again.to_jwk().unwrap(), jwk);
    assert_eq!((again.algorithm(), again.kid()), (alg, key.kid()));
    assert_eq!(again.content_encryption(), key.content_encryption());
    let set = DecryptionKeySet::from_json(format!(r#"{{"keys":[{}]}}"#, &*jwk).as_bytes()).unwrap();
    assert_eq!(set.iter().next().unwrap().to_jwk().unwrap(), jwk);
    let Some(public) = key.encryption_key().public_jwk() else {
        let to = EncryptionKey::from_secret_jwk(jwk.as_bytes()).unwrap();
        let enc = enc_for(key, ContentEncryption::A128GCM);
        let token = jwe::encrypt(&to, enc, &header(), b"x").unwrap();
        assert!(jwe::decrypt_with(&token, &again).is_ok());
        return;
    };
    let der = key.to_pkcs8_der().unwrap();
    let from_der = DecryptionKey::from_der(alg, &der).unwrap();
    assert_eq!(from_der.to_pkcs8_der().unwrap(), der);
    assert_eq!(from_der.to_jwk().unwrap(), jwk);
    assert_eq!(again.to_pkcs8_der().unwrap(), der);
    let pem = key.to_pem().unwrap();
    let from_pem = DecryptionKey::from_pem(alg, &pem).unwrap();
    assert_eq!(from_pem.to_pem().unwrap(), pem);

    let text = serde_json::to_string(&public).unwrap();
    let own = key.encryption_key();
    let der = own.to_der().unwrap();
    if alg == KeyManagement::RsaOaep {
        return;
    }
    // Also from the private JWK, whose public half it is.
    for json in [&text, &*jwk] {
        let to = EncryptionKey::from_jwk(json.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&to.public_jwk()).unwrap(), text);
        assert_eq!(to.thumbprint().as_deref(), key.kid());
        assert_eq!(to.to_der().unwrap(), der);
        let from_der = EncryptionKey::from_der(alg, &der).unwrap();
        assert_eq!(from_der.public_jwk().as_ref(), Some(&public));
        let pem = to.to_pem().unwrap();
        let from_pem = EncryptionKey::from_pem(alg, &pem).unwrap();
        assert_eq!(from_pem.to_pem().unwrap(), pem);
        let token = jwe::encrypt(&from_pem, ContentEncryption::A128GCM, &header(), b"x").unwrap();
        assert!(jwe::decrypt_with(&token, key).is_ok());
    }
}

#[test]
fn keys_come_back_as_they_were_written() {
    let mut counts = Counts::default();
    for key in KEYS.iter() {
        round_trip(key);
        counts.add(key.algorithm().name());
    }
    counts.at_least(1, &KeyManagement::ALL.map(KeyManagement::name));
    round_trip(&DecryptionKey::generate_rsa(KeyManagement::RsaOaep256, 3072).unwrap());
    // Numbers that begin with a zero octet are where encodings go wrong.
    for curve in AgreementCurve::ALL {
        let mut zeros = 0;
        for i in 0..5000 {
            if i >= 20 && zeros > 0 {
                break;
            }
            let key = DecryptionKey::generate_on(KeyManagement::EcdhEs, curve).unwrap();
            let whole: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
            let zero = ["x", "y", "d"].iter().any(|member| {
                let text = whole[member].as_str();
                let octets = text.map(|text| URL_SAFE_NO_PAD.decode_to_vec(text).unwrap());
                octets.is_some_and(|octets| octets[0] == 0)
            });
            zeros += u32::from(zero);
            if zero || i < 20 {
                round_trip(&key);
            }
        }
        counts.add(format!("{}, a zero in front", curve.name()));
        assert!(zeros > 0, "{}", curve.name());
    }
}

/// Everything that reads, reads this; nothing panics. Says whether anything was accepted.
pub fn read_everything(bytes: &[u8]) -> bool {
    let mut accepted = false;
    accepted |= EncryptionKey::from_jwk(bytes).is_ok();
    accepted |= EncryptionKey::from_secret_jwk(bytes).is_ok();
    accepted |= DecryptionKey::from_jwk(bytes).is_ok();
    accepted |= DecryptionKeySet::from_json(bytes).is_ok();
    for alg in KeyManagement::ALL {
        accepted |= EncryptionKey::from_jwk_for(alg, bytes).is_ok();
        accepted |= DecryptionKey::from_jwk_for(alg, bytes).is_ok();
        accepted |= EncryptionKey::from_der(alg, bytes).is_ok();
        accepted |= DecryptionKey::from_der(alg, bytes).is_ok();
        let _ = EncryptionKey::wrapping(alg, bytes, None);
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    accepted |= DecryptionKey::from_encrypted_jwk(text, b"password").is_ok();
    accepted |= SigningKey::from_encrypted_jwk(text, b"password").is_ok();
    // As a token, and as the header of one that has its lengths right.
    let header = URL_SAFE_NO_PAD.encode_to_string(bytes);
    let (short, long) = ("A".repeat(16), "A".repeat(22));
    let shaped = format!("{header}..{short}.AAAA.{long}");
    for key in KEYS.iter() {
        for token in [text, &shaped] {
            accepted |= jwe::decrypt_with(token, key).is_ok();
        }
    }
    accepted
}

/// Documents to be changed here and there.
pub fn documents() -> Vec<Vec<u8>> {
    let mut documents = Vec::new();
    for key in KEYS.iter() {
        documents.push(key.to_jwk().unwrap().as_bytes().to_vec());
        if let Ok(der) = key.to_pkcs8_der() {
            documents.push(der.to_vec());
            documents.push(key.to_pem().unwrap().as_bytes().to_vec());
            documents.push(key.encryption_key().to_der().unwrap());
        }
        let enc = enc_for(key, ContentEncryption::A128GCM);
        if let Ok(token) = jwe::encrypt(&key.encryption_key(), enc, &header(), b"content") {
            let header = token.split('.').next().unwrap();
            documents.push(URL_SAFE_NO_PAD.decode_to_vec(header).unwrap());
            documents.push(token.into_bytes());
        }
    }
    documents
}
