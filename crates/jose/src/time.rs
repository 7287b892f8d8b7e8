//! Points in time, as tokens carry them.

/// Whole seconds since 1970-01-01T00:00:00Z, without leap seconds: what RFC 7519 §2 calls a
/// `NumericDate`.
///
/// This crate has no clock: wherever the present matters, it is an argument of this type.
///
/// # Example
/// ```
/// use countersign_jose::UnixTime;
/// use std::time::{SystemTime, UNIX_EPOCH};
///
/// let now = UnixTime::from_secs(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The latest time a token may name: 2^53 s, up to which every JSON number is exact
    /// (RFC 8259 §6).
    pub const MAX: Self = Self(1 << 53);

    /// The time `secs` seconds after the epoch (RFC 7519 §2).
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs)
    }

    /// Seconds since the epoch, as `exp` and its kin have them (RFC 7519 §2).
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// This time, `secs` seconds later; the end of time if that is out of range.
    #[must_use]
    pub(crate) const fn plus(self, secs: u64) -> Self {
        Self(self.0.saturating_add(secs))
    }
}
