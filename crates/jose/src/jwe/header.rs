//! Reading the header of an encrypted token (RFC 7516 §4).

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess};

use super::ContentEncryption;
use super::content::{GCM_IV, GCM_TAG};
use crate::header::{self, Members};
use crate::key::{Jwk, Member};
use crate::names::Text;
use crate::{Refused, base64url};

/// What of a header is read. The rest is ignored: `jwk`, `jku`, `x5c` and `x5u`, for a token does
/// not choose its key (RFC 8725 §3.10), and copies of claims (RFC 7519 §5.3), for nobody signed
/// them.
pub(crate) struct Header<'h> {
    pub(crate) alg: Cow<'h, str>,
    pub(crate) enc: ContentEncryption,
    pub(crate) kid: Option<Cow<'h, str>>,
    pub(crate) typ: Option<Cow<'h, str>>,
    pub(crate) cty: Option<Cow<'h, str>>,
    pub(crate) parameters: Parameters<'h>,
}

/// What algorithms ask for beside (RFC 7518 §4.6.1, §4.7.1, §4.8.1).
#[derive(Default)]
pub(crate) struct Parameters<'h> {
    pub(crate) epk: Option<Jwk<'h>>,
    apu: Option<Cow<'h, str>>,
    apv: Option<Cow<'h, str>>,
    iv: Option<Cow<'h, str>>,
    tag: Option<Cow<'h, str>>,
    p2s: Option<Cow<'h, str>>,
    pub(crate) p2c: Member<'h>,
}

impl<'h> Header<'h> {
    /// Reads the decoded header in one pass.
    pub(crate) fn parse(json: &'h [u8]) -> Result<Self, Refused> {
        let members: Encrypted<'h> = header::read(json)?;
        let alg = members.alg.ok_or(Refused::NoAlgorithm)?;
        if members.critical {
            return Err(Refused::Critical);
        }
        if members.compressed {
            return Err(Refused::Compressed);
        }
        if members.unencoded {
            return Err(Refused::Unencoded);
        }
        let enc = members.enc.ok_or(Refused::NoEncryption)?;
        Ok(Self {
            alg,
            enc: ContentEncryption::from_name(&enc).ok_or(Refused::UnknownEncryption)?,
            kid: members.kid,
            typ: members.typ,
            cty: members.cty,
            parameters: members.parameters,
        })
    }
}

impl Parameters<'_> {
    /// Who sent it and who is to read it, or nothing (RFC 7518 §4.6.1.2, §4.6.1.3).
    pub(crate) fn parties(&self) -> Result<(Vec<u8>, Vec<u8>), Refused> {
        let decode = |text: Option<&str>, name| {
            base64url::decode_vec(text.unwrap_or_default()).map_err(|_| Refused::Parameter(name))
        };
        let sender = decode(self.apu.as_deref(), "apu")?;
        Ok((sender, decode(self.apv.as_deref(), "apv")?))
    }

    /// IV and tag of the wrapped key (RFC 7518 §4.7.1).
    pub(crate) fn iv_and_tag(&self) -> Result<([u8; GCM_IV], [u8; GCM_TAG]), Refused> {
        Ok((
            octets(self.iv.as_deref(), "iv")?,
            octets(self.tag.as_deref(), "tag")?,
        ))
    }

    /// The salt of a password (RFC 7518 §4.8.1.1), at least eight octets.
    pub(crate) fn salt(&self) -> Result<Vec<u8>, Refused> {
        let salt = base64url::decode_vec(self.p2s.as_deref().unwrap_or_default());
        salt.ok()
            .filter(|salt| salt.len() >= 8)
            .ok_or(Refused::Parameter("p2s"))
    }
}

fn octets<const N: usize>(text: Option<&str>, name: &'static str) -> Result<[u8; N], Refused> {
    let octets = text.and_then(|text| {
        let mut room = base64url::room::<32>();
        let octets = base64url::decode(text.as_bytes(), &mut room).ok()?;
        <[u8; N]>::try_from(&*octets).ok()
    });
    octets.ok_or(Refused::Parameter(name))
}

/// The members of an encrypted token's header.
#[derive(Default)]
struct Encrypted<'h> {
    alg: Option<Cow<'h, str>>,
    enc: Option<Cow<'h, str>>,
    kid: Option<Cow<'h, str>>,
    typ: Option<Cow<'h, str>>,
    cty: Option<Cow<'h, str>>,
    parameters: Parameters<'h>,
    critical: bool,
    compressed: bool,
    unencoded: bool,
}

impl<'h> Members<'h> for Encrypted<'h> {
    fn member<A: MapAccess<'h>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let parameters = &mut self.parameters;
        let text = match name {
            "alg" => &mut self.alg,
            "enc" => &mut self.enc,
            "kid" => &mut self.kid,
            "typ" => &mut self.typ,
            "cty" => &mut self.cty,
            "apu" => &mut parameters.apu,
            "apv" => &mut parameters.apv,
            "iv" => &mut parameters.iv,
            "tag" => &mut parameters.tag,
            "p2s" => &mut parameters.p2s,
            "p2c" => {
                parameters.p2c = map.next_value()?;
                return Ok(());
            }
            "epk" => {
                parameters.epk = Some(map.next_value()?);
                return Ok(());
            }
            other => {
                match other {
                    "crit" => self.critical = true,
                    "zip" => self.compressed = true,
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
