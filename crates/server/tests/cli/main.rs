//! The command line, run as a stranger runs it: beside a running server, and without one.

#![expect(
    clippy::unwrap_used,
    reason = "what must not fail in a test may panic in its helpers, too"
)]

#[path = "../binary/mod.rs"]
mod binary;
#[path = "../support/temp.rs"]
mod temp;

mod commands;
mod configuration;
mod effects;
mod first_start;
mod https;
mod listeners;
mod locks;
mod logs;
mod stores;
mod token;
mod typed;
mod usage;
