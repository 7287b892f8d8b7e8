//! The audit trail.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, AuditQuery, Origin};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use rusqlite::types::Value;
use rusqlite::{Connection, Result, Row, params, params_from_iter};

use super::columns::{Columns, millis, word};

/// Appends a line.
pub(super) fn append(db: &Connection, entry: &AuditEntry) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO audit (at, what, actor, user, session, client, address, agent, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        millis(entry.origin.at),
        word(&entry.what)?,
        word(&entry.origin.actor)?,
        entry.user.as_ref().map(UserId::as_bytes),
        entry.session.as_ref().map(SessionId::as_bytes),
        entry.client.as_ref().map(ClientId::as_str),
        entry.origin.address,
        entry.origin.agent,
        entry.detail,
    ])?;
    Ok(())
}

/// Newest first. What was appended later is newer, whatever the clock said.
pub(super) fn query(db: &Connection, query: &AuditQuery) -> Result<Vec<AuditEntry>> {
    let mut conditions = String::new();
    let mut values: Vec<Value> = Vec::new();
    let mut only = |condition: &str, value: Value| {
        conditions.push_str(if values.is_empty() {
            " WHERE "
        } else {
            " AND "
        });
        conditions.push_str(condition);
        values.push(value);
    };
    if let Some(user) = query.user {
        only("user = ?", Value::Blob(user.as_bytes().to_vec()));
    }
    if let Some(what) = query.what {
        only("what = ?", Value::Text(word(&what)?));
    }
    if let Some(since) = query.since {
        only("at >= ?", Value::Integer(millis(since)));
    }
    values.push(Value::Integer(i64::from(query.limit)));
    db.prepare_cached(&format!(
        "SELECT at, what, actor, user, session, client, address, agent, detail
         FROM audit{conditions} ORDER BY key DESC LIMIT ?"
    ))?
    .query_map(params_from_iter(values), entry)?
    .collect()
}

/// Takes from a user's lines whatever tells where they were; the id remains, as a pseudonym.
pub(super) fn forget_whereabouts(db: &Connection, user: UserId) -> Result<()> {
    db.prepare_cached("UPDATE audit SET address = NULL, agent = NULL WHERE user = ?1")?
        .execute([user.as_bytes()])?;
    Ok(())
}

/// Drops at most `limit` lines from before `before`; how many.
pub(super) fn sweep(db: &Connection, before: Timestamp, limit: u32) -> Result<u32> {
    let dropped = db
        .prepare_cached(
            "DELETE FROM audit WHERE key IN (SELECT key FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)",
        )?
        .execute(params![millis(before), limit])?;
    Ok(u32::try_from(dropped).unwrap_or(limit))
}

fn entry(row: &Row<'_>) -> Result<AuditEntry> {
    let client: Option<String> = row.get(5)?;
    Ok(AuditEntry {
        origin: Origin {
            at: row.time(0)?,
            actor: row.word(2)?,
            address: row.get(6)?,
            agent: row.get(7)?,
        },
        what: row.word(1)?,
        user: row.get::<_, Option<_>>(3)?.map(UserId::from_bytes),
        session: row.get::<_, Option<_>>(4)?.map(SessionId::from_bytes),
        client: client.map(|_| row.parsed(5)).transpose()?,
        detail: row.get(8)?,
    })
}
