//! Reading the header of a compact JWS (RFC 7515 §4), and what every header has in common.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::names::{Names, Text, no_object};
use crate::{Algorithm, Refused};

/// More members than this are refused: no honest header has a third of them.
const MAX_MEMBERS: usize = 32;

/// What is kept of a header's members.
pub(crate) trait Members<'h>: Default {
    /// Reads the value of the member with this name, which comes for the first time.
    fn member<A: MapAccess<'h>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads a decoded header in one pass: one JSON object, in which no name occurs twice.
pub(crate) fn read<'h, M: Members<'h>>(json: &'h [u8]) -> Result<M, Refused> {
    let json = std::str::from_utf8(json).map_err(|_| Refused::Header)?;
    let mut header = HeaderVisitor::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer
        .deserialize_any(&mut header)
        .and_then(|()| deserializer.end());
    if header.duplicate {
        return Err(Refused::DuplicateHeader);
    }
    read.map_err(|_| Refused::Header)?;
    Ok(header.members)
}

/// Whether a media type is this one: it may be written without its `application/` and in any case
/// (RFC 7515 §4.1.9).
pub(crate) fn is_media_type(found: &str, needed: &str) -> bool {
    found == needed || short(found).eq_ignore_ascii_case(short(needed))
}

/// What of a header is read. The rest is ignored; `jwk`, `jku`, `x5c` and `x5u` above all, for a
/// token does not choose its key (RFC 8725 §3.10).
pub(crate) struct Header<'h> {
    pub(crate) alg: Algorithm,
    pub(crate) kid: Option<Cow<'h, str>>,
    pub(crate) typ: Option<Cow<'h, str>>,
}

impl<'h> Header<'h> {
    /// Reads the decoded header in one pass.
    pub(crate) fn parse(json: &'h [u8]) -> Result<Self, Refused> {
        let members: Signed<'h> = read(json)?;
        let alg = members.alg.ok_or(Refused::NoAlgorithm)?;
        if members.critical {
            return Err(Refused::Critical);
        }
        if members.encrypted {
            return Err(Refused::Encrypted);
        }
        if members.unencoded {
            return Err(Refused::Unencoded);
        }
        Ok(Self {
            alg: Algorithm::from_name(&alg).ok_or(Refused::UnknownAlgorithm)?,
            kid: members.kid,
            typ: members.typ,
        })
    }

    /// Whether `typ` is this media type (RFC 7515 §4.1.9).
    pub(crate) fn is_of_type(&self, needed: &str) -> bool {
        let typ = self.typ.as_deref();
        typ.is_some_and(|typ| is_media_type(typ, needed))
    }
}

fn short(media_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match media_type.split_at_checked(PREFIX.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => media_type,
    }
}

/// The members of a signed token's header.
#[derive(Default)]
struct Signed<'h> {
    alg: Option<Cow<'h, str>>,
    kid: Option<Cow<'h, str>>,
    typ: Option<Cow<'h, str>>,
    critical: bool,
    encrypted: bool,
    unencoded: bool,
}

impl<'h> Members<'h> for Signed<'h> {
    fn member<A: MapAccess<'h>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let text = match name {
            "alg" => &mut self.alg,
            "kid" => &mut self.kid,
            "typ" => &mut self.typ,
            other => {
                match other {
                    "crit" => self.critical = true,
                    "enc" | "zip" => self.encrypted = true,
                    "b64" => self.unencoded = true,
                    _ => {}
                }
                return map.next_value::<IgnoredAny>().map(|_| ());
            }
        };
        *text = Some(map.next_value::<Text<'h>>()?.0);
        Ok(())
    }
}

#[derive(Default)]
struct HeaderVisitor<M> {
    members: M,
    duplicate: bool,
}

impl<'h, M: Members<'h>> Visitor<'h> for &mut HeaderVisitor<M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Err(no_object())
    }

    fn visit_map<A: MapAccess<'h>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = Names::default();
        while let Some(Text(name)) = map.next_key()? {
            if !names.insert(name.clone()) || names.len() > MAX_MEMBERS {
                self.duplicate = true;
                return Err(de::Error::custom("duplicate"));
            }
            self.members.member(&name, &mut map)?;
        }
        Ok(())
    }
}
