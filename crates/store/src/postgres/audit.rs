//! The audit trail.

use countersign_auth::model::audit::{AuditEntry, AuditQuery, Origin};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use tokio_postgres::Row;

use super::columns::{Columns, all, millis, word};
use super::failure::Failure;
use super::{Postgres, verb};

pub(super) async fn append(db: &Postgres, entry: &AuditEntry) -> Result<(), Failure> {
    db.call(
        verb!("note", "$5, $6, $7, $8, $9"),
        &entry.origin,
        &[
            &word(&entry.what)?,
            &entry.user.as_ref().map(|id| id.as_bytes().as_slice()),
            &entry.session.as_ref().map(|id| id.as_bytes().as_slice()),
            &entry.client.as_ref().map(ClientId::as_str),
            &entry.detail,
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn read(db: &Postgres, query: &AuditQuery) -> Result<Vec<AuditEntry>, Failure> {
    let sql = match query.user {
        None => {
            "SELECT at, what, actor, user_id, session, client, address, agent, detail FROM audit
             WHERE $1::bytea IS NULL AND ($2::text IS NULL OR what = $2) AND at >= $3
             ORDER BY key DESC LIMIT $4"
        }
        Some(_) => {
            "SELECT at, what, actor, user_id, session, client, address, agent, detail FROM audit
             WHERE user_id = $1 AND ($2::text IS NULL OR what = $2) AND at >= $3
             ORDER BY key DESC LIMIT $4"
        }
    };
    let rows = db
        .rows(
            sql,
            &[
                &query.user.as_ref().map(|id| id.as_bytes().as_slice()),
                &query.what.map(|what| word(&what)).transpose()?,
                &query.since.map_or(0, millis),
                &i64::from(query.limit),
            ],
        )
        .await?;
    all(&rows, line)
}

fn line(row: &Row) -> Result<AuditEntry, Failure> {
    let client: Option<&str> = row.column(5)?;
    let user: Option<&[u8]> = row.column(3)?;
    let session: Option<&[u8]> = row.column(4)?;
    Ok(AuditEntry {
        origin: Origin {
            at: row.time(0)?,
            actor: row.word(2)?,
            address: row.column(6)?,
            agent: row.column(7)?,
        },
        what: row.word(1)?,
        user: user
            .map(|_| row.bytes(3).map(UserId::from_bytes))
            .transpose()?,
        session: session
            .map(|_| row.bytes(4).map(SessionId::from_bytes))
            .transpose()?,
        client: client.map(|_| row.parsed(5)).transpose()?,
        detail: row.column(8)?,
    })
}
