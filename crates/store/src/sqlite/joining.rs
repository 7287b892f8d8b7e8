//! `join`: another client in a session that stands.

use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::grant::Entitlement;
use countersign_auth::sessions::{JOINED, Join, Joining, MAX_GRANTS};
use rusqlite::{Connection, Result};

use super::{audit, clients, grants};

pub(super) fn join(db: &Connection, joining: Joining, origin: &Origin) -> Result<Join> {
    let Joining {
        by,
        vouching,
        grant,
        replaces_until,
    } = joining;
    let absolute_end = grant.session.absolute_end();

    // 1. Is there such a grant, and may it vouch in this session?
    let found = grants::find(db, by, absolute_end)?.filter(|found| {
        let by = &found.entitlement.grant;
        by.client == vouching && by.session == grant.session
    });
    let Some(found) = found else {
        return Ok(Join::Unknown);
    };

    // 2. Does everything still hold?
    let Entitlement {
        user,
        session,
        grant: by,
    } = found.entitlement;
    if origin.at >= session.idle_end || origin.at >= absolute_end {
        return Ok(Join::Expired);
    }
    let client = clients::by_id(db, &grant.client)?
        .filter(|it| it.client.enabled && it.client.epoch == grant.client_epoch);
    let Some(client) = client.filter(|_| found.current) else {
        return Ok(Join::Stale);
    };
    if by.generations.floor > 0 {
        return Ok(Join::Superseded);
    }

    // 3. Is there room, when what it takes the place of has gone?
    let (session_key, client_key) = (found.session_key, client.key);
    if grants::count_beside(db, session_key, client_key, replaces_until)? >= MAX_GRANTS {
        return Ok(Join::Full);
    }
    grants::replace(db, session_key, client_key, replaces_until)?;
    grants::insert(db, session_key, client_key, &grant)?;
    let line = AuditEntry::new(Happening::SignedIn, origin)
        .user(user.id)
        .session(session.id)
        .client(grant.client.clone())
        .detail(JOINED);
    audit::append(db, &line)?;
    Ok(Join::Joined(Box::new(Entitlement {
        user,
        session,
        grant,
    })))
}
