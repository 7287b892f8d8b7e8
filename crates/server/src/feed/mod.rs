//! The revocation feed over HTTP: what a reader asks for, and what events look like on the wire. The contract is
//! `docs/feed.md`; the routes are in `routes::revocations`.

mod places;
mod query;
mod stream;
mod view;

use std::time::Duration;

pub(crate) use places::{Place, Places};
pub(crate) use query::{After, Query, place};
pub(crate) use stream::{Ear, Ended, open};
pub(crate) use view::View;

/// The word that a token's scope must hold.
pub(crate) const SCOPE: &str = "revocations";

/// How the feed behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often a stream says that it is well.
    pub heartbeat: Duration,
    /// How many streams there may be, well below the number of connections.
    pub streams: usize,
    /// How many of them one client may have.
    pub streams_of_client: usize,
}

impl Default for Settings {
    /// 2 seconds, 1024 streams, 128 of one client.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(2),
            streams: 1024,
            streams_of_client: 128,
        }
    }
}
