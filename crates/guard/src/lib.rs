//! Trust Countersign's tokens locally, and stop trusting them when they are revoked.
#![cfg(not(loom))]

mod claims;
mod scope;

pub use claims::{Claims, Epochs};
pub use scope::{BadScope, Scope};
