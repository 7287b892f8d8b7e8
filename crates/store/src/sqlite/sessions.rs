//! Sessions: rows, and the verbs about them except `rotate`.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::grant::{Entitlement, Grant, HandleHash};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::revocation::Cursor;
use countersign_auth::model::session::{Session, SessionView};
use countersign_auth::sessions::{ChangePassword, Open, PasswordChange};
use countersign_guard::Revocation;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::columns::{Columns, int, json, millis};
use super::{audit, clients, grants, log, users};

pub(super) fn open(
    db: &Connection,
    mut session: Session,
    grant: Grant,
    origin: &Origin,
) -> Result<Open> {
    let Some((user, client)) = standing(db, &session, &grant.client, grant.client_epoch)? else {
        return Ok(Open::Stale);
    };
    session.idle_end = session.idle_end.min(session.absolute_end());
    db.prepare_cached(
        "INSERT INTO sessions
         (id, user, user_epoch, issuer_epoch, auth_time, amr, idle_end, device, address)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        session.id.as_bytes(),
        user.key,
        int(session.user_epoch),
        int(session.issuer_epoch),
        millis(session.auth_time),
        json(&session.amr)?,
        millis(session.idle_end),
        session.device,
        session.address,
    ])?;
    grants::insert(db, db.last_insert_rowid(), client.key, &grant)?;
    let line = AuditEntry::new(Happening::SignedIn, origin)
        .user(session.user)
        .session(session.id)
        .client(grant.client.clone());
    audit::append(db, &line)?;
    Ok(Open::Opened(Box::new(Entitlement {
        user: user.user,
        session,
        grant,
    })))
}

/// Lets a session begin of which no row is kept.
pub(super) fn admit(
    db: &Connection,
    session: &Session,
    client: &ClientId,
    client_epoch: u64,
    origin: &Origin,
) -> Result<bool> {
    if standing(db, session, client, client_epoch)?.is_none() {
        return Ok(false);
    }
    let line = AuditEntry::new(Happening::SignedIn, origin)
        .user(session.user)
        .session(session.id)
        .client(client.clone());
    audit::append(db, &line)?;
    Ok(true)
}

/// The user and the client of a session that begins, if nothing moved since the password was looked at.
pub(super) fn standing(
    db: &Connection,
    session: &Session,
    client: &ClientId,
    client_epoch: u64,
) -> Result<Option<(users::Stored, clients::Stored)>> {
    let (Some(user), Some(client)) = (users::by_id(db, session.user)?, clients::by_id(db, client)?)
    else {
        return Ok(None);
    };
    let current = user.user.enabled
        && client.client.enabled
        && session.user_epoch == user.user.epoch
        && client_epoch == client.client.epoch
        && session.issuer_epoch == log::issuer(db)?.epoch;
    Ok(current.then_some((user, client)))
}

/// A session to be ended, and what the audit trail shall say.
pub(super) struct End<'a> {
    pub(super) key: i64,
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) client: Option<&'a ClientId>,
    pub(super) what: Happening,
    pub(super) detail: Option<&'a str>,
}

/// Ends one session: event, line, rows.
pub(super) fn end(db: &Connection, end: &End<'_>, origin: &Origin) -> Result<()> {
    revoke(db, end.key, end.session, origin.at)?;
    let mut line = AuditEntry::new(end.what, origin)
        .user(end.user)
        .session(end.session);
    line.client = end.client.cloned();
    line.detail = end.detail.map(str::to_owned);
    audit::append(db, &line)
}

pub(super) fn end_one(
    db: &Connection,
    id: SessionId,
    owner: Option<UserId>,
    origin: &Origin,
) -> Result<bool> {
    let Some(current) =
        current(db, id)?.filter(|found| owner.is_none_or(|user| user == found.user))
    else {
        return Ok(false);
    };
    let signed_out = End {
        key: current.key,
        session: id,
        user: current.user,
        client: None,
        what: Happening::SessionEnded,
        detail: None,
    };
    end(db, &signed_out, origin)?;
    Ok(true)
}

