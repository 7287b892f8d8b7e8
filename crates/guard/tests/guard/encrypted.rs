//! Encrypted tokens: decrypted once, then as every other.

use countersign_guard::{Guard, Revocation};
use countersign_jose::{
    ContentEncryption, DecryptionKey, DecryptionKeySet, KeyManagement, SigningKey, encrypt,
};

use crate::issuer::{at, claims, event, issue, key, key_set, verifier};

const CACHE: usize = 100;

/// A service with a key of its own, and the issuer's.
struct Service {
    own: DecryptionKey,
    key: SigningKey,
    guards: [Guard; 2],
}

impl Service {
    fn new() -> Self {
        let own = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
        let key = key("k1");
        let guards = [0, CACHE].map(|capacity| {
            let own = DecryptionKeySet::new(vec![own.clone()]).unwrap();
            Guard::new(verifier(key_set(&[&key])).encrypted_to(own), capacity)
        });
        Self { own, key, guards }
    }

    fn issue(&self, jti: &str) -> String {
        let signed = issue(&self.key, &claims(jti));
        encrypt(
            &self.own.encryption_key(),
            ContentEncryption::A256GCM,
            &signed,
        )
        .unwrap()
    }

    #[track_caller]
    fn expect(&self, token: &str, seconds: u64, expected: &str) {
        for guard in &self.guards {
            // The second time it may come from the cache.
            for _ in 0..2 {
                let verdict = match guard.check(token, at(seconds)) {
                    Ok(_) => "ok",
                    Err(refused) => refused.code(),
                };
                assert_eq!(verdict, expected, "{:?}", guard.stats());
            }
        }
    }
}

#[test]
fn an_encrypted_token_is_trusted_and_remembered_by_its_own_text() {
    let service = Service::new();
    let (one, again) = (service.issue("t"), service.issue("t"));
    assert_ne!(one, again, "each is encrypted anew");
    service.expect(&one, 0, "ok");
    assert_eq!(service.guards[1].stats().cached, 1);
    service.expect(&again, 0, "ok");
    assert_eq!(service.guards[1].stats().cached, 2);
    service.expect(&one, 299, "ok");
    service.expect(&one, 300, "token_expired");
    // Another character, anywhere: another token.
    let mut changed = again.into_bytes();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    for guard in &service.guards {
        assert!(guard.check(&changed, at(0)).is_err());
    }
}

#[test]
fn a_token_that_is_only_signed_is_refused_where_one_must_be_encrypted() {
    let service = Service::new();
    let signed = issue(&service.key, &claims("t"));
    service.expect(&signed, 0, "token_not_encrypted");
    // And the reverse: whoever has no key to decrypt with says so.
    let guard = Guard::new(verifier(key_set(&[&service.key])), CACHE);
    let refused = guard.check(&service.issue("t"), at(0)).unwrap_err();
    assert_eq!(refused.code(), "token_encrypted");
}

#[test]
fn an_encrypted_token_is_revoked_like_every_other() {
    for (kind, code) in [
        (Revocation::Session { sid: "s".into() }, "session_revoked"),
        (Revocation::Key { kid: "k1".into() }, "key_revoked"),
    ] {
        let service = Service::new();
        let token = service.issue("t");
        service.expect(&token, 0, "ok");
        for guard in &service.guards {
            guard.apply(&[event(kind.clone())]);
        }
        service.expect(&token, 0, code);
    }
}

#[test]
fn other_signing_keys_leave_the_decryption_key_alone() {
    let service = Service::new();
    let token = service.issue("t");
    service.expect(&token, 0, "ok");
    let other = key("k2");
    for guard in &service.guards {
        guard.replace_keys(key_set(&[&other]));
    }
    service.expect(&token, 0, "token_key_unknown");
    for guard in &service.guards {
        guard.replace_keys(key_set(&[&other, &service.key]));
    }
    service.expect(&token, 0, "ok");
    let signed = issue(&other, &claims("t"));
    service.expect(&signed, 0, "token_not_encrypted");
}
