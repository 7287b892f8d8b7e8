//! Where it goes: an empty database that says of itself how far a move into it has come, until it is one that nodes work
//! with.

use std::collections::BTreeSet;

use tokio_postgres::{Client, Transaction};

use super::MoveError;
use super::rows::{Rows, Tally};
use super::tables::{TABLES, Table};

/// How far it has come: the copy, the number of tables that are done, and of rows of the next one.
pub(super) struct Place {
    pub(super) copy: String,
    pub(super) tables: usize,
    pub(super) rows: u64,
}

impl Place {
    pub(super) async fn note(&self, moving: &Transaction<'_>) -> Result<(), MoveError> {
        let tables = i64::try_from(self.tables).unwrap_or(i64::MAX);
        let rows = i64::try_from(self.rows).unwrap_or(i64::MAX);
        moving
            .execute(
                "UPDATE moving SET copy = $1, tables = $2, rows = $3",
                &[&self.copy, &tables, &rows],
            )
            .await?;
        Ok(())
    }
}

pub(super) async fn is_under_way(client: &Client) -> Result<bool, MoveError> {
    let row = client
        .query_one("SELECT to_regclass('moving') IS NOT NULL", &[])
        .await?;
    Ok(row.try_get(0)?)
}

/// From here on no node works with the database until the move is finished.
pub(super) async fn claim(client: &Client, incarnation: i64) -> Result<(), MoveError> {
    let there = client
        .query_one(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM keys), (SELECT count(*) FROM audit)",
            &[],
        )
        .await?;
    let [users, keys, lines] = [there.try_get(0)?, there.try_get(1)?, there.try_get(2)?];
    if [users, keys, lines] != [0, 0, 0] {
        return Err(MoveError::NotEmpty { users, keys, lines });
    }
    client
        .batch_execute(&format!(
            "CREATE TABLE moving (
                 one         boolean PRIMARY KEY CHECK (one),
                 incarnation bigint  NOT NULL,
                 copy        text    NOT NULL, -- '' before the first
                 tables      bigint  NOT NULL,
                 rows        bigint  NOT NULL
             );
             INSERT INTO moving VALUES (true, {incarnation}, '', 0, 0)"
        ))
        .await?;
    Ok(())
}

/// Puts rows, and compares what is there then with what was sent.
pub(super) async fn put(
    moving: &Transaction<'_>,
    table: &'static Table,
    rows: &Rows<'_>,
    days: &mut BTreeSet<i64>,
) -> Result<(), MoveError> {
    if rows.is_empty() {
        return Ok(());
    }
    for end in rows.numbers("absolute_end").iter().flatten() {
        if days.insert(end / DAY) {
            moving.execute("SELECT make_day($1)", &[end]).await?;
        }
    }
    let row = moving.query_one(&table.put(), &rows.arrays()).await?;
    same(table, rows.tally(), tally(&row))
}

/// In milliseconds: how long a partition is.
const DAY: i64 = 86_400_000;

pub(super) fn same(table: &Table, sent: Tally, there: Option<Tally>) -> Result<(), MoveError> {
    if there == Some(sent) {
        return Ok(());
    }
    Err(MoveError::Differs {
        table: table.name,
        sent: sent.rows,
        there: there.map_or(0, |there| there.rows),
    })
}

pub(super) fn tally(row: &tokio_postgres::Row) -> Option<Tally> {
    Some(Tally {
        rows: row.try_get(0).ok()?,
        sum: row.try_get::<_, String>(1).ok()?.parse().ok()?,
    })
}

/// Lets the target's own numbers go on behind those that came, and the target be served.
pub(super) async fn close(moving: &Transaction<'_>) -> Result<(), MoveError> {
    for table in TABLES {
        if let Some(column) = table.numbered {
            let name = table.name;
            moving
                .batch_execute(&format!(
                    "SELECT setval(pg_get_serial_sequence('{name}', '{column}'), max({column})) FROM {name}"
                ))
                .await?;
        }
    }
    Ok(moving.batch_execute("DROP TABLE moving").await?)
}
