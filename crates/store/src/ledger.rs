//! What a directory in SQL does for sessions that are kept elsewhere: it says where everything stands, and remembers
//! what was ended, so that no other store can bring it back.

use async_trait::async_trait;
use countersign_auth::directory::Directory;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Origin};
use countersign_auth::model::grant::Grant;
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::revocation::Cursor;
use countersign_auth::model::session::Session;
use countersign_auth::model::user::User;
use countersign_auth::sessions::PasswordChange;
use countersign_auth::store::StoreError;

/// The part of [`Sessions`](countersign_auth::sessions::Sessions) that stays in SQL when the rest does not.
#[async_trait]
pub(crate) trait Ledger: Directory {
    /// What a session of this user, with a grant of this client, has to be measured by: one read, which locks nothing.
    async fn standing(
        &self,
        session: SessionId,
        user: UserId,
        client: &ClientId,
    ) -> Result<Standing, StoreError>;

    /// Ends sessions for good, in one step: each is remembered until its absolute end, and has its event; the line is
    /// written once. Those that are remembered already are left out; `None` if that leaves none, and then nothing
    /// happened. Else the cursor after the last event.
    async fn end_sessions(
        &self,
        over: Vec<Over>,
        line: AuditEntry,
    ) -> Result<Option<Cursor>, StoreError>;

    /// Ends whatever a user has, by raising their epoch: the line, the event, the new epoch. `None`: no such user.
    async fn cut_off_user(&self, user: UserId, origin: &Origin) -> Result<Option<u64>, StoreError>;

    /// The half of a change of password that is no session's: in one step, if user, client and issuer stand where the
    /// change says and its session has not been ended, the password is set, the user's epoch rises and the line is
    /// written. The user as they are then.
    async fn change_password_of(
        &self,
        change: &PasswordChange,
        issuer_epoch: u64,
        origin: &Origin,
    ) -> Result<Option<User>, StoreError>;

    /// Forgets at most `limit` ended sessions whose absolute end was before `before`. How many.
    async fn forget_ended(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError>;
}

/// Where user, client and issuer stand now.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) user: Option<User>,
    /// Its epoch, while it is enabled.
    pub(crate) client_epoch: Option<u64>,
    pub(crate) issuer_epoch: u64,
    /// Whether the session was ended, whatever its own store says.
    pub(crate) ended: bool,
}

impl Standing {
    /// Whether user, issuer, and with a grant its client, are where they were at sign-in, and none is disabled; and
    /// the session has not been ended.
    pub(crate) fn holds(&self, session: &Session, grant: Option<&Grant>) -> bool {
        let user = self.user.as_ref();
        !self.ended
            && self.issuer_epoch == session.issuer_epoch
            && user.is_some_and(|user| user.epoch == session.user_epoch)
            && grant.is_none_or(|grant| {
                user.is_some_and(|user| user.enabled)
                    && self.client_epoch == Some(grant.client_epoch)
            })
    }
}

/// A session that is to be over, and the clients that it has grants for: they tell whom its end concerns.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    pub(crate) session: SessionId,
    pub(crate) clients: Vec<ClientId>,
}
