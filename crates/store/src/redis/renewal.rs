//! A grant is presented, or a session is used: SQL says where things stand, and a script decides by that.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::grant::{Entitlement, HandleHash};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::user::User;
use countersign_auth::sessions::{Presented, Rotate, Touch, Touched};
use redis::{ScriptInvocation, cmd};

use super::failure::Failure;
use super::fields::{self, Hash, Kept};
use super::{SqlAndRedis, keys, scripts};
use crate::ledger::Standing;

/// How often a verb about a grant asks SQL again because a change of password overtook it.
pub(super) const ATTEMPTS: u32 = 3;

/// What the renewal table says of a generation, whether strangers raise an alarm, and grant and session as they are now.
pub(super) type Decision = (String, bool, Hash, Hash);

impl SqlAndRedis {
    pub(super) async fn rotate_grant(
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

    pub(super) async fn touch_grant(
        &self,
        touched: Touched<'_>,
        now: Timestamp,
    ) -> Result<Touch, Failure> {
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
    pub(super) async fn whose(
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
}

/// The parameters of `standing.lua`.
pub(super) fn with_standing(
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

pub(super) fn unheard_of(word: &str) -> Failure {
    Failure::damaged(format!("an answer that nobody gives: {word}"))
}
