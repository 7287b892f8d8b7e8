//! The revocation log: numbered without a gap, so that a reader can prove that it has everything.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Origin;
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::revocation::{Audience, Cursor, LogEntry, LogPage};
use countersign_guard::{Event, Revocation, UnixTime};
use tokio_postgres::Row;

use super::columns::{Columns, int, json, millis};
use super::failure::Failure;
use super::{Postgres, verb};

/// How the column of an event's audience names the issuer. No service has an empty name.
const ISSUER: &str = "";

/// An audience as a column.
pub(super) fn audience_column(audience: &Audience) -> &str {
    match audience {
        Audience::Issuer => ISSUER,
        Audience::Service(name) => name,
    }
}

/// Appends a revocation that no other verb causes.
pub(super) async fn revoke(
    db: &Postgres,
    what: &Revocation,
    origin: &Origin,
) -> Result<Cursor, Failure> {
    let mut event = Some(json(what)?);
    let (mut user, mut client, mut least, mut session, mut detail) = (None, None, None, None, None);
    match what {
        Revocation::All { .. } => event = None,
        Revocation::Session { sid } => {
            session = sid.parse::<SessionId>().ok();
        }
        Revocation::Subject { sub, below } => {
            user = sub.parse::<UserId>().ok();
            least = Some(int(*below));
        }
        Revocation::Client { client_id, below } => {
            client = client_id.parse::<ClientId>().ok();
            least = Some(int(*below));
        }
        Revocation::Changed { sub } => user = sub.parse().ok(),
        Revocation::Token { jti, .. } => detail = Some(jti),
        Revocation::Key { kid } => detail = Some(kid),
    }
    let row = db
        .call_one(
            verb!("revoke", "$5, $6, $7, $8, $9, $10, $11"),
            origin,
            &[
                &event,
                &user.as_ref().map(|id| id.as_bytes().as_slice()),
                &client.as_ref().map(ClientId::as_str),
                &least,
                &session.as_ref().map(|id| millis(id.absolute_end())),
                &session.as_ref().map(|id| id.as_bytes().as_slice()),
                &detail,
            ],
        )
        .await?;
    cursor(&row)
}

/// What follows `after` and has not lapsed. A cursor ahead of the log begins a new incarnation.
pub(super) async fn read(
    db: &Postgres,
    after: Option<Cursor>,
    now: Timestamp,
    limit: u32,
) -> Result<LogPage, Failure> {
    if let Some(page) = page(db, after, now, limit).await? {
        return Ok(page);
    }
    tracing::error!("the revocation log was rolled back; a new incarnation begins");
    let ahead = after.unwrap_or(Cursor {
        incarnation: 0,
        sequence: 0,
    });
    db.rows(
        "SELECT begin_anew($1, $2)",
        &[&ahead.incarnation.cast_signed(), &int(ahead.sequence)],
    )
    .await?;
    page(db, after, now, limit)
        .await?
        .ok_or_else(|| Failure::damaged("the log's head fell while it was read"))
}

/// In one snapshot of the database. `None`: the cursor is ahead of the log, which proves that it was rolled back.
async fn page(
    db: &Postgres,
    after: Option<Cursor>,
    now: Timestamp,
    limit: u32,
) -> Result<Option<LogPage>, Failure> {
    // The plus keeps it from sorting all that lives by number: it walks along the numbers instead.
    let rows = db
        .rows(
            "SELECT i.incarnation, i.sequence, r.sequence, r.what::text, r.until, r.audience
             FROM issuer i LEFT JOIN LATERAL (
                 SELECT * FROM revocations
                 WHERE sequence > CASE WHEN i.incarnation = $1 THEN $2::bigint ELSE 0 END AND until + 0 >= $3
                 ORDER BY sequence LIMIT $4
             ) r ON true
             WHERE i.one ORDER BY r.sequence",
            &[
                &after.map(|cursor| cursor.incarnation.cast_signed()),
                &after.map(|cursor| int(cursor.sequence)),
                &int(now.unix().as_secs()),
                &i64::from(limit),
            ],
        )
        .await?;
    let Some(first) = rows.first() else {
        return Err(Failure::damaged("the issuer's row is missing"));
    };
    let head = cursor(first)?;
    let after = after.filter(|cursor| cursor.incarnation == head.incarnation);
    if after.is_some_and(|cursor| cursor.sequence > head.sequence) {
        return Ok(None);
    }
    let none = first.column::<Option<i64>>(2)?.is_none();
    let entries = if none {
        Vec::new()
    } else {
        rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?
    };
    let sequence = if entries.len() < limit as usize {
        head.sequence
    } else {
        let last = entries.last().map(|entry| entry.sequence);
        last.or(after.map(|cursor| cursor.sequence)).unwrap_or(0)
    };
    Ok(Some(LogPage {
        anew: after.is_none(),
        entries,
        cursor: Cursor { sequence, ..head },
        head,
    }))
}

/// Reads `incarnation, sequence`.
pub(super) fn cursor(row: &Row) -> Result<Cursor, Failure> {
    Ok(Cursor {
        incarnation: row.column::<i64>(0)?.cast_unsigned(),
        sequence: row.uint(1)?,
    })
}

fn entry(row: &Row) -> Result<LogEntry, Failure> {
    let audience: Option<String> = row.column(5)?;
    Ok(LogEntry {
        sequence: row.uint(2)?,
        event: Event {
            kind: row.json(3)?,
            until: UnixTime::from_secs(row.uint(4)?),
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
