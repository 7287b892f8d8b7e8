//! The verbs of `Sessions`. In which order the two stores are written stands at the top of the module.

use std::time::Duration;

use async_trait::async_trait;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::grant::{Entitlement, Grant, HandleHash};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::session::{Session, SessionView};
use countersign_auth::model::user::User;
use countersign_auth::sessions::{
    ChangePassword, Open, PasswordChange, Presented, Rotate, Sessions, Touch, Touched,
};
use countersign_auth::store::StoreError;
use redis::{ScriptInvocation, cmd};

use super::failure::Failure;
use super::fields::{self, Hash, Kept, PENDING};
use super::{SqlAndRedis, keys, scripts};
use crate::ledger::{Over, Standing};

/// How long a session is marked as changing: longer than SQL may take.
const CHANGING: Duration = Duration::from_secs(10);
/// How often a renewal asks SQL again because a change of password overtook it.
const ATTEMPTS: u32 = 3;
/// For how long after their absolute end sessions are remembered as ended: longer than clocks can be apart.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What the renewal table says of a generation, whether strangers raise an alarm, and grant and session as they are now.
type Decision = (String, bool, Hash, Hash);

#[async_trait]
impl Sessions for SqlAndRedis {
    async fn open(
        &self,
        session: Session,
        grant: Grant,
        origin: &Origin,
    ) -> Result<Open, StoreError> {
        Ok(self.open_session(session, grant, origin).await?)
    }

    async fn rotate(
        &self,
        presented: Presented<'_>,
        origin: &Origin,
    ) -> Result<Rotate, StoreError> {
        Ok(self.rotate_grant(presented, origin).await?)
    }

    async fn touch(&self, touched: Touched<'_>, now: Timestamp) -> Result<Touch, StoreError> {
        Ok(self.touch_grant(touched, now).await?)
    }

    async fn end(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let Some(kept) = self.kept(session).await? else {
            return Ok(false);
        };
        let user = kept.session.user;
        if owner.is_some_and(|owner| owner != user) || !self.stands(&kept).await? {
            return Ok(false);
        }
        let line = AuditEntry::new(Happening::SessionEnded, origin)
            .user(user)
            .session(session);
        Ok(self.end_kept(&kept, line).await?)
    }

    async fn end_of_grant(
        &self,
        handle: HandleHash,
        absolute_end: Timestamp,
        origin: &Origin,
    ) -> Result<Option<SessionId>, StoreError> {
        let hash = self.hash(&keys::grant(absolute_end, handle)).await?;
        if hash.is_empty() {
            return Ok(None);
        }
        let grant = fields::read_grant(handle, &hash)?;
        let Some(kept) = self.kept(grant.session).await? else {
            return Ok(None);
        };
        let user = kept.session.user;
        let standing = self
            .sql
            .standing(grant.session, user, &grant.client)
            .await?;
        if !standing.holds(&kept.session, Some(&grant)) {
            return Ok(None);
        }
        let line = AuditEntry::new(Happening::SessionEnded, origin)
            .user(user)
            .session(grant.session)
            .client(grant.client);
        let ended = self.end_kept(&kept, line).await?;
        Ok(ended.then_some(grant.session))
    }

    async fn end_all_of_user(
        &self,
        user: UserId,
        but: Option<SessionId>,
        origin: &Origin,
    ) -> Result<u64, StoreError> {
        Ok(match but {
            None => self.cut_off(user, origin).await?,
            Some(but) => self.end_others(user, but, origin).await?,
        })
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionView>, StoreError> {
        let mut views = Vec::new();
        for kept in self.of_index(user).await? {
            if kept.session.idle_end > now
                && let Some(view) = self.view(&kept).await?
            {
                views.push(view);
            }
        }
        views.sort_by_key(|view| (std::cmp::Reverse(view.last_used_at), view.id));
        Ok(views)
    }

    async fn change_password(
        &self,
        change: PasswordChange,
        origin: &Origin,
    ) -> Result<ChangePassword, StoreError> {
        Ok(self.change(change, origin).await?)
    }

    /// Keys end by themselves; this is for sessions that rest before their time is up. Any number of nodes may do it
    /// at once. What was ended and could not come back any more is forgotten in SQL, and counts, too.
    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.redis.memory.look_again(&self.redis.link).await?.say();
        let mut swept = 0;
        for queue in 0..keys::QUEUES {
            while swept < limit {
                let step = self
                    .sweep_queue(&keys::queue(queue), now, limit - swept)
                    .await?;
                swept += step.swept;
                if step.is_last {
                    break;
                }
            }
        }
        let before = now.minus(REMEMBERED);
        Ok(swept + self.sql.forget_ended(before, limit - swept).await?)
    }

