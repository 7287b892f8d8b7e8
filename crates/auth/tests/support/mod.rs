//! What the tests of this crate share: randomness that can be held back, so that a hashing thread stands still where a
//! test wants it to.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use countersign_auth::env::{Entropy, Env};

/// Holds up whoever asks for randomness while it is closed. Open at first.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    held_up: usize,
}

impl Gate {
    pub fn close(&self) {
        self.state.lock().unwrap().closed = true;
    }

    pub fn open(&self) {
        self.state.lock().unwrap().closed = false;
        self.changed.notify_all();
    }

    /// Waits until somebody is held up.
    pub fn until_waited_for(&self) {
        let state = self.state.lock().unwrap();
        let held_up = self.changed.wait_while(state, |state| state.held_up == 0);
        drop(held_up.unwrap());
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.held_up += 1;
        self.changed.notify_all();
        state = self
            .changed
            .wait_while(state, |state| state.closed)
            .unwrap();
        state.held_up -= 1;
    }
}

/// The machine's randomness, behind a gate.
pub struct GatedEntropy(pub Arc<Gate>);

impl Entropy for GatedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.pass();
        Env::system().entropy.fill(bytes);
    }
}

/// Waits for what another thread is about to do, and what only a counter tells of.
pub fn until(what: &str, happened: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if happened() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("waited a minute for this: {what}");
}
