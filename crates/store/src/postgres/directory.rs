//! The directory's verbs: each one call, or one read.

use std::time::Duration;

use async_trait::async_trait;
use countersign_auth::directory::{AddUser, ChangeUser, Directory, Spend, Spent};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, AuditQuery, Origin};
use countersign_auth::model::client::Client;
use countersign_auth::model::id::{ClientId, KeyId, SessionId, UserId};
use countersign_auth::model::key::{KeyState, StoredKey};
use countersign_auth::model::node::Node;
use countersign_auth::model::revocation::{Cursor, LogPage};
use countersign_auth::model::secret::{SecretHash, SecretSpan, StoredSecret};
use countersign_auth::model::session::Session;
use countersign_auth::model::user::{Credentials, Identifier, NewUser, User, UserChange};
use countersign_auth::password::StoredPassword;
use countersign_auth::store::StoreError;
use countersign_guard::Revocation;
use tokio_postgres::Row;

use super::columns::{Columns, USER_COLUMNS, int, json, millis, user, user_columns, word};
use super::failure::{Failure, only};
use super::{Postgres, log, nodes, profile, verb};
use crate::profile::added;

#[async_trait]
impl Directory for Postgres {
    async fn add_user(&self, new: NewUser, origin: &Origin) -> Result<AddUser, StoreError> {
        let (user, password) = added(new);
        let row = self
            .call_one(
                verb!("add_user", "$5, $6, $7, $8, $9, $10, $11, $12"),
                origin,
                &[
                    &user.id.as_bytes().as_slice(),
                    &user.email,
                    &user.username,
                    &user.name,
                    &json(&user.roles)?,
                    &json(&user.attributes)?,
                    &millis(user.created_at),
                    &password.as_ref().map(StoredPassword::as_stored),
                ],
            )
            .await?;
        Ok(match row.column::<&str>(0)? {
            "one_email" => AddUser::EmailTaken,
            "one_username" => AddUser::UsernameTaken,
            _ => AddUser::Added(user),
        })
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(by_id(self, id).await?)
    }

