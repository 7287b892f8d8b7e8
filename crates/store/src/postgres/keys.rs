//! Keys: rows, and the verbs of the directory about them.

use countersign_auth::model::audit::Origin;
use countersign_auth::model::id::KeyId;
use countersign_auth::model::key::{KeyState, StoredKey};
use tokio_postgres::Row;

use super::columns::{Columns, all, millis, word};
use super::failure::Failure;
use super::{Postgres, verb};

pub(super) async fn list(db: &Postgres) -> Result<Vec<StoredKey>, Failure> {
    let rows = db
        .rows(
            "SELECT id, purpose, algorithm, kid, sealed, state, created_at, since
             FROM keys ORDER BY created_at, id",
            &[],
        )
        .await?;
    all(&rows, key)
}

pub(super) async fn add(
    db: &Postgres,
    key: &StoredKey,
    unless_active: bool,
    origin: &Origin,
) -> Result<bool, Failure> {
    let row = db
        .call_one(
            verb!("add_key", "$5, $6, $7, $8, $9, $10, $11, $12, $13"),
            origin,
            &[
                &key.id.as_bytes().as_slice(),
                &word(&key.purpose)?,
                &key.algorithm,
                &key.kid,
                &key.sealed,
                &word(&key.state)?,
                &millis(key.created_at),
                &millis(key.since),
                &unless_active,
            ],
        )
        .await?;
    row.column(0)
}

pub(super) async fn advance(
    db: &Postgres,
    id: KeyId,
    from: KeyState,
    to: KeyState,
    origin: &Origin,
) -> Result<bool, Failure> {
    // Taking one out is another verb: it wipes the key and tells the guards.
    if to <= from || to == KeyState::Removed {
        return Ok(false);
    }
    let row = db
        .call_one(
            verb!("move_key", "$5, $6, $7"),
            origin,
            &[&id.as_bytes().as_slice(), &word(&from)?, &word(&to)?],
        )
        .await?;
    row.column(0)
}

pub(super) async fn drop(db: &Postgres, id: KeyId, origin: &Origin) -> Result<bool, Failure> {
    let row = db
        .call_one(
            verb!("drop_key", "$5"),
            origin,
            &[&id.as_bytes().as_slice()],
        )
        .await?;
    row.column(0)
}

pub(super) async fn remove(
    db: &Postgres,
    id: KeyId,
    origin: &Origin,
) -> Result<Option<StoredKey>, Failure> {
    let rows = db
        .call(
            verb!("remove_key", "$5"),
            origin,
            &[&id.as_bytes().as_slice()],
        )
        .await?;
    rows.first().map(key).transpose()
}

fn key(row: &Row) -> Result<StoredKey, Failure> {
    Ok(StoredKey {
        id: KeyId::from_bytes(row.bytes(0)?),
        purpose: row.word(1)?,
        algorithm: row.column(2)?,
        kid: row.column(3)?,
        sealed: row.column(4)?,
        state: row.word(5)?,
        created_at: row.time(6)?,
        since: row.time(7)?,
    })
}
