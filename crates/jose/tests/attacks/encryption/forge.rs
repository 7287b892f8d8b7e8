//! An attacker's tools for encryption: tokens with any header and any parts, properly encrypted or
//! not.

use std::sync::LazyLock;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use countersign_jose::{
    AgreementCurve, ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement, Refused, jwe,
};

use crate::forge::{b64, unb64};

/// A secret that the attacker does not have; the forge does.
pub const SECRET32: &[u8; 32] = b"thirty-two bytes of no great art";

pub static DIRECT: LazyLock<DecryptionKey> = LazyLock::new(|| {
    DecryptionKey::direct(ContentEncryption::A256GCM, SECRET32, Some("dir")).unwrap()
});
pub static DIRECT_CBC: LazyLock<DecryptionKey> = LazyLock::new(|| {
    DecryptionKey::direct(ContentEncryption::A128CbcHs256, SECRET32, Some("cbc")).unwrap()
});
pub static A256KW: LazyLock<DecryptionKey> =
    LazyLock::new(|| DecryptionKey::wrapping(KeyManagement::A256KW, SECRET32, Some("kw")).unwrap());
pub static A256GCMKW: LazyLock<DecryptionKey> = LazyLock::new(|| {
    DecryptionKey::wrapping(KeyManagement::A256GCMKW, SECRET32, Some("gcmkw")).unwrap()
});
pub static RSA: LazyLock<DecryptionKey> =
    LazyLock::new(|| DecryptionKey::generate(KeyManagement::RsaOaep256).unwrap());
pub static ECDH: LazyLock<DecryptionKey> =
    LazyLock::new(|| DecryptionKey::generate(KeyManagement::EcdhEs).unwrap());
pub static ECDH_KW: LazyLock<DecryptionKey> =
    LazyLock::new(|| DecryptionKey::generate(KeyManagement::EcdhEsA256KW).unwrap());
pub static X25519: LazyLock<DecryptionKey> = LazyLock::new(|| {
    DecryptionKey::generate_on(KeyManagement::EcdhEs, AgreementCurve::X25519).unwrap()
});

/// One key of every kind.
pub fn every_kind() -> [&'static DecryptionKey; 8] {
    [
        &DIRECT,
        &DIRECT_CBC,
        &A256KW,
        &A256GCMKW,
        &RSA,
        &ECDH,
        &ECDH_KW,
        &X25519,
    ]
}

/// The content encryption to use with a key.
pub fn enc_for(key: &DecryptionKey) -> ContentEncryption {
    key.content_encryption()
        .unwrap_or(ContentEncryption::A256GCM)
}

/// An honest token.
pub fn honest(key: &DecryptionKey, enc: ContentEncryption, plaintext: &[u8]) -> String {
    let header = jwe::Header::default();
    jwe::encrypt(&key.encryption_key(), enc, &header, plaintext).unwrap()
}

pub fn parts(token: &str) -> [String; 5] {
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

/// A token with the header's text replaced; its tag does not hold any more.
pub fn with_header(token: &str, header: &str) -> String {
    let mut parts = parts(token);
    parts[0] = b64(header);
    parts.join(".")
}

/// The header of a token, as text.
pub fn header_of(token: &str) -> String {
    String::from_utf8(unb64(token.split('.').next().unwrap())).unwrap()
}

/// A token for `dir` with `A256GCM` under `SECRET32` that holds, whatever its header is.
pub fn direct(header: impl AsRef<[u8]>, plaintext: &[u8]) -> String {
    gcm(header, &[], SECRET32, plaintext)
}

/// A header for `DIRECT` with what is good, and these members.
pub fn direct_with(members: &str) -> String {
    format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"dir"{members}}}"#)
}

/// AES-GCM under any key of 16 or 32 bytes, with any header and any encrypted key.
pub fn gcm(header: impl AsRef<[u8]>, encrypted_key: &[u8], key: &[u8], plaintext: &[u8]) -> String {
    let header = b64(header);
    let iv = [7; 12];
    let mut content = plaintext.to_vec();
    let tag = gcm_in_place(key, iv, header.as_bytes(), &mut content);
    let rest = [encrypted_key, &iv, &content, &tag].map(b64);
    format!("{header}.{}", rest.join("."))
}

/// AES-GCM; gives the tag.
pub fn gcm_in_place(key: &[u8], iv: [u8; 12], aad: &[u8], content: &mut [u8]) -> Vec<u8> {
    let cipher = match key.len() {
        16 => &aead::AES_128_GCM,
        _ => &aead::AES_256_GCM,
    };
    let key = LessSafeKey::new(UnboundKey::new(cipher, key).unwrap());
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), content);
    tag.unwrap().as_ref().to_vec()
}

/// A token for `DIRECT_CBC`, of blocks that are already padded, well or badly; the tag is right.
pub fn cbc(padded: &[u8]) -> String {
    let header = b64(r#"{"alg":"dir","enc":"A128CBC-HS256","kid":"cbc"}"#);
    let (mac_key, cipher_key) = SECRET32.split_at(16);
    let iv = [7_u8; 16];
    let mut content = padded.to_vec();
    let key = UnboundCipherKey::new(&cipher::AES_128, cipher_key).unwrap();
    let start = EncryptionContext::Iv128(FixedLength::from(iv));
    let key = EncryptingKey::cbc(key).unwrap();
    key.less_safe_encrypt(&mut content, start).unwrap();
    let bits = u64::try_from(header.len() * 8).unwrap().to_be_bytes();
    let covered = [header.as_bytes(), &iv, &content, &bits].concat();
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, mac_key), &covered);
    let rest = [&[][..], &iv, &content, &mac.as_ref()[..16]].map(b64);
    format!("{header}.{}", rest.join("."))
}

/// AES key wrap under `SECRET32`, of any key.
pub fn wrapped(key: &[u8]) -> Vec<u8> {
    let mut room = vec![0; key.len() + 8];
    let kek = AesKek::new(&AES_256, SECRET32).unwrap();
    kek.wrap(key, &mut room).unwrap().to_vec()
}

pub fn refused(key: &DecryptionKey, token: &str) -> Refused {
    match jwe::decrypt_with(token, key) {
        Ok(_) => panic!("decrypted: {}", &token[..token.len().min(500)]),
        Err(refused) => refused,
    }
}

/// The forge's own tokens are good: what is refused, is refused for what was done to it.
#[test]
fn an_honest_token_is_decrypted() {
    for key in every_kind() {
        let token = honest(key, enc_for(key), b"x");
        assert_eq!(jwe::decrypt_with(&token, key).unwrap().plaintext(), b"x");
    }
    let opened = jwe::decrypt_with(&direct(direct_with(""), b"x"), &DIRECT).unwrap();
    assert_eq!(opened.plaintext(), b"x");
    let padded = [&b"x"[..], &[15; 15]].concat();
    let opened = jwe::decrypt_with(&cbc(&padded), &DIRECT_CBC).unwrap();
    assert_eq!(opened.plaintext(), b"x");
    let header = r#"{"alg":"A256KW","enc":"A256GCM","kid":"kw"}"#;
    let token = gcm(header, &wrapped(&[9; 32]), &[9; 32], b"x");
    assert_eq!(
        jwe::decrypt_with(&token, &A256KW).unwrap().plaintext(),
        b"x"
    );
    let public: EncryptionKey = RSA.encryption_key();
    assert!(public.public_jwk().is_some());
}
