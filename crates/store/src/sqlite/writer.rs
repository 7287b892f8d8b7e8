//! The one thread that writes: it gathers what waits into one transaction, commits once, then answers all.
//!
//! Under load the wait for the disk is shared by everybody who came meanwhile, so the store does not get slower with
//! the number of callers; alone, a caller waits for nobody.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use countersign_auth::store::StoreError;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, Result};
use tokio::sync::oneshot;

use super::batch::{self, Job, Verb};
use super::copier::{Copier, copy_back};
use super::failure;
use super::open::Lock;

/// How many jobs share a transaction at most: bounds how long the first of them waits for the last.
const LARGEST_BATCH: usize = 256;
/// How many jobs may wait. At the speed of any real disk they are done well within a second.
const QUEUE: usize = 4096;
/// From this many pages on, the write-ahead log is copied back even though work is waiting: the bulk of it by the
/// copier, beside the work; what has come meanwhile by the writer, so that the log can begin anew.
const LOG_LIMIT: u32 = 8192;
/// After so long without work it is copied back in any case.
const REST: Duration = Duration::from_millis(200);

/// How much the writer has done: commits against jobs is what gathering them saves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Jobs done, those included that had nothing to write.
    pub jobs: u64,
    /// Transactions made durable.
    pub commits: u64,
    /// The most jobs that ever shared a transaction.
    pub largest_batch: u64,
}

#[derive(Default)]
struct Counters {
    waiting: AtomicUsize,
    jobs: AtomicU64,
    commits: AtomicU64,
    largest_batch: AtomicU64,
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<Result<()>>),
}

/// The way to the thread. When this is dropped, the thread has ended and the file's lock is free.
pub(super) struct Writer {
    queue: Sender<Message>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        mut connection: Connection,
        copier: Copier,
        lock: Lock,
        commit_delay: Duration,
    ) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let log_pages = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&log_pages);
        connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
                seen.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(io::Error::other)?;
        let mut work = Work {
            connection,
            copier,
            waiting,
            commit_delay,
            counters: Arc::clone(&counters),
            log_pages,
        };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let asked = work.until_closed();
                let closed = work.finish();
                drop(lock);
                if let Some(reply) = asked {
                    // Whoever asked may have gone.
                    let _ = reply.send(closed);
                }
            })?;
        Ok(Self {
            queue,
            counters,
            thread: Some(thread),
        })
    }

    /// Runs `job` in a transaction; the answer comes when that is durable.
    pub(super) async fn run<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        if self.counters.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.counters.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(failure::overloaded());
        }
        let (job, answer) = Verb::new(job);
        match self.queue.send(Message::Job(Box::new(job))) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(failure::closed())),
            Err(_) => Err(failure::closed()),
        }
    }

    /// Does what waits, copies the log back, closes the file and frees its lock. Closing twice is no mistake.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (reply, closed) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).is_err() {
            return Ok(());
        }
        match closed.await {
            Ok(result) => result.map_err(failure::store_error),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            jobs: self.counters.jobs.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
            largest_batch: self.counters.largest_batch.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let (reply, _) = oneshot::channel();
        // Fails if it was closed before, and then there is nothing to wait for but its end.
        let _ = self.queue.send(Message::Close(reply));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer ended in a panic");
        }
    }
}

struct Work {
    connection: Connection,
    copier: Copier,
    waiting: Receiver<Message>,
    commit_delay: Duration,
    counters: Arc<Counters>,
    /// The length of the write-ahead log since it was last copied back, as the last commit left it.
    log_pages: Arc<AtomicU32>,
}

impl Work {
    /// Who asked for the end; nobody, if everybody has gone.
    fn until_closed(&mut self) -> Option<oneshot::Sender<Result<()>>> {
        let mut batch = Vec::new();
        loop {
            let close = match self.next() {
                Some(Message::Job(first)) => self.gather(first, &mut batch),
                Some(Message::Close(reply)) => return Some(reply),
                None => return None,
            };
            self.commit(&mut batch);
            if close.is_some() {
                return close;
            }
            if self.log_pages.load(Ordering::Relaxed) >= LOG_LIMIT {
                self.copier.begin();
            }
            if self.copier.is_through() {
                self.copy_rest_back();
            }
        }
    }

    fn next(&self) -> Option<Message> {
        while self.log_pages.load(Ordering::Relaxed) > 0 {
            match self.waiting.recv_timeout(REST) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    if self.copier.is_through() || self.copier.rests() {
                        self.copy_rest_back();
                        self.give_memory_back();
                    }
                }
            }
        }
        self.waiting.recv().ok()
    }

    /// Takes what is waiting and does not wait for more.
    fn gather(
        &self,
        first: Box<dyn Job>,
        batch: &mut Vec<Box<dyn Job>>,
    ) -> Option<oneshot::Sender<Result<()>>> {
        batch.push(first);
        while batch.len() < LARGEST_BATCH {
            match self.waiting.try_recv() {
                Ok(Message::Job(job)) => batch.push(job),
                Ok(Message::Close(reply)) => return Some(reply),
                Err(_) => break,
            }
        }
        None
    }

    fn commit(&self, batch: &mut Vec<Box<dyn Job>>) {
        let jobs = batch.len();
        self.counters.waiting.fetch_sub(jobs, Ordering::Relaxed);
        let wrote = batch::commit(&self.connection, batch, self.commit_delay);
        let jobs = jobs as u64;
        self.counters.jobs.fetch_add(jobs, Ordering::Relaxed);
        self.counters
            .largest_batch
            .fetch_max(jobs, Ordering::Relaxed);
        if wrote {
            self.counters.commits.fetch_add(1, Ordering::Relaxed);
        }
        for job in batch.drain(..) {
            job.answer();
        }
    }

    /// While the copier rests: two cannot copy at a time.
    fn copy_rest_back(&self) {
        self.log_pages.store(0, Ordering::Relaxed);
        copy_back(&self.connection, CheckpointMode::PASSIVE);
    }

    /// The pages that it holds are in the system's cache as well.
    fn give_memory_back(&self) {
        if let Err(error) = self.connection.execute_batch("PRAGMA shrink_memory") {
            tracing::warn!(%error, "the store's memory could not be given back");
        }
    }

    fn finish(self) -> Result<()> {
        drop(self.copier);
        copy_back(&self.connection, CheckpointMode::TRUNCATE);
        self.connection.close().map_err(|(_, error)| error)
    }
}
