//! Ports for servers that have to be told theirs. For tests of several crates, which include this file.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port below those that the system gives to whoever asks for any, outgoing connections included: nobody else gets it
/// meanwhile.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 1000).unwrap() * 10;
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let is_free = ["127.0.0.1", "::1"]
            .iter()
            .all(|address| TcpListener::bind((*address, port)).is_ok());
        if is_free {
            return port;
        }
    }
}
