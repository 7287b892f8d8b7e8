//! The directory's verbs: each one call, or one read.

use std::time::Duration;

use async_trait::async_trait;
use countersign_auth::directory::{AddUser, ChangeUser, Directory, Spend, Spent};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, AuditQuery, Origin};
use countersign_auth::model::client::Client;
use countersign_auth::model::id::{ClientId, KeyId, UserId};
use countersign_auth::model::key::{KeyState, StoredKey};
use countersign_auth::model::node::Node;
use countersign_auth::model::revocation::{Cursor, LogPage};
use countersign_auth::model::secret::StoredSecret;
use countersign_auth::model::session::Session;
use countersign_auth::model::user::{Credentials, Identifier, NewUser, User, UserChange};
use countersign_auth::password::StoredPassword;
use countersign_auth::store::StoreError;
use countersign_guard::Revocation;

use super::columns::{Columns, int, millis};
use super::failure::only;
use super::{
    Postgres, again, audit, clients, keys, log, nodes, secrets, sessions, spent, users, verb,
};

#[async_trait]
impl Directory for Postgres {
    async fn add_user(&self, new: NewUser, origin: &Origin) -> Result<AddUser, StoreError> {
        Ok(users::add(self, new, origin).await?)
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(users::by_id(self, id).await?)
    }

    async fn credentials(&self, who: &Identifier) -> Result<Option<Credentials>, StoreError> {
        Ok(users::credentials(self, who).await?)
    }

    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        Ok(users::list(self, after, limit).await?)
    }

    async fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        origin: &Origin,
    ) -> Result<ChangeUser, StoreError> {
        Ok(users::change(self, id, change, origin).await?)
    }

    async fn set_password(
        &self,
        id: UserId,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        Ok(users::set_password(self, id, &password, origin).await?)
    }

    async fn replace_password(
        &self,
        id: UserId,
        seen_epoch: u64,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        Ok(users::replace_password(self, id, seen_epoch, &password, origin).await?)
    }

    async fn admit(
        &self,
        session: &Session,
        client: &ClientId,
        client_epoch: u64,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        Ok(sessions::admit(self, session, client, client_epoch, origin).await?)
    }

    async fn rehash_password(
        &self,
        id: UserId,
        old: &StoredPassword,
        new: StoredPassword,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        Ok(users::rehash_password(self, id, old, &new, origin).await?)
    }

    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        origin: &Origin,
    ) -> Result<Option<User>, StoreError> {
        Ok(users::set_enabled(self, id, enabled, origin).await?)
    }

    async fn delete_user(&self, id: UserId, origin: &Origin) -> Result<bool, StoreError> {
        Ok(users::delete(self, id, origin).await?)
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        Ok(clients::list(self).await?)
    }

    async fn put_client(&self, client: Client, origin: &Origin) -> Result<Client, StoreError> {
        let put = clients::put(self, client, origin).await?;
        self.say_clients().await;
        Ok(put)
    }

    async fn cut_off_client(
        &self,
        id: &ClientId,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        Ok(clients::cut_off(self, id, origin).await?)
    }

    async fn client_secrets(&self) -> Result<Vec<StoredSecret>, StoreError> {
        Ok(secrets::list(self).await?)
    }

    async fn add_client_secret(
        &self,
        secret: StoredSecret,
        others_end: Timestamp,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let added = secrets::add(self, &secret, others_end, origin).await?;
        self.say_clients().await;
        Ok(added)
    }

    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        Ok(keys::list(self).await?)
    }

    async fn add_key(
        &self,
        key: StoredKey,
        unless_active: bool,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        Ok(keys::add(self, &key, unless_active, origin).await?)
    }

    async fn move_key(
        &self,
        id: KeyId,
        from: KeyState,
        to: KeyState,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        Ok(keys::advance(self, id, from, to, origin).await?)
    }

    async fn drop_key(&self, id: KeyId, origin: &Origin) -> Result<bool, StoreError> {
        Ok(keys::drop(self, id, origin).await?)
    }

    async fn remove_key(
        &self,
        id: KeyId,
        origin: &Origin,
    ) -> Result<Option<StoredKey>, StoreError> {
        Ok(keys::remove(self, id, origin).await?)
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

    async fn begin_again(&self, origin: &Origin) -> Result<u64, StoreError> {
        Ok(again::begin(self, origin).await?)
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

    async fn spend(&self, spend: Spend<'_>, origin: &Origin) -> Result<Spent, StoreError> {
        Ok(spent::spend(self, &spend, origin).await?)
    }

    async fn tell_spent(&self, limit: u32) -> Result<u32, StoreError> {
        Ok(spent::tell(self, limit).await?)
    }

    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        Ok(audit::append(self, &entry).await?)
    }

    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(audit::read(self, &query).await?)
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
        Ok(swept + spent::sweep(self, now, limit.saturating_sub(swept)).await?)
    }
}
