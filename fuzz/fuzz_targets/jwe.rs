//! Compact JWE. With a NUL byte in it, the input is a header and a plaintext, which are encrypted
//! here: the library must accept exactly what an independent reading of the header accepts.
//! Otherwise it is a whole token: what is accepted must be canonical, and say what the library says
//! it says.

#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use countersign_fuzz::{DECRYPTION, DECRYPTION_KEYS, Object, PUBLIC, b64, octets_of, unb64};
use countersign_jose::{
    ContentEncryption, DecryptionKey, EncryptError, MAX_HEADER, MAX_TOKEN, Refused, SigningKey,
    UnixTime, Verifier, jwe, jws,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static GCM: LazyLock<LessSafeKey> = LazyLock::new(|| {
    let secret = octets_of(DECRYPTION_KEYS, "dir-gcm", "k");
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &secret).expect("a key"))
});

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    Verifier::new("https://id.example", "orders", "at+jwt", PUBLIC.clone())
        .encrypted_to(DECRYPTION.clone())
});

fuzz_target!(|data: &[u8]| {
    if let Some(at) = data.iter().position(|byte| *byte == 0) {
        let (header, plaintext) = (&data[..at], &data[at + 1..]);
        if header.is_empty() {
            there_and_back(plaintext);
        } else {
            well_encrypted(header, plaintext);
        }
    } else if let Ok(text) = std::str::from_utf8(data) {
        token(text);
        nested(text);
        locked(text);
    }
});

fn token(text: &str) {
    let Ok(decrypted) = jwe::decrypt(text, &DECRYPTION) else {
        return;
    };
    assert!(text.len() <= MAX_TOKEN);
    let parts: Vec<&str> = text.split('.').collect();
    assert_eq!(parts.len(), 5);
    assert!(parts.iter().all(|part| unb64(part).is_some()));
    let header = unb64(parts[0]).and_then(|header| Object::read(&header));
    let header = header.expect("an object");
    let named = |name| header.value::<String>(name);
    assert_eq!(named("alg").as_deref(), Some(decrypted.algorithm().name()));
    let enc = decrypted.content_encryption();
    assert_eq!(named("enc").as_deref(), Some(enc.name()));
    assert!(!["crit", "zip", "b64"].iter().any(|name| header.has(name)));
    assert!(!header.has("kid") || named("kid").as_deref() == decrypted.key_id());
    let key = DECRYPTION
        .iter()
        .find(|key| key.kid() == decrypted.key_id());
    let again = jwe::decrypt_with(text, key.expect("its key"));
    assert_eq!(again, Ok(decrypted));
}

/// What is accepted is encrypted to us, and signed inside.
fn nested(text: &str) {
    if VERIFIER
        .verify::<Value>(text, UnixTime::from_secs(1_700_000_000))
        .is_err()
    {
        return;
    }
    let outer = jwe::decrypt(text, &DECRYPTION).expect("encrypted");
    assert!(
        outer
            .cty()
            .is_some_and(|cty| cty.to_ascii_uppercase().ends_with("JWT"))
    );
    let inner = std::str::from_utf8(outer.plaintext()).expect("text");
    assert!(jws::verify(inner, &PUBLIC).is_ok());
}

/// Keys under a password, unless it would take long.
fn locked(text: &str) {
    let header = text.split('.').next().and_then(unb64);
    let header = header.and_then(|header| Object::read(&header));
    let rounds = header.and_then(|header| header.value::<f64>("p2c"));
    if rounds.is_some_and(|rounds| (1_001.0..=1e6).contains(&rounds)) {
        return;
    }
    if let Ok(key) = SigningKey::from_encrypted_jwk(text, b"password") {
        assert!(key.to_jwk().is_ok());
    }
    if let Ok(key) = DecryptionKey::from_encrypted_jwk(text, b"password") {
        assert!(key.to_jwk().is_ok());
    }
}

/// Whatever is encrypted to one of the keys, decrypts.
fn there_and_back(plaintext: &[u8]) {
    let choice = usize::from(plaintext.first().copied().unwrap_or_default());
    let key = DECRYPTION.iter().nth(choice % DECRYPTION.len());
    let key = key.expect("a key");
    let other = ContentEncryption::ALL[choice % ContentEncryption::ALL.len()];
    let enc = key.content_encryption().unwrap_or(other);
    match jwe::encrypt(
        &key.encryption_key(),
        enc,
        &jwe::Header::default(),
        plaintext,
    ) {
        Ok(token) => {
            let decrypted = jwe::decrypt(&token, &DECRYPTION).expect("our own");
            assert_eq!(decrypted.plaintext(), plaintext);
        }
        Err(why) => assert_eq!(why, EncryptError::TooLong),
    }
}

fn well_encrypted(header: &[u8], plaintext: &[u8]) {
    let text = b64(header);
    let mut content = plaintext.to_vec();
    let nonce = Nonce::assume_unique_for_key([7; 12]);
    let tag = GCM.seal_in_place_separate_tag(nonce, Aad::from(text.as_bytes()), &mut content);
    let tag = tag.expect("sealed");
    let token = format!(
        "{text}..{}.{}.{}",
        b64(&[7; 12]),
        b64(&content),
        b64(tag.as_ref())
    );
    let outcome = jwe::decrypt(&token, &DECRYPTION);
    if token.len() > MAX_TOKEN || text.len() > MAX_HEADER {
        assert_eq!(outcome, Err(Refused::TooLong));
        return;
    }
    if let Some(good) = is_good(header) {
        assert_eq!(outcome.is_ok(), good, "{outcome:?}");
    }
    if let Ok(decrypted) = outcome {
        assert_eq!(decrypted.plaintext(), plaintext);
        let header = Object::read(header).expect("an object");
        assert_eq!(decrypted.typ(), header.value::<String>("typ").as_deref());
        assert_eq!(decrypted.cty(), header.value::<String>("cty").as_deref());
    }
}

/// What RFC 7516 §4 and the library's own bounds ask of a header for the shared secret. `None` if
/// it says more than is understood here.
fn is_good(header: &[u8]) -> Option<bool> {
    const TEXTS: [&str; 10] = [
        "alg", "enc", "kid", "typ", "cty", "apu", "apv", "iv", "tag", "p2s",
    ];
    let Some(header) = Object::read(header) else {
        return Some(false);
    };
    let texts = TEXTS.iter().all(|name| header.may_be_text(name));
    let forbidden = ["crit", "zip", "b64"].iter().any(|name| header.has(name));
    let of_key = !header.has("kid") || header.value("kid") == Some("dir-gcm".to_owned());
    let alg = header.value("alg") == Some("dir".to_owned());
    let enc = header.value("enc") == Some("A128GCM".to_owned());
    let good = header.len() <= 32 && texts && !forbidden && of_key && alg && enc;
    if good && (header.has("epk") || header.has("p2c")) {
        return None;
    }
    Some(good)
}
