//! The server, tested through HTTP, on a real store, by named actors.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "nothing here stops it, or speaks TLS to it")]
#[path = "../../../store/tests/cluster/mod.rs"]
mod cluster;
#[expect(dead_code, reason = "nothing here stops it")]
#[path = "../../../store/tests/redis_server/mod.rs"]
mod redis_server;
#[path = "../support/mod.rs"]
mod support;

mod actors;
mod bad_input;
mod bounds;
mod browser_client;
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
mod pages;
mod password;
mod playground;
mod protection;
mod renewal;
mod secrets;
mod server;
mod service;
mod session_style;
mod sessions;
mod sliding;
mod stateless;
mod styles;
mod tls;
