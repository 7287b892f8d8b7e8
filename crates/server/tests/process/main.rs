//! The server as a process: killed, watched from outside, and trusted by strangers' libraries.

#![expect(
    clippy::unwrap_used,
    reason = "what must not fail in a test may panic in its helpers, too"
)]

#[path = "../binary/mod.rs"]
mod binary;
#[path = "../../../store/tests/cluster/mod.rs"]
mod cluster;
#[path = "../support/temp.rs"]
mod temp;

mod chains;
mod crash;
mod feed;
mod interop;
mod ledger;
mod nginx;
mod nodes;
mod postgres;
mod readme;
mod skip;
mod stop;
mod sync_before_answer;
mod trace;
mod verifiers;
