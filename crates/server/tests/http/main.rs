//! The server, tested through HTTP, on a real store, by named actors.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod actors;
mod bad_input;
mod bounds;
mod cookies;
mod edge;
mod feed;
mod fetch;
mod forward_auth;
mod gateway;
mod guard;
mod introspection;
mod journey;
mod openapi;
mod origin;
mod password;
mod protection;
mod renewal;
mod secrets;
mod server;
mod service;
mod session_style;
mod sessions;
mod sliding;
mod stateless;
mod tls;
