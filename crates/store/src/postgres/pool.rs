//! Connections: so many at most, each used by one verb at a time, made when they are needed.
//!
//! One verb at a time, since a verb may wait for a row that another one has locked, and whatever is sent behind it on
//! the same connection would wait, too.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Row, Statement};

use super::Param;
use super::connect::{self, PostgresOptions};
use super::failure::Failure;

/// How often a verb is asked again that the server took back because others were in its way.
const AGAIN: u32 = 5;

pub(super) struct Pool {
    config: Config,
    patience: Duration,
    seats: Semaphore,
    /// Those that rest; the one that was used last is used first.
    resting: Mutex<Vec<Connection>>,
}

struct Connection {
    client: Client,
    /// Each statement is prepared once.
    statements: HashMap<&'static str, Statement>,
}

impl Pool {
    pub(super) fn new(config: Config, options: &PostgresOptions) -> Self {
        Self {
            config,
            patience: options.patience,
            seats: Semaphore::new(options.connections.get()),
            resting: Mutex::default(),
        }
    }

    pub(super) fn close(&self) {
        self.seats.close();
        self.rest_none();
    }

    /// A connection for work that takes as long as it takes.
    pub(super) async fn patient(&self) -> Result<Client, tokio_postgres::Error> {
        let client = connect::connect(&self.config).await?;
        client
            .batch_execute("SET statement_timeout = 0; SET lock_timeout = 0")
            .await?;
        Ok(client)
    }

    /// The rows of one statement, which is a transaction of its own.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Failure> {
        timeout(self.patience, async {
            let _seat = self.seats.acquire().await.map_err(|_| Failure::Closed)?;
            let mut asked = 1;
            loop {
                match self.query_once(sql, params).await {
                    Err(failure) if failure.was_taken_back() && asked < AGAIN => asked += 1,
                    answer => return answer,
                }
            }
        })
        .await
        .map_err(|_| Failure::TimedOut)?
    }

    async fn query_once(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let mut connection = self.connection().await?;
        // Whoever stops waiting for the answer drops the connection with it: nobody gets it half-used.
        let answer = connection.query(sql, params).await;
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
        let client = connect::connect(&self.config)
            .await
            .map_err(Failure::NoConnection)?;
        Ok(Connection {
            client,
            statements: HashMap::new(),
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
    async fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = if let Some(prepared) = self.statements.get(sql) {
            prepared.clone()
        } else {
            let prepared = self.client.prepare(sql).await?;
            self.statements.insert(sql, prepared.clone());
            prepared
        };
        self.client.query(&statement, params).await
    }
}
