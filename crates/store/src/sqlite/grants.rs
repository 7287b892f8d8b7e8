//! Grants: rows, and all that a renewal reads in one look-up.

use countersign_auth::env::Timestamp;
use countersign_auth::model::grant::{Entitlement, Grant, HandleHash, Network};
use countersign_auth::model::id::SessionId;
use countersign_auth::model::session::Session;
use countersign_auth::rotation::Generations;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::columns::{Columns, int, millis, word};
use super::users;

/// A grant with its session and user.
pub(super) struct Found {
    pub(super) entitlement: Entitlement,
    pub(super) session_key: i64,
    /// Whether user, client and issuer still stand where they stood at sign-in, and none is disabled.
    pub(super) current: bool,
}

/// The grant with this handle, in the partition of its absolute end.
pub(super) fn find(
    db: &Connection,
    handle: HandleHash,
    absolute_end: Timestamp,
) -> Result<Option<Found>> {
    // CROSS JOIN is SQLite's word for "in this order": one descent into each table, by its own key.
    db.prepare_cached(concat!(
        "SELECT ",
        users::columns!(),
        ", s.id, s.user_epoch, s.issuer_epoch, s.auth_time, s.amr, s.idle_end, s.device, s.address,
          g.client_epoch, g.scope, g.style, g.cur, g.prev, g.floor, g.rotated_at, g.handed_at,
          g.retries, g.recoveries, g.network, g.strangers, g.stranger_now,
          c.id, c.enabled, c.epoch, i.epoch, s.key
         FROM grants g
         CROSS JOIN sessions s ON s.key = g.session
         CROSS JOIN users u ON u.key = s.user
         CROSS JOIN clients c ON c.key = g.client
         CROSS JOIN issuer i ON i.one = 1
         WHERE g.absolute_end = ?1 AND g.handle = ?2"
    ))?
    .query_row(params![millis(absolute_end), handle.0], |row| {
        found(row, handle)
    })
    .optional()
}

/// Adds a grant to the session of this row.
pub(super) fn insert(
    db: &Connection,
    session_key: i64,
    client_key: i64,
    grant: &Grant,
) -> Result<()> {
    let state = &grant.generations;
    db.prepare_cached(
        "INSERT INTO grants
         (absolute_end, handle, session, client, client_epoch, scope, style, cur, prev, floor,
          rotated_at, handed_at, retries, recoveries, network, strangers, stranger_now)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(params![
        millis(grant.session.absolute_end()),
        grant.handle.0,
        session_key,
        client_key,
        int(grant.client_epoch),
        grant.scope,
        word(&grant.style)?,
        state.cur,
        state.prev,
        state.floor,
        millis(state.rotated_at),
        millis(state.handed_at),
        state.retries,
        state.recoveries,
        state.network.0,
        state.strangers,
        state.stranger_now,
    ])?;
    Ok(())
}

/// Stores what the renewal table decided.
pub(super) fn store(
    db: &Connection,
    handle: HandleHash,
    absolute_end: Timestamp,
    state: &Generations,
) -> Result<()> {
    db.prepare_cached(
        "UPDATE grants SET cur = ?3, prev = ?4, floor = ?5, rotated_at = ?6, handed_at = ?7,
          retries = ?8, recoveries = ?9, network = ?10, strangers = ?11, stranger_now = ?12
         WHERE absolute_end = ?1 AND handle = ?2",
    )?
    .execute(params![
        millis(absolute_end),
        handle.0,
        state.cur,
        state.prev,
        state.floor,
        millis(state.rotated_at),
        millis(state.handed_at),
        state.retries,
        state.recoveries,
        state.network.0,
        state.strangers,
        state.stranger_now,
    ])?;
    Ok(())
}

/// Supersedes every grant of a session: no holder of a token from before inherits what comes after.
pub(super) fn supersede_all(
    db: &Connection,
    session_key: i64,
    absolute_end: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let grants: Vec<(HandleHash, Generations)> = db
        .prepare_cached(
            "SELECT handle, cur, prev, floor, rotated_at, handed_at, retries, recoveries, network,
              strangers, stranger_now
             FROM grants WHERE session = ?1",
        )?
        .query_map([session_key], |row| {
            Ok((HandleHash(row.get(0)?), generations(row, 1)?))
        })?
        .collect::<Result<_>>()?;
    for (handle, state) in grants {
        if let Some(state) = state.supersede(now) {
            store(db, handle, absolute_end, &state)?;
        } else {
            // Four thousand million renewals: there is no generation left to be above the old ones.
            db.prepare_cached("DELETE FROM grants WHERE absolute_end = ?1 AND handle = ?2")?
                .execute(params![millis(absolute_end), handle.0])?;
        }
    }
    Ok(())
}

/// How many grants a session has, besides those that a new one of this client takes the place of: whatever was renewed,
/// superseded, or first given until then.
pub(super) fn count_beside(
    db: &Connection,
    session_key: i64,
    client_key: i64,
    until: Timestamp,
) -> Result<u32> {
    db.prepare_cached(
        "SELECT count(*) FROM grants
         WHERE session = ?1 AND NOT (client = ?2 AND (cur > 0 OR rotated_at <= ?3))",
    )?
    .query_row(params![session_key, client_key, millis(until)], |row| {
        row.get(0)
    })
}

/// Drops those.
pub(super) fn replace(
    db: &Connection,
    session_key: i64,
    client_key: i64,
    until: Timestamp,
) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM grants
         WHERE session = ?1 AND client = ?2 AND (cur > 0 OR rotated_at <= ?3)",
    )?
    .execute(params![session_key, client_key, millis(until)])?;
    Ok(())
}

