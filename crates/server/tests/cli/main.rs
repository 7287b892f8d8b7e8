//! The command line, run as a stranger runs it: beside a running server, and without one.

#[path = "../binary/mod.rs"]
mod binary;
#[path = "../support/temp.rs"]
mod temp;

mod commands;
mod configuration;
mod first_start;
mod locks;
mod usage;
