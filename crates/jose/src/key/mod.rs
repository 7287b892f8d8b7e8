//! Keys: parsed once, each for exactly one algorithm.

mod confusion;
mod jwk;
mod pem;
mod private_jwk;
mod public;
mod rsa;
mod set;
mod signing;
mod verifying;

pub use public::PublicJwk;
pub use set::KeySet;
pub use signing::SigningKey;
pub(crate) use signing::{MAX_SIGNATURE, STACK_SIGNATURE};
pub use verifying::VerifyingKey;
