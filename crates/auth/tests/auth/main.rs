//! What the server does, on a real store, with a clock that the tests turn.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clients;
mod encryption;
mod joining;
mod keys;
mod limited;
mod operators;
mod passwords;
mod renewal;
mod sign_in;
mod world;