    async fn is_ready(&self) -> Result<(), StoreError> {
        Ok(self.redis.link.ask_again(&cmd("PING")).await?)
    }
}

impl SqlAndRedis {
    async fn open_session(
        &self,
        mut session: Session,
        grant: Grant,
        origin: &Origin,
    ) -> Result<Open, Failure> {
        session.idle_end = session.idle_end.min(session.absolute_end());

        // 1. The indexes, so that no session is missing there; then the session, which counts for nothing yet.
        self.index(&session, origin.at).await?;
        let of_session = fields::session(&session, &grant)?;
        let of_grant = fields::grant(&grant, session.user)?;
        let mut script = scripts::OPEN.prepare_invoke();
        script
            .key(keys::session(session.id))
            .key(keys::grant(session.absolute_end(), grant.handle))
            .arg(keys::lifetime(session.absolute_end(), origin.at))
            .arg(of_session.len())
            .arg(of_session)
            .arg(of_grant);
        let _: u8 = self.redis.link.run(&script).await?;

        // 2. Has anything been taken back meanwhile? Whoever raises an epoch from here on finds the session.
        let standing = self
            .sql
            .standing(session.id, session.user, &grant.client)
            .await;
        let user = match standing {
            Ok(standing) if standing.holds(&session, Some(&grant)) => standing.user,
            Ok(_) => None,
            Err(error) => {
                self.take_back(&session, &grant).await;
                return Err(error.into());
            }
        };
        let Some(user) = user else {
            self.take_back(&session, &grant).await;
            return Ok(Open::Stale);
        };

        // 3. It counts, unless whoever cut the user off has met it.
        let key = keys::session(session.id);
        let stood = self.redis.link.ask(cmd("HDEL").arg(key).arg(PENDING)).await;
        let stood: u8 = match stood {
            Ok(stood) => stood,
            Err(error) => {
                self.take_back(&session, &grant).await;
                return Err(error);
            }
        };
        if stood == 0 {
            self.take_back(&session, &grant).await;
            return Ok(Open::Stale);
        }

        // 4. No session without its line.
        let line = AuditEntry::new(Happening::SignedIn, origin)
            .user(user.id)
            .session(session.id)
            .client(grant.client.clone());
        if let Err(error) = self.sql.note(line).await {
            self.take_back(&session, &grant).await;
            return Err(error.into());
        }
        Ok(Open::Opened(Box::new(Entitlement {
            user,
            session,
            grant,
        })))
    }

    /// Drops a session that nobody has a token of. If that fails, it is of no use to anybody, and ends in time.
    async fn take_back(&self, session: &Session, grant: &Grant) {
        let keys = [
            keys::session(session.id),
            keys::grant(session.absolute_end(), grant.handle),
        ];
        if let Err(error) = self.drop_keys(&keys).await {
            tracing::warn!(%error, "a session that did not begin was left behind in Redis");
        }
    }

    async fn index(&self, session: &Session, now: Timestamp) -> Result<(), Failure> {
        let id = session.id.to_string();
        let mut of_user = scripts::INDEX.prepare_invoke();
        of_user
            .key(keys::of_user(session.user))
            .arg(&id)
            .arg(fields::millis(session.absolute_end()))
            .arg(fields::millis(now))
            .arg(keys::lifetime(session.absolute_end(), now));
        let _: u8 = self.redis.link.run_again(&of_user).await?;
        let mut queue = cmd("ZADD");
        queue
            .arg(keys::queue_of(session.id))
            .arg(fields::millis(session.idle_end))
            .arg(id);
        self.redis.link.ask(&queue).await
    }

