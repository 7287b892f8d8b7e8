//! The layer and the extractors, by what a service behind them answers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../fixture/mod.rs"]
#[expect(dead_code, reason = "what only the tests of the network half need")]
mod fixture;

mod answers;
mod basic;
mod cookies;
mod rates;
mod service;
mod sources;
mod websocket;
