//! A guard that keeps itself informed (feature `net`): it fetches the issuer's keys, follows its feed
//! of revocations, and corrects its clock by what it hears.
//!
//! ```no_run
//! use countersign_guard::{Guard, net::{Options, ServiceClient, WhenStale}};
//!
//! # async fn run(secret: String, token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let client = ServiceClient::new("orders", secret);
//! let options = Options::new("https://id.example", "https://orders.example", client, WhenStale::refuse());
//! let guard = Guard::connect(options).await?;
//! let caller = guard.check(token).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//! 1. **Connected**, it refuses what was revoked as soon as the feed says so. It is connected while the
//!    last heartbeat is at most 4 s old, and the node that sent it had read the log within a second.
//! 2. **Cut off**, it goes on with what it knows until that is older than its owner allows. Then it
//!    refuses, asks the issuer about each token, or carries on: [`WhenStale`], which has no default.
//!    Age is measured by the monotonic clock, from the moment for which a node vouched.
//! 3. **It never goes back**: what was once revoked stays so until no token that it concerns can be
//!    valid, whatever a feed says later. What does not fit (a gap, a smaller number, another
//!    incarnation, a text that cannot be read) makes it begin anew with a snapshot, added to what is
//!    known.
//! 4. **Its clock** follows the issuer's, up to five minutes. Beyond that it refuses, and says which
//!    clocks differ.
//! 5. **Keys** are fetched ahead of their time. A set that cannot be fetched, cannot be read or has no
//!    usable key changes nothing. A token with an unknown key causes a fetch, but all tokens together
//!    no more than one in 2 s, and the same key none for 4 s after it was not found. While there is no
//!    set, or none can be fetched, such a token is not called bad: that cannot be known.
//! 6. **No redirect is followed**, answers are bounded in size and time, and plain `http` goes to this
//!    machine alone unless [`Options`] say otherwise.
//!
//! [`Connected::knowing`] has all of that for metrics.

pub(crate) mod address;
mod clock;
mod connected;
mod deaf;
mod denied;
mod discovery;
mod feed;
mod http;
mod introspection;
mod key_set;
mod knowledge;
mod options;
mod retry;
mod secret;
mod service_token;
mod shared;
mod watch;

pub use address::BadAddress;
pub use clock::Clock;
#[cfg(feature = "axum")]
pub(crate) use connected::Doubt;
pub use connected::{Connected, Knowing, NotConnected};
pub use deaf::HearsNoRevocations;
pub use denied::Denied;
pub use discovery::Unlearned;
pub use http::{NoAnswer, NoTrust};
pub use introspection::Account;
pub use options::{Feed, Options, Pace, ServiceClient, WhenStale};
pub use secret::Secret;
pub use service_token::{NoToken, ServiceToken};
pub use watch::Ended;
