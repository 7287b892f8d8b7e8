//! Clients: rows, and the verbs of the directory about them.

use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::client::Client;
use countersign_auth::model::id::ClientId;
use countersign_auth::model::revocation::Audience;
use countersign_guard::Revocation;
use rusqlite::{Connection, OptionalExtension, Result, Row, Rows, params};

use super::columns::{Columns, int, json, millis};
use super::{audit, log};
use crate::registration::changed;

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
        Some(before) => change(db, before, client, origin),
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

fn change(db: &Connection, before: Stored, client: Client, origin: &Origin) -> Result<Client> {
    let Some((client, what)) = changed(&before.client, client) else {
        return Ok(before.client);
    };
    if client.epoch > before.client.epoch {
        // Before its audience may change: what it concerns was issued under the old one.
        tell(db, &client.id, client.epoch, origin.at)?;
    }
    db.prepare_cached("UPDATE clients SET enabled = ?2, epoch = ?3, settings = ?4 WHERE key = ?1")?
        .execute(params![
            before.key,
            client.enabled,
            int(client.epoch),
            json(&client)?
        ])?;
    if client.audience != before.client.audience {
        db.prepare_cached("UPDATE clients SET audience_since = ?2 WHERE key = ?1")?
            .execute(params![before.key, millis(origin.at)])?;
    }
    audit::append(db, &AuditEntry::new(what, origin).client(client.id.clone()))?;
    Ok(client)
}

fn tell(db: &Connection, id: &ClientId, below: u64, at: Timestamp) -> Result<()> {
    let ended = Revocation::Client {
        client_id: id.to_string(),
        below,
    };
    let audience = audience(db, id, at)?;
    log::append(db, &ended, audience.as_ref(), at).map(|_| ())
}

/// For whom all the tokens of a client are that can be valid now, if that can be told. Of a service it cannot: it has
/// them for whom it asks.
pub(super) fn audience(db: &Connection, id: &ClientId, at: Timestamp) -> Result<Option<Audience>> {
    let mut statement = db.prepare_cached(
        "SELECT settings ->> '$.audience', audience_since FROM clients
         WHERE id = ?1 AND settings ->> '$.kind' <> 'service'",
    )?;
    told(db, &mut statement.query([id.as_str()])?, at)
}

/// The same for the clients of a session.
pub(super) fn audience_of_session(
    db: &Connection,
    session_key: i64,
    at: Timestamp,
) -> Result<Option<Audience>> {
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT c.settings ->> '$.audience', c.audience_since
         FROM grants g CROSS JOIN clients c ON c.key = g.client
         WHERE g.session = ?1",
    )?;
    told(db, &mut statement.query([session_key])?, at)
}

/// The same for clients by their names.
pub(super) fn audience_of_all(
    db: &Connection,
    ids: &[ClientId],
    at: Timestamp,
) -> Result<Option<Audience>> {
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT settings ->> '$.audience', audience_since FROM clients
         WHERE id IN (SELECT value FROM json_each(?1))",
    )?;
    told(db, &mut statement.query([json(&ids)?])?, at)
}

/// How long after a change of its audience a request that is under way, or another node, may still issue tokens of a
/// client under the old one.
const STILL_UNDER_WAY: Duration = Duration::from_mins(1);

/// What all of these rows say, if they agree and none has changed while a token of before can live.
fn told(db: &Connection, rows: &mut Rows<'_>, at: Timestamp) -> Result<Option<Audience>> {
    let in_doubt = log::issuer(db)?.event_lifetime + STILL_UNDER_WAY;
    let mut all = None;
    while let Some(row) = rows.next()? {
        let name: Option<String> = row.get(0)?;
        let this = name.map_or(Audience::Issuer, Audience::Service);
        let changed = row.time(1)?;
        let known = changed == Timestamp::default() || at > changed.plus(in_doubt);
        if !known || all.as_ref().is_some_and(|other| *other != this) {
            return Ok(None);
        }
        all = Some(this);
    }
    Ok(all)
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
