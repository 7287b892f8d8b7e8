//! Another client joins a session that stands.

use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::grant::{Entitlement, Grant};
use countersign_auth::model::user::User;
use countersign_auth::sessions::{JOINED, Join, Joining, MAX_GRANTS};
use redis::cmd;

use super::failure::Failure;
use super::fields::{self, Kept};
use super::renewal::{ATTEMPTS, Decision, unheard_of, with_standing};
use super::{SqlAndRedis, keys, scripts};

impl SqlAndRedis {
    pub(super) async fn join_session(
        &self,
        joining: Joining,
        origin: &Origin,
    ) -> Result<Join, Failure> {
        let grant = &joining.grant;
        let (id, end) = (grant.session, grant.session.absolute_end());

        // 1. Is there such a grant, and may it vouch in this session?
        let by = keys::grant(end, joining.by);
        let user = match self.whose(&by, &joining.vouching).await? {
            Some((session, user)) if session == id => user,
            _ => return Ok(Join::Unknown),
        };
        for _ in 0..ATTEMPTS {
            // 2. Where does SQL stand, and what was the client given before?
            let standing = self.sql.standing(id, user, &joining.vouching).await?;
            let of_client = self.sql.standing(id, user, &grant.client).await?;
            let stands = of_client.client_epoch == Some(grant.client_epoch);
            let Some(user) = standing.user.as_ref().filter(|_| !standing.ended) else {
                return Ok(Join::Unknown);
            };
            let Some(kept) = self.kept(id).await? else {
                return Ok(Join::Unknown);
            };

            // 3. The grant, in one step. It has the session's epochs, so whatever moves one from here on reaches it, too.
            let before = kept.grants.iter().filter(|(_, it)| *it == grant.client);
            let of_grant = fields::grant(grant, user.id)?;
            let mut script = scripts::JOIN.prepare_invoke();
            script.key(&by).key(keys::session(id));
            script.key(keys::grant(end, grant.handle));
            for (handle, _) in before {
                script.key(keys::grant(end, *handle));
            }
            with_standing(
                &mut script,
                origin.at,
                kept.session.idle_end,
                end,
                &standing,
            );
            script
                .arg(u8::from(stands))
                .arg(fields::millis(joining.replaces_until))
                .arg(MAX_GRANTS)
                .arg(keys::lifetime(end, origin.at))
                .arg(fields::grant_field(grant.handle))
                .arg(grant.client.as_str())
                .arg(of_grant);
            let (outcome, _, _, of_session): Decision = self.redis.link.run(&script).await?;
            match outcome.as_str() {
                "joined" => {
                    let kept = Kept::read(id, &of_session)?
                        .ok_or_else(|| Failure::damaged("a grant of no session"))?;
                    return self.joined(user.clone(), kept, joining.grant, origin).await;
                }
                "full" => return Ok(Join::Full),
                "superseded" => return Ok(Join::Superseded),
                "expired" => return Ok(Join::Expired),
                "stale" => return Ok(Join::Stale),
                "unknown" => return Ok(Join::Unknown),
                "behind" => {}
                "changing" => return Err(Failure::Changing),
                other => return Err(unheard_of(other)),
            }
        }
        Ok(Join::Stale)
    }

    /// No grant without its line.
    async fn joined(
        &self,
        user: User,
        kept: Kept,
        grant: Grant,
        origin: &Origin,
    ) -> Result<Join, Failure> {
        let line = AuditEntry::new(Happening::SignedIn, origin)
            .user(user.id)
            .session(grant.session)
            .client(grant.client.clone())
            .detail(JOINED);
        if let Err(error) = self.sql.note(line).await {
            if let Err(error) = self.take_back_grant(&grant).await {
                tracing::warn!(%error, "a grant that was not given was left behind in Redis");
            }
            return Err(error.into());
        }
        Ok(Join::Joined(Box::new(Entitlement {
            user,
            session: kept.session,
            grant,
        })))
    }

    /// Drops a grant that nobody has a token of. If that fails, it is of no use to anybody, and ends with its session.
    async fn take_back_grant(&self, grant: &Grant) -> Result<(), Failure> {
        let of_grant = keys::grant(grant.session.absolute_end(), grant.handle);
        self.drop_keys(&[of_grant]).await?;
        let mut named = cmd("HDEL");
        named
            .arg(keys::session(grant.session))
            .arg(fields::grant_field(grant.handle));
        self.redis.link.ask(&named).await
    }
}
