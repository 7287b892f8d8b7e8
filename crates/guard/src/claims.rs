//! The claims of an access token: the one home of their names, for whoever issues and whoever reads.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
    ser::{self, SerializeMap},
};
use serde_json::{Map, Value};

use crate::Scope;

/// The claims of an access token as Countersign issues it (RFC 9068 §2.2).
///
/// Times are whole seconds since 1970-01-01T00:00:00Z (`NumericDate`, RFC 7519 §2). A value of
/// this type says nothing about trust by itself: a trusted one comes as
/// [`Verified<Claims>`](crate::Verified) from [`Guard::check`](crate::Guard::check).
#[derive(Clone, PartialEq, Debug)]
pub struct Claims {
    /// `iss`: who issued the token (RFC 7519 §4.1.1).
    pub iss: String,
    /// `sub`: the user, or for a service's own token the client (RFC 7519 §4.1.2).
    pub sub: String,
    /// `aud`: whom the token is for (RFC 7519 §4.1.3). Written as a string; an array of one is
    /// read as that one.
    pub aud: String,
    /// `exp`: refused from this second on (RFC 7519 §4.1.4).
    pub exp: u64,
    /// `iat`: when it was issued (RFC 7519 §4.1.6).
    pub iat: u64,
    /// `jti`: the token's own id, never used twice (RFC 7519 §4.1.7).
    pub jti: String,
    /// `client_id`: the application that it was issued to (RFC 8693 §4.3).
    pub client_id: String,
    /// `sid`: the session that it belongs to, if it belongs to one (OpenID Connect Front-Channel
    /// Logout 1.0 §3).
    pub sid: Option<String>,
    /// `auth_time`: when the person last proved who they are (RFC 9068 §2.2.1).
    pub auth_time: Option<u64>,
    /// `amr`: by what means (RFC 8176); absent from the token when empty.
    pub amr: Vec<String>,
    /// `scope`: what it permits (RFC 8693 §4.2).
    pub scope: Option<Scope>,
    /// `epochs`: the numbers that a revocation is compared with.
    pub epochs: Epochs,
    /// Every other claim, by name: what the client's mapping asked for.
    pub extra: Map<String, Value>,
}

/// The epochs under which a session began; its tokens inherit them unchanged.
///
/// Issuer, client and user each have a number that only rises. A revocation says "below 7": a
/// token that bears 6 is refused, one that bears 7 is not, whenever either was signed. On the
/// wire an array, `[issuer, client, subject]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Epochs {
    /// Raised for "everybody signs in again".
    pub issuer: u64,
    /// Raised for all tokens of one client.
    pub client: u64,
    /// Raised for all tokens of one user, as by a change of password.
    pub subject: u64,
}

impl Claims {
    /// The names that have a meaning here, and `nbf`, which the verifier reads (RFC 7519 §4.1.5).
    #[rustfmt::skip]
    const RESERVED: [&str; 13] = [
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti",
        "client_id", "sid", "auth_time", "amr", "scope", "epochs",
    ];

