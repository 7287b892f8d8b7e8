//! A session begins: written, then looked at once more, and only then it counts.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::grant::{Entitlement, Grant};
use countersign_auth::model::session::Session;
use countersign_auth::sessions::Open;
use redis::cmd;

use super::failure::Failure;
use super::fields::{self, PENDING};
use super::{SqlAndRedis, keys, scripts};

impl SqlAndRedis {
    pub(super) async fn open_session(
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
}
