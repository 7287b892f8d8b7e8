//! The watch between the JSON and the type that is read.

use std::borrow::Cow;
use std::{fmt, mem};

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer, MapAccess,
    SeqAccess, Visitor,
};

use super::replay::Replay;
use super::{Expected, MAX_AUDIENCES, MAX_CLAIMS, Registered, Seen};
use crate::names::{Names, Text, no_object};
use crate::{Claim, Refused, UnixTime};

/// What was seen while reading.
pub(super) struct Watch<'v> {
    expected: &'v Expected<'v>,
    issuer: Seen,
    audience: Seen,
    expires: Option<Date>,
    not_before: Option<Date>,
    issued_at: Option<Date>,
    /// Why the token is refused, if that is known better than the JSON error tells.
    pub(super) refused: Option<Refused>,
    /// An object was begun.
    pub(super) opened: bool,
    /// An object was read to its end.
    pub(super) complete: bool,
}

impl<'v> Watch<'v> {
    pub(super) fn new(expected: &'v Expected<'v>) -> Self {
        Self {
            expected,
            issuer: Seen::Absent,
            audience: Seen::Absent,
            expires: None,
            not_before: None,
            issued_at: None,
            refused: None,
            opened: false,
            complete: false,
        }
    }

    /// Why the claims could not be read.
    pub(super) fn refusal(&mut self, json: &str, error: &serde_json::Error) -> Refused {
        if let Some(refused) = self.refused.take() {
            return refused;
        }
        if !error.is_data() || !self.opened {
            return Refused::Payload;
        }
        let before = error.line().saturating_sub(1);
        let lines: usize = json.split_inclusive('\n').take(before).map(str::len).sum();
        let at = lines + error.column();
        Refused::Shape { at }
    }

    /// What was seen of an object that was read.
    pub(super) fn registered(&mut self) -> Result<Registered, Refused> {
        // The type may go on after an error, or not look at the claims at all.
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        if !self.complete {
            return Err(Refused::Payload);
        }
        self.issuer.check(Claim::Issuer, Refused::Issuer)?;
        self.audience.check(Claim::Audience, Refused::Audience)?;
        let expires = self.expires.ok_or(Refused::Missing(Claim::Expires))?;
        Ok(Registered {
            expires_at: expires.floor(),
            not_before: self.not_before.map(Date::ceil),
            issued_at: self.issued_at.map(Date::floor),
        })
    }

    /// Notes a registered claim's value and gives it back for the type that is read.
    fn note<'de, A: MapAccess<'de>>(
        &mut self,
        claim: Claim,
        map: &mut A,
    ) -> Result<Replay<'de>, A::Error> {
        match claim {
            Claim::Issuer => {
                let Text(issuer) = map.next_value()?;
                self.issuer = seen(issuer == self.expected.issuer);
                Ok(Replay::Text(issuer))
            }
            Claim::Subject => {
                let Text(subject) = map.next_value()?;
                Ok(Replay::Text(subject))
            }
            Claim::Audience => {
                let audience: Audience<'de> = map.next_value()?;
                let expected = self.expected.audience;
                let ours = |name: &Cow<'_, str>| expected.is_none_or(|expected| name == expected);
                self.audience = seen(match &audience {
                    Audience::One(name) => ours(name),
                    Audience::Many(names) => names.iter().any(ours),
                });
                Ok(match audience {
                    Audience::One(name) => Replay::Text(name),
                    Audience::Many(names) => Replay::Texts(names),
                })
            }
            Claim::Expires | Claim::NotBefore | Claim::IssuedAt => {
                let date: Date = map.next_value()?;
                *match claim {
                    Claim::Expires => &mut self.expires,
                    Claim::NotBefore => &mut self.not_before,
                    _ => &mut self.issued_at,
                } = Some(date);
                Ok(match date {
                    Date::Whole(secs) => Replay::Whole(secs),
                    Date::Fraction(secs) => Replay::Fraction(secs),
                })
            }
        }
    }
}

fn seen(expected: bool) -> Seen {
    if expected {
        Seen::Expected
    } else {
        Seen::Other
    }
}

fn registered_claim(name: &str) -> Option<Claim> {
    Some(match name.as_bytes() {
        b"iss" => Claim::Issuer,
        b"sub" => Claim::Subject,
        b"aud" => Claim::Audience,
        b"exp" => Claim::Expires,
        b"nbf" => Claim::NotBefore,
        b"iat" => Claim::IssuedAt,
        _ => return None,
    })
}

