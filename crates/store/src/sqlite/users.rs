//! Users: rows, and the verbs of the directory about them.

use countersign_auth::directory::{AddUser, ChangeUser};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::id::UserId;
use countersign_auth::model::user::{Credentials, Identifier, NewUser, User, UserChange};
use countersign_auth::password::StoredPassword;
use countersign_guard::Revocation;
use rusqlite::{Connection, OptionalExtension, Params, Result, Row, params};

use super::columns::{Columns, int, json, millis};
use super::{audit, log};
use crate::profile::{added, changed};

/// The columns of [`user`], of a table named `u`.
macro_rules! columns {
    () => {
        "u.id, u.email, u.username, u.name, u.roles, u.attributes, u.enabled, u.epoch, u.created_at, u.updated_at"
    };
}
pub(super) use columns;
/// How many [`columns`] there are.
pub(super) const COLUMNS: usize = 10;

/// A user with the name of its row.
pub(super) struct Stored {
    pub(super) key: i64,
    pub(super) user: User,
}

/// Reads [`columns`] that begin at `first`.
pub(super) fn user(row: &Row<'_>, first: usize) -> Result<User> {
    Ok(User {
        id: UserId::from_bytes(row.get(first)?),
        email: row.get(first + 1)?,
        username: row.get(first + 2)?,
        name: row.get(first + 3)?,
        roles: row.json(first + 4)?,
        attributes: row.json(first + 5)?,
        enabled: row.get(first + 6)?,
        epoch: row.uint(first + 7)?,
        created_at: row.time(first + 8)?,
        updated_at: row.time(first + 9)?,
    })
}

pub(super) fn by_id(db: &Connection, id: UserId) -> Result<Option<Stored>> {
    db.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        ", u.key FROM users u WHERE u.id = ?1"
    ))?
    .query_row([id.as_bytes()], |row| {
        Ok(Stored {
            user: user(row, 0)?,
            key: row.get(COLUMNS)?,
        })
    })
    .optional()
}

pub(super) fn credentials(db: &Connection, who: &Identifier) -> Result<Option<Credentials>> {
    let read = |row: &Row<'_>| {
        let hash: Option<String> = row.get(COLUMNS)?;
        Ok(Credentials {
            user: user(row, 0)?,
            password: hash.map(StoredPassword::from_stored),
        })
    };
    let find = |sql: &str, name: &str| db.prepare_cached(sql)?.query_row([name], read).optional();
    match who {
        Identifier::Email(email) => find(
            concat!(
                "SELECT ",
                columns!(),
                ", p.hash FROM users u LEFT JOIN passwords p ON p.user = u.key WHERE u.email = ?1"
            ),
            email,
        ),
        Identifier::Username(username) => find(
            concat!(
                "SELECT ",
                columns!(),
                ", p.hash FROM users u LEFT JOIN passwords p ON p.user = u.key WHERE u.username = ?1"
            ),
            username,
        ),
    }
}

pub(super) fn list(db: &Connection, after: Option<UserId>, limit: u32) -> Result<Vec<User>> {
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    db.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM users u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2"
    ))?
    .query_map(params![after, limit], |row| user(row, 0))?
    .collect()
}

pub(super) fn add(db: &Connection, new: NewUser, origin: &Origin) -> Result<AddUser> {
    if taken(db, "SELECT 1 FROM users WHERE email = ?1", [&new.email])? {
        return Ok(AddUser::EmailTaken);
    }
    if let Some(username) = &new.username
        && taken(db, "SELECT 1 FROM users WHERE username = ?1", [username])?
    {
        return Ok(AddUser::UsernameTaken);
    }
    let (user, password) = added(new);
    db.prepare_cached(
        "INSERT INTO users
         (id, email, username, name, roles, attributes, enabled, epoch, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        user.id.as_bytes(),
        user.email,
        user.username,
        user.name,
        json(&user.roles)?,
        json(&user.attributes)?,
        user.enabled,
        int(user.epoch),
        millis(user.created_at),
        millis(user.updated_at),
    ])?;
    if let Some(password) = password {
        put_password(db, db.last_insert_rowid(), &password)?;
    }
    audit::append(
        db,
        &AuditEntry::new(Happening::UserRegistered, origin).user(user.id),
    )?;
    Ok(AddUser::Added(user))
}

pub(super) fn change(
    db: &Connection,
    id: UserId,
    change: UserChange,
    origin: &Origin,
) -> Result<ChangeUser> {
    let Some(Stored { key, user: before }) = by_id(db, id)? else {
        return Ok(ChangeUser::Unknown);
    };
    let mut user = changed(before.clone(), change);
    if user == before {
        return Ok(ChangeUser::Changed(user));
    }
    if taken(
        db,
        "SELECT 1 FROM users WHERE email = ?1 AND key <> ?2",
        params![user.email, key],
    )? {
        return Ok(ChangeUser::EmailTaken);
    }
    if taken(
        db,
        "SELECT 1 FROM users WHERE username = ?1 AND key <> ?2",
        params![user.username, key],
    )? {
        return Ok(ChangeUser::UsernameTaken);
    }
    user.updated_at = origin.at;
    db.prepare_cached(
        "UPDATE users SET email = ?2, username = ?3, name = ?4, roles = ?5, attributes = ?6, updated_at = ?7
         WHERE key = ?1",
    )?
    .execute(params![
        key,
        user.email,
        user.username,
        user.name,
        json(&user.roles)?,
        json(&user.attributes)?,
        millis(user.updated_at),
    ])?;
    let told = Revocation::Changed {
        sub: user.id.to_string(),
    };
    log::append(db, &told, None, origin.at)?;
    audit::append(
        db,
        &AuditEntry::new(Happening::UserChanged, origin).user(id),
    )?;
    Ok(ChangeUser::Changed(user))
}

