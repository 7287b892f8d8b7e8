//! Identifiers: random, opaque, and of one type each, so that one cannot be given for another.

use std::fmt;
use std::str::FromStr;

use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::env::{Env, Timestamp};

/// A text that is no identifier of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: {expected} characters of base64url without padding expected")]
pub struct InvalidId {
    expected: usize,
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], InvalidId> {
    let expected = (N * 4).div_ceil(3);
    let mut bytes = [0; N];
    if text.len() == expected
        && let Ok(decoded) =
            URL_SAFE_NO_PAD.decode(text.as_bytes(), base64_simd::Out::from_slice(&mut bytes))
        && decoded.len() == N
    {
        return Ok(bytes);
    }
    Err(InvalidId { expected })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// From the bytes that a store kept.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes, for a store.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode_to_string(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// A user: the `sub` of every token about them. Random, never used again, and says nothing about the person.
    UserId, 16
}

id! {
    /// A session: the `sid` of its tokens. The first eight bytes are its absolute end, so that a look-up
    /// knows the partition, and what has ended can be dropped without reading it.
    SessionId, 24
}

id! {
    /// A signing or sealing key's row; a signing key's `kid` is the thumbprint of its public half (RFC 7638).
    KeyId, 16
}

impl UserId {
    /// A new one.
    #[must_use]
    pub fn random(env: &Env) -> Self {
        Self(env.random())
    }
}

impl KeyId {
    /// A new one.
    #[must_use]
    pub fn random(env: &Env) -> Self {
        Self(env.random())
    }
}

impl SessionId {
    /// A new one, for a session that ends at `absolute_end` at the latest.
    #[must_use]
    pub fn random(env: &Env, absolute_end: Timestamp) -> Self {
        let mut bytes = [0; 24];
        let (end, random) = bytes.split_at_mut(8);
        end.copy_from_slice(&absolute_end.as_millis().to_be_bytes());
        env.entropy.fill(random);
        Self(bytes)
    }

    /// When the session ends whatever happens.
    #[must_use]
    pub fn absolute_end(&self) -> Timestamp {
        let mut end = [0; 8];
        end.copy_from_slice(&self.0[..8]);
        Timestamp::from_millis(u64::from_be_bytes(end))
    }
}

/// The name of a client (an application): 1 to 40 characters of `a-z`, `0-9` and `-`, a letter or digit first and last.
/// It is the `client_id` of RFC 6749 §2.2, part of a cookie's name, and what operators type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(Box<str>);

impl ClientId {
    /// The client that exists from the first start.
    pub const DEFAULT: &str = "default";
    /// The server's own, the client of its pages: the only one whose session vouches for its user elsewhere.
    pub const ACCOUNT: &str = "account";

    /// The id of the server's own client.
    #[must_use]
    pub fn account() -> Self {
        Self(Self::ACCOUNT.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ClientId {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a client's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a client id: 1 to 40 characters of a-z, 0-9 and '-' expected, a letter or digit first and last"
)]
pub struct InvalidClientId;

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let alphabet = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ends_well = text.bytes().next().is_some_and(alphabet)
            && text.bytes().next_back().is_some_and(alphabet);
        if text.len() <= 40 && ends_well && text.bytes().all(|b| alphabet(b) || b == b'-') {
            Ok(Self(text.into()))
        } else {
            Err(InvalidClientId)
        }
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
