//! The threads that hash passwords, and the queue in front of them: hashing takes cores from nothing else, and a flood of
//! sign-ins is turned away instead of piling up.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::hash::{OutOfMemory, PasswordHash, UnreadableHash};
use super::memory::HashMemory;
use super::policy::{MAX_LENGTH, PasswordPolicyError};
use super::settings::InvalidPasswordSettings;
use super::{Password, PasswordSettings, Pepper, StoredPassword};
use crate::env::Env;

/// How long a thread keeps its memory while nothing is to be hashed.
const KEEP_MEMORY: Duration = Duration::from_secs(5);

/// How much less than the rest of the process a hashing thread is favoured by the scheduler: a tenth of the weight.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Argon2 and bcrypt need a few KiB.
const STACK: usize = 256 * 1024;

/// What came of comparing a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the right one.
    Match {
        /// The settings have moved since it was hashed: hash it again, and store that.
        rehash: bool,
    },
    /// It is not, or there was none to compare with.
    Mismatch,
    /// The stored hash cannot be checked. The same work was done; the caller's answer is the same as for a mismatch,
    /// the log's is not.
    Unreadable(UnreadableHash),
}

/// Why nothing was hashed or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("too many passwords are being hashed")]
    Busy {
        /// When there will probably be room.
        retry_after: Duration,
    },
    /// The password is too long to be hashed.
    #[error(transparent)]
    Policy(#[from] PasswordPolicyError),
    /// The server is shutting down.
    #[error("the hashing threads have ended")]
    Stopped,
}

/// Why no threads were started.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// The settings cannot be worked with.
    #[error(transparent)]
    Settings(#[from] InvalidPasswordSettings),
    /// The system starts no more threads.
    #[error("cannot start the hashing threads")]
    Threads(#[source] std::io::Error),
}

/// What the threads are doing and have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HasherStats {
    /// Threads.
    pub threads: usize,
    /// How many may wait.
    pub capacity: usize,
    /// How many wait for a thread.
    pub waiting: usize,
    /// How many are being hashed.
    pub busy: usize,
    /// How many have been hashed.
    pub done: u64,
    /// How many were turned away.
    pub refused: u64,
    /// How many were not hashed because nobody waited for the answer any more.
    pub abandoned: u64,
    /// Bytes of memory that the threads hold.
    pub memory: usize,
}

/// Hashes passwords on threads of its own. Dropping it lets them finish what they do and end.
pub struct Hasher {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the settings cannot be worked with, or the system starts no thread.
    pub fn start(
        settings: &PasswordSettings,
        pepper: Option<Pepper>,
        env: &Env,
    ) -> Result<Self, HasherError> {
        settings.validate()?;
        let nobody =
            PasswordHash::of_nobody(settings, pepper.as_ref(), (env.random(), env.random()));
        let count = settings.thread_count();
        let hasher = Self {
            shared: Arc::new(Shared {
                capacity: settings.queue_length(),
                threads: count,
                settings: settings.clone(),
                pepper,
                env: env.clone(),
                nobody,
                queue: Mutex::default(),
                wake: Condvar::new(),
                counters: Counters::default(),
            }),
            threads: Mutex::default(),
        };
        for number in 0..count {
            let shared = Arc::clone(&hasher.shared);
            let thread = std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .stack_size(STACK)
                .spawn(move || shared.work())
                .map_err(HasherError::Threads)?;
            lock(&hasher.threads).push(thread);
        }
        Ok(hasher)
    }

    /// Hashes a new password. Whether it is an acceptable one is [`PasswordSettings::check`]'s to say, before.
    ///
    /// # Errors
    /// If the queue is full, the password over-long, or the server is shutting down.
    pub async fn hash(&self, password: Password) -> Result<StoredPassword, HashError> {
        if password.text().is_none() {
            return Err(PasswordPolicyError::TooLong { max: MAX_LENGTH }.into());
        }
        let (answer, answered) = oneshot::channel();
        self.shared.push(Job::Hash { password, answer })?;
        answered.await.map_err(|_| HashError::Stopped)?
    }

