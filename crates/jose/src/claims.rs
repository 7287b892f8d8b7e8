//! Reading claims (RFC 7519 §4): one pass over the JSON, for whatever type is asked for.
//!
//! The type's own deserializer is driven by the JSON, and everything passes through a watch that
//! notes the registered claims, checks their types, and notices a claim that comes twice. The type
//! cannot switch this off: what it leaves unread is read to the end all the same.

mod replay;
mod watch;

use serde::de::DeserializeOwned;

use crate::{Claim, Refused, UnixTime};
use watch::{Watch, WatchedClaims};

/// What a verifier compares claims with.
pub(crate) struct Expected<'v> {
    pub(crate) issuer: &'v str,
    pub(crate) audience: &'v str,
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
