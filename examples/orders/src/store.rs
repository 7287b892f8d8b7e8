//! Where orders are kept: one table in SQLite. Nothing reads or changes an order without saying [whose](Whose).

use std::{
    panic::resume_unwind,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::ID;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::task::spawn_blocking;

use crate::{
    order::{Money, Order, OrderState, Wish},
    problem::Problem,
    viewer::Viewer,
};

const TABLE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL; -- what is answered is on the disk
    CREATE TABLE IF NOT EXISTS orders (
        number    INTEGER PRIMARY KEY,
        id        TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
        owner     TEXT NOT NULL, -- the subject of a token
        key       TEXT NOT NULL, -- of the owner's choice
        sku       TEXT NOT NULL,
        quantity  INTEGER NOT NULL,
        amount    INTEGER NOT NULL,
        currency  TEXT NOT NULL,
        state     TEXT NOT NULL DEFAULT 'placed' CHECK (state IN ('placed', 'cancelled')),
        placed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')),
        UNIQUE (owner, key)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS orders_of_an_owner ON orders (owner, number);
";

const COLUMNS: &str = "id, owner, sku, quantity, amount, currency, state, placed_at";

/// The orders.
#[derive(Clone)]
pub struct Store(Arc<Mutex<Connection>>);

/// Whose orders a statement may touch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Those of this subject.
    Of(String),
    /// All there are.
    Everybodys,
}

impl Whose {
    /// The condition in SQL; its `?1` is [`owner`](Self::owner).
    fn condition(&self) -> &'static str {
        match self {
            Self::Of(_) => "owner = ?1",
            Self::Everybodys => "?1 IS NULL",
        }
    }

    fn owner(&self) -> Option<&str> {
        match self {
            Self::Of(owner) => Some(owner),
            Self::Everybodys => None,
        }
    }
}

impl Store {
    /// Opens the file, and makes it if there is none.
    ///
    /// # Errors
    /// What SQLite says, if it cannot be used.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(TABLE)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// The newest `first` of them, older than the one called `after`.
    ///
    /// # Errors
    /// [`Problem::Store`] if they cannot be read.
    pub async fn list(
        &self,
        whose: Whose,
        first: i32,
        after: Option<ID>,
    ) -> Result<Vec<Order>, Problem> {
        let mine = whose.condition();
        let sql = format!(
            "SELECT {COLUMNS} FROM orders WHERE {mine} AND (?2 IS NULL OR number <
                 (SELECT number FROM orders WHERE id = ?2 AND {mine}))
             ORDER BY number DESC LIMIT ?3"
        );
        self.run(move |orders| {
            let mut statement = orders.prepare_cached(&sql)?;
            let after = after.as_deref();
            let found = statement.query_map(params![whose.owner(), after, first], read)?;
            found.collect()
        })
        .await
    }

    /// The one of this id.
    ///
    /// # Errors
    /// [`Problem::Store`] if it cannot be read.
    pub async fn find(&self, whose: Whose, id: ID) -> Result<Option<Order>, Problem> {
        let mine = whose.condition();
        let sql = format!("SELECT {COLUMNS} FROM orders WHERE {mine} AND id = ?2");
        self.run(move |orders| {
            let mut statement = orders.prepare_cached(&sql)?;
            let found = statement.query_row(params![whose.owner(), *id], read);
            found.optional()
        })
        .await
    }

    /// The order that this viewer has placed under the key of this wish.
    ///
    /// # Errors
    /// [`Problem::KeyReused`] if it is for something else, [`Problem::Store`] if it cannot be read.
    pub async fn placed(&self, viewer: &Viewer, wish: &Wish) -> Result<Option<Order>, Problem> {
        let (owner, key) = (viewer.id.to_string(), wish.key.clone());
        let sql = format!("SELECT {COLUMNS} FROM orders WHERE owner = ?1 AND key = ?2");
        let placed = self.run(move |orders| {
            let mut statement = orders.prepare_cached(&sql)?;
            statement.query_row(params![owner, key], read).optional()
        });
        let placed = placed.await?;
        placed.map(|order| wish.is_met_by(order)).transpose()
    }

    /// Places an order. If there is one under this key, as when two ask at once, it is that one.
    ///
    /// # Errors
    /// [`Problem::KeyReused`] if that is for something else, [`Problem::Store`] if nothing was placed.
    pub async fn place(&self, viewer: &Viewer, wish: Wish, total: Money) -> Result<Order, Problem> {
        let owner = viewer.id.to_string();
        let (sku, quantity, key) = (wish.sku.to_string(), wish.quantity, wish.key.clone());
        let sql = format!(
            "INSERT INTO orders (owner, key, sku, quantity, amount, currency)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (owner, key) DO UPDATE SET key = key RETURNING {COLUMNS}"
        );
        let placed = self.run(move |orders| {
            let values = params![owner, key, sku, quantity, total.amount, total.currency];
            let transaction = orders.transaction()?;
            let placed = transaction.query_row(&sql, values, read)?;
            transaction.commit()?;
            Ok(placed)
        });
        wish.is_met_by(placed.await?)
    }

    /// Cancels the one of this id.
    ///
    /// # Errors
    /// [`Problem::Store`] if that was not written.
    pub async fn cancel(&self, whose: Whose, id: ID) -> Result<Option<Order>, Problem> {
        let mine = whose.condition();
        let sql = format!(
            "UPDATE orders SET state = 'cancelled' WHERE {mine} AND id = ?2 RETURNING {COLUMNS}"
        );
        self.run(move |orders| {
            let transaction = orders.transaction()?;
            let cancelled = transaction.query_row(&sql, params![whose.owner(), *id], read);
            let cancelled = cancelled.optional()?;
            transaction.commit()?;
            Ok(cancelled)
        })
        .await
    }

    /// SQLite waits for the disk; requests do not wait with it.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let orders = Arc::clone(&self.0);
        let done = spawn_blocking(move || {
            // A panic rolled its transaction back: what the lock holds is good.
            let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut orders)
        });
        let done = done
            .await
            .unwrap_or_else(|end| resume_unwind(end.into_panic()));
        done.map_err(Problem::Store)
    }
}

/// A row of [`COLUMNS`].
fn read(row: &Row<'_>) -> rusqlite::Result<Order> {
    let state: String = row.get(6)?;
    Ok(Order {
        id: ID(row.get(0)?),
        owner: ID(row.get(1)?),
        sku: row.get(2)?,
        quantity: row.get(3)?,
        total: Money {
            amount: row.get(4)?,
            currency: row.get(5)?,
        },
        state: match state.as_str() {
            "placed" => OrderState::Placed,
            _ => OrderState::Cancelled,
        },
        placed_at: row.get(7)?,
    })
}
