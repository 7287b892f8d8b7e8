//! `rotate`: the renewal table, in one step of the writer. And `touch`, which mostly writes nothing.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::grant::{Entitlement, HandleHash, Network};
use countersign_auth::model::id::ClientId;
use countersign_auth::rotation::{Generation, Generations, Interval, Move};
use countersign_auth::sessions::{Presented, Rotate, Touch, Touched, is_worth_moving};
use rusqlite::{Connection, Result, params};

use super::audit;
use super::columns::millis;
use super::grants::{self, Found};
use super::sessions::{self, End};

/// A [`Presented`] that can wait for its turn.
pub(super) struct Presentation {
    handle: HandleHash,
    absolute_end: Timestamp,
    generation: Generation,
    client: ClientId,
    idle_end: Timestamp,
    interval: Interval,
    network: Network,
    origin: Origin,
}

impl Presentation {
    pub(super) fn new(presented: Presented<'_>, origin: &Origin) -> Self {
        Self {
            handle: presented.handle,
            absolute_end: presented.absolute_end,
            generation: presented.generation,
            client: presented.client.clone(),
            idle_end: presented.idle_end,
            interval: presented.interval,
            network: presented.network,
            origin: origin.clone(),
        }
    }
}

pub(super) fn rotate(db: &Connection, presented: &Presentation) -> Result<Rotate> {
    let now = presented.origin.at;

    // 1. Is there such a grant, and may this client use it?
    let Some(mut found) = grants::find(db, presented.handle, presented.absolute_end)? else {
        return Ok(Rotate::Unknown);
    };
    if found.entitlement.grant.client != presented.client {
        return Ok(Rotate::Unknown);
    }

    // 2. Does it still hold?
    let session = &found.entitlement.session;
    if now >= session.idle_end || now >= session.absolute_end() {
        return Ok(Rotate::Expired);
    }
    if !found.current {
        return Ok(Rotate::Stale);
    }

    // 3. What does this generation mean?
    let generations = found.entitlement.grant.generations;
    let meaning = generations.present(
        presented.generation,
        now,
        presented.interval,
        presented.network,
    );

    // 4. Do that.
    match meaning {
        Move::Held => Ok(Rotate::Held(Box::new(found.entitlement))),
        Move::TooManyRetries => Ok(Rotate::TooManyRetries),
        Move::Superseded => Ok(Rotate::Superseded),
        Move::Rotated(state) => {
            renew(db, &mut found, state, presented)?;
            Ok(Rotate::Rotated(Box::new(found.entitlement)))
        }
        Move::Recovered(state) => {
            renew(db, &mut found, state, presented)?;
            Ok(Rotate::Recovered(Box::new(found.entitlement)))
        }
        Move::Retried { state, alarm } => {
            renew(db, &mut found, state, presented)?;
            if alarm {
                note_strangers(db, &found, &presented.origin)?;
            }
            Ok(Rotate::Retried(Box::new(found.entitlement)))
        }
        Move::Lost => {
            let why = "six answers in a row were lost";
            end(db, &found, Happening::SessionEnded, Some(why), presented)?;
            Ok(Rotate::Expired)
        }
        Move::Reused => {
            end(db, &found, Happening::RefreshTokenReused, None, presented)?;
            Ok(Rotate::Reused(found.entitlement.session.id))
        }
        Move::Ahead => {
            end(db, &found, Happening::StoreLostWrites, None, presented)?;
            Ok(Rotate::Ahead(found.entitlement.session.id))
        }
    }
}

/// A [`Touched`] that can wait for its turn.
#[derive(Clone)]
pub(super) struct Use {
    handle: HandleHash,
    absolute_end: Timestamp,
    client: ClientId,
    idle_end: Timestamp,
    now: Timestamp,
}

impl Use {
    pub(super) fn new(touched: Touched<'_>, now: Timestamp) -> Self {
        Self {
            handle: touched.handle,
            absolute_end: touched.absolute_end,
            client: touched.client.clone(),
            idle_end: touched.idle_end,
            now,
        }
    }
}

/// What a session that is used is worth, if there is nothing to write: `None`, if it is for the writer to say.
pub(super) fn look(db: &Connection, used: &Use) -> Result<Option<Touch>> {
    Ok(match used_now(db, used)? {
        Used::Rested(_) => None,
        Used::Said(touch) => Some(touch),
    })
}

/// The same, and its idle end moves.
pub(super) fn touch(db: &Connection, used: &Use) -> Result<Touch> {
    match used_now(db, used)? {
        Used::Said(touch) => Ok(touch),
        Used::Rested(mut found) => {
            let generations = &mut found.entitlement.grant.generations;
            generations.handed_at = used.now.max(generations.handed_at);
            grants::store(db, used.handle, used.absolute_end, generations)?;
            move_idle_end(db, &mut found, used.idle_end, used.now)?;
            Ok(Touch::Live(Box::new(found.entitlement)))
        }
    }
}

enum Used {
    /// It is live, and its idle end is worth moving.
    Rested(Box<Found>),
    /// There is nothing to write.
    Said(Touch),
}

fn used_now(db: &Connection, used: &Use) -> Result<Used> {
    let found = grants::find(db, used.handle, used.absolute_end)?
        .filter(|found| found.entitlement.grant.client == used.client);
    let Some(found) = found else {
        return Ok(Used::Said(Touch::Unknown));
    };
    let Entitlement { session, grant, .. } = &found.entitlement;
    if used.now >= session.idle_end || used.now >= session.absolute_end() {
        return Ok(Used::Said(Touch::Expired));
    }
    if !found.current {
        return Ok(Used::Said(Touch::Stale));
    }
    if grant.generations.floor > 0 {
        return Ok(Used::Said(Touch::Superseded));
    }
    let idle_end = used.idle_end.min(session.absolute_end());
    Ok(if is_worth_moving(session.idle_end, idle_end, used.now) {
        Used::Rested(Box::new(found))
    } else {
        Used::Said(Touch::Live(Box::new(found.entitlement)))
    })
}

fn renew(
    db: &Connection,
    found: &mut Found,
    state: Generations,
    presented: &Presentation,
) -> Result<()> {
    grants::store(db, presented.handle, presented.absolute_end, &state)?;
    found.entitlement.grant.generations = state;
    move_idle_end(db, found, presented.idle_end, presented.origin.at)
}

fn move_idle_end(db: &Connection, found: &mut Found, to: Timestamp, now: Timestamp) -> Result<()> {
    let session = &mut found.entitlement.session;
    let idle_end = to.min(session.absolute_end());
    if is_worth_moving(session.idle_end, idle_end, now) {
        db.prepare_cached("UPDATE sessions SET idle_end = ?2 WHERE key = ?1")?
            .execute(params![found.session_key, millis(idle_end)])?;
        session.idle_end = idle_end;
    }
    Ok(())
}

fn end(
    db: &Connection,
    found: &Found,
    what: Happening,
    detail: Option<&str>,
    presented: &Presentation,
) -> Result<()> {
    let end = End {
        key: found.session_key,
        session: found.entitlement.session.id,
        user: found.entitlement.user.id,
        client: Some(&presented.client),
        what,
        detail,
    };
    sessions::end(db, &end, &presented.origin)
}

fn note_strangers(db: &Connection, found: &Found, origin: &Origin) -> Result<()> {
    let line = AuditEntry::new(Happening::RetriedFromElsewhere, origin)
        .user(found.entitlement.user.id)
        .session(found.entitlement.session.id)
        .client(found.entitlement.grant.client.clone());
    audit::append(db, &line)
}