pub(super) fn end_of_grant(
    db: &Connection,
    handle: HandleHash,
    absolute_end: Timestamp,
    origin: &Origin,
) -> Result<Option<SessionId>> {
    let Some(found) = grants::find(db, handle, absolute_end)? else {
        return Ok(None);
    };
    let Entitlement { session, grant, .. } = found.entitlement;
    // However its client stands: who signs out of an application that was cut off signs out.
    let Some(current) = current(db, session.id)? else {
        return Ok(None);
    };
    let signed_out = End {
        key: current.key,
        session: session.id,
        user: current.user,
        client: Some(&grant.client),
        what: Happening::SessionEnded,
        detail: None,
    };
    end(db, &signed_out, origin)?;
    Ok(Some(session.id))
}

pub(super) fn end_all(
    db: &Connection,
    user: UserId,
    but: Option<SessionId>,
    origin: &Origin,
) -> Result<u64> {
    let Some(mut stored) = users::by_id(db, user)? else {
        return Ok(0);
    };
    let mut ended = current_of_user(db, stored.key)?;
    if let Some(but) = but {
        ended.retain(|(_, id)| *id != but);
        if ended.is_empty() {
            return Ok(0);
        }
        for (key, id) in &ended {
            revoke(db, *key, *id, origin.at)?;
        }
    } else {
        users::cut_off(db, &mut stored, origin.at)?;
    }
    let mut line = AuditEntry::new(Happening::SessionsEnded, origin)
        .user(user)
        .detail(ended.len().to_string());
    line.session = but;
    audit::append(db, &line)?;
    Ok(ended.len() as u64)
}

pub(super) fn of_user(db: &Connection, user: UserId, now: Timestamp) -> Result<Vec<SessionView>> {
    let mut statement = db.prepare_cached(
        "SELECT s.id, s.auth_time, s.amr, s.idle_end, s.device, s.address, g.handed_at, c.id
         FROM users u
         CROSS JOIN issuer i ON i.one = 1
         CROSS JOIN sessions s ON s.user = u.key
         CROSS JOIN grants g ON g.session = s.key
         CROSS JOIN clients c ON c.key = g.client
         WHERE u.id = ?1 AND u.enabled AND c.enabled AND s.idle_end > ?2
          AND s.user_epoch = u.epoch AND s.issuer_epoch = i.epoch AND g.client_epoch = c.epoch
          AND g.floor = 0
         ORDER BY s.key, c.id",
    )?;
    let mut rows = statement.query(params![user.as_bytes(), millis(now)])?;
    let mut views: Vec<SessionView> = Vec::new();
    while let Some(row) = rows.next()? {
        let id = SessionId::from_bytes(row.get(0)?);
        let last_used_at = row.time(6)?;
        let client = row.parsed(7)?;
        match views.last_mut().filter(|view| view.id == id) {
            Some(view) => {
                view.last_used_at = view.last_used_at.max(last_used_at);
                if !view.clients.contains(&client) {
                    view.clients.push(client);
                }
            }
            None => views.push(view(row, user, id, last_used_at, client)?),
        }
    }
    views.sort_by_key(|view| (std::cmp::Reverse(view.last_used_at), view.id));
    Ok(views)
}

pub(super) fn change_password(
    db: &Connection,
    change: PasswordChange,
    origin: &Origin,
) -> Result<ChangePassword> {
    let PasswordChange {
        user,
        seen_epoch,
        password,
        grant,
    } = change;

    // 1. Does everything stand where the check of the old password saw it?
    let Some(mut stored) = users::by_id(db, user)? else {
        return Ok(ChangePassword::Stale);
    };
    let Some(client) = clients::by_id(db, &grant.client)? else {
        return Ok(ChangePassword::Stale);
    };
    let Some(current) = current(db, grant.session)? else {
        return Ok(ChangePassword::Stale);
    };
    let stands = stored.user.enabled
        && stored.user.epoch == seen_epoch
        && client.client.enabled
        && client.client.epoch == grant.client_epoch
        && current.user == user
        && origin.at < current.idle_end;
    if !stands {
        return Ok(ChangePassword::Stale);
    }

    // 2. The new password; every session ends by the new epoch, but this one gets it.
    users::put_password(db, stored.key, &password)?;
    let epoch = users::cut_off(db, &mut stored, origin.at)?;
    db.prepare_cached("UPDATE sessions SET user_epoch = ?2 WHERE key = ?1")?
        .execute(params![current.key, int(epoch)])?;

    // 3. This one goes on under a new grant only.
    grants::supersede_all(db, current.key, grant.session.absolute_end(), origin.at)?;
    grants::insert(db, current.key, client.key, &grant)?;
    let line = AuditEntry::new(Happening::PasswordChanged, origin)
        .user(user)
        .session(grant.session)
        .client(grant.client.clone());
    audit::append(db, &line)?;
    let session = db
        .prepare_cached(
            "SELECT id, user_epoch, issuer_epoch, auth_time, amr, idle_end, device, address
             FROM sessions WHERE key = ?1",
        )?
        .query_row([current.key], |row| session(row, user))?;
    Ok(ChangePassword::Changed(Box::new(Entitlement {
        user: stored.user,
        session,
        grant,
    })))
}

