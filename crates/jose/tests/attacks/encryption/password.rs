//! Keys under a password.

use std::num::NonZeroU32;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesBlockCipher, AesKek, KeyWrap as _};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use countersign_jose::{
    Algorithm, DecryptionKey, DecryptionKeySet, KeyError, KeyManagement, Part, Refused, SigningKey,
};

use super::forge::{A256KW, RSA, enc_for, honest, parts};
use crate::forge::{ES256, RS256, b64};

const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: [u8; 16] = [5; 16];
const HS256: (&str, pbkdf2::Algorithm, &AesBlockCipher, usize) =
    ("PBES2-HS256+A128KW", PBKDF2_HMAC_SHA256, &AES_128, 16);
const HS512: (&str, pbkdf2::Algorithm, &AesBlockCipher, usize) =
    ("PBES2-HS512+A256KW", PBKDF2_HMAC_SHA512, &AES_256, 32);

/// A key under `PASSWORD`, derived with so many rounds, whose header says what it is told to.
fn locked(
    (alg, hash, wrap, len): (&str, pbkdf2::Algorithm, &'static AesBlockCipher, usize),
    rounds: u32,
    members: &str,
    jwk: &str,
) -> String {
    let salt = [alg.as_bytes(), &[0], &SALT].concat();
    let mut secret = vec![0; len];
    let rounds = NonZeroU32::new(rounds).unwrap();
    pbkdf2::derive(hash, rounds, &salt, PASSWORD, &mut secret);
    let cek = [9; 32];
    let mut room = [0; 40];
    let kek = AesKek::new(wrap, &secret).unwrap();
    let encrypted = kek.wrap(&cek, &mut room).unwrap();
    let header = b64(format!(r#"{{"alg":"{alg}","enc":"A256GCM"{members}}}"#));
    let key = LessSafeKey::new(UnboundKey::new(&aead::AES_256_GCM, &cek).unwrap());
    let nonce = Nonce::assume_unique_for_key([7; 12]);
    let mut content = jwk.as_bytes().to_vec();
    let aad = Aad::from(header.as_bytes());
    let tag = key
        .seal_in_place_separate_tag(nonce, aad, &mut content)
        .unwrap();
    let rest = [&*encrypted, &[7; 12], &content, tag.as_ref()].map(b64);
    format!("{header}.{}", rest.join("."))
}

fn members(p2c: &str) -> String {
    format!(r#","p2s":"{}","p2c":{p2c}"#, b64(SALT))
}

#[test]
fn a_key_under_its_password() {
    for scheme in [HS256, HS512] {
        let jwk = ES256.to_jwk().unwrap();
        for cty in [
            "",
            r#","cty":"jwk+json""#,
            r#","cty":"application/JWK+JSON""#,
        ] {
            let text = locked(scheme, 1000, &(members("1000") + cty), &jwk);
            let key = SigningKey::from_encrypted_jwk(&text, PASSWORD).unwrap();
            assert_eq!(key.to_jwk().unwrap(), jwk);
            let wrong = SigningKey::from_encrypted_jwk(&text, b"another").err();
            assert_eq!(wrong, Some(KeyError::Locked(Refused::Decryption)));
            // A signing key does not become one that decrypts by coming this way.
            let other = DecryptionKey::from_encrypted_jwk(&text, PASSWORD).err();
            assert_eq!(other, Some(KeyError::UnknownKeyManagement));
        }
        let jwk = RSA.to_jwk().unwrap();
        let text = locked(scheme, 1000, &members("1000"), &jwk);
        let key = DecryptionKey::from_encrypted_jwk(&text, PASSWORD).unwrap();
        assert_eq!(key.to_jwk().unwrap(), jwk);
        let text = locked(
            scheme,
            1000,
            &members("1000"),
            &format!(r#"{{"keys":[{}]}}"#, &*jwk),
        );
        assert_eq!(
            DecryptionKeySet::from_encrypted_json(&text, PASSWORD)
                .unwrap()
                .len(),
            1
        );
        // Keys that do not say what they are for.
        for (jwk, alg) in [(RSA.to_jwk(), "RSA-OAEP-256"), (RS256.to_jwk(), "RS256")] {
            let jwk = jwk.unwrap().replace(&format!(r#""alg":"{alg}","#), "");
            let text = locked(scheme, 1000, &members("1000"), &jwk);
            let decrypting = KeyManagement::from_name(alg);
            let key = match decrypting {
                Some(alg) => DecryptionKey::from_encrypted_jwk_for(alg, &text, PASSWORD).err(),
                None => SigningKey::from_encrypted_jwk_for(Algorithm::RS256, &text, PASSWORD).err(),
            };
            assert_eq!(key, None);
        }
    }
}

/// CVE-2022-36083, CVE-2023-52428: refused by the number, before anything is derived: these tests
/// would run for a year.
#[test]
fn a_count_of_rounds_that_is_huge_small_or_no_number() {
    let jwk = ES256.to_jwk().unwrap();
    for p2c in [
        "0",
        "1",
        "999",
        "-1",
        "-1000",
        "1000001",
        "2147483647",
        "4294967295",
        "4294968296",
        "18446744073709551615",
        "1000.5",
        "1000.0",
        "1e4",
        "1E3",
        "null",
        "\"1000\"",
        "[1000]",
        "{}",
        "true",
    ] {
        let text = locked(HS256, 1000, &members(p2c), &jwk);
        let outcome = SigningKey::from_encrypted_jwk(&text, PASSWORD).err();
        assert_eq!(outcome, Some(KeyError::Rounds), "{p2c}");
    }
    let salt = format!(r#","p2s":"{}""#, b64(SALT));
    let text = locked(HS256, 1000, &salt, &jwk);
    assert_eq!(
        SigningKey::from_encrypted_jwk(&text, PASSWORD).err(),
        Some(KeyError::Rounds)
    );
    for p2c in ["1e400", "01000", "0x10", "NaN"] {
        let text = locked(HS256, 1000, &members(p2c), &jwk);
        let outcome = SigningKey::from_encrypted_jwk(&text, PASSWORD).err();
        assert_eq!(outcome, Some(KeyError::Locked(Refused::Header)), "{p2c}");
    }
    let text = locked(HS512, 1001, &members("1001"), &jwk);
    assert!(SigningKey::from_encrypted_jwk(&text, PASSWORD).is_ok());
    let text = locked(HS512, 1001, &members("1000000"), &jwk);
    let outcome = SigningKey::from_encrypted_jwk(&text, PASSWORD).err();
    assert_eq!(outcome, Some(KeyError::Locked(Refused::Decryption)));
}

#[test]
fn what_is_no_key_under_a_password() {
    let jwk = ES256.to_jwk().unwrap();
    let why = |text: &str| SigningKey::from_encrypted_jwk(text, PASSWORD).err();
    let refused = |why| Some(KeyError::Locked(why));
    for salt in [
        "",
        r#","p2s":"""#,
        r#","p2s":"AAAAAAAAAA""#,
        r#","p2s":"AA==""#,
    ] {
        let text = locked(HS256, 1000, &format!(r#"{salt},"p2c":1000"#), &jwk);
        assert_eq!(why(&text), refused(Refused::Parameter("p2s")), "{salt}");
    }
    // RFC 7518 §4.8: other schemes, and tokens of other kinds.
    let good = locked(HS256, 1000, &members("1000"), &jwk);
    let renamed = |alg: &str| {
        let mut parts = parts(&good);
        parts[0] = b64(format!(
            r#"{{"alg":"{alg}","enc":"A256GCM"{}}}"#,
            members("1000")
        ));
        parts.join(".")
    };
    let unknown = refused(Refused::KeyWrap192);
    assert_eq!(why(&renamed("PBES2-HS384+A192KW")), unknown);
    for alg in [
        "PBES2-HS256+A256KW",
        "PBES2-HS1+A128KW",
        "A256KW",
        "dir",
        "none",
    ] {
        assert_eq!(
            why(&renamed(alg)),
            refused(Refused::UnknownAlgorithm),
            "{alg}"
        );
    }
    let token = honest(&A256KW, enc_for(&A256KW), jwk.as_bytes());
    assert_eq!(why(&token), refused(Refused::UnknownAlgorithm));
    assert_eq!(why("a.b.c"), refused(Refused::NotEncrypted));
    assert_eq!(why(&jwk), refused(Refused::NotCompact));
    // One scheme's key under the other's name does not open.
    assert_eq!(
        why(&renamed("PBES2-HS512+A256KW")),
        refused(Refused::Decryption)
    );
    let mut cut = parts(&good);
    cut[1].truncate(32);
    assert_eq!(
        why(&cut.join(".")),
        refused(Refused::Length(Part::EncryptedKey))
    );
    let zip = locked(HS256, 1000, &(members("1000") + r#","zip":"DEF""#), &jwk);
    assert_eq!(why(&zip), refused(Refused::Compressed));
    // A set where a key is needed, said or not, and the reverse.
    let text = locked(
        HS256,
        1000,
        &(members("1000") + r#","cty":"jwk-set+json""#),
        &jwk,
    );
    assert_eq!(why(&text), Some(KeyError::Json));
    let text = locked(HS256, 1000, &members("1000"), r#"{"keys":[]}"#);
    assert_eq!(why(&text), Some(KeyError::Missing("kty")));
    let text = locked(
        HS256,
        1000,
        &(members("1000") + r#","cty":"jwk+json""#),
        r#"{"keys":[]}"#,
    );
    let set = DecryptionKeySet::from_encrypted_json(&text, PASSWORD).err();
    assert_eq!(set, Some(KeyError::Json));
    let text = locked(HS256, 1000, &members("1000"), "no JSON");
    assert_eq!(why(&text), Some(KeyError::Json));
}
