//! Reading JSON Web Keys (RFC 7517 §4).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::algorithm::{ED25519, Family, MlDsa, P256, P384, P521};
use crate::base64url;
use crate::names::no_object;
use crate::{Algorithm, KeyError};

/// The members that matter, as they stand; what they mean is asked for afterwards, so that one
/// strange key in a set does not hide the others. A member that occurs twice is an error.
#[derive(Deserialize, Default)]
#[serde(default, remote = "Self")]
pub(crate) struct Jwk<'a> {
    #[serde(borrow)]
    kty: Member<'a>,
    alg: Member<'a>,
    kid: Member<'a>,
    #[serde(rename = "use")]
    purpose: Member<'a>,
    key_ops: Member<'a>,
    pub(super) crv: Member<'a>,
    pub(super) x: Member<'a>,
    pub(super) y: Member<'a>,
    pub(super) n: Member<'a>,
    pub(super) e: Member<'a>,
    pub(super) d: Member<'a>,
    pub(super) p: Member<'a>,
    pub(super) q: Member<'a>,
    pub(super) dp: Member<'a>,
    pub(super) dq: Member<'a>,
    pub(super) qi: Member<'a>,
    pub(super) oth: Member<'a>,
    pub(super) k: Member<'a>,
    #[serde(rename = "pub")]
    pub(super) public: Member<'a>,
    #[serde(rename = "priv")]
    pub(super) private: Member<'a>,
}

/// A key set as it stands (RFC 7517 §5).
#[derive(Deserialize)]
pub(super) struct JwkSet<'a> {
    #[serde(borrow)]
    pub(super) keys: Vec<Jwk<'a>>,
}

impl<'a> JwkSet<'a> {
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, KeyError> {
        // An object alone: what is derived would read an array of arrays as well.
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(KeyError::Json);
        }
        serde_json::from_slice(json).map_err(|_| KeyError::Json)
    }
}

/// `kty`.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum KeyType {
    Oct,
    Rsa,
    Ec,
    Okp,
    Akp,
}

impl<'de: 'a, 'a> Deserialize<'de> for Jwk<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JwkVisitor)
    }
}

/// Takes an object alone: what is derived would read an array of values as well.
struct JwkVisitor;

impl<'de> Visitor<'de> for JwkVisitor {
    type Value = Jwk<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(no_object())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Jwk::deserialize(MapAccessDeserializer::new(map))
    }
}

/// What a key is going to be used for.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Sign,
    Verify,
    Encrypt,
    Decrypt,
    WrapKey,
    UnwrapKey,
    /// With the public half of the agreement, whose `key_ops` is empty where others write it.
    AgreeWith,
    Agree,
}

impl Operation {
    /// The `use` that it is (RFC 7517 §4.2), the `key_ops` of which one is enough (§4.3), and what
    /// to say of a key that is for something else.
    fn needs(self) -> (&'static str, &'static [&'static str], KeyError) {
        let (purpose, ops, otherwise): (_, &[&str], _) = match self {
            Self::Sign => ("sig", &["sign"], KeyError::NotForSignatures),
            // Whoever may sign may verify.
            Self::Verify => ("sig", &["verify", "sign"], KeyError::NotForSignatures),
            Self::Encrypt => ("enc", &["encrypt"], KeyError::NotForEncryption),
            Self::Decrypt => ("enc", &["decrypt"], KeyError::NotForEncryption),
            Self::WrapKey => ("enc", &["wrapKey", "encrypt"], KeyError::NotForEncryption),
            Self::UnwrapKey => ("enc", &["unwrapKey", "decrypt"], KeyError::NotForEncryption),
            Self::AgreeWith | Self::Agree => (
                "enc",
                &["deriveKey", "deriveBits"],
                KeyError::NotForEncryption,
            ),
        };
        (purpose, ops, otherwise)
    }
}

impl<'a> Jwk<'a> {
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, KeyError> {
        serde_json::from_slice(json).map_err(|_| KeyError::Json)
    }

    pub(super) fn key_type(&self) -> Result<KeyType, KeyError> {
        match self.kty.text("kty")? {
            "oct" => Ok(KeyType::Oct),
            "RSA" => Ok(KeyType::Rsa),
            "EC" => Ok(KeyType::Ec),
            "OKP" => Ok(KeyType::Okp),
            "AKP" => Ok(KeyType::Akp),
            _ => Err(KeyError::UnknownType),
        }
    }

    pub(super) fn kid(&self) -> Result<Option<&str>, KeyError> {
        self.kid.optional("kid")
    }

