//! What may be forgotten at the price of a new sign-in: sessions and grants. In SQL or in Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::env::Timestamp;
use crate::limits::shared::Tallies;
use crate::model::audit::Origin;
use crate::model::grant::{Entitlement, Grant, HandleHash, Network};
use crate::model::id::{ClientId, SessionId, UserId};
use crate::model::session::{Session, SessionView};
use crate::password::StoredPassword;
use crate::rotation::{Generation, Interval};
use crate::store::StoreError;

/// Sessions and their grants.
///
/// # Contract
/// Proved for every implementation by one suite (`crates/store/tests/conformance`).
///
/// 1. Each verb is atomic and durable when it returns, and is never a look-up followed by a write.
/// 2. Order across the two traits: what takes something back is in the directory's revocation log *before* (or in
///    the same step as) it leaves here. Cut off in between, the log wins.
/// 3. A session whose user, client or issuer epoch has moved is as good as gone: no verb answers from it but with
///    `Stale`, no list shows it.
/// 4. `rotate` decides by [`crate::rotation::Generations::present`] and nothing else; of any number of simultaneous
///    calls with one generation, exactly one makes the next.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// Begins a session with its first grant, unless the user's, client's or issuer's epoch is no longer the one that
    /// they carry, or the user or client is gone or disabled. Appends `signed_in` to the audit trail.
    async fn open(
        &self,
        session: Session,
        grant: Grant,
        origin: &Origin,
    ) -> Result<Open, StoreError>;

    /// Presents one generation of a grant's refresh token: the renewal table in one step. What it ends (reused,
    /// ahead) is ended, in the revocation log and in the audit trail when it returns. Moves the session's idle end,
    /// which may stay behind what was asked for by a sixteenth of the idle time, so that few renewals write it.
    async fn rotate(&self, presented: Presented<'_>, origin: &Origin)
    -> Result<Rotate, StoreError>;

    /// Uses a session by a name that stays the same as long as it lasts: looks it up, and moves its idle end to what is
    /// asked for, never beyond the absolute end, and never back; with it the grant's `handed_at` moves to now, which is
    /// when the session was last used. One step, which writes nothing unless it moves the idle end by a sixteenth or
    /// more of the time from now to there: so most uses are a read. Where more than one refusal fits, the later one in
    /// [`Touch`] is answered; none writes anything.
    async fn touch(&self, touched: Touched<'_>, now: Timestamp) -> Result<Touch, StoreError>;

    /// Another client joins a session that stands: it is given a grant there on the word of one that is there already,
    /// whose name stays the same (as for `touch`). In one step: the session is not at its end; user, issuer and the clients
    /// of both grants are where these grants say, and none is disabled; the grant that vouches was not superseded. So a
    /// grant comes wholly before whatever ends the session, and ends with it, or is not given.
    ///
    /// The session stays as it is: its id, `auth_time`, `amr`, both ends and the epochs of user and issuer are what the new
    /// grant's tokens inherit.
    ///
    /// What the same client was given in this session before gives way and is unknown from then on (its last access token
    /// lives on for its few minutes): whoever stole it would go on beside its owner, unnoticed. But for what was first given
    /// after [`Joining::replaces_until`] and never renewed: its answer may be under way, and which of two answers a browser
    /// keeps is the network's choice.
    ///
    /// Appends `signed_in` to the audit trail, with the detail [`JOINED`]. Where more than one refusal fits, the later one
    /// in [`Join`] is answered; none writes anything.
    async fn join(&self, joining: Joining, origin: &Origin) -> Result<Join, StoreError>;

    /// Ends one session with all its grants: event, audit line, rows. With `owner`, only if it is theirs. Whether it was
    /// there.
    async fn end(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        origin: &Origin,
    ) -> Result<bool, StoreError>;

    /// Ends the session of the grant with this handle, whatever generation was presented, and however the grant's client
    /// stands. The session, if it was there.
    /// It ends whole: who signs out of one application signs out of all that this session signed in to, and one event
    /// says so to all of their services.
    async fn end_of_grant(
        &self,
        handle: HandleHash,
        absolute_end: Timestamp,
        origin: &Origin,
    ) -> Result<Option<SessionId>, StoreError>;

    /// Ends a user's sessions. All of them: by raising the user's epoch, one event however many there are; so this
    /// reaches sign-ins in flight, too. All `but` one: an event each. How many there were.
    async fn end_all_of_user(
        &self,
        user: UserId,
        but: Option<SessionId>,
        origin: &Origin,
    ) -> Result<u64, StoreError>;

    /// The live sessions of a user, latest use first: one view for each, however many grants it has. It names the clients
    /// that can go on in it: none that was cut off, and none whose grants a change of password superseded.
    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionView>, StoreError>;

    /// A session's user changes their password, in one step: the user's epoch rises (which ends every other session
    /// and all tokens), the session gets the new epoch, every grant that it has is superseded
    /// ([`crate::rotation::Generations::supersede`]), and the new grant is added, under the session and with the
    /// state that it carries. (The old grants' handles are stored nowhere, so none of them could be continued; and
    /// their tokens must go on to answer `Superseded`, until their client joins again.) That holds for every client of the
    /// session: only the one that the password was shown to goes on without asking.
    async fn change_password(
        &self,
        change: PasswordChange,
        origin: &Origin,
    ) -> Result<ChangePassword, StoreError>;

    /// Drops sessions and grants that have ended, at most `limit` rows; how many went.
    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError>;

    /// Whether sessions can be used now. Where they are in the directory's own store, its answer says that already.
    async fn is_ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// What tells this store from every other one, where it is apart from the directory: nodes of one directory compare it.
    fn identity(&self) -> Option<String> {
        None
    }

    /// Where attempts are counted for all nodes, if this store can do that, too.
    fn tallies(&self) -> Option<Arc<dyn Tallies>> {
        None
    }
}

/// How [`Sessions::open`] went.
#[derive(Clone, Debug, PartialEq)]
pub enum Open {
    /// The session has begun.
    Opened(Box<Entitlement>),
    /// An epoch moved meanwhile, or user or client are gone or disabled: check the password again.
    Stale,
}

/// A refresh token, presented; its MAC held and it has not expired.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// Which grant.
    pub handle: HandleHash,
    /// The session's absolute end, for the partition.
    pub absolute_end: Timestamp,
    /// Which of its generations.
    pub generation: Generation,
    /// The client that presents it.
    pub client: &'a ClientId,
    /// How long the session may rest from now on.
    pub idle_end: Timestamp,
    /// The interval of the renewal table.
    pub interval: Interval,
    /// Where it comes from.
    pub network: Network,
}

