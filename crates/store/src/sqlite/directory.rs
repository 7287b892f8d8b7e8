//! The directory's verbs: each one job of the writer, or one read.

use std::time::Duration;

use async_trait::async_trait;
use countersign_auth::directory::{AddUser, ChangeUser, Directory};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, AuditQuery, Happening, Origin};
use countersign_auth::model::client::Client;
use countersign_auth::model::id::{ClientId, KeyId, UserId};
use countersign_auth::model::key::{KeyState, StoredKey};
use countersign_auth::model::revocation::{Cursor, LogPage};
use countersign_auth::model::secret::StoredSecret;
use countersign_auth::model::session::Session;
use countersign_auth::model::user::{Credentials, Identifier, NewUser, User, UserChange};
use countersign_auth::password::StoredPassword;
use countersign_auth::store::StoreError;
use countersign_guard::Revocation;
use rusqlite::{Connection, Result};

use super::log::Read;
use super::{Sqlite, audit, clients, keys, log, secrets, sessions, users};

#[async_trait]
impl Directory for Sqlite {
    async fn add_user(&self, user: NewUser, origin: &Origin) -> Result<AddUser, StoreError> {
        let origin = origin.clone();
        self.write(move |db| users::add(db, user, &origin)).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(move |db| Ok(users::by_id(db, id)?.map(|stored| stored.user)))
            .await
    }

    async fn credentials(&self, who: &Identifier) -> Result<Option<Credentials>, StoreError> {
        let who = who.clone();
        self.read(move |db| users::credentials(db, &who)).await
    }

    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.read(move |db| users::list(db, after, limit)).await
    }

    async fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        origin: &Origin,
    ) -> Result<ChangeUser, StoreError> {
        let origin = origin.clone();
        self.write(move |db| users::change(db, id, change, &origin))
            .await
    }

    async fn set_password(
        &self,
        id: UserId,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        let origin = origin.clone();
        self.write(move |db| users::set_password(db, id, &password, &origin))
            .await
    }

    async fn replace_password(
        &self,
        id: UserId,
        seen_epoch: u64,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        let origin = origin.clone();
        self.write(move |db| users::replace_password(db, id, seen_epoch, &password, &origin))
            .await
    }

    async fn admit(
        &self,
        session: &Session,
        client: &ClientId,
        client_epoch: u64,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let (session, client, origin) = (session.clone(), client.clone(), origin.clone());
        self.write(move |db| sessions::admit(db, &session, &client, client_epoch, &origin))
            .await
    }

    async fn rehash_password(
        &self,
        id: UserId,
        old: &StoredPassword,
        new: StoredPassword,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let (old, origin) = (old.clone(), origin.clone());
        self.write(move |db| users::rehash_password(db, id, &old, &new, &origin))
            .await
    }

    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        origin: &Origin,
    ) -> Result<Option<User>, StoreError> {
        let origin = origin.clone();
        self.write(move |db| users::set_enabled(db, id, enabled, &origin))
            .await
    }

    async fn delete_user(&self, id: UserId, origin: &Origin) -> Result<bool, StoreError> {
        let origin = origin.clone();
        self.write(move |db| users::delete(db, id, &origin)).await
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        self.read(clients::list).await
    }

    async fn put_client(&self, client: Client, origin: &Origin) -> Result<Client, StoreError> {
        let origin = origin.clone();
        self.write(move |db| clients::put(db, client, &origin))
            .await
    }

    async fn cut_off_client(
        &self,
        id: &ClientId,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        let (id, origin) = (id.clone(), origin.clone());
        self.write(move |db| clients::cut_off(db, &id, &origin))
            .await
    }

    async fn client_secrets(&self) -> Result<Vec<StoredSecret>, StoreError> {
        self.read(secrets::list).await
    }

    async fn add_client_secret(
        &self,
        secret: StoredSecret,
        others_end: Timestamp,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let origin = origin.clone();
        self.write(move |db| secrets::add(db, &secret, others_end, &origin))
            .await
    }

    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.read(keys::list).await
    }

    async fn add_key(
        &self,
        key: StoredKey,
        unless_active: bool,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let origin = origin.clone();
        self.write(move |db| keys::add(db, &key, unless_active, &origin))
            .await
    }

    async fn move_key(
        &self,
        id: KeyId,
        from: KeyState,
        to: KeyState,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let origin = origin.clone();
        self.write(move |db| keys::step(db, id, from, to, &origin))
            .await
    }

    async fn drop_key(&self, id: KeyId, origin: &Origin) -> Result<bool, StoreError> {
        let origin = origin.clone();
        self.write(move |db| keys::drop_retired(db, id, &origin))
            .await
    }

    async fn remove_key(
        &self,
        id: KeyId,
        origin: &Origin,
    ) -> Result<Option<StoredKey>, StoreError> {
        let origin = origin.clone();
        self.write(move |db| keys::remove(db, id, &origin)).await
    }

    async fn issuer_algorithm(&self) -> Result<Option<String>, StoreError> {
        self.read(keys::issuer_algorithm).await
    }

    async fn set_issuer_algorithm(
        &self,
        algorithm: &str,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let (algorithm, origin) = (algorithm.to_owned(), origin.clone());
        self.write(move |db| keys::set_issuer_algorithm(db, &algorithm, &origin))
            .await
    }

    async fn revoke(&self, what: Revocation, origin: &Origin) -> Result<Cursor, StoreError> {
        let origin = origin.clone();
        self.write(move |db| revoke(db, &what, &origin)).await
    }

    async fn revocations(
        &self,
        after: Option<Cursor>,
        now: Timestamp,
        limit: u32,
    ) -> Result<LogPage, StoreError> {
        let read = self
            .read(move |db| log::read(db, after, now, limit))
            .await?;
        match read {
            Read::Page(page) => Ok(page),
            Read::RolledBack => {
                tracing::error!("the revocation log was rolled back; a new incarnation begins");
                self.write(move |db| log::read_or_begin_anew(db, after, now, limit))
                    .await
            }
        }
    }

    async fn issuer_epoch(&self) -> Result<u64, StoreError> {
        self.read(|db| Ok(log::issuer(db)?.epoch)).await
    }

    async fn event_lifetime(&self, configured: Duration) -> Result<Duration, StoreError> {
        self.write(move |db| log::event_lifetime(db, configured))
            .await
    }

    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.write(move |db| audit::append(db, &entry)).await
    }

    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |db| audit::query(db, &query)).await
    }

    async fn sweep(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError> {
        self.write(move |db| {
            let events = log::sweep(db, now, limit)?;
            let lines = audit::sweep(db, audit_before, limit - events)?;
            Ok(events + lines)
        })
        .await
    }
}

