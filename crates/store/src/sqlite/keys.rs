//! Keys: rows, and the verbs of the directory about them. A key only moves down its life.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::id::KeyId;
use countersign_auth::model::key::{KeyPurpose, KeyState, StoredKey};
use countersign_guard::Revocation;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::columns::{Columns, millis, word};
use super::{audit, log};

pub(super) fn list(db: &Connection) -> Result<Vec<StoredKey>> {
    db.prepare_cached(
        "SELECT id, purpose, algorithm, kid, sealed, state, created_at, since
         FROM keys ORDER BY created_at, id",
    )?
    .query_map([], key)?
    .collect()
}

pub(super) fn add(
    db: &Connection,
    key: &StoredKey,
    unless_active: bool,
    origin: &Origin,
) -> Result<bool> {
    let known = db
        .prepare_cached("SELECT 1 FROM keys WHERE kid = ?1 OR id = ?2")?
        .exists(params![key.kid, key.id.as_bytes()])?;
    if known {
        return Ok(false);
    }
    if key.state == KeyState::Active {
        let active = active(db, key)?;
        if unless_active && active.is_some() {
            return Ok(false);
        }
        retire(db, active, origin)?;
    }
    db.prepare_cached(
        "INSERT INTO keys (id, purpose, algorithm, kid, sealed, state, created_at, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        key.id.as_bytes(),
        word(&key.purpose)?,
        key.algorithm,
        key.kid,
        key.sealed,
        word(&key.state)?,
        millis(key.created_at),
        millis(key.since),
    ])?;
    note(db, Happening::KeyAdded, key.kid.clone(), origin)?;
    Ok(true)
}

pub(super) fn step(
    db: &Connection,
    id: KeyId,
    from: KeyState,
    to: KeyState,
    origin: &Origin,
) -> Result<bool> {
    let Some(key) = by_id(db, id)? else {
        return Ok(false);
    };
    // Taking one out is another verb: it wipes the key and tells the guards.
    if key.state != from || to <= from || to == KeyState::Removed {
        return Ok(false);
    }
    if to == KeyState::Active {
        retire(db, active(db, &key)?, origin)?;
    }
    set_state(db, id, to, origin.at)?;
    let told = format!("{} {}", key.kid, word(&to)?);
    note(db, Happening::KeyMoved, told, origin)?;
    Ok(true)
}

pub(super) fn drop_retired(db: &Connection, id: KeyId, origin: &Origin) -> Result<bool> {
    let Some(key) = by_id(db, id)? else {
        return Ok(false);
    };
    if key.state != KeyState::Retired {
        return Ok(false);
    }
    db.prepare_cached("DELETE FROM keys WHERE id = ?1")?
        .execute([id.as_bytes()])?;
    note(
        db,
        Happening::KeyMoved,
        format!("{} dropped", key.kid),
        origin,
    )?;
    Ok(true)
}

pub(super) fn remove(db: &Connection, id: KeyId, origin: &Origin) -> Result<Option<StoredKey>> {
    let Some(mut key) = by_id(db, id)? else {
        return Ok(None);
    };
    if key.state == KeyState::Removed {
        return Ok(Some(key));
    }
    db.prepare_cached("UPDATE keys SET sealed = x'' WHERE id = ?1")?
        .execute([id.as_bytes()])?;
    set_state(db, id, KeyState::Removed, origin.at)?;
    if key.purpose == KeyPurpose::Signing {
        let kid = key.kid.clone();
        log::append(db, &Revocation::Key { kid }, None, origin.at)?;
    }
    note(db, Happening::KeyRemoved, key.kid.clone(), origin)?;
    key.sealed = Vec::new();
    key.state = KeyState::Removed;
    key.since = origin.at;
    Ok(Some(key))
}

pub(super) fn issuer_algorithm(db: &Connection) -> Result<Option<String>> {
    db.prepare_cached("SELECT algorithm FROM issuer WHERE one = 1")?
        .query_row([], |row| row.get(0))
}

pub(super) fn set_issuer_algorithm(
    db: &Connection,
    algorithm: &str,
    origin: &Origin,
) -> Result<()> {
    db.prepare_cached("UPDATE issuer SET algorithm = ?1 WHERE one = 1")?
        .execute([algorithm])?;
    let told = format!("{algorithm} is the issuer's algorithm");
    note(db, Happening::KeyMoved, told, origin)
}

fn by_id(db: &Connection, id: KeyId) -> Result<Option<StoredKey>> {
    db.prepare_cached(
        "SELECT id, purpose, algorithm, kid, sealed, state, created_at, since FROM keys WHERE id = ?1",
    )?
    .query_row([id.as_bytes()], key)
    .optional()
}

/// The active key of the ring that this one belongs to.
fn active(db: &Connection, of: &StoredKey) -> Result<Option<StoredKey>> {
    db.prepare_cached(
        "SELECT id, purpose, algorithm, kid, sealed, state, created_at, since
         FROM keys WHERE purpose = ?1 AND algorithm = ?2 AND state = 'active'",
    )?
    .query_row(params![word(&of.purpose)?, of.algorithm], key)
    .optional()
}

fn retire(db: &Connection, active: Option<StoredKey>, origin: &Origin) -> Result<()> {
    let Some(key) = active else {
        return Ok(());
    };
    set_state(db, key.id, KeyState::Retired, origin.at)?;
    note(
        db,
        Happening::KeyMoved,
        format!("{} retired", key.kid),
        origin,
    )
}

fn set_state(db: &Connection, id: KeyId, state: KeyState, since: Timestamp) -> Result<()> {
    db.prepare_cached("UPDATE keys SET state = ?2, since = ?3 WHERE id = ?1")?
        .execute(params![id.as_bytes(), word(&state)?, millis(since)])?;
    Ok(())
}

fn note(db: &Connection, what: Happening, detail: String, origin: &Origin) -> Result<()> {
    audit::append(db, &AuditEntry::new(what, origin).detail(detail))
}

fn key(row: &Row<'_>) -> Result<StoredKey> {
    Ok(StoredKey {
        id: KeyId::from_bytes(row.get(0)?),
        purpose: row.word(1)?,
        algorithm: row.get(2)?,
        kid: row.get(3)?,
        sealed: row.get(4)?,
        state: row.word(5)?,
        created_at: row.time(6)?,
        since: row.time(7)?,
    })
}
