//! A connected guard against an issuer on real sockets, which does everything that an issuer, or
//! somebody in its place, could do wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../fixture/mod.rs"]
#[expect(dead_code, reason = "what only the tests of the layer need")]
mod fixture;

mod account;
mod faults;
mod flood;
mod keys;
mod lies;
mod start;
mod time;
mod watch;