/// What is said to be over is over here, too: rows go, epochs rise.
fn revoke(db: &Connection, what: &Revocation, origin: &Origin) -> Result<Cursor> {
    let at = origin.at;
    let mut line = AuditEntry::new(Happening::Revoked, origin);
    let mut audience = None;
    match what {
        Revocation::All { .. } => {
            line.what = Happening::EverybodySignedOut;
            audit::append(db, &line)?;
            return log::end_everything(db, at);
        }
        Revocation::Session { sid } => {
            if let Ok(id) = sid.parse() {
                line.session = Some(id);
                audit::append(db, &line)?;
                return sessions::revoke_by_id(db, id, at);
            }
        }
        Revocation::Subject { sub, below } => {
            if let Ok(id) = sub.parse() {
                users::raise_epoch(db, id, *below, at)?;
                line.user = Some(id);
            }
        }
        Revocation::Client { client_id, below } => {
            if let Ok(id) = client_id.parse() {
                clients::raise_epoch(db, &id, *below)?;
                audience = clients::audience(db, &id, at)?;
                line.client = Some(id);
            }
        }
        Revocation::Changed { sub } => line.user = sub.parse().ok(),
        Revocation::Token { jti, .. } => line.detail = Some(jti.clone()),
        Revocation::Key { kid } => line.detail = Some(kid.clone()),
    }
    audit::append(db, &line)?;
    log::append(db, what, audience.as_ref(), at)
}
