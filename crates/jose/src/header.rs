//! Reading the header of a compact JWS (RFC 7515 §4).

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::names::{Names, Text};
use crate::{Algorithm, Refused};

/// More members than this are refused: no honest header has a third of them.
const MAX_MEMBERS: usize = 32;

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
        let json = std::str::from_utf8(json).map_err(|_| Refused::Header)?;
        let mut members = Members::default();
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let read = deserializer
            .deserialize_map(HeaderVisitor(&mut members))
            .and_then(|()| deserializer.end());
        if let Some(refused) = members.refused {
            return Err(refused);
        }
        read.map_err(|_| Refused::Header)?;
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

    /// Whether `typ` is this media type, which may be written without its `application/` and in
    /// any case (RFC 7515 §4.1.9).
    pub(crate) fn is_of_type(&self, needed: &str) -> bool {
        let typ = self.typ.as_deref();
        typ.is_some_and(|typ| typ == needed || short(typ).eq_ignore_ascii_case(short(needed)))
    }
}

fn short(media_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match media_type.split_at_checked(PREFIX.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => media_type,
    }
}

#[derive(Default)]
struct Members<'h> {
    alg: Option<Cow<'h, str>>,
    kid: Option<Cow<'h, str>>,
    typ: Option<Cow<'h, str>>,
    critical: bool,
    encrypted: bool,
    unencoded: bool,
    refused: Option<Refused>,
}

struct HeaderVisitor<'m, 'h>(&'m mut Members<'h>);

impl<'h> Visitor<'h> for HeaderVisitor<'_, 'h> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'h>>(self, mut map: A) -> Result<(), A::Error> {
        let members = self.0;
        let mut names = Names::default();
        while let Some(Text(name)) = map.next_key()? {
            if !names.insert(name.clone()) || names.len() > MAX_MEMBERS {
                members.refused = Some(Refused::DuplicateHeader);
                return Err(de::Error::custom("duplicate"));
            }
            let text = match &*name {
                "alg" => &mut members.alg,
                "kid" => &mut members.kid,
                "typ" => &mut members.typ,
                other => {
                    match other {
                        "crit" => members.critical = true,
                        "enc" | "zip" => members.encrypted = true,
                        "b64" => members.unencoded = true,
                        _ => {}
                    }
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *text = Some(map.next_value::<Text<'h>>()?.0);
        }
        Ok(())
    }
}