    async fn credentials(&self, who: &Identifier) -> Result<Option<Credentials>, StoreError> {
        let (sql, name) = match who {
            Identifier::Email(email) => (
                concat!(
                    "SELECT ",
                    user_columns!(),
                    ", p.hash
                     FROM users u LEFT JOIN passwords p ON p.user_key = u.key WHERE u.email = $1"
                ),
                email,
            ),
            Identifier::Username(username) => (
                concat!(
                    "SELECT ", user_columns!(), ", p.hash
                     FROM users u LEFT JOIN passwords p ON p.user_key = u.key WHERE u.username = $1"
                ),
                username,
            ),
        };
        let rows = self.rows(sql, &[name]).await?;
        let found = rows.first().map(|row| {
            let hash: Option<String> = row.column(USER_COLUMNS)?;
            Ok::<_, Failure>(Credentials {
                user: user(row)?,
                password: hash.map(StoredPassword::from_stored),
            })
        });
        Ok(found.transpose()?)
    }

    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        let rows = self
            .rows(
                concat!(
                    "SELECT ",
                    user_columns!(),
                    " FROM users u WHERE u.id > $1 ORDER BY u.id LIMIT $2"
                ),
                &[&after, &i64::from(limit)],
            )
            .await?;
        all(&rows, user)
    }

    async fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        origin: &Origin,
    ) -> Result<ChangeUser, StoreError> {
        Ok(profile::change_user(self, id, change, origin).await?)
    }

    async fn set_password(
        &self,
        id: UserId,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        let row = self
            .call_one(
                verb!("set_password", "$5, $6"),
                origin,
                &[&id.as_bytes().as_slice(), &password.as_stored()],
            )
            .await?;
        epoch(&row)
    }

    async fn replace_password(
        &self,
        id: UserId,
        seen_epoch: u64,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        let row = self
            .call_one(
                verb!("replace_password", "$5, $6, $7"),
                origin,
                &[
                    &id.as_bytes().as_slice(),
                    &int(seen_epoch),
                    &password.as_stored(),
                ],
            )
            .await?;
        epoch(&row)
    }

    async fn admit(
        &self,
        session: &Session,
        client: &ClientId,
        client_epoch: u64,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let row = self
            .call_one(
                verb!("admit", "$5, $6, $7, $8, $9, $10"),
                origin,
                &[
                    &session.user.as_bytes().as_slice(),
                    &int(session.user_epoch),
                    &int(session.issuer_epoch),
                    &session.id.as_bytes().as_slice(),
                    &client.as_str(),
                    &int(client_epoch),
                ],
            )
            .await?;
        Ok(row.column(0)?)
    }

    async fn rehash_password(
        &self,
        id: UserId,
        old: &StoredPassword,
        new: StoredPassword,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let row = self
            .call_one(
                verb!("rehash_password", "$5, $6, $7"),
                origin,
                &[
                    &id.as_bytes().as_slice(),
                    &old.as_stored(),
                    &new.as_stored(),
                ],
            )
            .await?;
        Ok(row.column(0)?)
    }

    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        origin: &Origin,
    ) -> Result<Option<User>, StoreError> {
        let rows = self
            .call(
                verb!("set_user_enabled", "$5, $6"),
                origin,
                &[&id.as_bytes().as_slice(), &enabled],
            )
            .await?;
        Ok(rows.first().map(user).transpose()?)
    }

    async fn delete_user(&self, id: UserId, origin: &Origin) -> Result<bool, StoreError> {
        let row = self
            .call_one(
                verb!("delete_user", "$5"),
                origin,
                &[&id.as_bytes().as_slice()],
            )
            .await?;
        Ok(row.column(0)?)
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, enabled, epoch, created_at, settings::text FROM clients ORDER BY id",
                &[],
            )
            .await?;
        all(&rows, profile::client)
    }

    async fn put_client(&self, client: Client, origin: &Origin) -> Result<Client, StoreError> {
        Ok(profile::put_client(self, client, origin).await?)
    }

    async fn cut_off_client(
        &self,
        id: &ClientId,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        let row = self
            .call_one(verb!("cut_off_client", "$5"), origin, &[&id.as_str()])
            .await?;
        epoch(&row)
    }

    async fn client_secrets(&self) -> Result<Vec<StoredSecret>, StoreError> {
        let rows = self
            .rows(
                "SELECT c.id, s.hash, s.created_at, s.ends_at
                 FROM client_secrets s JOIN clients c ON c.key = s.client_key ORDER BY s.key",
                &[],
            )
            .await?;
        all(&rows, secret)
    }

    async fn add_client_secret(
        &self,
        secret: StoredSecret,
        others_end: Timestamp,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let row = self
            .call_one(
                verb!("add_client_secret", "$5, $6, $7, $8, $9"),
                origin,
                &[
                    &secret.client.as_str(),
                    &secret.hash.as_bytes().as_slice(),
                    &millis(secret.span.created_at),
                    &secret.span.ends_at.map(millis),
                    &millis(others_end),
                ],
            )
            .await?;
        Ok(row.column(0)?)
    }

    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, purpose, algorithm, kid, sealed, state, created_at, since
                 FROM keys ORDER BY created_at, id",
                &[],
            )
            .await?;
        all(&rows, key)
    }

    async fn add_key(
        &self,
        key: StoredKey,
        unless_active: bool,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let row = self
            .call_one(
                verb!("add_key", "$5, $6, $7, $8, $9, $10, $11, $12, $13"),
                origin,
                &[
                    &key.id.as_bytes().as_slice(),
                    &word(&key.purpose)?,
                    &key.algorithm,
                    &key.kid,
                    &key.sealed,
                    &word(&key.state)?,
                    &millis(key.created_at),
                    &millis(key.since),
                    &unless_active,
                ],
            )
            .await?;
        Ok(row.column(0)?)
    }

    async fn move_key(
        &self,
        id: KeyId,
        from: KeyState,
        to: KeyState,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        // Taking one out is another verb: it wipes the key and tells the guards.
        if to <= from || to == KeyState::Removed {
            return Ok(false);
        }
        let row = self
            .call_one(
                verb!("move_key", "$5, $6, $7"),
                origin,
                &[&id.as_bytes().as_slice(), &word(&from)?, &word(&to)?],
            )
            .await?;
        Ok(row.column(0)?)
    }

    async fn drop_key(&self, id: KeyId, origin: &Origin) -> Result<bool, StoreError> {
        let row = self
            .call_one(
                verb!("drop_key", "$5"),
                origin,
                &[&id.as_bytes().as_slice()],
            )
            .await?;
        Ok(row.column(0)?)
    }

    async fn remove_key(
        &self,
        id: KeyId,
        origin: &Origin,
    ) -> Result<Option<StoredKey>, StoreError> {
        let rows = self
            .call(
                verb!("remove_key", "$5"),
                origin,
                &[&id.as_bytes().as_slice()],
            )
            .await?;
        Ok(rows.first().map(key).transpose()?)
    }

    async fn issuer_algorithm(&self) -> Result<Option<String>, StoreError> {
        let rows = self
            .rows("SELECT algorithm FROM issuer WHERE one", &[])
            .await?;
        Ok(only(rows)?.column(0)?)
    }

    async fn set_issuer_algorithm(
        &self,
        algorithm: &str,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        self.call(verb!("set_issuer_algorithm", "$5"), origin, &[&algorithm])
            .await?;
        Ok(())
    }

    async fn revoke(&self, what: Revocation, origin: &Origin) -> Result<Cursor, StoreError> {
        Ok(log::revoke(self, &what, origin).await?)
    }

    async fn revocations(
        &self,
        after: Option<Cursor>,
        now: Timestamp,
        limit: u32,
    ) -> Result<LogPage, StoreError> {
        Ok(log::read(self, after, now, limit).await?)
    }

    async fn issuer_epoch(&self) -> Result<u64, StoreError> {
        let rows = self.rows("SELECT epoch FROM issuer WHERE one", &[]).await?;
        Ok(only(rows)?.uint(0)?)
    }

    async fn event_lifetime(&self, configured: Duration) -> Result<Duration, StoreError> {
        let configured = int(u64::try_from(configured.as_millis()).unwrap_or(u64::MAX));
        let rows = self
            .rows("SELECT keep_event_lifetime($1)", &[&configured])
            .await?;
        Ok(Duration::from_millis(only(rows)?.uint(0)?))
    }

    async fn spend(&self, spend: Spend<'_>, origin: &Origin) -> Result<Spent, StoreError> {
        let session = spend.session;
        let rows = self
            .call(
                concat!(
                    "SELECT ",
                    user_columns!(),
                    ", s.since FROM spend(ROW($1::bigint, $2::text, $3::text, $4::text)::origin,
                        $5, $6, $7, $8, $9, $10, $11, $12, $13) AS s (since)
                     JOIN users u ON u.id = $5 WHERE s.since IS NOT NULL"
                ),
                origin,
                &[
                    &session.user.as_bytes().as_slice(),
                    &int(session.user_epoch),
                    &int(session.issuer_epoch),
                    &spend.client.as_str(),
                    &int(spend.client_epoch),
                    &spend.jti,
                    &int(spend.from.as_secs()),
                    &int(spend.until.as_secs()),
                    &log::audience_column(spend.audience),
                ],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(Spent::Stale);
        };
        Ok(Spent::Since(row.time(USER_COLUMNS)?, Box::new(user(row)?)))
    }

    async fn tell_spent(&self, limit: u32) -> Result<u32, StoreError> {
        let rows = self
            .rows("SELECT tell_spent($1)", &[&i64::from(limit)])
            .await?;
        Ok(only(rows)?.small(0)?)
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(Some(nodes::clock(self).await?))
    }

    async fn announce(&self, node: &Node, before: Timestamp) -> Result<Vec<Node>, StoreError> {
        Ok(nodes::announce(self, node, before).await?)
    }

    async fn leave(&self, name: &str) -> Result<(), StoreError> {
        Ok(nodes::leave(self, name).await?)
    }

    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.call(
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

    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
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
        let rows = self
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

    async fn sweep(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError> {
        let rows = self
            .rows(
                "SELECT sweep_directory($1, $2, $3)",
                &[
                    &int(now.unix().as_secs()),
                    &millis(audit_before),
                    &i64::from(limit),
                ],
            )
            .await?;
        let swept: u32 = only(rows)?.small(0)?;
        let rows = self
            .rows(
                "SELECT sweep_spent($1, $2)",
                &[
                    &int(now.unix().as_secs()),
                    &i64::from(limit.saturating_sub(swept)),
                ],
            )
            .await?;
        let ids: u32 = only(rows)?.small(0)?;
        Ok(swept + ids)
    }
}

async fn by_id(db: &Postgres, id: UserId) -> Result<Option<User>, Failure> {
    let rows = db
        .rows(
            concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1"),
            &[&id.as_bytes().as_slice()],
        )
        .await?;
    rows.first().map(user).transpose()
}

fn all<T>(rows: &[Row], read: fn(&Row) -> Result<T, Failure>) -> Result<Vec<T>, StoreError> {
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

fn epoch(row: &Row) -> Result<Option<u64>, StoreError> {
    if row.column::<Option<i64>>(0)?.is_none() {
        return Ok(None);
    }
    Ok(Some(row.uint(0)?))
}

fn secret(row: &Row) -> Result<StoredSecret, Failure> {
    let ends: Option<i64> = row.column(3)?;
    Ok(StoredSecret {
        client: row.parsed(0)?,
        hash: SecretHash::from_bytes(row.bytes(1)?),
        span: SecretSpan {
            created_at: row.time(2)?,
            ends_at: ends.map(|_| row.time(3)).transpose()?,
        },
    })
}

fn key(row: &Row) -> Result<StoredKey, Failure> {
    Ok(StoredKey {
        id: KeyId::from_bytes(row.bytes(0)?),
        purpose: row.word(1)?,
        algorithm: row.column(2)?,
        kid: row.column(3)?,
        sealed: row.column(4)?,
        state: row.word(5)?,
        created_at: row.time(6)?,
        since: row.time(7)?,
    })
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
