//! The revocation log: numbered without a gap, so that a reader can prove that it has everything.

use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::revocation::{Audience, Cursor, LogEntry, LogPage};
use countersign_guard::{Event, Revocation, UnixTime};
use rusqlite::{Connection, Result, Row, params};

use super::columns::{Columns, int, json};

/// How the column of an event's audience names the issuer. No service has an empty name.
const ISSUER: &str = "";

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
pub(super) fn append(
    db: &Connection,
    what: &Revocation,
    audience: Option<&Audience>,
    at: Timestamp,
) -> Result<Cursor> {
    let until = at.plus(issuer(db)?.event_lifetime);
    let until = until.as_millis().div_ceil(1000);
    append_until(db, what, audience.map(audience_column), until)
}

/// The same of one that matters until then, in seconds since 1970.
pub(super) fn append_until(
    db: &Connection,
    what: &Revocation,
    audience: Option<&str>,
    until: u64,
) -> Result<Cursor> {
    let head = issuer(db)?.head;
    let cursor = Cursor {
        sequence: head.sequence + 1,
        ..head
    };
    db.prepare_cached(
        "INSERT INTO revocations (sequence, what, until, audience) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        int(cursor.sequence),
        json(what)?,
        int(until),
        audience
    ])?;
    db.prepare_cached("UPDATE issuer SET sequence = ?1 WHERE one = 1")?
        .execute([int(cursor.sequence)])?;
    Ok(cursor)
}

/// An audience as a column.
pub(super) fn audience_column(audience: &Audience) -> &str {
    match audience {
        Audience::Issuer => ISSUER,
        Audience::Service(name) => name,
    }
}

/// Everybody signs in again: the issuer's epoch rises by one, and the log says so.
pub(super) fn end_everything(db: &Connection, at: Timestamp) -> Result<Cursor> {
    let below = issuer(db)?.epoch + 1;
    db.prepare_cached("UPDATE issuer SET epoch = ?1 WHERE one = 1")?
        .execute([int(below)])?;
    append(db, &Revocation::All { below }, None, at)
}

/// What a reader gets, or that its cursor is ahead of the log, which proves that the log was rolled back.
pub(super) enum Read {
    Page(LogPage),
    RolledBack,
}

/// What follows `after` and has not lapsed; read in one snapshot of the database.
pub(super) fn read(
    db: &Connection,
    after: Option<Cursor>,
    now: Timestamp,
    limit: u32,
) -> Result<Read> {
    let head = issuer(db)?.head;
    match after.filter(|cursor| cursor.incarnation == head.incarnation) {
        None => page(db, None, head, now, limit).map(Read::Page),
        Some(cursor) if cursor.sequence > head.sequence => Ok(Read::RolledBack),
        Some(cursor) => page(db, Some(cursor.sequence), head, now, limit).map(Read::Page),
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
    page(db, None, issuer(db)?.head, now, limit)
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

/// Events that have lapsed are missing, swept or not.
fn page(
    db: &Connection,
    after: Option<u64>,
    head: Cursor,
    now: Timestamp,
    limit: u32,
) -> Result<LogPage> {
    // The plus keeps SQLite from sorting all that lives by number: it walks along the numbers instead.
    let entries = db
        .prepare_cached(
            "SELECT what, until, sequence, audience FROM revocations
             WHERE sequence > ?1 AND +until >= ?2 ORDER BY sequence LIMIT ?3",
        )?
        .query_map(
            params![int(after.unwrap_or(0)), int(now.unix().as_secs()), limit],
            entry,
        )?
        .collect::<Result<Vec<_>>>()?;
    let sequence = if entries.len() < limit as usize {
        head.sequence
    } else {
        let last = entries.last().map(|entry| entry.sequence);
        last.or(after).unwrap_or(0)
    };
    Ok(LogPage {
        anew: after.is_none(),
        entries,
        cursor: Cursor { sequence, ..head },
        head,
    })
}

fn entry(row: &Row<'_>) -> Result<LogEntry> {
    let audience: Option<String> = row.get(3)?;
    Ok(LogEntry {
        sequence: row.uint(2)?,
        event: Event {
            kind: row.json(0)?,
            until: UnixTime::from_secs(row.uint(1)?),
        },
        audience: audience.map(|name| {
            if name == ISSUER {
                Audience::Issuer
            } else {
                Audience::Service(name)
            }
        }),
    })
}