pub(super) fn set_password(
    db: &Connection,
    id: UserId,
    password: &StoredPassword,
    origin: &Origin,
) -> Result<Option<u64>> {
    let Some(mut stored) = by_id(db, id)? else {
        return Ok(None);
    };
    put_password(db, stored.key, password)?;
    let epoch = cut_off(db, &mut stored, origin.at)?;
    audit::append(
        db,
        &AuditEntry::new(Happening::PasswordChanged, origin).user(id),
    )?;
    Ok(Some(epoch))
}

pub(super) fn replace_password(
    db: &Connection,
    id: UserId,
    seen_epoch: u64,
    password: &StoredPassword,
    origin: &Origin,
) -> Result<Option<u64>> {
    match by_id(db, id)? {
        Some(found) if found.user.enabled && found.user.epoch == seen_epoch => {
            set_password(db, id, password, origin)
        }
        _ => Ok(None),
    }
}

pub(super) fn rehash_password(
    db: &Connection,
    id: UserId,
    old: &StoredPassword,
    new: &StoredPassword,
    origin: &Origin,
) -> Result<bool> {
    let replaced = db
        .prepare_cached(
            "UPDATE passwords SET hash = ?3
             WHERE hash = ?2 AND user = (SELECT key FROM users WHERE id = ?1)",
        )?
        .execute(params![id.as_bytes(), old.as_stored(), new.as_stored()])?;
    if replaced == 0 {
        return Ok(false);
    }
    audit::append(
        db,
        &AuditEntry::new(Happening::PasswordRehashed, origin).user(id),
    )?;
    Ok(true)
}

pub(super) fn set_enabled(
    db: &Connection,
    id: UserId,
    enabled: bool,
    origin: &Origin,
) -> Result<Option<User>> {
    let Some(mut stored) = by_id(db, id)? else {
        return Ok(None);
    };
    if stored.user.enabled == enabled {
        return Ok(Some(stored.user));
    }
    db.prepare_cached("UPDATE users SET enabled = ?2, updated_at = ?3 WHERE key = ?1")?
        .execute(params![stored.key, enabled, millis(origin.at)])?;
    stored.user.enabled = enabled;
    stored.user.updated_at = origin.at;
    let what = if enabled {
        Happening::UserEnabled
    } else {
        cut_off(db, &mut stored, origin.at)?;
        Happening::UserDisabled
    };
    audit::append(db, &AuditEntry::new(what, origin).user(id))?;
    Ok(Some(stored.user))
}

pub(super) fn delete(db: &Connection, id: UserId, origin: &Origin) -> Result<bool> {
    let Some(Stored { key, user }) = by_id(db, id)? else {
        return Ok(false);
    };
    // The id is never used again, so one above the last epoch is above any.
    let gone = Revocation::Subject {
        sub: id.to_string(),
        below: user.epoch + 1,
    };
    log::append(db, &gone, None, origin.at)?;
    // Passwords, sessions and grants go with the row.
    db.prepare_cached("DELETE FROM users WHERE key = ?1")?
        .execute([key])?;
    audit::append(
        db,
        &AuditEntry::new(Happening::UserDeleted, origin).user(id),
    )?;
    audit::forget_whereabouts(db, id)?;
    Ok(true)
}

/// Ends all sessions and tokens of a user, however many there are: raises their epoch, and tells the log. The rows of
/// the sessions stay until their time is up, so that their tokens answer `Stale`. The new epoch.
pub(super) fn cut_off(db: &Connection, stored: &mut Stored, at: Timestamp) -> Result<u64> {
    let below = stored.user.epoch + 1;
    db.prepare_cached("UPDATE users SET epoch = ?2, updated_at = ?3 WHERE key = ?1")?
        .execute(params![stored.key, int(below), millis(at)])?;
    let ended = Revocation::Subject {
        sub: stored.user.id.to_string(),
        below,
    };
    log::append(db, &ended, None, at)?;
    stored.user.epoch = below;
    stored.user.updated_at = at;
    Ok(below)
}

/// Raises a user's epoch to `below` at least; a user that is not there needs none.
pub(super) fn raise_epoch(db: &Connection, id: UserId, below: u64, at: Timestamp) -> Result<()> {
    db.prepare_cached("UPDATE users SET epoch = ?2, updated_at = ?3 WHERE id = ?1 AND epoch < ?2")?
        .execute(params![id.as_bytes(), int(below), millis(at)])?;
    Ok(())
}

pub(super) fn put_password(db: &Connection, key: i64, password: &StoredPassword) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO passwords (user, hash) VALUES (?1, ?2)
         ON CONFLICT (user) DO UPDATE SET hash = excluded.hash",
    )?
    .execute(params![key, password.as_stored()])?;
    Ok(())
}

/// Nobody else writes between this and the change that it allows; the unique indexes stand behind it.
fn taken(db: &Connection, sql: &str, params: impl Params) -> Result<bool> {
    db.prepare_cached(sql)?.exists(params)
}
