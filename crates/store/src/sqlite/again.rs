//! Beginning again after the store was put back to an earlier state.

use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::id::KeyId;
use countersign_guard::Revocation;
use rusqlite::{Connection, Result};

use super::columns::millis;
use super::{audit, keys, log};

/// How far the lost state had counted is not known. No epoch rises once a millisecond, so the number of milliseconds
/// since 1970 is above any that can have been given out: a number like all others, which is only ever compared as one.
pub(super) fn begin(db: &Connection, origin: &Origin) -> Result<u64> {
    let least = millis(origin.at);
    db.execute("UPDATE users SET epoch = max(epoch + 1, ?1)", [least])?;
    db.execute("UPDATE clients SET epoch = max(epoch + 1, ?1)", [least])?;
    for id in live_keys(db)? {
        keys::remove(db, id, origin)?;
    }
    db.execute(
        "UPDATE issuer SET incarnation = random(), epoch = max(epoch + 1, ?1) WHERE one = 1",
        [least],
    )?;
    let below = log::issuer(db)?.epoch;
    log::append(db, &Revocation::All { below }, None, origin.at)?;
    audit::append(db, &AuditEntry::new(Happening::StoreRestored, origin))?;
    Ok(below)
}

fn live_keys(db: &Connection) -> Result<Vec<KeyId>> {
    db.prepare("SELECT id FROM keys WHERE state <> 'removed'")?
        .query_map([], |row| Ok(KeyId::from_bytes(row.get(0)?)))?
        .collect()
}