    async fn rotate_grant(
        &self,
        presented: Presented<'_>,
        origin: &Origin,
    ) -> Result<Rotate, Failure> {
        // 1. Is there such a grant, and may this client use it?
        let key = keys::grant(presented.absolute_end, presented.handle);
        let Some((session, user)) = self.whose(&key, presented.client).await? else {
            return Ok(Rotate::Unknown);
        };
        for _ in 0..ATTEMPTS {
            // 2. Where does SQL stand? Before anything is spent: while it is away, nothing is.
            let standing = self.sql.standing(session, user, presented.client).await?;
            let Some(user) = standing.user.as_ref().filter(|_| !standing.ended) else {
                return Ok(Rotate::Unknown);
            };

            // 3. The renewal table, in one step.
            let interval = presented.interval.duration().as_millis();
            let mut script = scripts::ROTATE.prepare_invoke();
            script.key(&key).key(keys::session(session));
            with_standing(
                &mut script,
                origin.at,
                presented.idle_end,
                presented.absolute_end,
                &standing,
            );
            script
                .arg(presented.generation)
                .arg(interval.min(fields::FAR.into()).to_string())
                .arg(presented.network.0);
            let decision: Decision = self.redis.link.run(&script).await?;

            // 4. What it comes to.
            if let Some(answer) = self
                .carry_out(decision, session, user, &presented, origin)
                .await?
            {
                return Ok(answer);
            }
        }
        Ok(Rotate::Stale)
    }

    async fn touch_grant(&self, touched: Touched<'_>, now: Timestamp) -> Result<Touch, Failure> {
        let key = keys::grant(touched.absolute_end, touched.handle);
        let Some((session, user)) = self.whose(&key, touched.client).await? else {
            return Ok(Touch::Unknown);
        };
        for _ in 0..ATTEMPTS {
            let standing = self.sql.standing(session, user, touched.client).await?;
            let Some(user) = standing.user.as_ref().filter(|_| !standing.ended) else {
                return Ok(Touch::Unknown);
            };
            let mut script = scripts::TOUCH.prepare_invoke();
            script.key(&key).key(keys::session(session));
            with_standing(
                &mut script,
                now,
                touched.idle_end,
                touched.absolute_end,
                &standing,
            );
            let (outcome, _, of_grant, of_session): Decision = self.redis.link.run(&script).await?;
            return Ok(match outcome.as_str() {
                "live" => Touch::Live(entitled(
                    session,
                    &of_session,
                    touched.handle,
                    &of_grant,
                    user,
                )?),
                "superseded" => Touch::Superseded,
                "expired" => Touch::Expired,
                "stale" => Touch::Stale,
                "unknown" => Touch::Unknown,
                "behind" => continue,
                "changing" => return Err(Failure::Changing),
                other => return Err(unheard_of(other)),
            });
        }
        Ok(Touch::Stale)
    }

    /// Whose grant it is: the session and the user. `None`: there is none, or it is not this client's.
    async fn whose(
        &self,
        grant: &str,
        client: &ClientId,
    ) -> Result<Option<(SessionId, UserId)>, Failure> {
        let mut ask = cmd("HMGET");
        ask.arg(grant).arg("session").arg("user").arg("client");
        let whose: [Option<String>; 3] = self.redis.link.ask_again(&ask).await?;
        let [Some(session), Some(user), Some(given)] = whose else {
            return Ok(None);
        };
        if given != client.as_str() {
            return Ok(None);
        }
        Ok(Some((
            session.parse().map_err(Failure::damaged)?,
            user.parse().map_err(Failure::damaged)?,
        )))
    }

