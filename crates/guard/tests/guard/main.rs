//! The guard through its public face.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
mod encrypted;
mod hashed;
mod issuer;
mod model;
mod race;
