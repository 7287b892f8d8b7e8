//! PEM and DER. The first byte chooses the algorithm, the rest is the document, as either. What is
//! read is written in the one form that it has, and reads again as the same key.

#![no_main]

use countersign_fuzz::algorithm;
use countersign_jose::{
    Algorithm, DecryptionKey, EncryptionKey, KeyError, KeyManagement, SigningKey, VerifyingKey,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, document)) = data.split_first() else {
        return;
    };
    let alg = algorithm(choice);
    let management = KeyManagement::ALL[usize::from(choice) % KeyManagement::ALL.len()];
    if let Ok(text) = std::str::from_utf8(document) {
        pem_text(alg, management, text);
    }
    if let Ok(key) = VerifyingKey::from_der(alg, document) {
        let der = key.to_der().expect("DER");
        // Of RSA there is a second form (PKCS#1), and one that leaves a NULL out.
        assert!(der == document || alg.name().starts_with(['R', 'P']));
        verifying_key(&key);
    }
    if let Ok(key) = SigningKey::from_der(alg, document) {
        signing_key(&key);
    }
    if let Ok(key) = EncryptionKey::from_der(management, document) {
        let der = key.to_der().expect("DER");
        assert!(der == document || management.name().starts_with("RSA"));
        encryption_key(&key);
    }
    if let Ok(key) = DecryptionKey::from_der(management, document) {
        decryption_key(&key);
    }
});

/// What is accepted as PEM is one block, whose contents are accepted as DER for the same key.
fn pem_text(alg: Algorithm, management: KeyManagement, text: &str) {
    let contents = || {
        let mut blocks = pem::parse_many(text).expect("PEM");
        blocks.retain(|block| block.tag() != "EC PARAMETERS");
        assert_eq!(blocks.len(), 1);
        blocks.remove(0).into_contents()
    };
    if let Ok(key) = VerifyingKey::from_pem(alg, text) {
        let same = VerifyingKey::from_der(alg, &contents()).expect("DER");
        assert_eq!(same.thumbprint(), key.thumbprint());
        verifying_key(&key);
    }
    if let Ok(key) = SigningKey::from_pem(alg, text) {
        let same = SigningKey::from_der(alg, &contents()).expect("DER");
        assert_eq!(same.to_jwk(), key.to_jwk());
        signing_key(&key);
    }
    if let Ok(key) = EncryptionKey::from_pem(management, text) {
        encryption_key(&key);
    }
    if let Ok(key) = DecryptionKey::from_pem(management, text) {
        decryption_key(&key);
    }
}

fn verifying_key(key: &VerifyingKey) {
    let (alg, der) = (key.algorithm(), key.to_der().expect("DER"));
    let again = VerifyingKey::from_der(alg, &der).expect("the same key");
    assert_eq!(again.to_der().as_ref(), Ok(&der));
    assert_eq!(again.kid(), key.thumbprint().as_deref());
    let jwk = serde_json::to_vec(&key.public_jwk()).expect("JSON");
    let again = VerifyingKey::from_jwk(&jwk).expect("the same key");
    assert_eq!(again.to_der(), Ok(der));
}

fn signing_key(key: &SigningKey) {
    let (alg, der) = (key.algorithm(), key.to_pkcs8_der().expect("DER"));
    let again = SigningKey::from_der(alg, &der).expect("the same key");
    assert_eq!(again.to_pkcs8_der().as_ref(), Ok(&der));
    let jwk = key.to_jwk().expect("a JWK");
    let again = SigningKey::from_jwk(jwk.as_bytes()).expect("the same key");
    assert_eq!(again.to_jwk().as_ref(), Ok(&jwk));
    verifying_key(&key.verifying_key());
}

fn encryption_key(key: &EncryptionKey) {
    let (alg, der) = (key.algorithm(), key.to_der().expect("DER"));
    let again = EncryptionKey::from_der(alg, &der);
    if alg == KeyManagement::RsaOaep {
        // Its private half reads what others encrypted; nobody encrypts with it here.
        assert_eq!(again.err(), Some(KeyError::ReadingOnly(alg)));
        return;
    }
    let again = again.expect("the same key");
    assert_eq!(again.to_der(), Ok(der));
    assert_eq!(again.kid(), key.thumbprint().as_deref());
}

fn decryption_key(key: &DecryptionKey) {
    let (alg, der) = (key.algorithm(), key.to_pkcs8_der().expect("DER"));
    let again = DecryptionKey::from_der(alg, &der).expect("the same key");
    assert_eq!(again.to_pkcs8_der().as_ref(), Ok(&der));
    let jwk = key.to_jwk().expect("a JWK");
    let again = DecryptionKey::from_jwk(jwk.as_bytes()).expect("the same key");
    assert_eq!(again.to_jwk().as_ref(), Ok(&jwk));
    encryption_key(&key.encryption_key());
}