    /// Compares a password with a stored one. Without a stored one (nobody has that name) the same work is done for a
    /// mismatch, so that the time tells nothing. (A stored hash of older settings takes its own time until its owner's
    /// next sign-in.) An over-long password matches nothing, and costs nothing, whoever it is for.
    ///
    /// # Errors
    /// If the queue is full, or the server is shutting down.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<StoredPassword>,
    ) -> Result<Verdict, HashError> {
        if password.text().is_none() {
            return Ok(Verdict::Mismatch);
        }
        let (answer, answered) = oneshot::channel();
        self.shared.push(Job::Verify {
            password,
            stored,
            answer,
        })?;
        answered.await.map_err(|_| HashError::Stopped)?
    }

    /// What the threads are doing.
    #[must_use]
    pub fn stats(&self) -> HasherStats {
        let counters = &self.shared.counters;
        HasherStats {
            threads: self.shared.threads,
            capacity: self.shared.capacity,
            waiting: lock(&self.shared.queue).jobs.len(),
            busy: counters.busy.load(Ordering::Relaxed),
            done: counters.done.load(Ordering::Relaxed),
            refused: counters.refused.load(Ordering::Relaxed),
            abandoned: counters.abandoned.load(Ordering::Relaxed),
            memory: counters.memory.load(Ordering::Relaxed),
        }
    }

    /// Ends the threads, and waits for them: each finishes the hash it is at, and whoever still waits for a thread is
    /// answered [`HashError::Stopped`]. Call it when no request is in flight any more. Blocks for as long as one hash takes.
    pub fn stop(&self) {
        self.shared.close();
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

enum Job {
    Hash {
        password: Password,
        answer: oneshot::Sender<Result<StoredPassword, HashError>>,
    },
    Verify {
        password: Password,
        stored: Option<StoredPassword>,
        answer: oneshot::Sender<Result<Verdict, HashError>>,
    },
}

impl Job {
    /// Nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Hash { answer, .. } => answer.is_closed(),
            Self::Verify { answer, .. } => answer.is_closed(),
        }
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

#[derive(Default)]
struct Counters {
    busy: AtomicUsize,
    done: AtomicU64,
    refused: AtomicU64,
    abandoned: AtomicU64,
    memory: AtomicUsize,
    /// What a hash took of late, in milliseconds.
    took: AtomicU64,
}

struct Shared {
    settings: PasswordSettings,
    pepper: Option<Pepper>,
    env: Env,
    /// What an unknown user's password is compared with.
    nobody: PasswordHash,
    threads: usize,
    capacity: usize,
    queue: Mutex<Queue>,
    wake: Condvar,
    counters: Counters,
}

impl Shared {
    fn push(&self, job: Job) -> Result<(), HashError> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(HashError::Stopped);
        }
        if queue.jobs.len() >= self.capacity {
            let before = queue.jobs.len();
            queue.jobs.retain(|job| !job.is_abandoned());
            self.count_abandoned(before - queue.jobs.len());
        }
        if queue.jobs.len() >= self.capacity {
            drop(queue);
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            return Err(self.busy());
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    fn close(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        let waiting = std::mem::take(&mut queue.jobs);
        drop(queue);
        self.wake.notify_all();
        // Dropping a job's sender is its answer.
        drop(waiting);
    }

    /// The answer to one too many: the time that a full queue takes.
    fn busy(&self) -> HashError {
        let took = self.counters.took.load(Ordering::Relaxed);
        let rounds = self.capacity.div_ceil(self.threads) as u64;
        let secs = (took * rounds).div_ceil(1000).clamp(1, 60);
        HashError::Busy {
            retry_after: Duration::from_secs(secs),
        }
    }

    /// What one thread does.
    fn work(&self) {
        step_back();
        let mut memory = HashMemory::default();
        while let Some(job) = self.next(&mut memory) {
            if job.is_abandoned() {
                self.count_abandoned(1);
                continue;
            }
            self.counters.busy.fetch_add(1, Ordering::Relaxed);
            let start = self.env.now();
            let held = memory.bytes();
            self.run(job, &mut memory);
            self.count_memory(held, memory.bytes());
            let took = self.env.now().since(start).as_millis();
            self.count_done(u64::try_from(took).unwrap_or(u64::MAX));
        }
        self.count_memory(memory.bytes(), 0);
    }

    fn run(&self, job: Job, memory: &mut HashMemory) {
        // A caller who has left meanwhile does not need the answer.
        match job {
            Job::Hash { password, answer } => {
                let _ = answer.send(self.hash(&password, memory).map_err(|e| self.starved(e)));
            }
            Job::Verify {
                password,
                stored,
                answer,
            } => {
                let verdict = self.verify(&password, stored.as_ref(), memory);
                let _ = answer.send(verdict.map_err(|e| self.starved(e)));
            }
        }
    }

    fn hash(
        &self,
        password: &Password,
        memory: &mut HashMemory,
    ) -> Result<StoredPassword, OutOfMemory> {
        let hash = PasswordHash::make(
            bytes(password),
            &self.settings,
            self.pepper.as_ref(),
            self.env.random(),
            memory,
        )?;
        Ok(hash.to_stored())
    }

    fn verify(
        &self,
        password: &Password,
        stored: Option<&StoredPassword>,
        memory: &mut HashMemory,
    ) -> Result<Verdict, OutOfMemory> {
        let pepper = self.pepper.as_ref();
        let read = stored.map(|stored| PasswordHash::parse(stored, &self.settings.bounds, pepper));
        let hash = match &read {
            Some(Ok(hash)) => hash,
            Some(Err(_)) | None => &self.nobody,
        };
        let matches = hash.matches(bytes(password), pepper, memory)?;
        Ok(match &read {
            Some(Ok(_)) if matches => Verdict::Match {
                rehash: !hash.is_current(bytes(password), &self.settings, pepper),
            },
            Some(Err(unreadable)) => Verdict::Unreadable(*unreadable),
            Some(Ok(_)) | None => Verdict::Mismatch,
        })
    }

    fn starved(&self, OutOfMemory: OutOfMemory) -> HashError {
        tracing::error!("there is no memory to hash a password with");
        self.busy()
    }

    /// The next job; `None` when it is time to end. While there is none, memory is given back after a while.
    fn next(&self, memory: &mut HashMemory) -> Option<Job> {
        let mut queue = lock(&self.queue);
        while !queue.closed {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if memory.bytes() == 0 {
                queue = wait(self.wake.wait(queue));
            } else {
                let (waited, timeout) = wait(self.wake.wait_timeout(queue, KEEP_MEMORY));
                queue = waited;
                if timeout.timed_out() && queue.jobs.is_empty() {
                    drop(queue);
                    let held = memory.bytes();
                    memory.release();
                    self.count_memory(held, memory.bytes());
                    queue = lock(&self.queue);
                }
            }
        }
        None
    }

    fn count_abandoned(&self, jobs: usize) {
        let counter = &self.counters.abandoned;
        counter.fetch_add(jobs as u64, Ordering::Relaxed);
    }

    fn count_done(&self, took: u64) {
        self.counters.busy.fetch_sub(1, Ordering::Relaxed);
        self.counters.done.fetch_add(1, Ordering::Relaxed);
        // A moving average; two threads that write at once lose one sample, which does not matter.
        let mean = self.counters.took.load(Ordering::Relaxed);
        let mean = if mean == 0 {
            took
        } else {
            (7 * mean + took) / 8
        };
        self.counters.took.store(mean, Ordering::Relaxed);
    }

    fn count_memory(&self, before: usize, after: usize) {
        let counter = &self.counters.memory;
        counter.fetch_add(after, Ordering::Relaxed);
        counter.fetch_sub(before, Ordering::Relaxed);
    }
}

/// Over-long passwords are turned away before they become jobs.
fn bytes(password: &Password) -> &[u8] {
    password.text().unwrap_or_default().as_bytes()
}

/// Lets the rest of the process go first. Linux counts niceness by thread; elsewhere it would slow everything.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "the hashing threads keep the priority of the process");
    }
}

/// No code that holds one of these locks can panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<T>(waited: Result<T, PoisonError<T>>) -> T {
    waited.unwrap_or_else(PoisonError::into_inner)
}
