//! Keys: parsed once, each for exactly one algorithm.

mod agreement;
mod confusion;
mod decryption;
mod decryption_set;
mod encryption;
mod jwk;
mod password;
mod pem;
mod private_jwk;
mod public;
mod rsa;
mod set;
mod signing;
mod verifying;

pub use decryption::DecryptionKey;
pub(crate) use decryption::MAX_ENCRYPTED_KEY;
pub use decryption_set::DecryptionKeySet;
pub use encryption::EncryptionKey;
pub(crate) use jwk::{Jwk, Member};
pub use public::PublicJwk;
pub use set::KeySet;
pub use signing::SigningKey;
pub(crate) use signing::{MAX_SIGNATURE, STACK_SIGNATURE};
pub use verifying::VerifyingKey;
