//! Trust Countersign's tokens locally, and stop trusting them when they are revoked.
//!
#![cfg_attr(feature = "axum", doc = include_str!("protect.md"))]
//!
//! # The core
//! A [`Guard`] holds a key set, the revocations that still matter, and a cache of tokens that it
//! has verified. [`Guard::check`] turns a token's text into [`Verified<Claims>`]; a token that it
//! knows costs no signature. Without features the crate does no I/O and has no clock: whoever owns the
//! guard tells it the time, brings new keys with [`Guard::replace_keys`] and news with
//! [`Guard::apply`]. The feature `net` does that by itself, and `axum` puts it around a service.
//!
//! ```
//! use countersign_guard::{Claims, Epochs, Event, Guard, Revocation, UnixTime};
//! use countersign_jose::{Algorithm, KeySet, SigningKey, Verifier, sign};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The server's side: a key, and a token under it.
//! let key = SigningKey::generate(Algorithm::ES256)?;
//! let claims = Claims {
//!     iss: "https://id.example".into(),
//!     sub: "u7".into(),
//!     aud: "https://api.example".into(),
//!     exp: 1_000_300,
//!     iat: 1_000_000,
//!     jti: "t1".into(),
//!     client_id: "default".into(),
//!     sid: Some("s1".into()),
//!     auth_time: Some(1_000_000),
//!     amr: vec!["pwd".into()],
//!     scope: None,
//!     epochs: Epochs::default(),
//!     extra: serde_json::Map::new(),
//! };
//! let token = sign(&key, "at+jwt", &claims)?;
//!
//! // A service's side: the public key, and what it demands of a token.
//! let keys = KeySet::new(vec![key.verifying_key()])?;
//! let verifier = Verifier::new("https://id.example", "https://api.example", "at+jwt", keys);
//! let guard = Guard::new(verifier, 100_000);
//! let now = UnixTime::from_secs(1_000_060);
//! assert_eq!(guard.check(&token, now)?.sub, "u7");
//!
//! // The person signs out, and the service hears of it.
//! guard.apply(&[Event {
//!     kind: Revocation::Session { sid: "s1".into() },
//!     until: UnixTime::from_secs(claims.exp),
//! }]);
//! assert_eq!(guard.check(&token, now).unwrap_err().code(), "session_revoked");
//! # Ok(())
//! # }
//! ```
//!
//! # Encrypted tokens
//! Where the bearer must not read the claims, the server encrypts the signed token to the service
//! that reads it (`[[audience]]` in its configuration). That service's verifier says with what it
//! decrypts, and everything else stays as it is: revocations, new keys, and the cache, which knows
//! the text that was presented.
//!
//! ```
//! # use countersign_guard::Guard;
//! # use countersign_jose::{DecryptionKey, DecryptionKeySet, KeyManagement, KeySet, Verifier};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let keys = KeySet::new(vec![])?;
//! // The server is given `own.encryption_key()`: as a JWK, or in a key set of the service's own.
//! let own = DecryptionKey::generate(KeyManagement::EcdhEs)?;
//! let verifier = Verifier::new("https://id.example", "https://api.example", "at+jwt", keys)
//!     .encrypted_to(DecryptionKeySet::new(vec![own])?);
//! let guard = Guard::new(verifier, 100_000);
//! # Ok(())
//! # }
//! ```
//!
//! From then on a token that is only signed is refused. The cache holds what was inside: whoever
//! reads this process's memory reads claims, as with every token.
//!
//! # What a check does
//! 1. The cache is asked for exactly this text, verified by the present key set.
//! 2. If it is there, its time is checked; if not, everything is: `jose`'s verifier.
//! 3. If anything was revoked since the token was last found clear, revocations are looked up: of
//!    everybody, its key, its client, its user, its session, the token itself.
//!
//! # What is promised
//! - When `apply` or `replace_keys` has returned, no check that begins afterwards, on whatever
//!   thread, accepts what they refuse (model-checked: `tests/loom.rs`).
//! - Revocations compare numbers, not times ([`Epochs`]): no clock can be wrong about them, and a
//!   token that was on its way when its user was cut off is refused like every other.
//! - Memory is bounded by the cache's capacity and by the revocations of one longest token life.
#![cfg(not(loom))]

mod accounts;
#[cfg(feature = "axum")]
pub mod axum;
mod cache;
mod claims;
mod event;
mod guard;
#[cfg(feature = "net")]
pub mod net;
mod published;
mod refused;
mod revocations;
mod scope;
mod table;

pub use accounts::Accounts;
pub use claims::{Claims, Epochs};
pub use countersign_jose::{UnixTime, Verified};
pub use event::{Event, Revocation};
pub use guard::{Guard, Stats};
pub use refused::{Cause, Refused};
pub use scope::{BadScope, Scope};
