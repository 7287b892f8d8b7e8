//! Durations as people write them: `200ms`, `8s`, `5m`, `1h`, `90d`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// The units, longest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A text that is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a duration: a number and a unit expected, such as \"200ms\", \"8s\", \"5m\", \"1h\" or \"90d\""
)]
pub struct InvalidDuration;

/// Reads one.
///
/// # Errors
/// If it is not a whole number directly followed by one of the units `ms`, `s`, `m`, `h`, `d`.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| InvalidDuration)?;
    let (_, millis) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or(InvalidDuration)?;
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or(InvalidDuration)
}

/// Shows one in the longest unit that needs no fraction; below a millisecond is cut off.
#[derive(Clone, Copy, Debug)]
pub struct Shown(pub Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (unit, size) = UNITS
            .into_iter()
            .find(|(_, size)| millis.is_multiple_of(u128::from(*size)))
            .unwrap_or(("ms", 1));
        if millis == 0 {
            return f.write_str("0s");
        }
        write!(f, "{}{unit}", millis / u128::from(size))
    }
}

pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Shown(*value))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// A duration that can be left out.
pub(crate) mod or_default {
    use super::{Deserializer, Duration, Serializer};

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

/// A duration, or the word `never`.
pub(super) mod or_never {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_str("never"),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "never" {
            return Ok(None);
        }
        super::parse(&text)
            .map(Some)
            .map_err(|invalid| serde::de::Error::custom(format!("{invalid}, or \"never\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_shows() {
        for (text, millis) in [
            ("200ms", 200),
            ("8s", 8000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("90d", 90 * 86_400_000),
            ("0s", 0),
        ] {
            let duration = parse(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis));
            assert_eq!(Shown(duration).to_string(), text);
        }
        assert_eq!(Shown(Duration::from_secs(90)).to_string(), "90s");
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "1.5h",
            "5min",
            "99999999999999999999d",
            "5M",
        ] {
            assert_eq!(parse(text), Err(InvalidDuration), "{text:?}");
        }
    }
}
