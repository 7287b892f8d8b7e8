//! Reading claims (RFC 7519 §4): one pass over the JSON, for whatever type is asked for.
//!
//! The type's own deserializer is driven by the JSON, and everything passes through a watch that
//! notes the registered claims, checks their types, and notices a claim that comes twice. The type
//! cannot switch this off: what it leaves unread is read to the end all the same.

mod replay;
mod watch;

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::{Claim, Refused, UnixTime};
use watch::{Watch, WatchedClaims};

/// How many claims a token may have (RFC 7519 §4), so that reading them takes no longer than
/// verifying a signature.
pub const MAX_CLAIMS: usize = 256;

/// How many audiences a token may name (RFC 7519 §4.1.3): all of them are gathered before they are
/// compared.
pub const MAX_AUDIENCES: usize = 256;

/// What a verifier compares claims with.
pub(crate) struct Expected<'v> {
    pub(crate) issuer: &'v str,
    /// `None`: whichever there is.
    pub(crate) audience: Option<&'v str>,
}

/// What a verifier needs to know of the claims beyond their type.
pub(crate) struct Registered {
    pub(crate) expires_at: UnixTime,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
}

/// Reads the payload of a token whose signature holds. Issuer and audience are compared; times
/// are read, and left for the caller to compare with the present.
pub(crate) fn read<C: DeserializeOwned>(
    payload: &[u8],
    expected: &Expected<'_>,
) -> Result<(C, Registered), Refused> {
    let json = std::str::from_utf8(payload).map_err(|_| Refused::Payload)?;
    let mut watch = Watch::new(expected);
    let claims = parse::<C>(json, &mut watch).map_err(|error| watch.refusal(json, &error))?;
    Ok((claims, watch.registered()?))
}

fn parse<C: DeserializeOwned>(json: &str, watch: &mut Watch<'_>) -> Result<C, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let json = &mut deserializer;
    let claims = C::deserialize(WatchedClaims { json, watch })?;
    deserializer.end()?;
    Ok(claims)
}

/// Whether a claims set that was just written has too many claims to be read.
pub(crate) fn too_many(json: &[u8]) -> bool {
    /// The shortest names and values, quotes, colon and comma included; a name may be empty, once.
    const SHORTEST: usize = 6;

    struct Count;

    impl<'de> Visitor<'de> for Count {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
            let mut count = 0;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                count += 1;
            }
            Ok(count)
        }
    }

    json.len() >= MAX_CLAIMS * SHORTEST
        && serde_json::Deserializer::from_slice(json)
            .deserialize_map(Count)
            .is_ok_and(|count| count > MAX_CLAIMS)
}

/// Whether a claim was there, and held what was expected.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Seen {
    Absent,
    Other,
    Expected,
}

impl Seen {
    fn check(self, claim: Claim, other: Refused) -> Result<(), Refused> {
        match self {
            Self::Absent => Err(Refused::Missing(claim)),
            Self::Other => Err(other),
            Self::Expected => Ok(()),
        }
    }
}
