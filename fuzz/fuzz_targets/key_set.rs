//! JWK sets: published ones, sets of secrets, sets that decrypt. What is read is written canonically
//! and reads again as the same set; nothing secret is published.

#![no_main]

use std::collections::BTreeSet;

use countersign_fuzz::Object;
use countersign_jose::{DecryptionKeySet, KeyError, KeySet};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let public = KeySet::from_json(data);
    let secret = KeySet::from_secret_json(data);
    let decryption = DecryptionKeySet::from_json(data);
    if let Ok(set) = &public {
        published(set, data);
    }
    if let Ok(set) = &secret {
        assert_eq!(set.to_json(), r#"{"keys":[]}"#);
        assert!(set.iter().all(|key| key.algorithm().is_symmetric()));
        assert!(set.ignored().is_empty());
        assert!(set.is_empty() || public.as_ref().err() == Some(&KeyError::SecretInPublicSet));
        unique(set.iter().map(|key| key.kid()));
    }
    if let Ok(set) = &decryption {
        unique(set.iter().map(|key| key.kid()));
        // No key is for both.
        assert!(set.is_empty() || secret.is_err());
        if let Ok(public) = &public {
            assert!(set.is_empty() || public.is_empty());
        }
    }
});

fn published(set: &KeySet, data: &[u8]) {
    let text = set.to_json();
    let again = KeySet::from_json(text.as_bytes()).expect("the same set");
    assert_eq!(again.to_json(), text);
    assert_eq!((again.len(), again.ignored().len()), (set.len(), 0));
    unique(set.iter().map(|key| key.kid()));
    for key in set.iter() {
        assert!(!key.algorithm().is_symmetric());
        let found = set
            .find(key.kid(), key.algorithm())
            .expect("it is in the set");
        assert_eq!(found.thumbprint(), key.thumbprint());
    }
    // Each key was read, or is accounted for.
    let keys = Object::read(data).and_then(|set| set.value::<Vec<Value>>("keys"));
    if let Some(keys) = keys {
        assert_eq!(set.len() + set.ignored().len(), keys.len());
        assert!(keys.iter().all(|key| key["kty"] != "oct"));
    }
    let written: Value = serde_json::from_str(&text).expect("JSON");
    for key in written["keys"].as_array().expect("keys") {
        for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            assert!(key.get(secret).is_none(), "{secret}");
        }
    }
}

fn unique<'k>(kids: impl Iterator<Item = Option<&'k str>>) {
    let mut seen = BTreeSet::new();
    assert!(kids.flatten().all(|kid| seen.insert(kid)));
}
