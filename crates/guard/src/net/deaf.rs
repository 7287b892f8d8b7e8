//! Static keys: for tests, tools, and issuers without a feed.

use std::{ops::Deref, sync::Arc};

use countersign_jose::Verifier;

use super::{Connected, clock::SystemClock};
use crate::Guard;

/// **A guard that hears no revocations.** It trusts keys that it was given, for ever, and whatever
/// they signed, until it expires: who signed out, whose password changed, who was disabled, and
/// even a key that was stolen, it never learns.
///
/// That is what every library without a feed does. It is right for tests and tools, and where
/// tokens live so shortly that nobody minds; everywhere else, [`Guard::connect`].
///
/// It does whatever a [`Connected`] does, but what needs the issuer: it has no
/// [`account`](Connected::account) and no [`service_token`](Connected::service_token), and
/// [`watch`](Connected::watch) ends at expiry alone.
#[derive(Clone, Debug)]
pub struct HearsNoRevocations(Connected);

impl Guard {
    /// **Hears no revocations**: see [`HearsNoRevocations`]. Trusts what `verifier` accepts (with a
    /// public key, or a shared secret), by this machine's clock; remembers `cache` signatures.
    #[must_use]
    pub fn with_keys(verifier: Verifier, cache: usize) -> HearsNoRevocations {
        let clock = Arc::new(SystemClock::new());
        HearsNoRevocations(Connected::deaf(verifier, cache, clock))
    }
}

impl Deref for HearsNoRevocations {
    type Target = Connected;

    fn deref(&self) -> &Connected {
        &self.0
    }
}
