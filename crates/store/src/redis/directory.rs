//! The directory is the one in SQL. Two of its verbs take sessions along.

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

use super::SqlAndRedis;

#[async_trait]
impl Directory for SqlAndRedis {
    /// SQL first: from then on nothing of theirs is good. Then what Redis holds of them goes; if that fails, it ends
    /// in time.
    async fn delete_user(&self, id: UserId, origin: &Origin) -> Result<bool, StoreError> {
        let deleted = self.sql.delete_user(id, origin).await?;
        if let Err(error) = self.forget(id).await {
            tracing::warn!(%error, user = %id, "sessions of a deleted user were left behind in Redis, where their time will end them");
        }
        Ok(deleted)
    }

    /// A session is over here, too, and tells by its clients whom that concerns.
    async fn revoke(&self, what: Revocation, origin: &Origin) -> Result<Cursor, StoreError> {
        if let Revocation::Session { sid } = &what
            && let Ok(session) = sid.parse()
            && let Some(cursor) = self.revoke_session(session, origin).await?
        {
            return Ok(cursor);
        }
        self.sql.revoke(what, origin).await
    }

    async fn add_user(&self, user: NewUser, origin: &Origin) -> Result<AddUser, StoreError> {
        self.sql.add_user(user, origin).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.sql.user(id).await
    }

    async fn credentials(&self, who: &Identifier) -> Result<Option<Credentials>, StoreError> {
        self.sql.credentials(who).await
    }

    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.sql.users(after, limit).await
    }

    async fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        origin: &Origin,
    ) -> Result<ChangeUser, StoreError> {
        self.sql.change_user(id, change, origin).await
    }

    async fn set_password(
        &self,
        id: UserId,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        self.sql.set_password(id, password, origin).await
    }

    async fn rehash_password(
        &self,
        id: UserId,
        old: &StoredPassword,
        new: StoredPassword,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        self.sql.rehash_password(id, old, new, origin).await
    }

    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        origin: &Origin,
    ) -> Result<Option<User>, StoreError> {
        self.sql.set_user_enabled(id, enabled, origin).await
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        self.sql.clients().await
    }

    async fn put_client(&self, client: Client, origin: &Origin) -> Result<Client, StoreError> {
        self.sql.put_client(client, origin).await
    }

    async fn cut_off_client(
        &self,
        id: &ClientId,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        self.sql.cut_off_client(id, origin).await
    }

    async fn client_secrets(&self) -> Result<Vec<StoredSecret>, StoreError> {
        self.sql.client_secrets().await
    }

    async fn add_client_secret(
        &self,
        secret: StoredSecret,
        others_end: Timestamp,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        self.sql.add_client_secret(secret, others_end, origin).await
    }

    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.sql.keys().await
    }

    async fn add_key(
        &self,
        key: StoredKey,
        unless_active: bool,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        self.sql.add_key(key, unless_active, origin).await
    }

    async fn move_key(
        &self,
        id: KeyId,
        from: KeyState,
        to: KeyState,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        self.sql.move_key(id, from, to, origin).await
    }

    async fn drop_key(&self, id: KeyId, origin: &Origin) -> Result<bool, StoreError> {
        self.sql.drop_key(id, origin).await
    }

    async fn remove_key(
        &self,
        id: KeyId,
        origin: &Origin,
    ) -> Result<Option<StoredKey>, StoreError> {
        self.sql.remove_key(id, origin).await
    }

    async fn issuer_algorithm(&self) -> Result<Option<String>, StoreError> {
        self.sql.issuer_algorithm().await
    }

    async fn set_issuer_algorithm(
        &self,
        algorithm: &str,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        self.sql.set_issuer_algorithm(algorithm, origin).await
    }

    async fn revocations(
        &self,
        after: Option<Cursor>,
        now: Timestamp,
        limit: u32,
    ) -> Result<LogPage, StoreError> {
        self.sql.revocations(after, now, limit).await
    }

    async fn issuer_epoch(&self) -> Result<u64, StoreError> {
        self.sql.issuer_epoch().await
    }

    async fn event_lifetime(&self, configured: Duration) -> Result<Duration, StoreError> {
        self.sql.event_lifetime(configured).await
    }

    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.sql.note(entry).await
    }

    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        self.sql.audit(query).await
    }

    async fn sweep(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError> {
        self.sql.sweep(now, audit_before, limit).await
    }

    async fn replace_password(
        &self,
        id: UserId,
        seen_epoch: u64,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        self.sql
            .replace_password(id, seen_epoch, password, origin)
            .await
    }

    async fn admit(
        &self,
        session: &Session,
        client: &ClientId,
        client_epoch: u64,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        self.sql.admit(session, client, client_epoch, origin).await
    }

    async fn begin_again(&self, origin: &Origin) -> Result<u64, StoreError> {
        self.sql.begin_again(origin).await
    }

    async fn spend(&self, spend: Spend<'_>, origin: &Origin) -> Result<Spent, StoreError> {
        self.sql.spend(spend, origin).await
    }

    async fn tell_spent(&self, limit: u32) -> Result<u32, StoreError> {
        self.sql.tell_spent(limit).await
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        self.sql.clock().await
    }

    async fn announce(&self, node: &Node, before: Timestamp) -> Result<Vec<Node>, StoreError> {
        self.sql.announce(node, before).await
    }

    async fn leave(&self, name: &str) -> Result<(), StoreError> {
        self.sql.leave(name).await
    }
}
