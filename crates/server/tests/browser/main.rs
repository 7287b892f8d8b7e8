//! What browsers show and do: real servers, Debian's Chromium, and the scripts of `tests/browser`, which drive it.
//!
//! A script is a program of its own, run by the Node.js of `make setup`, and fails by a status that is not 0. What it says
//! is printed, `RESULT:` lines included.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "browsers make their own connections")]
#[path = "../binary/mod.rs"]
mod binary;
#[path = "../process/skip.rs"]
mod skip;
#[path = "../support/temp.rs"]
mod temp;
#[path = "../support/wrong_clock.rs"]
mod wrong_clock;

mod client;
mod field;
mod pages;
mod playground;
mod script;
mod tabs;