/// Drops at most `limit` sessions that have ended, with their grants; how many sessions.
pub(super) fn sweep(db: &Connection, now: Timestamp, limit: u32) -> Result<u32> {
    let dropped = db
        .prepare_cached(
            "DELETE FROM sessions WHERE key IN
             (SELECT key FROM sessions WHERE idle_end <= ?1 ORDER BY idle_end LIMIT ?2)",
        )?
        .execute(params![millis(now), limit])?;
    Ok(u32::try_from(dropped).unwrap_or(limit))
}

/// Ends a session by its id alone, whether its rows are here or not. The cursor after the event.
pub(super) fn revoke_by_id(db: &Connection, id: SessionId, at: Timestamp) -> Result<Cursor> {
    let key = db
        .prepare_cached("SELECT key FROM sessions WHERE id = ?1")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    match key {
        Some(key) => revoke(db, key, id, at),
        None => log::append(db, &ended(id), None, at),
    }
}

fn revoke(db: &Connection, key: i64, id: SessionId, at: Timestamp) -> Result<Cursor> {
    // From the grants, which go with the row.
    let audience = clients::audience_of_session(db, key, at)?;
    let cursor = log::append(db, &ended(id), audience.as_ref(), at)?;
    db.prepare_cached("DELETE FROM sessions WHERE key = ?1")?
        .execute([key])?;
    Ok(cursor)
}

/// The event of its end.
pub(super) fn ended(id: SessionId) -> Revocation {
    Revocation::Session {
        sid: id.to_string(),
    }
}

/// A session whose user and issuer stand where they stood at sign-in.
struct Current {
    key: i64,
    user: UserId,
    idle_end: Timestamp,
}

fn current(db: &Connection, id: SessionId) -> Result<Option<Current>> {
    db.prepare_cached(
        "SELECT s.key, u.id, s.idle_end
         FROM sessions s
         CROSS JOIN users u ON u.key = s.user
         CROSS JOIN issuer i ON i.one = 1
         WHERE s.id = ?1 AND s.user_epoch = u.epoch AND s.issuer_epoch = i.epoch",
    )?
    .query_row([id.as_bytes()], |row| {
        Ok(Current {
            key: row.get(0)?,
            user: UserId::from_bytes(row.get(1)?),
            idle_end: row.time(2)?,
        })
    })
    .optional()
}

fn current_of_user(db: &Connection, user_key: i64) -> Result<Vec<(i64, SessionId)>> {
    db.prepare_cached(
        "SELECT s.key, s.id
         FROM users u
         CROSS JOIN issuer i ON i.one = 1
         CROSS JOIN sessions s ON s.user = u.key
         WHERE u.key = ?1 AND s.user_epoch = u.epoch AND s.issuer_epoch = i.epoch",
    )?
    .query_map([user_key], |row| {
        Ok((row.get(0)?, SessionId::from_bytes(row.get(1)?)))
    })?
    .collect()
}

fn session(row: &Row<'_>, user: UserId) -> Result<Session> {
    Ok(Session {
        id: SessionId::from_bytes(row.get(0)?),
        user,
        user_epoch: row.uint(1)?,
        issuer_epoch: row.uint(2)?,
        auth_time: row.time(3)?,
        amr: row.json(4)?,
        idle_end: row.time(5)?,
        device: row.get(6)?,
        address: row.get(7)?,
    })
}

fn view(
    row: &Row<'_>,
    user: UserId,
    id: SessionId,
    last_used_at: Timestamp,
    client: ClientId,
) -> Result<SessionView> {
    Ok(SessionView {
        id,
        user,
        clients: vec![client],
        auth_time: row.time(1)?,
        amr: row.json(2)?,
        last_used_at,
        idle_end: row.time(3)?,
        absolute_end: id.absolute_end(),
        device: row.get(4)?,
        address: row.get(5)?,
    })
}