    /// Does what remains to be done about what the script decided. `None`: SQL has to be asked again.
    async fn carry_out(
        &self,
        (outcome, alarm, of_grant, of_session): Decision,
        session: SessionId,
        user: &User,
        presented: &Presented<'_>,
        origin: &Origin,
    ) -> Result<Option<Rotate>, Failure> {
        let line = |what| {
            AuditEntry::new(what, origin)
                .user(user.id)
                .session(session)
                .client(presented.client.clone())
        };
        let entitled = || entitled(session, &of_session, presented.handle, &of_grant, user);
        let (line, answer) = match outcome.as_str() {
            "rotated" => return Ok(Some(Rotate::Rotated(entitled()?))),
            "held" => return Ok(Some(Rotate::Held(entitled()?))),
            "retried" => {
                if alarm {
                    self.sql.note(line(Happening::RetriedFromElsewhere)).await?;
                }
                return Ok(Some(Rotate::Retried(entitled()?)));
            }
            "recovered" => return Ok(Some(Rotate::Recovered(entitled()?))),
            "too_many_retries" => return Ok(Some(Rotate::TooManyRetries)),
            "superseded" => return Ok(Some(Rotate::Superseded)),
            "expired" => return Ok(Some(Rotate::Expired)),
            "stale" => return Ok(Some(Rotate::Stale)),
            "unknown" => return Ok(Some(Rotate::Unknown)),
            "behind" => return Ok(None),
            "changing" => return Err(Failure::Changing),
            "reused" => (line(Happening::RefreshTokenReused), Rotate::Reused(session)),
            "ahead" => (line(Happening::StoreLostWrites), Rotate::Ahead(session)),
            "lost" => (
                line(Happening::SessionEnded).detail("six answers in a row were lost"),
                Rotate::Expired,
            ),
            other => return Err(unheard_of(other)),
        };
        // The session ends, unless another call has ended it.
        let ended = match Kept::read(session, &of_session)? {
            Some(kept) => self.end_kept(&kept, line).await?,
            None => false,
        };
        Ok(Some(if ended { answer } else { Rotate::Unknown }))
    }

    /// Ends a session: SQL first. Whether it was there until now.
    async fn end_kept(&self, kept: &Kept, line: AuditEntry) -> Result<bool, Failure> {
        let ended = self.sql.end_sessions(vec![kept.over()], line).await?;
        self.drop_kept(kept).await;
        Ok(ended.is_some())
    }

    /// Drops a session that SQL knows to be over. If that fails, it has ended all the same.
    pub(super) async fn drop_kept(&self, kept: &Kept) {
        if let Err(error) = self.drop_keys(&kept.keys()).await {
            tracing::warn!(%error, "a session that has ended was left behind in Redis, where its time will end it");
        }
    }

    async fn drop_keys(&self, keys: &[String]) -> Result<(), Failure> {
        self.redis.link.ask(cmd("DEL").arg(keys)).await
    }

    /// Ends all sessions of a user by their epoch. How many stood until then, as far as Redis lets them be counted: in
    /// an emergency, SQL alone is enough.
    async fn cut_off(&self, user: UserId, origin: &Origin) -> Result<u64, Failure> {
        let Some(epoch) = self.sql.cut_off_user(user, origin).await? else {
            return Ok(0);
        };
        let mut ended = 0;
        if let Err(error) = self.count_ended(user, epoch, &mut ended).await {
            tracing::warn!(%error, %user, "all sessions of a user have ended, and could not be counted");
        }
        Ok(ended)
    }

    async fn count_ended(&self, user: UserId, epoch: u64, ended: &mut u64) -> Result<(), Failure> {
        let issuer_epoch = self.sql.issuer_epoch().await?;
        for id in self.ids_of(user).await? {
            let mut script = scripts::CUT_OFF.prepare_invoke();
            script
                .key(keys::session(id))
                .arg(epoch.saturating_sub(1))
                .arg(issuer_epoch);
            match self.redis.link.run::<i8>(&script).await? {
                1 => *ended += 1,
                0 => {}
                _ => self.unlist(user, id).await?,
            }
        }
        Ok(())
    }

    /// Ends all sessions of a user but one, each by an event of its own. How many there were.
    async fn end_others(
        &self,
        user: UserId,
        but: SessionId,
        origin: &Origin,
    ) -> Result<u64, Failure> {
        let mut others = Vec::new();
        for kept in self.of_index(user).await? {
            if kept.session.id != but && self.stands(&kept).await? {
                others.push(kept);
            }
        }
        if others.is_empty() {
            return Ok(0);
        }
        let line = AuditEntry::new(Happening::SessionsEnded, origin)
            .user(user)
            .session(but)
            .detail(others.len().to_string());
        self.sql
            .end_sessions(others.iter().map(Kept::over).collect(), line)
            .await?;
        for kept in &others {
            self.drop_kept(kept).await;
        }
        Ok(others.len() as u64)
    }

