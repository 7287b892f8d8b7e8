//! Ids of tokens that were exchanged: rows, and the verbs of the directory about them.

use countersign_auth::directory::Spent;
use countersign_auth::env::Timestamp;
use countersign_auth::model::id::ClientId;
use countersign_auth::model::revocation::Audience;
use countersign_auth::model::session::Session;
use countersign_guard::{Revocation, UnixTime};
use rusqlite::{Connection, Result, params};

use super::columns::{Columns, int, millis};
use super::{log, sessions};

/// A token to be spent, with all that belongs to it.
pub(super) struct Spending {
    pub(super) jti: String,
    pub(super) session: Session,
    pub(super) client: ClientId,
    pub(super) client_epoch: u64,
    pub(super) audience: Audience,
    pub(super) from: UnixTime,
    pub(super) until: UnixTime,
    pub(super) at: Timestamp,
}

pub(super) fn spend(db: &Connection, spending: &Spending) -> Result<Spent> {
    let Spending {
        session,
        client,
        client_epoch,
        ..
    } = spending;
    let Some((user, _)) = sessions::standing(db, session, client, *client_epoch)? else {
        return Ok(Spent::Stale);
    };
    db.prepare_cached(
        "INSERT INTO spent (jti, since, refused_from, until, audience, told)
         VALUES (?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT (jti) DO NOTHING",
    )?
    .execute(params![
        spending.jti,
        millis(spending.at),
        int(spending.from.as_secs()),
        int(spending.until.as_secs()),
        log::audience_column(&spending.audience),
    ])?;
    let since = db
        .prepare_cached("SELECT since FROM spent WHERE jti = ?1")?
        .query_row([&spending.jti], |row| row.time(0))?;
    Ok(Spent::Since(since, Box::new(user.user)))
}

/// Whether the log has been told of all of them.
pub(super) fn all_told(db: &Connection) -> Result<bool> {
    let untold = db
        .prepare_cached("SELECT 1 FROM spent WHERE told = 0")?
        .exists([])?;
    Ok(!untold)
}

/// Tells the log of at most `limit` of them; how many.
pub(super) fn tell(db: &Connection, limit: u32) -> Result<u32> {
    let untold: Vec<(String, u64, u64, String)> = db
        .prepare_cached(
            "SELECT jti, refused_from, until, audience FROM spent WHERE told = 0 ORDER BY since LIMIT ?1",
        )?
        .query_map([limit], |row| {
            Ok((row.get(0)?, row.uint(1)?, row.uint(2)?, row.get(3)?))
        })?
        .collect::<Result<_>>()?;
    let mut told = 0;
    for (jti, from, until, audience) in untold {
        let what = Revocation::Token {
            jti: jti.clone(),
            from: UnixTime::from_secs(from),
        };
        log::append_until(db, &what, Some(&audience), until)?;
        db.prepare_cached("UPDATE spent SET told = 1 WHERE jti = ?1")?
            .execute([jti])?;
        told += 1;
    }
    Ok(told)
}

/// Drops at most `limit` that could be valid no longer; how many.
pub(super) fn sweep(db: &Connection, now: Timestamp, limit: u32) -> Result<u32> {
    let dropped = db
        .prepare_cached(
            "DELETE FROM spent WHERE jti IN
             (SELECT jti FROM spent WHERE until < ?1 ORDER BY until LIMIT ?2)",
        )?
        .execute(params![int(now.unix().as_secs()), limit])?;
    Ok(u32::try_from(dropped).unwrap_or(limit))
}
