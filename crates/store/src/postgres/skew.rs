//! Nodes of several versions on one database. Each connection shows what its version knows, by a lock that others can
//! look at and that goes with it; and the database says what must be known to live with its schema.

use tokio_postgres::{Client, Error};

use super::connect::ConnectError;
use crate::schema::Found;

/// The first half of the locks that connections hold; what their version knows is the second. A number like any other.
macro_rules! nodes {
    () => {
        "1668248942"
    };
}

/// What the database says of itself.
pub(super) async fn found(client: &Client) -> Result<Found, Error> {
    let version = number(client, "refinery_schema_history", "max(version)").await?;
    let oldest = number(client, "lives_with", "max(oldest)").await?;
    Ok(Found::new(version, oldest))
}

/// Shows that somebody is here who knows the schema up to `known`, and sees that this is enough. In this order: who
/// demands more looks for us afterwards.
pub(super) async fn enter(client: &Client, known: i32) -> Result<(), Error> {
    client
        .batch_execute(&format!(
            concat!(
                "SELECT pg_advisory_lock_shared(", nodes!(), ", {known});
                 DO $$ BEGIN
                     IF (SELECT oldest FROM lives_with) > {known} THEN
                         RAISE EXCEPTION 'the schema has gone on, and this version, which knows it up to {known}, \
                                          cannot live with it: run the newer version';
                     END IF;
                 END $$;"
            ),
            known = known
        ))
        .await
}

/// From now on whoever connects must know the schema up to `oldest`. What was demanded before.
///
/// # Errors
/// [`ConnectError::OldNodes`] if somebody is here who does not; then nothing is demanded that was not before.
pub(super) async fn demand(client: &Client, oldest: i32) -> Result<i32, ConnectError> {
    client
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS lives_with (
                 one    boolean PRIMARY KEY CHECK (one),
                 oldest integer NOT NULL
             )",
        )
        .await
        .map_err(ConnectError::Sql)?;
    let before = number(client, "lives_with", "max(oldest)")
        .await
        .map_err(ConnectError::Sql)?;
    set(client, oldest).await.map_err(ConnectError::Sql)?;
    let connected = oldest_connected(client).await.map_err(ConnectError::Sql)?;
    match connected.filter(|connected| *connected < oldest) {
        None => Ok(before),
        Some(connected) => {
            set(client, before).await.map_err(ConnectError::Sql)?;
            Err(ConnectError::OldNodes { connected, oldest })
        }
    }
}

/// What the oldest version knows that is connected.
pub(super) async fn oldest_connected(client: &Client) -> Result<Option<i32>, Error> {
    let row = client
        .query_one(
            concat!(
                "SELECT min(objid::bigint)::integer FROM pg_locks
                 WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() AND classid = ",
                nodes!(),
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ),
            &[],
        )
        .await?;
    row.try_get(0)
}

pub(super) async fn set(client: &Client, oldest: i32) -> Result<(), Error> {
    client
        .execute(
            "INSERT INTO lives_with VALUES (true, $1) ON CONFLICT (one) DO UPDATE SET oldest = $1",
            &[&oldest],
        )
        .await?;
    Ok(())
}

/// A number of a table; 0 if it is empty or not there.
async fn number(client: &Client, table: &str, expression: &str) -> Result<i32, Error> {
    let exists = client
        .query_one("SELECT to_regclass($1) IS NOT NULL", &[&table])
        .await?;
    if !exists.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let sql = format!("SELECT coalesce({expression}, 0) FROM {table}");
    client.query_one(&sql, &[]).await?.try_get(0)
}
