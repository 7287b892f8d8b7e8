//! How many streams there may be: each holds a connection for as long as it likes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Settings;
use crate::http::{Code, Problem};

/// The places that there are.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    by_client: HashMap<String, usize>,
}

/// A place that is taken, until this is dropped.
pub(crate) struct Place {
    places: Places,
    client: String,
}

impl Places {
    /// Takes a place for a client.
    pub(crate) fn take(&self, client: &str, settings: Settings) -> Result<Place, Problem> {
        let mut taken = self.taken();
        let of_client = taken.by_client.get(client).copied().unwrap_or(0);
        if of_client >= settings.streams_of_client {
            return Err(full(format!("this client has {of_client} streams open")));
        }
        if taken.all >= settings.streams {
            return Err(full(String::from("too many streams are open")));
        }
        taken.all += 1;
        taken.by_client.insert(client.to_owned(), of_client + 1);
        Ok(Place {
            places: self.clone(),
            client: client.to_owned(),
        })
    }

    /// How many are taken.
    pub(crate) fn count(&self) -> usize {
        self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn full(detail: String) -> Problem {
    Problem::new(Code::TooManyRequests, detail).retry_after(std::time::Duration::from_secs(1))
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(count) = taken.by_client.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}
