//! The tour: `scripts/demo` as `make demo` starts it, and what people, strangers and services find there.

#![expect(
    clippy::unwrap_used,
    reason = "what must not fail in a test may panic in its helpers, too"
)]

mod counts;
mod demo;
#[path = "../../../../tests/free_port.rs"]
mod free_port;
mod orders;
mod page;
mod people;
mod prices;
mod readme;
#[path = "../../../../crates/server/tests/browser/script.rs"]
mod script;
#[path = "../../../../crates/server/tests/process/skip.rs"]
mod skip;
mod start;
