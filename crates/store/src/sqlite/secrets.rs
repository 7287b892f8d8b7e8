//! The secrets of service clients: rows of hashes, and the verbs of the directory about them.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::secret::{SecretHash, SecretSpan, StoredSecret};
use rusqlite::{Connection, Result, Row, params};

use super::columns::{Columns, millis};
use super::{audit, clients};

pub(super) fn list(db: &Connection) -> Result<Vec<StoredSecret>> {
    db.prepare_cached(
        "SELECT c.id, s.hash, s.created_at, s.ends_at FROM client_secrets s JOIN clients c ON c.key = s.client
         ORDER BY s.key",
    )?
    .query_map([], stored)?
    .collect()
}

/// Adds the newest. The one before it ends at `others_end` at the latest, and those before that are gone.
pub(super) fn add(
    db: &Connection,
    secret: &StoredSecret,
    others_end: Timestamp,
    origin: &Origin,
) -> Result<bool> {
    let Some(client) = clients::by_id(db, &secret.client)? else {
        return Ok(false);
    };
    db.prepare_cached(
        "DELETE FROM client_secrets WHERE client = ?1
         AND key < (SELECT max(key) FROM client_secrets WHERE client = ?1)",
    )?
    .execute([client.key])?;
    db.prepare_cached(
        "UPDATE client_secrets SET ends_at = min(coalesce(ends_at, ?2), ?2) WHERE client = ?1",
    )?
    .execute(params![client.key, millis(others_end)])?;
    db.prepare_cached(
        "INSERT INTO client_secrets (client, hash, created_at, ends_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        client.key,
        secret.hash.as_bytes(),
        millis(secret.span.created_at),
        secret.span.ends_at.map(millis)
    ])?;
    let line = AuditEntry::new(Happening::ClientSecretAdded, origin).client(secret.client.clone());
    audit::append(db, &line)?;
    Ok(true)
}

fn stored(row: &Row<'_>) -> Result<StoredSecret> {
    Ok(StoredSecret {
        client: row.parsed(0)?,
        hash: SecretHash::from_bytes(row.get(1)?),
        span: SecretSpan {
            created_at: row.time(2)?,
            ends_at: row
                .get::<_, Option<i64>>(3)?
                .map(|_| row.time(3))
                .transpose()?,
        },
    })
}
