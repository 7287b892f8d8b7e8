//! Sign and verify JSON Web Tokens: bytes in, claims out.
//!
//! No I/O, no async, no clock: the present is an argument.
//!
//! ```
//! use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! # use serde_json::{Value, json};
//! let key = SigningKey::generate(Algorithm::ES256)?;
//! let claims = json!({"iss": "https://id.example", "aud": "orders", "sub": "u1", "exp": 1_800_000_000});
//! let token = sign(&key, "at+jwt", &claims)?;
//! let verifier = Verifier::new("https://id.example", "orders", "at+jwt", KeySet::new(vec![key.verifying_key()])?);
//! let verified = verifier.verify::<Value>(&token, UnixTime::from_secs(1_700_000_000))?;
//! assert_eq!(verified.subject(), Some("u1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod base64url;
mod claims;
mod compact;
mod der;
mod error;
mod header;
pub mod jws;
mod key;
mod names;
mod sign;
mod time;
mod unverified;
mod verifier;

pub use algorithm::Algorithm;
pub use compact::{MAX_HEADER, MAX_TOKEN};
pub use error::{Claim, KeyError, Part, Refused, SignError};
pub use key::{KeySet, PublicJwk, SigningKey, VerifyingKey};
pub use sign::sign;
pub use time::UnixTime;
pub use unverified::Unverified;
pub use verifier::{MAX_LEEWAY, Verified, Verifier};
