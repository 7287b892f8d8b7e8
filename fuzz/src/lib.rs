//! What the fuzz targets share: keys that never change, so that a corpus stays good, and a reading
//! of JSON that is independent of the library's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_jose::{Algorithm, DecryptionKeySet, KeySet, SigningKey};
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Private keys, worth nothing: a JWK set.
pub const SIGNING_KEYS: &str = include_str!("../keys/signing.json");

/// Keys that decrypt, worth as little.
pub const DECRYPTION_KEYS: &str = include_str!("../keys/decryption.json");

/// The first key of the set signs with HMAC, the others do not.
pub static SIGNING: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
    let jwks = Object::read(SIGNING_KEYS.as_bytes()).expect("a set");
    let jwks: Vec<Box<RawValue>> = jwks.value("keys").expect("keys");
    let key = |jwk: &RawValue| SigningKey::from_jwk(jwk.get().as_bytes()).expect("a key");
    jwks.iter().map(|jwk| key(jwk)).collect()
});

/// The public ones.
pub static PUBLIC: LazyLock<KeySet> = LazyLock::new(|| {
    let keys = SIGNING[1..].iter().map(SigningKey::verifying_key);
    KeySet::new(keys.collect()).expect("a set")
});

/// The shared secret.
pub static SECRET: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::new(vec![SIGNING[0].verifying_key()]).expect("a set"));

/// One for each way to encrypt a key.
pub static DECRYPTION: LazyLock<DecryptionKeySet> =
    LazyLock::new(|| DecryptionKeySet::from_json(DECRYPTION_KEYS.as_bytes()).expect("a set"));

/// The octets of this member of the signing key with this id.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn octets_of(keys: &str, kid: &str, member: &str) -> Vec<u8> {
    let set = Object::read(keys.as_bytes()).expect("a set");
    let keys: Vec<Object> = set.value("keys").expect("keys");
    let key = keys
        .iter()
        .find(|key| key.value("kid") == Some(kid.to_owned()));
    let text: String = key.expect("a key").value(member).expect("a member");
    unb64(&text).expect("base64url")
}

/// The algorithm that this byte stands for.
#[must_use]
pub fn algorithm(choice: u8) -> Algorithm {
    Algorithm::ALL[usize::from(choice) % Algorithm::ALL.len()]
}

/// Base64url, as JOSE has it.
#[must_use]
pub fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// What this base64url says, if it is the one text of those bytes.
#[must_use]
pub fn unb64(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
    (b64(&bytes) == text).then_some(bytes)
}

/// A JSON object: its members, whose values stay as they stand in the text.
pub struct Object(BTreeMap<String, Box<RawValue>>);

impl Object {
    /// `None` if it is no object, or if a name occurs twice.
    #[must_use]
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_str(std::str::from_utf8(json).ok()?).ok()
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is a member of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The text of a value.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.get())
    }

    /// A value, if it is there and of this type.
    #[must_use]
    pub fn value<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// Whether a member is absent or a string.
    #[must_use]
    pub fn may_be_text(&self, name: &str) -> bool {
        !self.has(name) || self.value::<String>(name).is_some()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.insert(name, value).is_some() {
                        return Err(de::Error::custom("duplicate"));
                    }
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
