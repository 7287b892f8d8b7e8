//! What the tests of this crate share.

pub mod all;
pub mod client;
pub mod temp;