    /// Whether `name` has a meaning of its own, so that [`Claims::extra`] must not hold it: a
    /// mapping that asks for such a name is a mistake, and serialising it is an error.
    #[must_use]
    pub fn is_reserved(name: &str) -> bool {
        Self::RESERVED.contains(&name)
    }
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(name) = self.extra.keys().find(|name| Self::is_reserved(name)) {
            return Err(ser::Error::custom(format_args!(
                "`{name}` is a claim of its own and cannot be an extra one"
            )));
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", &self.iss)?;
        map.serialize_entry("sub", &self.sub)?;
        map.serialize_entry("aud", &self.aud)?;
        map.serialize_entry("exp", &self.exp)?;
        map.serialize_entry("iat", &self.iat)?;
        map.serialize_entry("jti", &self.jti)?;
        map.serialize_entry("client_id", &self.client_id)?;
        if let Some(sid) = &self.sid {
            map.serialize_entry("sid", sid)?;
        }
        if let Some(auth_time) = &self.auth_time {
            map.serialize_entry("auth_time", auth_time)?;
        }
        if !self.amr.is_empty() {
            map.serialize_entry("amr", &self.amr)?;
        }
        if let Some(scope) = &self.scope {
            map.serialize_entry("scope", scope)?;
        }
        map.serialize_entry("epochs", &self.epochs)?;
        for (name, value) in &self.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

/// By hand, because serde's `flatten` would buffer every claim before reading it.
struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of an access token (RFC 9068 §2.2)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
        let (mut iss, mut sub, mut aud, mut exp, mut iat) = (None, None, None, None, None);
        let (mut jti, mut client_id, mut epochs) = (None, None, None);
        let (mut sid, mut auth_time, mut amr, mut scope) = (None, None, None, None);
        let mut extra = Map::new();
        while let Some(name) = map.next_key()? {
            match name {
                Name::Reserved("iss") => once(&mut iss, &mut map, "iss")?,
                Name::Reserved("sub") => once(&mut sub, &mut map, "sub")?,
                Name::Reserved("aud") => once(&mut aud, &mut map, "aud")?,
                Name::Reserved("exp") => once(&mut exp, &mut map, "exp")?,
                Name::Reserved("iat") => once(&mut iat, &mut map, "iat")?,
                Name::Reserved("jti") => once(&mut jti, &mut map, "jti")?,
                Name::Reserved("client_id") => once(&mut client_id, &mut map, "client_id")?,
                Name::Reserved("sid") => once(&mut sid, &mut map, "sid")?,
                Name::Reserved("auth_time") => once(&mut auth_time, &mut map, "auth_time")?,
                Name::Reserved("amr") => once(&mut amr, &mut map, "amr")?,
                Name::Reserved("scope") => once(&mut scope, &mut map, "scope")?,
                Name::Reserved("epochs") => once(&mut epochs, &mut map, "epochs")?,
                // `nbf`, the verifier's business: no claim of ours, and no extra one either.
                Name::Reserved(_) => drop(map.next_value::<IgnoredAny>()?),
                Name::Extra(name) => {
                    let value = map.next_value()?;
                    if extra.insert(name, value).is_some() {
                        return Err(de::Error::custom("a claim stands twice"));
                    }
                }
            }
        }
        let Audience(aud) = required(aud, "aud")?;
        Ok(Claims {
            iss: required(iss, "iss")?,
            sub: required(sub, "sub")?,
            aud,
            exp: required(exp, "exp")?,
            iat: required(iat, "iat")?,
            jti: required(jti, "jti")?,
            client_id: required(client_id, "client_id")?,
            sid,
            auth_time,
            amr: amr.unwrap_or_default(),
            scope,
            epochs: required(epochs, "epochs")?,
            extra,
        })
    }
}

/// The name of a claim; copied only if it is not one of ours.
enum Name {
    Reserved(&'static str),
    Extra(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyName;

        impl Visitor<'_> for AnyName {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a claim")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                let reserved = Claims::RESERVED
                    .into_iter()
                    .find(|reserved| *reserved == name);
                Ok(reserved.map_or_else(|| Name::Extra(name.to_owned()), Name::Reserved))
            }
        }

        deserializer.deserialize_identifier(AnyName)
    }
}

/// Reads the value of a claim that must not stand twice (RFC 7519 §4).
fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    map: &mut A,
    name: &'static str,
) -> Result<(), A::Error> {
    match slot.replace(map.next_value()?) {
        None => Ok(()),
        Some(_) => Err(de::Error::duplicate_field(name)),
    }
}

fn required<T, E: de::Error>(slot: Option<T>, name: &'static str) -> Result<T, E> {
    slot.ok_or_else(|| E::missing_field(name))
}

/// A string, or an array of exactly one (RFC 7519 §4.1.3).
struct Audience(String);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;

        impl<'de> Visitor<'de> for One {
            type Value = Audience;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one audience, as a string or as an array of one string")
            }

            fn visit_str<E: de::Error>(self, aud: &str) -> Result<Audience, E> {
                Ok(Audience(aud.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Audience, A::Error> {
                let aud = seq
                    .next_element()?
                    .ok_or_else(|| de::Error::invalid_length(0, &self))?;
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(Audience(aud)),
                    Some(_) => Err(de::Error::invalid_length(2, &self)),
                }
            }
        }

        deserializer.deserialize_any(One)
    }
}

impl Serialize for Epochs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.issuer, self.client, self.subject).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Epochs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (issuer, client, subject) = Deserialize::deserialize(deserializer)?;
        Ok(Self {
            issuer,
            client,
            subject,
        })
    }
}
