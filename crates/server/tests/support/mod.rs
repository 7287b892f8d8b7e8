//! What the tests of this crate share.

pub mod client;
pub mod temp;
