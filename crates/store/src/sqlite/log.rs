//! The revocation log: numbered without a gap, so that a reader can prove that it has everything.

use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::revocation::{Cursor, LogPage};
use countersign_guard::{Event, Revocation, UnixTime};
use rusqlite::{Connection, Result, Row, params};

use super::columns::{Columns, int, json};

/// The issuer's one row: the head of the log, and what belongs to no user and no client.
pub(super) struct Issuer {
    pub(super) epoch: u64,
    pub(super) event_lifetime: Duration,
    pub(super) head: Cursor,
}

pub(super) fn issuer(db: &Connection) -> Result<Issuer> {
    db.prepare_cached(
        "SELECT epoch, event_lifetime, incarnation, sequence FROM issuer WHERE one = 1",
    )?
    .query_row([], |row| {
        Ok(Issuer {
            epoch: row.uint(0)?,
            event_lifetime: Duration::from_millis(row.uint(1)?),
            head: Cursor {
                incarnation: row.get::<_, i64>(2)?.cast_unsigned(),
                sequence: row.uint(3)?,
            },
        })
    })
}

/// Appends an event; the counter is advanced last. The cursor after it.
pub(super) fn append(db: &Connection, what: &Revocation, at: Timestamp) -> Result<Cursor> {
    let Issuer {
        event_lifetime,
        head,
        ..
    } = issuer(db)?;
    let cursor = Cursor {
        sequence: head.sequence + 1,
        ..head
    };
    let until = at.plus(event_lifetime).as_millis().div_ceil(1000);
    db.prepare_cached("INSERT INTO revocations (sequence, what, until) VALUES (?1, ?2, ?3)")?
        .execute(params![int(cursor.sequence), json(what)?, int(until)])?;
    db.prepare_cached("UPDATE issuer SET sequence = ?1 WHERE one = 1")?
        .execute([int(cursor.sequence)])?;
    Ok(cursor)
}

/// Everybody signs in again: the issuer's epoch rises by one, and the log says so.
pub(super) fn end_everything(db: &Connection, at: Timestamp) -> Result<Cursor> {
    let below = issuer(db)?.epoch + 1;
    db.prepare_cached("UPDATE issuer SET epoch = ?1 WHERE one = 1")?
        .execute([int(below)])?;
    append(db, &Revocation::All { below }, at)
}

/// What a reader gets, or that its cursor is ahead of the log, which proves that the log was rolled back.
pub(super) enum Read {
    Page(LogPage),
    RolledBack,
}

/// What follows `after`; read in one snapshot of the database.
pub(super) fn read(
    db: &Connection,
    after: Option<Cursor>,
    now: Timestamp,
    limit: u32,
) -> Result<Read> {
    let head = issuer(db)?.head;
    match after.filter(|cursor| cursor.incarnation == head.incarnation) {
        None => snapshot(db, head, now).map(Read::Page),
        Some(cursor) if cursor.sequence > head.sequence => Ok(Read::RolledBack),
        Some(cursor) => tail(db, cursor, head, limit).map(Read::Page),
    }
}

/// As [`read`], where the database can be written: a roll-back begins a new incarnation.
pub(super) fn read_or_begin_anew(
    db: &Connection,
    after: Option<Cursor>,
    now: Timestamp,
    limit: u32,
) -> Result<LogPage> {
    if let Read::Page(page) = read(db, after, now, limit)? {
        return Ok(page);
    }
    db.prepare_cached("UPDATE issuer SET incarnation = random() WHERE one = 1")?
        .execute([])?;
    snapshot(db, issuer(db)?.head, now)
}

/// Keeps the longest lifetime that was ever told.
pub(super) fn event_lifetime(db: &Connection, configured: Duration) -> Result<Duration> {
    let configured = u64::try_from(configured.as_millis()).unwrap_or(u64::MAX);
    db.prepare_cached(
        "UPDATE issuer SET event_lifetime = ?1 WHERE one = 1 AND event_lifetime < ?1",
    )?
    .execute([int(configured)])?;
    Ok(issuer(db)?.event_lifetime)
}

/// Drops at most `limit` events that have lapsed; how many.
pub(super) fn sweep(db: &Connection, now: Timestamp, limit: u32) -> Result<u32> {
    let dropped = db
        .prepare_cached(
            "DELETE FROM revocations WHERE sequence IN
             (SELECT sequence FROM revocations WHERE until < ?1 ORDER BY until LIMIT ?2)",
        )?
        .execute(params![int(now.unix().as_secs()), limit])?;
    Ok(u32::try_from(dropped).unwrap_or(limit))
}

fn snapshot(db: &Connection, head: Cursor, now: Timestamp) -> Result<LogPage> {
    let events = db
        .prepare_cached("SELECT what, until FROM revocations WHERE until >= ?1 ORDER BY sequence")?
        .query_map([int(now.unix().as_secs())], event)?
        .collect::<Result<_>>()?;
    Ok(LogPage::Snapshot {
        events,
        cursor: head,
    })
}

/// Events that have been swept are missing from a late reader's tail: they had lapsed.
fn tail(db: &Connection, after: Cursor, head: Cursor, limit: u32) -> Result<LogPage> {
    let mut last = after.sequence;
    let mut events = Vec::new();
    let mut statement = db.prepare_cached(
        "SELECT what, until, sequence FROM revocations WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let mut rows = statement.query(params![int(after.sequence), limit])?;
    while let Some(row) = rows.next()? {
        events.push(event(row)?);
        last = row.uint(2)?;
    }
    let complete = events.len() < limit as usize;
    Ok(LogPage::Tail {
        events,
        cursor: Cursor {
            sequence: if complete { head.sequence } else { last },
            ..head
        },
    })
}

fn event(row: &Row<'_>) -> Result<Event> {
    Ok(Event {
        kind: row.json(0)?,
        until: UnixTime::from_secs(row.uint(1)?),
    })
}