    async fn change(
        &self,
        change: PasswordChange,
        origin: &Origin,
    ) -> Result<ChangePassword, Failure> {
        let id = change.grant.session;
        // 1. Does the session stand where the check of the old password saw it? It is marked.
        let mut begin = scripts::BEGIN_CHANGE.prepare_invoke();
        begin
            .key(keys::session(id))
            .arg(change.user.to_string())
            .arg(change.seen_epoch)
            .arg(fields::millis(origin.at))
            .arg(fields::millis(origin.at.plus(CHANGING)));
        if !self.redis.link.run_again::<bool>(&begin).await? {
            return Ok(ChangePassword::Stale);
        }
        let Some(kept) = self.kept(id).await? else {
            return Ok(ChangePassword::Stale);
        };

        // 2. The password and the epoch, if SQL stands there, too. From here on every session of the user is over.
        let issuer_epoch = kept.session.issuer_epoch;
        let Some(user) = self
            .sql
            .change_password_of(&change, issuer_epoch, origin)
            .await?
        else {
            return Ok(ChangePassword::Stale);
        };

        // 3. This one goes on under the new epoch, and under a new grant only.
        let grant = change.grant;
        let end = id.absolute_end();
        let mut finish = scripts::FINISH_CHANGE.prepare_invoke();
        finish
            .key(keys::session(id))
            .key(keys::grant(end, grant.handle));
        for (old, _) in &kept.grants {
            finish.key(keys::grant(end, *old));
        }
        finish
            .arg(change.seen_epoch)
            .arg(user.epoch)
            .arg(fields::millis(origin.at))
            .arg(keys::lifetime(end, origin.at))
            .arg(fields::grant_field(grant.handle))
            .arg(grant.client.as_str())
            .arg(fields::grant(&grant, user.id)?);
        if !self.redis.link.run::<bool>(&finish).await? {
            // Somebody ended it meanwhile.
            return Ok(ChangePassword::Stale);
        }
        let session = Session {
            user_epoch: user.epoch,
            ..kept.session
        };
        Ok(ChangePassword::Changed(Box::new(Entitlement {
            user,
            session,
            grant,
        })))
    }

    /// One session as its owner sees it, as far as it stands.
    async fn view(&self, kept: &Kept) -> Result<Option<SessionView>, Failure> {
        let session = &kept.session;
        let mut clients = Vec::new();
        let mut last_used_at = None;
        for (handle, client) in &kept.grants {
            let hash = self
                .hash(&keys::grant(session.absolute_end(), *handle))
                .await?;
            if hash.is_empty() {
                continue;
            }
            let grant = fields::read_grant(*handle, &hash)?;
            let standing = self.sql.standing(session.id, session.user, client).await?;
            if standing.holds(session, Some(&grant)) {
                last_used_at = last_used_at.max(Some(grant.generations.handed_at));
                clients.push(grant.client);
            }
        }
        clients.sort();
        clients.dedup();
        Ok(last_used_at.map(|last_used_at| SessionView {
            id: session.id,
            user: session.user,
            clients,
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            last_used_at,
            idle_end: session.idle_end,
            absolute_end: session.absolute_end(),
            device: session.device.clone(),
            address: session.address.clone(),
        }))
    }

    /// Whether user and issuer stand where they stood at sign-in, and the session has not been ended.
    async fn stands(&self, kept: &Kept) -> Result<bool, Failure> {
        let session = &kept.session;
        let any = ClientId::default();
        let client = kept.grants.first().map_or(&any, |(_, client)| client);
        let standing = self.sql.standing(session.id, session.user, client).await?;
        Ok(standing.holds(session, None))
    }

    /// One session, if it is there and counts.
    pub(super) async fn kept(&self, id: SessionId) -> Result<Option<Kept>, Failure> {
        let kept = Kept::read(id, &self.hash(&keys::session(id)).await?)?;
        Ok(kept.filter(|kept| !kept.is_pending))
    }

    async fn hash(&self, key: &str) -> Result<Hash, Failure> {
        self.redis.link.ask_again(cmd("HGETALL").arg(key)).await
    }

    /// The sessions of a user that count, in the order of their ids.
    pub(super) async fn of_index(&self, user: UserId) -> Result<Vec<Kept>, Failure> {
        let mut all = Vec::new();
        for id in self.ids_of(user).await? {
            all.extend(self.kept(id).await?);
        }
        Ok(all)
    }

