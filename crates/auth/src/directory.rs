//! What must never be forgotten: users, clients, keys, epochs, revocations, the audit trail. Durable, in SQL.

use std::time::Duration;

use async_trait::async_trait;
use countersign_guard::{Revocation, UnixTime};

use crate::env::Timestamp;
use crate::model::audit::{AuditEntry, AuditQuery, Origin};
use crate::model::client::Client;
use crate::model::id::{ClientId, KeyId, UserId};
use crate::model::key::{KeyState, StoredKey};
use crate::model::node::Node;
use crate::model::revocation::{Audience, Cursor, LogPage};
use crate::model::secret::StoredSecret;
use crate::model::session::Session;
use crate::model::user::{Credentials, Identifier, NewUser, User, UserChange};
use crate::password::StoredPassword;
use crate::store::StoreError;

/// Users, clients, keys, epochs, revocations, audit.
///
/// # Contract
/// Proved for every implementation by one suite (`crates/store/tests/conformance`).
///
/// 1. Each verb is atomic: it happens wholly or not at all, and what it answers is how it happened.
/// 2. A verb that changes something returns only when the change is durable.
/// 3. A verb that changes something appends its line to the audit trail in the same step. So does, in the same
///    step, a verb that takes something back: it raises the epoch and appends the event to the revocation log.
/// 4. The log's sequence has no gaps, and a reader who sees number *n* can see every number below.
/// 5. An epoch never falls. A revocation's event lasts for [`Directory::event_lifetime`].
/// 6. Of any number of simultaneous calls that cannot all succeed, exactly one does.
/// 7. An event of a session or a client bears the audience of the tokens that it can concern, unless there may be some
///    for another one: several clients, or a client whose audience changed within the last event lifetime.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    // Users.

    /// Adds a user (epoch 0, enabled). Address and name are unique among all users.
    async fn add_user(&self, user: NewUser, origin: &Origin) -> Result<AddUser, StoreError>;
    /// The user of this id.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The user of this address or name, with what proves that it is them.
    async fn credentials(&self, who: &Identifier) -> Result<Option<Credentials>, StoreError>;
    /// Users in the order of their ids, after `after`, at most `limit`.
    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError>;
    /// Changes a user's profile, roles or attributes; appends a `changed` event if anything did change.
    async fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        origin: &Origin,
    ) -> Result<ChangeUser, StoreError>;
    /// Sets a password from outside any session: raises the user's epoch, so that all their sessions and tokens end.
    /// `None`: no such user. Else the new epoch.
    async fn set_password(
        &self,
        id: UserId,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError>;
    /// The same by a user who has just proved that they know the old one, in a session that no row stands for: only if
    /// their epoch is still the one that the proof saw, and they are enabled. `None`: it is not, and nothing happened.
    async fn replace_password(
        &self,
        id: UserId,
        seen_epoch: u64,
        password: StoredPassword,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError>;
    /// Replaces a password's hash by one of the same password under newer settings, if it is still `old`.
    /// Raises no epoch. Whether it was.
    async fn rehash_password(
        &self,
        id: UserId,
        old: &StoredPassword,
        new: StoredPassword,
        origin: &Origin,
    ) -> Result<bool, StoreError>;
    /// Lets a session begin that nothing is kept of but `signed_in` in the audit trail, unless the user's, client's or
    /// issuer's epoch is no longer the one that it carries, or the user or client is gone or disabled. Whether it may;
    /// if not, the password has to be checked again.
    async fn admit(
        &self,
        session: &Session,
        client: &ClientId,
        client_epoch: u64,
        origin: &Origin,
    ) -> Result<bool, StoreError>;
    /// Disables (raising the epoch) or enables a user. `None`: no such user. Setting what is already set changes nothing.
    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        origin: &Origin,
    ) -> Result<Option<User>, StoreError>;
    /// Deletes a user: sessions, grants and credentials go; tokens are revoked (`subject` below any epoch);
    /// the audit trail keeps the id as a pseudonym and loses addresses and agents. Whether there was one.
    async fn delete_user(&self, id: UserId, origin: &Origin) -> Result<bool, StoreError>;

    // Clients.

    /// All clients.
    async fn clients(&self) -> Result<Vec<Client>, StoreError>;
    /// Adds a client, or changes the one of this id (its epoch and creation stay). A client that comes to be
    /// disabled by it loses its grants and tokens: its epoch rises.
    async fn put_client(&self, client: Client, origin: &Origin) -> Result<Client, StoreError>;
    /// Ends all grants and tokens of a client by raising its epoch. `None`: no such client. Else the new epoch.
    async fn cut_off_client(
        &self,
        id: &ClientId,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError>;

    /// What is kept of the secrets of all clients, oldest first; some may have ended.
    async fn client_secrets(&self) -> Result<Vec<StoredSecret>, StoreError>;
    /// Adds a secret to a client. In the same step the one before it comes to end at `others_end`, if it does not end
    /// sooner, and those before that go: no more than two are ever live. `false`: no such client.
    async fn add_client_secret(
        &self,
        secret: StoredSecret,
        others_end: Timestamp,
        origin: &Origin,
    ) -> Result<bool, StoreError>;

    // Keys.

    /// All keys, tombstones included.
    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError>;
    /// Adds a key. If it is `Active`, the active key of its ring (its purpose and algorithm) retires in the same step.
    /// `false`: there is one of this `kid` already (a tombstone counts), or, for an `Active` one while `unless_active`,
    /// the ring has an active key already; nothing happened.
    async fn add_key(
        &self,
        key: StoredKey,
        unless_active: bool,
        origin: &Origin,
    ) -> Result<bool, StoreError>;
    /// Moves a key on in its life; if it becomes `Active`, the active key of its ring retires in the same step.
    /// `false`: it is not in the state `from` any more, and nothing happened.
    async fn move_key(
        &self,
        id: KeyId,
        from: KeyState,
        to: KeyState,
        origin: &Origin,
    ) -> Result<bool, StoreError>;
    /// Drops a retired key whose last token has expired. Whether there was one.
    async fn drop_key(&self, id: KeyId, origin: &Origin) -> Result<bool, StoreError>;
    /// Takes a key out in an emergency: wipes it, leaves a tombstone, and appends a `key` event if it was one that
    /// signs. `None`: no such key.
    async fn remove_key(&self, id: KeyId, origin: &Origin)
    -> Result<Option<StoredKey>, StoreError>;
    /// The algorithm with which tokens are signed where nothing else is asked for, as it was last set. It stays behind
    /// the settings while a key of another algorithm is not known to verifiers yet.
    async fn issuer_algorithm(&self) -> Result<Option<String>, StoreError>;
    /// Sets it.
    async fn set_issuer_algorithm(
        &self,
        algorithm: &str,
        origin: &Origin,
    ) -> Result<(), StoreError>;

    // Revocations.

    /// Appends a revocation that no other verb causes: of one token or session, or of everything
    /// (`all`: `below` is ignored, the issuer's epoch rises by one). The cursor after it.
    async fn revoke(&self, what: Revocation, origin: &Origin) -> Result<Cursor, StoreError>;
    /// What follows `after` and has not lapsed at `now`, at most `limit` events; from the beginning if `after` is
    /// `None` or of another incarnation. A cursor ahead of the log proves a roll-back: a new incarnation begins.
    async fn revocations(
        &self,
        after: Option<Cursor>,
        now: Timestamp,
        limit: u32,
    ) -> Result<LogPage, StoreError>;
    /// The issuer's epoch.
    async fn issuer_epoch(&self) -> Result<u64, StoreError>;
    /// Tells the longest lifetime of a token, leeway included, under the present configuration. The answer is the
    /// longest that was ever told: how long an event lasts.
    async fn event_lifetime(&self, configured: Duration) -> Result<Duration, StoreError>;

    // Tokens that were exchanged (the style `sliding`).

    /// Notes that a token was exchanged, unless its user, client or issuer has moved past it, or user or client are
    /// disabled. It may come again: of any number of calls with one id, the first says since when it is spent. Renewals
    /// leave no line in the trail.
    async fn spend(&self, spend: Spend<'_>, origin: &Origin) -> Result<Spent, StoreError>;
    /// Appends a `token` event for each spent id that the log has not been told of, at most `limit`; how many. Apart
    /// from `spend`, so that exchanges do not wait for one another: its times are ahead.
    async fn tell_spent(&self, limit: u32) -> Result<u32, StoreError>;

    // What nodes that share a store owe each other.

    /// The store's own clock, by which all of them tell the time. `None`: no others use this store.
    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
    /// Says that this node lives and what it is, and that nodes which said nothing since `before` do not. Those that do
    /// live beside it.
    async fn announce(&self, _node: &Node, _before: Timestamp) -> Result<Vec<Node>, StoreError> {
        Ok(Vec::new())
    }
    /// Says that the node of this name stops.
    async fn leave(&self, _name: &str) -> Result<(), StoreError> {
        Ok(())
    }

    // Audit and upkeep.

    /// Appends a line that belongs to no other verb.
    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError>;
    /// Reads the trail, newest first.
    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError>;
    /// Drops what has lapsed, in small steps: events and spent ids by their own end, audit lines from before `audit_before`.
    /// How many rows went in this step (at most `limit`); 0 when there is nothing left to do.
    async fn sweep(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError>;
}

/// A token that is exchanged for its successor.
#[derive(Clone, Copy, Debug)]
pub struct Spend<'a> {
    /// Its id.
    pub jti: &'a str,
    /// Its session, under the epochs that it bears.
    pub session: &'a Session,
    /// Its client.
    pub client: &'a ClientId,
    /// The client's epoch that it bears.
    pub client_epoch: u64,
    /// For whom it is.
    pub audience: &'a Audience,
    /// From which second on it is refused, if nobody exchanged it before.
    pub from: UnixTime,
    /// The last second at which it could be valid.
    pub until: UnixTime,
}

/// How [`Directory::spend`] went.
#[derive(Clone, Debug, PartialEq)]
pub enum Spent {
    /// It is spent since then.
    Since(Timestamp, Box<User>),
    /// User, client or issuer have taken it back.
    Stale,
}

/// How [`Directory::add_user`] went.
#[derive(Clone, Debug, PartialEq)]
pub enum AddUser {
    /// It is there now.
    Added(User),
    /// Another user has this address.
    EmailTaken,
    /// Another user has this name.
    UsernameTaken,
}

/// How [`Directory::change_user`] went.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeUser {
    /// As it is now.
    Changed(User),
    /// No such user.
    Unknown,
    /// Another user has this address.
    EmailTaken,
    /// Another user has this name.
    UsernameTaken,
}
