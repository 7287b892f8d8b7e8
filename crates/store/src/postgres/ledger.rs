//! What this directory does for sessions that are kept elsewhere.

use async_trait::async_trait;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Origin};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::revocation::Cursor;
use countersign_auth::model::user::User;
use countersign_auth::sessions::PasswordChange;
use countersign_auth::store::StoreError;

use super::columns::{Columns, USER_COLUMNS, epoch, int, user as read_user, user_columns, word};
use super::{Postgres, failure, log, verb};
use crate::ledger::{Ledger, Over, Standing};

#[async_trait]
impl Ledger for Postgres {
    async fn standing(
        &self,
        session: SessionId,
        user: UserId,
        client: &ClientId,
    ) -> Result<Standing, StoreError> {
        let rows = self
            .rows(
                concat!(
                    "SELECT ",
                    user_columns!(),
                    ", c.epoch, i.epoch, EXISTS (SELECT FROM ended_sessions WHERE id = $3)
                     FROM issuer i
                     LEFT JOIN users u ON u.id = $1
                     LEFT JOIN clients c ON c.id = $2 AND c.enabled
                     WHERE i.one"
                ),
                &[
                    &user.as_bytes().as_slice(),
                    &client.as_str(),
                    &session.as_bytes().as_slice(),
                ],
            )
            .await?;
        let row = failure::only(rows)?;
        let is_known = row.column::<Option<&[u8]>>(0)?.is_some();
        let client_epoch: Option<i64> = row.column(USER_COLUMNS)?;
        Ok(Standing {
            user: is_known.then(|| read_user(&row)).transpose()?,
            client_epoch: client_epoch.map(|_| row.uint(USER_COLUMNS)).transpose()?,
            issuer_epoch: row.uint(USER_COLUMNS + 1)?,
            ended: row.column(USER_COLUMNS + 2)?,
        })
    }

    async fn end_sessions(
        &self,
        over: Vec<Over>,
        line: AuditEntry,
    ) -> Result<Option<Cursor>, StoreError> {
        let ids: Vec<&[u8]> = over
            .iter()
            .map(|it| it.session.as_bytes().as_slice())
            .collect();
        let clients: Vec<String> = over
            .iter()
            .map(|it| it.clients.iter().map(ClientId::as_str).collect::<Vec<_>>())
            .map(|clients| clients.join(","))
            .collect();
        let rows = self
            .call(
                verb!("end_elsewhere", "$5, $6, $7, $8, $9, $10, $11"),
                &line.origin,
                &[
                    &ids,
                    &clients,
                    &word(&line.what)?,
                    &line.user.as_ref().map(|id| id.as_bytes().as_slice()),
                    &line.session.as_ref().map(|id| id.as_bytes().as_slice()),
                    &line.client.as_ref().map(ClientId::as_str),
                    &line.detail,
                ],
            )
            .await?;
        Ok(rows.first().map(log::cursor).transpose()?)
    }

    async fn cut_off_user(&self, user: UserId, origin: &Origin) -> Result<Option<u64>, StoreError> {
        let row = self
            .call_one(
                verb!("cut_off_elsewhere", "$5"),
                origin,
                &[&user.as_bytes().as_slice()],
            )
            .await?;
        Ok(epoch(&row)?)
    }

    async fn change_password_of(
        &self,
        change: &PasswordChange,
        issuer_epoch: u64,
        origin: &Origin,
    ) -> Result<Option<User>, StoreError> {
        let grant = &change.grant;
        let rows = self
            .call(
                verb!("change_password_elsewhere", "$5, $6, $7, $8, $9, $10, $11"),
                origin,
                &[
                    &change.user.as_bytes().as_slice(),
                    &int(change.seen_epoch),
                    &change.password.as_stored(),
                    &grant.session.as_bytes().as_slice(),
                    &grant.client.as_str(),
                    &int(grant.client_epoch),
                    &int(issuer_epoch),
                ],
            )
            .await?;
        Ok(rows.first().map(read_user).transpose()?)
    }

    async fn forget_ended(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let rows = self
            .rows(
                "WITH gone AS (
                     DELETE FROM ended_sessions WHERE id IN (
                         SELECT id FROM ended_sessions WHERE id < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
                     ) RETURNING 1
                 )
                 SELECT count(*) FROM gone",
                &[&before.as_millis().to_be_bytes().as_slice(), &i64::from(limit)],
            )
            .await?;
        Ok(failure::only(rows)?.small(0)?)
    }
}
