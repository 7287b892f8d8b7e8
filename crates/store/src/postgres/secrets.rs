//! Secrets of clients: rows, and the verbs of the directory about them.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Origin;
use countersign_auth::model::secret::{SecretHash, SecretSpan, StoredSecret};
use tokio_postgres::Row;

use super::columns::{Columns, all, millis};
use super::failure::Failure;
use super::{Postgres, verb};

pub(super) async fn list(db: &Postgres) -> Result<Vec<StoredSecret>, Failure> {
    let rows = db
        .rows(
            "SELECT c.id, s.hash, s.created_at, s.ends_at
             FROM client_secrets s JOIN clients c ON c.key = s.client_key ORDER BY s.key",
            &[],
        )
        .await?;
    all(&rows, secret)
}

pub(super) async fn add(
    db: &Postgres,
    secret: &StoredSecret,
    others_end: Timestamp,
    origin: &Origin,
) -> Result<bool, Failure> {
    let row = db
        .call_one(
            verb!("add_client_secret", "$5, $6, $7, $8, $9"),
            origin,
            &[
                &secret.client.as_str(),
                &secret.hash.as_bytes().as_slice(),
                &millis(secret.span.created_at),
                &secret.span.ends_at.map(millis),
                &millis(others_end),
            ],
        )
        .await?;
    row.column(0)
}

fn secret(row: &Row) -> Result<StoredSecret, Failure> {
    let ends: Option<i64> = row.column(3)?;
    Ok(StoredSecret {
        client: row.parsed(0)?,
        hash: SecretHash::from_bytes(row.bytes(1)?),
        span: SecretSpan {
            created_at: row.time(2)?,
            ends_at: ends.map(|_| row.time(3)).transpose()?,
        },
    })
}
