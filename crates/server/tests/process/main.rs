//! The server as a process: killed, watched from outside, and trusted by strangers' libraries.

#![expect(
    clippy::unwrap_used,
    reason = "what must not fail in a test may panic in its helpers, too"
)]

#[path = "../binary/mod.rs"]
mod binary;
#[path = "../../../store/tests/cluster/mod.rs"]
mod cluster;
#[path = "../../../../tests/free_port.rs"]
mod free_port;
#[path = "../../../store/tests/redis_server/mod.rs"]
mod redis_server;
#[path = "../support/temp.rs"]
mod temp;
#[path = "../support/wrong_clock.rs"]
mod wrong_clock;

mod chains;
mod crash;
mod doctor;
mod feed;
mod gateway;
mod interop;
mod ledger;
mod moving;
mod nginx;
mod nodes;
mod postgres;
mod readme;
mod redis;
mod restore;
mod skip;
mod stop;
mod sync_before_answer;
mod trace;
mod verifiers;
