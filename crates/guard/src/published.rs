//! The order of publishing, which lets a reader skip a look-up when nothing has changed.
//!
//! The rule has two halves, and each needs the other:
//! 1. a writer changes the value first, and then raises the generation;
//! 2. a reader loads the generation first, then looks at the value, and remembers *that*
//!    generation.
//!
//! So a remembered generation never promises more than was looked at: whoever finds that the
//! generation is still the remembered one knows that every change published up to it was in the
//! value when the look was taken. `tests/loom.rs` runs this very file through every interleaving,
//! and shows that either half turned round is found out.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

/// A value that many threads look at, and the number of times it was changed.
///
/// `T` takes care of its own changes through a shared reference (a lock, an atomic pointer).
pub struct Published<T> {
    value: T,
    generation: AtomicU64,
}

/// A number that is different after every change of a [`Published`] value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Generation(u64);

/// The generation at which something was last found good; at first none.
pub struct Seen(AtomicU64);

/// What a look at the value found: good until the next change, or good at this moment only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Good {
    /// Need not be looked at again before something is published.
    UntilChanged,
    /// Has to be looked at again next time.
    Now,
}

impl<T> Published<T> {
    pub fn new(value: T) -> Self {
        // Generations begin at 1: 0 is `Seen::never`.
        Self {
            value,
            generation: AtomicU64::new(1),
        }
    }

    /// Lets `change` change the value. When this returns, nobody relies on an earlier look.
    pub fn publish(&self, change: impl FnOnce(&T)) {
        change(&self.value);
        // Release: whoever loads this generation finds the change. Always, even if the change
        // found everything in place already: another thread may have put it there and not have
        // raised the generation yet.
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The present generation, and the value: at least as new as that generation.
    pub fn read(&self) -> (Generation, &T) {
        (self.generation(), &self.value)
    }

    pub fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::Acquire))
    }

    /// Takes a `look` at the value, unless nothing was published since `seen` was found good.
    ///
    /// # Errors
    /// Whatever `look` says.
    pub fn check<E>(&self, seen: &Seen, look: impl FnOnce(&T) -> Result<Good, E>) -> Result<(), E> {
        let (generation, value) = self.read();
        if seen.at() == generation {
            return Ok(());
        }
        if look(value)? == Good::UntilChanged {
            seen.record(generation);
        }
        Ok(())
    }
}

impl Seen {
    pub fn never() -> Self {
        Self(AtomicU64::new(0))
    }

    // Relaxed: "good as of generation 7" is true or not whoever wrote it down, and no other memory
    // goes with it. Two readers may overwrite one another's number; each is true.
    fn at(&self) -> Generation {
        Generation(self.0.load(Ordering::Relaxed))
    }

    fn record(&self, generation: Generation) {
        self.0.store(generation.0, Ordering::Relaxed);
    }
}
