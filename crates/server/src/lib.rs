//! The server: HTTP, configuration, telemetry and the command line around `countersign-auth`.
//!
//! A library so that tests and benches can run the same server in their own process; the binary is
//! [`cli::main`] and nothing else.

pub mod admin;
mod calendar;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod feed;
pub mod fetch;
mod first_start;
pub mod hearing;
pub mod http;
pub mod key_sets;
pub mod listen;
pub mod master_key;
pub mod metrics;
pub mod nodes;
pub mod open;
pub mod pages;
mod patience;
mod playground;
mod routes;
pub mod serve;
mod streams;
pub mod telemetry;
pub mod tls;
