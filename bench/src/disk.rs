//! The disk alone: what a page takes to be written and synced, with no server around it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::load::Span;
use crate::stats::Latencies;

/// A page of the store, with its head in the log.
const PAGE: usize = 4096 + 24;
/// As many pages as are written in place, one after the other.
const PAGES: u64 = 1024;

/// Writes a page in `folder` `rate` times a second and syncs it each time. As of requests, latency counts from when the
/// page was due.
pub fn written_and_synced(folder: &Path, rate: u32, span: Span) -> io::Result<Latencies> {
    let path = folder.join("disk-alone");
    let file = File::create(&path)?;
    let page = [0xa5; PAGE];
    for number in 0..PAGES {
        file.write_all_at(&page, number * PAGE as u64)?;
    }
    file.sync_all()?;
    let begin = Instant::now();
    let from = begin + span.warm_up;
    let until = from + span.measured;
    let mut latencies = Vec::new();
    for number in 0.. {
        let due = begin + Duration::from_secs(1) * number / rate;
        if due >= until {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        file.write_all_at(&page, u64::from(number) % PAGES * PAGE as u64)?;
        file.sync_data()?;
        if due >= from {
            latencies.push(u64::try_from(due.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    }
    fs::remove_file(&path)?;
    Ok(Latencies::new(latencies))
}