    /// The key's one algorithm: what `alg` says, or what the curve leaves no choice about, or
    /// `given`, if neither speaks against it.
    pub(super) fn algorithm(&self, given: Option<Algorithm>) -> Result<Algorithm, KeyError> {
        let named = match self.alg.optional("alg")? {
            Some(name) => Some(Algorithm::from_name(name).ok_or(KeyError::UnknownAlgorithm)?),
            None => None,
        };
        let of_type = self.key_type()?;
        let alg = match (named.or(given), of_type) {
            (Some(alg), _) => alg,
            (None, KeyType::Ec | KeyType::Okp) => self.algorithm_of_curve()?,
            (None, KeyType::Rsa | KeyType::Oct | KeyType::Akp) => {
                return Err(KeyError::AlgorithmNeeded);
            }
        };
        let fits = match alg.family() {
            Family::Hmac { .. } => of_type == KeyType::Oct,
            Family::Rsa { .. } => of_type == KeyType::Rsa,
            Family::Ec { curve, .. } => {
                of_type == KeyType::Ec && self.crv.text("crv")? == curve.name
            }
            Family::Ed25519 => of_type == KeyType::Okp && self.crv.text("crv")? == ED25519.0,
            Family::MlDsa(_) => of_type == KeyType::Akp,
        };
        if fits && given.is_none_or(|given| given == alg) {
            Ok(alg)
        } else {
            Err(KeyError::WrongAlgorithm(given.unwrap_or(alg)))
        }
    }

    /// The parameter set that a key of `kty` `AKP` is one for. The key must say so itself, whatever
    /// the caller knows: its octets mean nothing without (RFC 9964 §3).
    pub(super) fn parameter_set(&self) -> Result<&'static MlDsa, KeyError> {
        let alg = self.algorithm(None)?;
        match alg.family() {
            Family::MlDsa(set) => Ok(set),
            _ => Err(KeyError::WrongAlgorithm(alg)),
        }
    }

    fn algorithm_of_curve(&self) -> Result<Algorithm, KeyError> {
        let crv = self.crv.text("crv")?;
        [
            (P256.name, Algorithm::ES256),
            (P384.name, Algorithm::ES384),
            (P521.name, Algorithm::ES512),
            (ED25519.0, Algorithm::EdDSA),
        ]
        .into_iter()
        .find_map(|(name, alg)| (name == crv).then_some(alg))
        .ok_or(KeyError::UnknownCurve)
    }

    /// What `alg` says, if it is there.
    pub(super) fn alg(&self) -> Result<Option<&str>, KeyError> {
        self.alg.optional("alg")
    }

    /// `use` and `key_ops` must not reserve the key for something else (RFC 7517 §4.2, §4.3).
    pub(super) fn permits(&self, operation: Operation) -> Result<(), KeyError> {
        let (needed, enough, otherwise) = operation.needs();
        let purpose = self.purpose.optional("use")?;
        if purpose.is_some_and(|purpose| purpose != needed) {
            return Err(otherwise);
        }
        let ops = match &self.key_ops {
            Member::Absent => return Ok(()),
            Member::List(ops) => ops,
            _ => return Err(KeyError::Malformed("key_ops")),
        };
        if (1..ops.len()).any(|i| ops[..i].contains(&ops[i])) {
            return Err(KeyError::Malformed("key_ops"));
        }
        let empty = ops.is_empty() && operation == Operation::AgreeWith;
        if empty || ops.iter().any(|named| enough.contains(&&**named)) {
            Ok(())
        } else {
            Err(otherwise)
        }
    }

    /// Whether one of the members is there that public keys do not have (RFC 7518 §6.2.2, §6.3.2,
    /// §6.4.1; RFC 8037 §2).
    pub(super) fn has_private_members(&self) -> bool {
        [
            &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth, &self.k,
        ]
        .into_iter()
        .any(Member::is_present)
    }
}

/// A member's value.
#[derive(Default)]
pub(crate) enum Member<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
    Number(u64),
    /// `null`, another number, an object, a list of other things: nothing that this crate reads.
    Other,
}

impl Member<'_> {
    pub(super) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&str, KeyError> {
        self.optional(name)?.ok_or(KeyError::Missing(name))
    }

    fn optional(&self, name: &'static str) -> Result<Option<&str>, KeyError> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::List(_) | Self::Number(_) | Self::Other => Err(KeyError::Malformed(name)),
        }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Public octets.
    pub(super) fn octets(&self, name: &'static str) -> Result<Box<[u8]>, KeyError> {
        base64url::decode_vec(self.text(name)?)
            .map(Vec::into_boxed_slice)
            .map_err(|_| KeyError::Malformed(name))
    }

    /// Secret octets, wiped when dropped.
    pub(super) fn secret(&self, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        base64url::decode_secret(self.text(name)?).map_err(|_| KeyError::Malformed(name))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(member) = seq.next_element::<Member<'de>>()? {
            let Member::Text(text) = member else {
                // What follows is read faster when nothing of it is kept.
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Member::Other);
            };
            texts.push(text);
        }
        Ok(Member::List(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Member::Number(number))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }
}
