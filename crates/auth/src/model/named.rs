//! Algorithms by their registered names (RFC 7518 §3.1), as they stand in configurations and in the store.

use std::borrow::Cow;

use countersign_jose::Algorithm;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Something that a registry has a name for.
pub trait Named: Copy + Sized + 'static {
    /// What it is, for whoever wrote another name.
    const WHAT: &'static str;
    /// Its name.
    fn name(self) -> &'static str;
    /// What goes by this name.
    fn from_name(name: &str) -> Option<Self>;
    /// All that there are.
    fn all() -> Vec<Self>;

    /// What to say about a name that is none.
    #[must_use]
    fn unknown(name: &str) -> String {
        let known: Vec<_> = Self::all().into_iter().map(Self::name).collect();
        let (what, known) = (Self::WHAT, known.join(", "));
        format!("{name:?} is no {what}: one of {known} expected")
    }
}

impl Named for Algorithm {
    const WHAT: &'static str = "signature algorithm";

    fn name(self) -> &'static str {
        self.name()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }
}

/// Serialises the name.
///
/// # Errors
/// The serialiser's.
pub fn serialize<T: Named, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.name())
}

/// Reads a name.
///
/// # Errors
/// If it is none.
pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let name = <Cow<'de, str>>::deserialize(deserializer)?;
    T::from_name(&name).ok_or_else(|| de::Error::custom(T::unknown(&name)))
}

/// A name with its serde.
struct ByName<T>(T);

impl<T: Named> Serialize for ByName<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de, T: Named> Deserialize<'de> for ByName<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

/// A name that may be left out.
pub mod optional {
    use super::{ByName, Deserialize, Deserializer, Named, Serialize, Serializer};

    /// Serialises the name.
    ///
    /// # Errors
    /// The serialiser's.
    pub fn serialize<T: Named, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(ByName).serialize(serializer)
    }

    /// Reads a name, if there is one.
    ///
    /// # Errors
    /// If it is none.
    pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let name = Option::<ByName<T>>::deserialize(deserializer)?;
        Ok(name.map(|name| name.0))
    }
}

/// A list of names.
pub mod list {
    use super::{ByName, Deserialize, Deserializer, Named, Serializer};

    /// Serialises the names.
    ///
    /// # Errors
    /// The serialiser's.
    pub fn serialize<T: Named, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| value.name()))
    }

    /// Reads names.
    ///
    /// # Errors
    /// If one of them is none.
    pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let names = Vec::<ByName<T>>::deserialize(deserializer)?;
        Ok(names.into_iter().map(|name| name.0).collect())
    }
}