    /// What the index of a user says: each of them may have gone.
    async fn ids_of(&self, user: UserId) -> Result<Vec<SessionId>, Failure> {
        let mut list = cmd("ZRANGE");
        list.arg(keys::of_user(user)).arg(0).arg(-1);
        let ids: Vec<String> = self.redis.link.ask_again(&list).await?;
        let mut ids = parsed(&ids)?;
        ids.sort_unstable();
        Ok(ids)
    }

    async fn unlist(&self, user: UserId, id: SessionId) -> Result<(), Failure> {
        let mut remove = cmd("ZREM");
        remove.arg(keys::of_user(user)).arg(id.to_string());
        self.redis.link.ask(&remove).await
    }

    /// One step through those of a queue that were due when they were last looked at.
    async fn sweep_queue(&self, queue: &str, now: Timestamp, limit: u32) -> Result<Step, Failure> {
        let mut due = cmd("ZRANGE");
        due.arg(queue)
            .arg("-inf")
            .arg(fields::millis(now))
            .arg("BYSCORE")
            .arg("LIMIT")
            .arg(0)
            .arg(limit);
        let due: Vec<String> = self.redis.link.ask(&due).await?;
        let mut step = Step {
            swept: 0,
            is_last: due.len() < limit as usize,
        };
        for id in parsed(&due)? {
            let kept = Kept::read(id, &self.hash(&keys::session(id)).await?)?;
            if let Some(kept) = kept {
                let mut script = scripts::SWEEP.prepare_invoke();
                for key in kept.keys() {
                    script.key(key);
                }
                script.arg(fields::millis(now));
                if !self.redis.link.run::<bool>(&script).await? {
                    // It was used since: it waits for its new end.
                    let mut later = cmd("ZADD");
                    later
                        .arg(queue)
                        .arg("XX")
                        .arg(fields::millis(kept.session.idle_end))
                        .arg(id.to_string());
                    self.redis.link.ask::<()>(&later).await?;
                    continue;
                }
                step.swept += 1;
                self.unlist(kept.session.user, id).await?;
            }
            let mut remove = cmd("ZREM");
            remove.arg(queue).arg(id.to_string());
            self.redis.link.ask::<()>(&remove).await?;
        }
        Ok(step)
    }
}

struct Step {
    swept: u32,
    is_last: bool,
}

impl Kept {
    pub(super) fn over(&self) -> Over {
        Over {
            session: self.session.id,
            clients: self.clients(),
        }
    }
}

impl Standing {
    /// Whether user, issuer, and with a grant its client, are where they were at sign-in, and none is disabled; and
    /// the session has not been ended.
    fn holds(&self, session: &Session, grant: Option<&Grant>) -> bool {
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

/// The parameters of `standing.lua`.
fn with_standing(
    script: &mut ScriptInvocation<'_>,
    now: Timestamp,
    idle_end: Timestamp,
    absolute_end: Timestamp,
    standing: &Standing,
) {
    let user = standing.user.as_ref();
    let client_epoch = standing
        .client_epoch
        .filter(|_| user.is_some_and(|user| user.enabled));
    script
        .arg(fields::millis(now))
        .arg(fields::millis(idle_end))
        .arg(fields::millis(absolute_end))
        .arg(u8::from(client_epoch.is_some()))
        .arg(user.map_or(0, |user| user.epoch))
        .arg(client_epoch.unwrap_or_default())
        .arg(standing.issuer_epoch);
}

/// All that issuing a token needs, from what a script answered and SQL said.
fn entitled(
    session: SessionId,
    of_session: &Hash,
    handle: HandleHash,
    of_grant: &Hash,
    user: &User,
) -> Result<Box<Entitlement>, Failure> {
    let kept = Kept::read(session, of_session)?
        .ok_or_else(|| Failure::damaged("a grant of no session"))?;
    Ok(Box::new(Entitlement {
        user: user.clone(),
        session: kept.session,
        grant: fields::read_grant(handle, of_grant)?,
    }))
}

fn unheard_of(word: &str) -> Failure {
    Failure::damaged(format!("an answer that nobody gives: {word}"))
}

fn parsed(ids: &[String]) -> Result<Vec<SessionId>, Failure> {
    ids.iter()
        .map(|id| id.parse().map_err(Failure::damaged))
        .collect()
}