/// What the type that is read is given to deserialize from. Whatever it asks for, it gets the
/// claims, which are an object.
pub(super) struct WatchedClaims<'w, 'v, D> {
    pub(super) json: D,
    pub(super) watch: &'w mut Watch<'v>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for WatchedClaims<'_, '_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let mut value = None;
        self.json.deserialize_any(ObjectVisitor {
            visitor,
            watch: self.watch,
            value: &mut value,
        })?;
        value.ok_or_else(no_object)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Puts the value in its place itself: it can be large, and would be copied at every return.
struct ObjectVisitor<'w, 'v, V, T> {
    visitor: V,
    watch: &'w mut Watch<'v>,
    value: &'w mut Option<T>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for ObjectVisitor<'_, '_, V, V::Value> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Err(no_object())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.watch.opened = true;
        let mut members = WatchedMembers {
            map,
            registered: [false; 6],
            others: Names::default(),
            count: 0,
            claim: None,
            watch: self.watch,
        };
        *self.value = Some(self.visitor.visit_map(&mut members)?);
        // The type may have stopped early; the watch does not.
        while !members.watch.complete && members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
        }
        Ok(())
    }
}

struct WatchedMembers<'w, 'v, 'de, A> {
    map: A,
    /// Which of the registered claims came already.
    registered: [bool; 6],
    /// The names of the others.
    others: Names<'de>,
    /// How many claims came.
    count: usize,
    /// The registered claim whose value comes next.
    claim: Option<Claim>,
    watch: &'w mut Watch<'v>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WatchedMembers<'_, '_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(Text(name)) = self.map.next_key()? else {
            self.watch.complete = true;
            return Ok(None);
        };
        self.claim = registered_claim(&name);
        let new = match self.claim {
            Some(claim) => !mem::replace(&mut self.registered[claim as usize], true),
            None => self.others.insert(name.clone()),
        };
        if !new {
            self.watch.refused = Some(Refused::DuplicateClaim);
            return Err(de::Error::custom("duplicate"));
        }
        self.count += 1;
        if self.count > MAX_CLAIMS {
            self.watch.refused = Some(Refused::TooManyClaims);
            return Err(de::Error::custom("too many"));
        }
        seed.deserialize(Replay::Text(name).into_deserializer())
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let Some(claim) = self.claim.take() else {
            return self.map.next_value_seed(seed);
        };
        match self.watch.note(claim, &mut self.map) {
            Ok(value) => seed.deserialize(value.into_deserializer()),
            Err(error) => {
                self.watch.refused = Some(Refused::Malformed(claim));
                Err(error)
            }
        }
    }
}

/// `aud` (RFC 7519 §4.1.3).
enum Audience<'de> {
    One(Cow<'de, str>),
    Many(Vec<Cow<'de, str>>),
}

impl<'de> Deserialize<'de> for Audience<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudienceVisitor)
    }
}

struct AudienceVisitor;

impl<'de> Visitor<'de> for AudienceVisitor {
    type Value = Audience<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Audience::One(Cow::Borrowed(name)))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Audience::One(Cow::Owned(name.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(Text(name)) = seq.next_element()? {
            if names.len() == MAX_AUDIENCES {
                return Err(de::Error::custom("too many"));
            }
            names.push(name);
        }
        Ok(Audience::Many(names))
    }
}

/// A `NumericDate` (RFC 7519 §2): a finite number from 0 to 2^53, whole or not.
#[derive(Copy, Clone)]
enum Date {
    Whole(u64),
    Fraction(f64),
}

impl Date {
    /// The earlier whole second: a token does not live longer than it says.
    fn floor(self) -> UnixTime {
        self.whole(f64::floor)
    }

    /// The later whole second: nor does it begin earlier.
    fn ceil(self) -> UnixTime {
        self.whole(f64::ceil)
    }

    fn whole(self, round: fn(f64) -> f64) -> UnixTime {
        UnixTime::from_secs(match self {
            Self::Whole(secs) => secs,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 2^53: checked when it was read"
            )]
            Self::Fraction(secs) => round(secs) as u64,
        })
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DateVisitor)
    }
}

struct DateVisitor;

impl Visitor<'_> for DateVisitor {
    type Value = Date;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    /// Nobody reads the string in an error, and writing it there takes long.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<Date, E> {
        Err(E::custom("no number"))
    }

    fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Date, E> {
        if secs <= UnixTime::MAX.as_secs() {
            Ok(Date::Whole(secs))
        } else {
            Err(E::custom("out of range"))
        }
    }

    fn visit_f64<E: de::Error>(self, secs: f64) -> Result<Date, E> {
        #[expect(clippy::cast_precision_loss, reason = "2^53 is exact")]
        let max = UnixTime::MAX.as_secs() as f64;
        if (0.0..=max).contains(&secs) && secs.is_sign_positive() {
            Ok(Date::Fraction(secs))
        } else {
            Err(E::custom("out of range"))
        }
    }
}
