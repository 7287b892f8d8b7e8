//! Clients: rows, and the verbs of the directory about them.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::client::Client;
use countersign_auth::model::id::ClientId;
use countersign_guard::Revocation;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::columns::{Columns, int, json, millis};
use super::{audit, log};

/// A client with the name of its row.
pub(super) struct Stored {
    pub(super) key: i64,
    pub(super) client: Client,
}

pub(super) fn by_id(db: &Connection, id: &ClientId) -> Result<Option<Stored>> {
    db.prepare_cached(
        "SELECT key, id, enabled, epoch, created_at, settings FROM clients WHERE id = ?1",
    )?
    .query_row([id.as_str()], stored)
    .optional()
}

pub(super) fn list(db: &Connection) -> Result<Vec<Client>> {
    db.prepare_cached(
        "SELECT key, id, enabled, epoch, created_at, settings FROM clients ORDER BY id",
    )?
    .query_map([], |row| stored(row).map(|stored| stored.client))?
    .collect()
}

pub(super) fn put(db: &Connection, client: Client, origin: &Origin) -> Result<Client> {
    match by_id(db, &client.id)? {
        Some(before) => change(db, &before, client, origin),
        None => add(db, client, origin),
    }
}

/// Raises a client's epoch and tells the log. The new epoch.
pub(super) fn cut_off(db: &Connection, id: &ClientId, origin: &Origin) -> Result<Option<u64>> {
    let Some(stored) = by_id(db, id)? else {
        return Ok(None);
    };
    let below = stored.client.epoch + 1;
    raise_epoch(db, id, below)?;
    tell(db, id, below, origin.at)?;
    audit::append(
        db,
        &AuditEntry::new(Happening::Revoked, origin).client(id.clone()),
    )?;
    Ok(Some(below))
}

/// Raises a client's epoch to `below` at least; a client that is not there needs none.
pub(super) fn raise_epoch(db: &Connection, id: &ClientId, below: u64) -> Result<()> {
    db.prepare_cached("UPDATE clients SET epoch = ?2 WHERE id = ?1 AND epoch < ?2")?
        .execute(params![id.as_str(), int(below)])?;
    Ok(())
}

fn add(db: &Connection, client: Client, origin: &Origin) -> Result<Client> {
    db.prepare_cached(
        "INSERT INTO clients (id, enabled, epoch, created_at, settings) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        client.id.as_str(),
        client.enabled,
        int(client.epoch),
        millis(client.created_at),
        json(&client)?,
    ])?;
    let line = AuditEntry::new(Happening::ClientAdded, origin).client(client.id.clone());
    audit::append(db, &line)?;
    Ok(client)
}

fn change(db: &Connection, before: &Stored, mut client: Client, origin: &Origin) -> Result<Client> {
    client.epoch = before.client.epoch;
    client.created_at = before.client.created_at;
    if client == before.client {
        return Ok(client);
    }
    let what = match (before.client.enabled, client.enabled) {
        (true, false) => Happening::ClientDisabled,
        (false, true) => Happening::ClientEnabled,
        _ => Happening::ClientChanged,
    };
    if what == Happening::ClientDisabled {
        client.epoch += 1;
        tell(db, &client.id, client.epoch, origin.at)?;
    }
    db.prepare_cached("UPDATE clients SET enabled = ?2, epoch = ?3, settings = ?4 WHERE key = ?1")?
        .execute(params![
            before.key,
            client.enabled,
            int(client.epoch),
            json(&client)?
        ])?;
    audit::append(db, &AuditEntry::new(what, origin).client(client.id.clone()))?;
    Ok(client)
}

fn tell(db: &Connection, id: &ClientId, below: u64, at: Timestamp) -> Result<()> {
    let ended = Revocation::Client {
        client_id: id.to_string(),
        below,
    };
    log::append(db, &ended, at).map(|_| ())
}

fn stored(row: &Row<'_>) -> Result<Stored> {
    Ok(Stored {
        key: row.get(0)?,
        client: Client {
            id: row.parsed(1)?,
            enabled: row.get(2)?,
            epoch: row.uint(3)?,
            created_at: row.time(4)?,
            ..row.json(5)?
        },
    })
}
