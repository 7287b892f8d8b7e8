//! JSON Web Keys, to sign, verify, encrypt and decrypt with. The first byte chooses an algorithm for
//! keys that name none. What is read is written canonically, reads again as the same key, and works.

#![no_main]

use countersign_fuzz::{Object, algorithm};
use countersign_jose::{
    ContentEncryption, DecryptionKey, EncryptError, EncryptionKey, KeyError, KeyManagement,
    PublicJwk, SigningKey, VerifyingKey, jwe, jws,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, json)) = data.split_first() else {
        return;
    };
    let signs = SigningKey::from_jwk(json);
    let verifies = VerifyingKey::from_jwk(json);
    let decrypts = DecryptionKey::from_jwk(json);
    let encrypts = EncryptionKey::from_jwk(json);
    // A key is for one thing, and its private half tells the public one.
    assert!(signs.is_err() || decrypts.is_err() && encrypts.is_err());
    assert!(verifies.is_err() || decrypts.is_err() && encrypts.is_err());
    if let Ok(key) = &signs {
        match key.public_jwk() {
            Some(public) => assert_eq!(
                verifies.as_ref().map(VerifyingKey::public_jwk),
                Ok(Some(public))
            ),
            None => assert!(VerifyingKey::from_secret_jwk(json).is_ok()),
        }
    }
    if let (Ok(key), Ok(public)) = (&decrypts, &encrypts) {
        assert_eq!(key.encryption_key().public_jwk(), public.public_jwk());
    }
    let (alg, management) = (algorithm(choice), key_management(choice));
    let each = [signs, SigningKey::from_jwk_for(alg, json)];
    each.iter().flatten().for_each(signing_key);
    let each = [
        verifies,
        VerifyingKey::from_jwk_for(alg, json),
        VerifyingKey::from_secret_jwk(json),
    ];
    each.iter().flatten().for_each(verifying_key);
    let each = [decrypts, DecryptionKey::from_jwk_for(management, json)];
    each.iter().flatten().for_each(decryption_key);
    let each = [
        encrypts,
        EncryptionKey::from_jwk_for(management, json),
        EncryptionKey::from_secret_jwk(json),
    ];
    each.iter().flatten().for_each(encryption_key);
});

fn key_management(choice: u8) -> KeyManagement {
    KeyManagement::ALL[usize::from(choice) % KeyManagement::ALL.len()]
}

fn signing_key(key: &SigningKey) {
    let text = key.to_jwk().expect("a JWK");
    let again = SigningKey::from_jwk(text.as_bytes()).expect("the same key");
    assert_eq!(again.to_jwk().expect("a JWK"), text);
    let token = jws::sign(&again, &jws::Header::default(), b"payload");
    let Ok(token) = token else {
        return; // the key id is too long
    };
    assert!(jws::verify_with(&token, &key.verifying_key()).is_ok());
    verifying_key(&key.verifying_key());
}

fn verifying_key(key: &VerifyingKey) {
    let Some(public) = key.public_jwk() else {
        assert_eq!(key.to_der(), Err(KeyError::NoSuchForm));
        assert!(key.algorithm().is_symmetric() && key.thumbprint().is_none());
        return;
    };
    let text = public_text(&public);
    let again = VerifyingKey::from_jwk(text.as_bytes()).expect("the same key");
    assert_eq!(again.public_jwk(), Some(public));
    assert_eq!(
        (again.algorithm(), again.kid()),
        (key.algorithm(), key.kid())
    );
    let pem = key.to_pem().expect("PEM");
    let again = VerifyingKey::from_pem(key.algorithm(), &pem).expect("the same key");
    assert_eq!(again.thumbprint(), key.thumbprint());
    assert_eq!(again.kid(), key.thumbprint().as_deref());
}

fn decryption_key(key: &DecryptionKey) {
    let text = key.to_jwk().expect("a JWK");
    let again = DecryptionKey::from_jwk(text.as_bytes()).expect("the same key");
    assert_eq!(again.to_jwk().expect("a JWK"), text);
    let enc = key
        .content_encryption()
        .unwrap_or(ContentEncryption::A128GCM);
    let header = jwe::Header::default();
    match jwe::encrypt(&again.encryption_key(), enc, &header, b"plaintext") {
        Ok(token) => {
            let decrypted = jwe::decrypt_with(&token, key).expect("its own token");
            assert_eq!(decrypted.plaintext(), b"plaintext");
        }
        Err(EncryptError::ReadingOnly(alg)) => assert_eq!(alg, KeyManagement::RsaOaep),
        Err(why) => assert_eq!(why, EncryptError::TooLong),
    }
    encryption_key(&key.encryption_key());
}

fn encryption_key(key: &EncryptionKey) {
    let Some(public) = key.public_jwk() else {
        assert!(key.algorithm().is_symmetric() && key.thumbprint().is_none());
        return;
    };
    let text = public_text(&public);
    let again = EncryptionKey::from_jwk(text.as_bytes()).expect("the same key");
    assert_eq!(again.public_jwk(), Some(public));
    assert_eq!(
        (again.algorithm(), again.kid()),
        (key.algorithm(), key.kid())
    );
    let pem = key.to_pem().expect("PEM");
    let again = EncryptionKey::from_pem(key.algorithm(), &pem).expect("the same key");
    assert_eq!(again.thumbprint(), key.thumbprint());
}

/// The text of a public key, in which no secret member stands.
fn public_text(public: &PublicJwk) -> String {
    let text = serde_json::to_string(public).expect("JSON");
    let members = Object::read(text.as_bytes()).expect("an object");
    let allowed = ["alg", "crv", "e", "kid", "kty", "n", "pub", "use", "x", "y"];
    assert!(
        members.names().all(|name| allowed.contains(&name)),
        "{text}"
    );
    text
}
