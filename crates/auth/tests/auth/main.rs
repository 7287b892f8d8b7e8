//! What the server does, on a real store, with a clock that the tests turn.

#![expect(missing_docs, reason = "tests")]

mod clients;
mod keys;
mod operators;
mod passwords;
mod renewal;
mod sign_in;
mod world;