/// How [`Sessions::rotate`] went. Where there is an entitlement, its grant's `cur` is the generation to hand out.
#[derive(Clone, Debug, PartialEq)]
pub enum Rotate {
    /// A new generation.
    Rotated(Box<Entitlement>),
    /// The same generation again; nothing was written.
    Held(Box<Entitlement>),
    /// The successor again, since its answer may have been lost.
    Retried(Box<Entitlement>),
    /// A new generation in place of one that was lost.
    Recovered(Box<Entitlement>),
    /// Retried too often or for too long: wait. Nothing was written.
    TooManyRetries,
    /// Superseded by a change of privilege: sign in again.
    Superseded,
    /// Theft: the session has been ended.
    Reused(SessionId),
    /// The store lost writes: the session has been ended.
    Ahead(SessionId),
    /// The session is at its idle or absolute end, or lost too many answers in a row.
    Expired,
    /// User, client or issuer have taken it back, or user or client are disabled.
    Stale,
    /// No such grant, or not of this client.
    Unknown,
}

/// A session that is used, by the handle of its grant.
#[derive(Clone, Copy, Debug)]
pub struct Touched<'a> {
    /// Which grant.
    pub handle: HandleHash,
    /// The session's absolute end, for the partition.
    pub absolute_end: Timestamp,
    /// The client whose session it should be.
    pub client: &'a ClientId,
    /// How long the session may rest from now on.
    pub idle_end: Timestamp,
}

/// How [`Sessions::touch`] went.
#[derive(Clone, Debug, PartialEq)]
pub enum Touch {
    /// It is live. Its session bears the idle end as it is stored now.
    Live(Box<Entitlement>),
    /// A change of password took this name's place ([`crate::rotation::Generations::supersede`]).
    Superseded,
    /// User, client or issuer have taken it back, or user or client are disabled.
    Stale,
    /// The session is at its idle or absolute end.
    Expired,
    /// No such grant, or not of this client.
    Unknown,
}

/// How many grants a session may have, those included that were superseded.
pub const MAX_GRANTS: u32 = 32;

/// What the audit trail says of a sign-in to another application within a session that stands.
pub const JOINED: &str = "joined";

/// Another client, about to join a session that stands.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The grant that vouches.
    pub by: HandleHash,
    /// The client whose grant that is.
    pub vouching: ClientId,
    /// The grant to be given, in the session that both have.
    pub grant: Grant,
    /// Until when its client may have been given what gives way now.
    pub replaces_until: Timestamp,
}

/// How [`Sessions::join`] went.
#[derive(Clone, Debug, PartialEq)]
pub enum Join {
    /// The client has its grant.
    Joined(Box<Entitlement>),
    /// The session has [`MAX_GRANTS`] already, besides those that would give way.
    Full,
    /// A change of password took the place of the grant that vouches.
    Superseded,
    /// The user, one of the two clients or the issuer took it back, or user or client are disabled or gone.
    Stale,
    /// The session is at its idle or absolute end.
    Expired,
    /// No such grant to vouch, or not of this client, or not of this session.
    Unknown,
}

/// By which part of the idle time an idle end has to move, to be worth a write.
const IDLE_STEP: u32 = 16;

/// Whether an idle end should be moved: when that moves it by a sixteenth of the idle time or more. Sooner, a use leaves
/// the session's row alone; so one that nobody uses ends up to a sixteenth before its time.
#[must_use]
pub fn is_worth_moving(from: Timestamp, to: Timestamp, now: Timestamp) -> bool {
    let by = to.since(from);
    by > Duration::ZERO && by >= to.since(now) / IDLE_STEP
}

/// A change of password within a session.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// Whose.
    pub user: UserId,
    /// The user's epoch that the check of the old password saw.
    pub seen_epoch: u64,
    /// The new hash.
    pub password: StoredPassword,
    /// The grant under which its session goes on, for the client that asked.
    pub grant: Grant,
}

/// How [`Sessions::change_password`] went.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangePassword {
    /// Done. The session goes on under the new epoch and with the new grant.
    Changed(Box<Entitlement>),
    /// The session is over, or an epoch moved meanwhile: nothing was changed.
    Stale,
}
