//! One transaction of many jobs: a savepoint each, one commit, and the answers only after it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use countersign_auth::store::StoreError;
use rusqlite::{Connection, Error as SqlError, Result, ffi};
use tokio::sync::oneshot;

use super::failure;

/// One verb, waiting for its turn.
pub(super) trait Job: Send {
    /// Does it, and keeps the answer. Whether what it did shall stay.
    fn run(&mut self, db: &Connection) -> bool;
    /// The transaction did not become durable: whatever the answer was, this is it now.
    fn undo(&mut self, error: &Arc<SqlError>);
    /// The transaction is over: tells the caller.
    fn answer(self: Box<Self>);
}

/// A closure as a [`Job`].
pub(super) struct Verb<T, F> {
    run: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F: FnOnce(&Connection) -> Result<T>> Verb<T, F> {
    pub(super) fn new(run: F) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (caller, answer) = oneshot::channel();
        let verb = Self {
            run: Some(run),
            result: None,
            caller,
        };
        (verb, answer)
    }
}

impl<T, F> Job for Verb<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T> + Send,
{
    fn run(&mut self, db: &Connection) -> bool {
        let Some(run) = self.run.take() else {
            return false; // It runs once.
        };
        let result = match catch_unwind(AssertUnwindSafe(|| run(db))) {
            Ok(result) => result.map_err(failure::store_error),
            Err(_) => Err(failure::panicked()),
        };
        let stays = result.is_ok();
        self.result = Some(result);
        stays
    }

    fn undo(&mut self, error: &Arc<SqlError>) {
        // A job that failed by itself keeps its own reason.
        if !matches!(self.result, Some(Err(_))) {
            self.result = Some(Err(failure::shared_store_error(error)));
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // A caller that has gone loses the answer, not the deed.
            let _ = self.caller.send(result);
        }
    }
}

/// Runs the jobs in one transaction. On return they can be answered. Whether anything was written.
pub(super) fn commit(db: &Connection, jobs: &mut [Box<dyn Job>], delay: Duration) -> bool {
    match transaction(db, jobs, delay) {
        Ok(wrote) => wrote,
        Err(error) => {
            tracing::error!(%error, jobs = jobs.len(), "a transaction failed and was taken back");
            if !db.is_autocommit()
                && let Err(error) = db.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "a failed transaction could not be rolled back");
            }
            let error = Arc::new(error);
            for job in jobs {
                job.undo(&error);
            }
            false
        }
    }
}

fn transaction(db: &Connection, jobs: &mut [Box<dyn Job>], delay: Duration) -> Result<bool> {
    // Nobody else writes, but a reader that comes upon a header of the log which is just being written takes the
    // writer's lock for a moment, to look again. Whoever begins with the lock waits for it; whoever has read before
    // asking for it is refused.
    run(db, "BEGIN IMMEDIATE")?;
    let before = db.total_changes();
    for job in jobs {
        step(db, job.as_mut())?;
    }
    let wrote = db.total_changes() != before;
    if wrote && !delay.is_zero() {
        thread::sleep(delay);
    }
    run(db, "COMMIT")?;
    Ok(wrote)
}

fn step(db: &Connection, job: &mut dyn Job) -> Result<()> {
    run(db, "SAVEPOINT job")?;
    if !job.run(db) {
        if db.is_autocommit() {
            // Some failures (a full disk, say) roll back the whole transaction, not only the statement.
            return Err(rolled_back());
        }
        run(db, "ROLLBACK TO job")?;
    }
    run(db, "RELEASE job")
}

fn run(db: &Connection, statement: &str) -> Result<()> {
    db.prepare_cached(statement)?.execute([]).map(|_| ())
}