fn found(row: &Row<'_>, handle: HandleHash) -> Result<Found> {
    const SESSION: usize = users::COLUMNS;
    const GRANT: usize = SESSION + 8;
    const CLIENT: usize = GRANT + 13;
    let user = users::user(row, 0)?;
    let session = Session {
        id: SessionId::from_bytes(row.get(SESSION)?),
        user: user.id,
        user_epoch: row.uint(SESSION + 1)?,
        issuer_epoch: row.uint(SESSION + 2)?,
        auth_time: row.time(SESSION + 3)?,
        amr: row.json(SESSION + 4)?,
        idle_end: row.time(SESSION + 5)?,
        device: row.get(SESSION + 6)?,
        address: row.get(SESSION + 7)?,
    };
    let grant = Grant {
        handle,
        session: session.id,
        client: row.parsed(CLIENT)?,
        client_epoch: row.uint(GRANT)?,
        scope: row.get(GRANT + 1)?,
        style: row.word(GRANT + 2)?,
        generations: generations(row, GRANT + 3)?,
    };
    let client_enabled: bool = row.get(CLIENT + 1)?;
    let current = user.enabled
        && client_enabled
        && session.user_epoch == user.epoch
        && grant.client_epoch == row.uint(CLIENT + 2)?
        && session.issuer_epoch == row.uint(CLIENT + 3)?;
    Ok(Found {
        entitlement: Entitlement {
            user,
            session,
            grant,
        },
        session_key: row.get(CLIENT + 4)?,
        current,
    })
}

fn generations(row: &Row<'_>, first: usize) -> Result<Generations> {
    Ok(Generations {
        cur: row.get(first)?,
        prev: row.get(first + 1)?,
        floor: row.get(first + 2)?,
        rotated_at: row.time(first + 3)?,
        handed_at: row.time(first + 4)?,
        retries: row.get(first + 5)?,
        recoveries: row.get(first + 6)?,
        network: Network(row.get(first + 7)?),
        strangers: row.get(first + 8)?,
        stranger_now: row.get(first + 9)?,
    })
}
