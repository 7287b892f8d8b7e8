//! What this directory does for sessions that are kept elsewhere.

use async_trait::async_trait;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::revocation::Cursor;
use countersign_auth::model::user::User;
use countersign_auth::sessions::PasswordChange;
use countersign_auth::store::StoreError;
use rusqlite::{Connection, Result, params};

use super::{Sqlite, audit, clients, log, sessions, users};
use crate::ledger::{Ledger, Over, Standing};

#[async_trait]
impl Ledger for Sqlite {
    async fn standing(
        &self,
        session: SessionId,
        user: UserId,
        client: &ClientId,
    ) -> Result<Standing, StoreError> {
        let client = client.clone();
        self.read(move |db| {
            let client = clients::by_id(db, &client)?.map(|stored| stored.client);
            Ok(Standing {
                user: users::by_id(db, user)?.map(|stored| stored.user),
                client_epoch: client.filter(|it| it.enabled).map(|it| it.epoch),
                issuer_epoch: log::issuer(db)?.epoch,
                ended: is_ended(db, session)?,
            })
        })
        .await
    }

    async fn end_sessions(
        &self,
        over: Vec<Over>,
        line: AuditEntry,
    ) -> Result<Option<Cursor>, StoreError> {
        self.write(move |db| end(db, &over, &line)).await
    }

    async fn cut_off_user(&self, user: UserId, origin: &Origin) -> Result<Option<u64>, StoreError> {
        let origin = origin.clone();
        self.write(move |db| {
            let Some(mut stored) = users::by_id(db, user)? else {
                return Ok(None);
            };
            let line = AuditEntry::new(Happening::SessionsEnded, &origin).user(user);
            audit::append(db, &line)?;
            users::cut_off(db, &mut stored, origin.at).map(Some)
        })
        .await
    }

    async fn change_password_of(
        &self,
        change: &PasswordChange,
        issuer_epoch: u64,
        origin: &Origin,
    ) -> Result<Option<User>, StoreError> {
        let (change, origin) = (change.clone(), origin.clone());
        self.write(move |db| change_password(db, &change, issuer_epoch, &origin))
            .await
    }

    async fn forget_ended(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.write(move |db| {
            let gone = db
                .prepare_cached(
                    "DELETE FROM ended_sessions WHERE id IN
                     (SELECT id FROM ended_sessions WHERE id < ?1 ORDER BY id LIMIT ?2)",
                )?
                .execute(params![before.as_millis().to_be_bytes(), limit])?;
            Ok(u32::try_from(gone).unwrap_or(limit))
        })
        .await
    }
}

fn is_ended(db: &Connection, session: SessionId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM ended_sessions WHERE id = ?1")?
        .exists([session.as_bytes()])
}

fn end(db: &Connection, over: &[Over], line: &AuditEntry) -> Result<Option<Cursor>> {
    let mut cursor = None;
    for Over { session, clients } in over {
        let is_new = db
            .prepare_cached("INSERT INTO ended_sessions (id) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([session.as_bytes()])?;
        if is_new == 0 {
            continue;
        }
        let audience = clients::audience_of_all(db, clients, line.origin.at)?;
        let event = sessions::ended(*session);
        cursor = Some(log::append(db, &event, audience.as_ref(), line.origin.at)?);
    }
    if cursor.is_some() {
        audit::append(db, line)?;
    }
    Ok(cursor)
}

fn change_password(
    db: &Connection,
    change: &PasswordChange,
    issuer_epoch: u64,
    origin: &Origin,
) -> Result<Option<User>> {
    let grant = &change.grant;
    let Some(mut stored) = users::by_id(db, change.user)? else {
        return Ok(None);
    };
    let Some(client) = clients::by_id(db, &grant.client)? else {
        return Ok(None);
    };
    let stands = stored.user.enabled
        && stored.user.epoch == change.seen_epoch
        && client.client.enabled
        && client.client.epoch == grant.client_epoch
        && log::issuer(db)?.epoch == issuer_epoch
        && !is_ended(db, grant.session)?;
    if !stands {
        return Ok(None);
    }
    users::put_password(db, stored.key, &change.password)?;
    users::cut_off(db, &mut stored, origin.at)?;
    let line = AuditEntry::new(Happening::PasswordChanged, origin)
        .user(change.user)
        .session(grant.session)
        .client(grant.client.clone());
    audit::append(db, &line)?;
    Ok(Some(stored.user))
}
