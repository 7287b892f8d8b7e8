//! Connections: so many at most, each used by one verb at a time, made when they are needed.
//!
//! One verb at a time, since a verb may wait for a row that another one has locked, and whatever is sent behind it on
//! the same connection would wait, too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row, Statement};

use super::Param;
use super::connect::{Address, PostgresOptions, be_patient};
use super::failure::Failure;
use super::usual::{Days, Statements};

/// How often a verb is asked again that the server took back because others were in its way.
const AGAIN: u32 = 5;

pub(super) struct Pool {
    address: Address,
    patience: Duration,
    limit: usize,
    seats: Semaphore,
    waiting: AtomicU64,
    verbs: AtomicU64,
    waited_micros: AtomicU64,
    /// Those that rest; the one that was used last is used first.
    resting: Mutex<Vec<Connection>>,
}

/// What a node's connections to its database are doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresStats {
    /// How many there are at most.
    pub limit: usize,
    /// How many are in use.
    pub in_use: usize,
    /// How many verbs wait for one.
    pub waiting: u64,
    /// How many verbs have asked for one.
    pub verbs: u64,
    /// How long they have waited for it, all together.
    pub waited: Duration,
}

/// Somebody waits for a connection, and may go away.
struct Waiting<'a> {
    pool: &'a Pool,
    since: Instant,
}

impl<'a> Waiting<'a> {
    fn begin(pool: &'a Pool) -> Self {
        pool.waiting.fetch_add(1, Ordering::Relaxed);
        Self {
            pool,
            since: Instant::now(),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.pool.waited_micros.fetch_add(micros, Ordering::Relaxed);
        self.pool.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Connection {
    client: Client,
    /// Each statement is prepared once.
    statements: HashMap<&'static str, Statement>,
    usual: Statements,
}

impl Pool {
    pub(super) fn new(address: Address, options: &PostgresOptions) -> Self {
        Self {
            address,
            patience: options.patience,
            limit: options.connections.get(),
            seats: Semaphore::new(options.connections.get()),
            waiting: AtomicU64::new(0),
            verbs: AtomicU64::new(0),
            waited_micros: AtomicU64::new(0),
            resting: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn close(&self) {
        self.seats.close();
        self.rest_none();
    }

    /// A connection for work that takes as long as it takes.
    pub(super) async fn patient(&self) -> Result<Client, tokio_postgres::Error> {
        let client = self.address.connect().await?;
        be_patient(&client).await?;
        Ok(client)
    }

    /// The rows of one statement, which is a transaction of its own; with days, of the one that is usual there.
    pub(super) async fn query(
        &self,
        days: Option<Days>,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Failure> {
        timeout(self.patience, async {
            let _seat = self.seat().await?;
            let mut asked = 1;
            loop {
                match self.query_once(days, sql, params).await {
                    Err(failure) if failure.was_taken_back() && asked < AGAIN => asked += 1,
                    answer => return answer,
                }
            }
        })
        .await
        .map_err(|_| Failure::TimedOut)?
    }

    pub(super) fn stats(&self) -> PostgresStats {
        PostgresStats {
            limit: self.limit,
            in_use: self.limit - self.seats.available_permits(),
            waiting: self.waiting.load(Ordering::Relaxed),
            verbs: self.verbs.load(Ordering::Relaxed),
            waited: Duration::from_micros(self.waited_micros.load(Ordering::Relaxed)),
        }
    }

    /// The right to use one of the connections.
    async fn seat(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.verbs.fetch_add(1, Ordering::Relaxed);
        if let Ok(seat) = self.seats.try_acquire() {
            return Ok(seat);
        }
        let _waiting = Waiting::begin(self);
        self.seats.acquire().await.map_err(|_| Failure::Closed)
    }

    async fn query_once(
        &self,
        days: Option<Days>,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let mut connection = self.connection().await?;
        // Whoever stops waiting for the answer drops the connection with it: nobody gets it half-used.
        let answer = connection.ask(days, sql, params).await;
        if connection.client.is_closed() {
            // Then the others are hardly better.
            self.rest_none();
        } else {
            self.resting().push(connection);
        }
        answer.map_err(Failure::Sql)
    }

    async fn connection(&self) -> Result<Connection, Failure> {
        while let Some(connection) = self.take_resting() {
            if !connection.client.is_closed() {
                return Ok(connection);
            }
        }
        let client = self.address.connect().await;
        let client = client.map_err(Failure::NoConnection)?;
        Ok(Connection {
            client,
            statements: HashMap::new(),
            usual: Statements::default(),
        })
    }

    fn take_resting(&self) -> Option<Connection> {
        self.resting().pop()
    }

    fn rest_none(&self) {
        self.resting().clear();
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    async fn ask(
        &mut self,
        days: Option<Days>,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        if let Some(days) = days
            && let Some(rows) = self.usual.ask(&self.client, days, params).await?
        {
            return Ok(rows);
        }
        self.query(sql, params).await
    }

    async fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let prepared = self.statements.get(sql).cloned();
        if let Some(prepared) = prepared {
            match self.client.query(&prepared, params).await {
                Err(error) if is_of_an_older_schema(&error) => self.statements.remove(sql),
                answer => return answer,
            };
        }
        let prepared = self.client.prepare(sql).await?;
        self.statements.insert(sql, prepared.clone());
        self.client.query(&prepared, params).await
    }
}

/// A newer version has brought the schema up to date meanwhile, and what this statement gives has another form now
/// ("cached plan must not change result type"). It was refused before it began: prepared anew, it is what it was.
fn is_of_an_older_schema(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED)
}
