//! A value that was read already, given on to the type that is read.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::value::{CowStrDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};

/// It behaves as the JSON it came from would: it can fill an `Option`, a newtype or an enum as well
/// as a plain string or number.
pub(super) enum Replay<'de> {
    Text(Cow<'de, str>),
    Texts(Vec<Cow<'de, str>>),
    Whole(u64),
    Fraction(f64),
}

/// A [`Replay`] as a deserializer with the errors of the JSON it stands for.
pub(super) struct ReplayDeserializer<'de, E> {
    value: Replay<'de>,
    error: PhantomData<E>,
}

impl<'de, E: de::Error> IntoDeserializer<'de, E> for Replay<'de> {
    type Deserializer = ReplayDeserializer<'de, E>;

    fn into_deserializer(self) -> Self::Deserializer {
        ReplayDeserializer {
            value: self,
            error: PhantomData,
        }
    }
}

impl<'de, E: de::Error> Deserializer<'de> for ReplayDeserializer<'de, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            Replay::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Replay::Text(Cow::Owned(text)) => visitor.visit_string(text),
            Replay::Texts(texts) => {
                visitor.visit_seq(SeqDeserializer::new(texts.into_iter().map(Replay::Text)))
            }
            Replay::Whole(number) => visitor.visit_u64(number),
            Replay::Fraction(number) => visitor.visit_f64(number),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        match self.value {
            Replay::Text(text) => {
                CowStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}
