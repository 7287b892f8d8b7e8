//! PostgreSQL as the store that any number of nodes share. Each verb is one call of a function that the schema brings
//! along: one round trip, atomic without a transaction that this side could leave open.

mod again;
mod audit;
mod clients;
mod columns;
mod connect;
mod directory;
mod failure;
mod keys;
mod ledger;
mod listen;
mod log;
mod nodes;
mod pool;
mod secrets;
mod sessions;
mod skew;
mod spent;
mod tls;
mod users;
mod usual;

use std::sync::Arc;

use countersign_auth::model::audit::Origin;
use countersign_auth::store::StoreError;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

pub use connect::{ConnectError, PostgresOptions};
pub use listen::{Bell, Bells};
pub use pool::PostgresStats;

pub(crate) use failure::Whole;

use crate::schema::SchemaState;

use columns::{millis, word};
use connect::Address;
use failure::Failure;
use pool::Pool;
use usual::Days;

/// How often others may be quicker than a change that is worked out on this side.
const AGAIN: u32 = 100;

/// A parameter of a statement.
type Param<'a> = &'a (dyn ToSql + Sync);

/// The call of a function of the schema that says who does it: the first four parameters are the origin's.
macro_rules! verb {
    ($name:literal $(, $parameters:literal)?) => {
        concat!(
            "SELECT * FROM ", $name, "(ROW($1::bigint, $2::text, $3::text, $4::text)::origin"
            $(, ", ", $parameters)?, ")"
        )
    };
}
use verb;

/// A database, connected. Clones are the same one.
#[derive(Clone)]
pub struct Postgres(Arc<Pool>);

impl Postgres {
    /// Connects to the database at `url` (`postgres://user:password@host/database`, or `key=value` pairs), and brings
    /// its schema up to date. From then on connections are made as they are needed, and made anew when they are lost.
    ///
    /// # Errors
    /// [`ConnectError`] says why not, and what helps.
    pub async fn connect(url: &str, options: &PostgresOptions) -> Result<Self, ConnectError> {
        let address = Address::new(url, options)?;
        let client = connect::prepare(&address).await?;
        connect::refuse_half_moved(&client).await?;
        Ok(Self(Arc::new(Pool::new(address, options))))
    }

    /// Where a database is, without what lets one in.
    ///
    /// # Errors
    /// [`ConnectError`] if the address cannot be read.
    pub fn place(url: &str) -> Result<String, ConnectError> {
        connect::place(url)
    }

    /// Whether a database could be connected to at this address, as far as can be told without doing it.
    ///
    /// # Errors
    /// [`ConnectError`] says why not, and what helps.
    pub fn check_address(url: &str, options: &PostgresOptions) -> Result<(), ConnectError> {
        Address::new(url, options).map(drop)
    }

    /// Listens to the other nodes, on one more connection. `None` if that was chosen not to be used.
    #[must_use]
    pub fn listen(&self) -> Option<Bells> {
        let address = self.0.address();
        address.notify.then(|| listen::listen(address.clone()))
    }

    /// Wakes those who listen for clients. Who does not hear of it looks in half a minute.
    async fn say_clients(&self) {
        if !self.0.address().notify {
            return;
        }
        if let Err(error) = self.rows(listen::SAY_CLIENTS, &[]).await {
            let error = StoreError::from(error);
            tracing::warn!(%error, "the other nodes were not told of a client; they look in half a minute");
        }
    }

    /// What the connections are doing now.
    #[must_use]
    pub fn stats(&self) -> PostgresStats {
        self.0.stats()
    }

    /// How the schema of the database at `url` stands to the one that this version knows. Nothing is changed.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn schema(url: &str, options: &PostgresOptions) -> Result<SchemaState, ConnectError> {
        connect::schema(&Address::new(url, options)?).await
    }

    /// Whether nodes are connected; this one counts if it has asked anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_in_use(&self) -> Result<bool, StoreError> {
        Ok(again::is_in_use(self).await?)
    }

    /// Closes what connections rest. Whatever is asked of it or of its clones afterwards is
    /// [`StoreError::Unavailable`](countersign_auth::store::StoreError::Unavailable).
    pub fn close(&self) {
        self.0.close();
    }

    /// The rows that a statement without an origin gives.
    async fn rows(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Failure> {
        self.0.query(None, sql, params).await
    }

    /// The rows that a [`verb`] gives.
    async fn call(
        &self,
        sql: &'static str,
        origin: &Origin,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Failure> {
        self.call_on(None, sql, origin, params).await
    }

    /// The one row that it gives.
    async fn call_one(
        &self,
        sql: &'static str,
        origin: &Origin,
        params: &[Param<'_>],
    ) -> Result<Row, Failure> {
        let rows = self.call(sql, origin, params).await?;
        failure::only(rows)
    }

    /// The same about a session that ends on a day, whose [`usual`] statement is asked instead, if it can be.
    async fn call_on(
        &self,
        days: Option<Days>,
        sql: &'static str,
        origin: &Origin,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let (at, actor) = (millis(origin.at), word(&origin.actor)?);
        let mut all: Vec<Param<'_>> = vec![&at, &actor, &origin.address, &origin.agent];
        all.extend_from_slice(params);
        self.0.query(days, sql, &all).await
    }
}

/// A connection to a database into which a store is to be moved: its schema is up to date, nobody else moves one there,
/// and nothing takes too long.
pub(crate) async fn move_target(
    url: &str,
    options: &PostgresOptions,
) -> Result<Client, ConnectError> {
    let client = connect::prepare(&Address::new(url, options)?).await?;
    connect::alone(&client).await?;
    connect::be_patient(&client)
        .await
        .map_err(ConnectError::Sql)?;
    Ok(client)
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}