fn rolled_back() -> SqlError {
    SqlError::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK),
        Some("another write of the same transaction failed".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = oneshot::Receiver<Result<(), StoreError>>;

    fn database() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE parents (id INTEGER PRIMARY KEY);
             CREATE TABLE children (parent REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);",
        )
        .unwrap();
        db
    }

    fn job<F>(run: F) -> (Box<dyn Job>, Answer)
    where
        F: FnOnce(&Connection) -> Result<()> + Send + 'static,
    {
        let (job, answer) = Verb::new(run);
        (Box::new(job), answer)
    }

    fn write(sql: &'static str) -> (Box<dyn Job>, Answer) {
        job(move |db| db.execute_batch(sql))
    }

    /// Commits them as one batch; their answers.
    fn answers(
        db: &Connection,
        jobs: Vec<(Box<dyn Job>, Answer)>,
    ) -> (bool, Vec<Result<(), StoreError>>) {
        let (mut jobs, answers): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
        let wrote = commit(db, &mut jobs, Duration::ZERO);
        for job in jobs {
            job.answer();
        }
        let answers = answers
            .into_iter()
            .map(|mut answer| answer.try_recv().unwrap());
        (wrote, answers.collect())
    }

    fn parents(db: &Connection) -> i64 {
        db.query_row("SELECT count(*) FROM parents", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_panic_takes_back_its_own_job_only() {
        let db = database();
        let panics = job(|db| {
            db.execute_batch("INSERT INTO parents VALUES (2)")?;
            panic!("on purpose");
        });
        let jobs = vec![
            write("INSERT INTO parents VALUES (1)"),
            panics,
            write("INSERT INTO parents VALUES (3)"),
        ];
        let (wrote, answers) = answers(&db, jobs);
        assert!(wrote);
        assert!(matches!(
            answers[..],
            [Ok(()), Err(StoreError::Broken(_)), Ok(())]
        ));
        assert_eq!(parents(&db), 2);
    }

    #[test]
    fn a_failed_commit_is_everybodys_failure() {
        let db = database();
        let jobs = vec![
            write("INSERT INTO parents VALUES (1)"),
            // Only the commit finds out.
            write("INSERT INTO children VALUES (77)"),
            write("SELECT 1"),
        ];
        let (wrote, told) = answers(&db, jobs);
        assert!(!wrote);
        assert!(told.iter().all(Result::is_err), "{told:?}");
        assert_eq!(parents(&db), 0);
        // The next batch is as good as ever.
        let (wrote, told) = answers(&db, vec![write("INSERT INTO parents VALUES (1)")]);
        assert!(wrote && told[0].is_ok());
    }

    #[test]
    fn a_rolled_back_transaction_is_everybodys_failure() {
        let db = database();
        db.execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON parents WHEN new.id = 9
             BEGIN SELECT raise(ROLLBACK, 'as a full disk would'); END",
        )
        .unwrap();
        let jobs = vec![
            write("INSERT INTO parents VALUES (1)"),
            write("INSERT INTO parents VALUES (9)"),
            write("INSERT INTO parents VALUES (3)"),
        ];
        let (wrote, told) = answers(&db, jobs);
        assert!(!wrote);
        // The last one was not even begun; nobody is left without an answer.
        assert!(told.iter().all(Result::is_err), "{told:?}");
        assert_eq!(parents(&db), 0);
    }

    /// As a reader does, for a moment, that finds the log's header half written.
    #[test]
    fn whoever_holds_the_lock_is_waited_for() {
        let folder = std::env::temp_dir().join(format!("countersign-batch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("countersign.db");
        let mut db = Connection::open(&path).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE parents (id INTEGER PRIMARY KEY);",
        )
        .unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (met, is_met) = std::sync::mpsc::channel();
        db.busy_handler(Some(move |_| {
            // Fails once the holder lets go.
            let _ = met.send(());
            true
        }))
        .unwrap();
        let holder = thread::spawn(move || {
            // Until the lock is asked for, or `db` has gone without asking.
            let waited_for = is_met.recv().is_ok();
            other.execute_batch("ROLLBACK").unwrap();
            waited_for
        });
        let reads_first = job(|db| {
            db.query_row("SELECT count(*) FROM parents", [], |_| Ok(()))?;
            db.execute_batch("INSERT INTO parents VALUES (1)")
        });
        let (wrote, told) = answers(&db, vec![reads_first]);
        assert!(wrote && told[0].is_ok(), "{told:?}");
        drop(db);
        assert!(holder.join().unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn reading_writes_nothing() {
        let db = database();
        let (wrote, told) = answers(&db, vec![write("SELECT * FROM parents")]);
        assert!(!wrote && told[0].is_ok());
    }
}
