//! What ends sessions: SQL first, for good; then what Redis holds of them goes.

use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{AuditEntry, Happening, Origin};
use countersign_auth::model::grant::HandleHash;
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::revocation::Cursor;
use countersign_guard::Revocation;
use redis::cmd;

use super::failure::Failure;
use super::fields::{self, Hash, Kept};
use super::{SqlAndRedis, keys, scripts};
use crate::ledger::Over;

impl SqlAndRedis {
    pub(super) async fn end_one(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        origin: &Origin,
    ) -> Result<bool, Failure> {
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
        self.end_kept(&kept, line).await
    }

    pub(super) async fn end_by_grant(
        &self,
        handle: HandleHash,
        absolute_end: Timestamp,
        origin: &Origin,
    ) -> Result<Option<SessionId>, Failure> {
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
        // However its client stands: who signs out of an application that was cut off signs out.
        if !standing.holds(&kept.session, None) {
            return Ok(None);
        }
        let line = AuditEntry::new(Happening::SessionEnded, origin)
            .user(user)
            .session(grant.session)
            .client(grant.client);
        let ended = self.end_kept(&kept, line).await?;
        Ok(ended.then_some(grant.session))
    }

    /// Ends all sessions of a user by their epoch. How many stood until then, as far as Redis lets them be counted: in
    /// an emergency, SQL alone is enough.
    pub(super) async fn cut_off(&self, user: UserId, origin: &Origin) -> Result<u64, Failure> {
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
    pub(super) async fn end_others(
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
            self.drop_kept(kept, origin).await;
        }
        Ok(others.len() as u64)
    }

    /// `None`: it was ended before.
    pub(super) async fn revoke_session(
        &self,
        session: SessionId,
        origin: &Origin,
    ) -> Result<Option<Cursor>, Failure> {
        // In an emergency, SQL alone is enough.
        let kept = self.kept(session).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "whose a session is that is being revoked could not be read: everybody is told");
            None
        });
        let over = kept.as_ref().map_or_else(
            || Over {
                session,
                clients: Vec::new(),
            },
            Kept::over,
        );
        let line = AuditEntry::new(Happening::Revoked, origin).session(session);
        let cursor = self.sql.end_sessions(vec![over], line).await?;
        if let Some(kept) = kept {
            self.drop_kept(&kept, origin).await;
        }
        Ok(cursor)
    }

    pub(super) async fn forget(&self, user: UserId) -> Result<(), Failure> {
        for kept in self.of_index(user).await? {
            self.take_out(&kept).await?;
        }
        let mut index = cmd("DEL");
        index.arg(keys::of_user(user));
        self.redis.link.ask(&index).await
    }

    /// Ends a session: SQL first. Whether it was there until now.
    pub(super) async fn end_kept(&self, kept: &Kept, line: AuditEntry) -> Result<bool, Failure> {
        let origin = line.origin.clone();
        let ended = self.sql.end_sessions(vec![kept.over()], line).await?;
        if ended.is_some() {
            self.drop_kept(kept, &origin).await;
        }
        Ok(ended.is_some())
    }

    /// Drops a session that SQL knows to be over. If that fails, it has ended all the same.
    ///
    /// Of a client that joined it after it was read, SQL did not know whom that concerns; and if Redis does not say, nobody
    /// knows whether there is one. Then everybody is told.
    async fn drop_kept(&self, kept: &Kept, origin: &Origin) {
        let told = kept.clients();
        match self.take_out(kept).await {
            Ok(late) if late.iter().all(|client| told.contains(client)) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "a session that has ended was left behind in Redis, where its time will end it: everybody is told");
            }
        }
        let what = Revocation::Session {
            sid: kept.session.id.to_string(),
        };
        if let Err(error) = self.sql.revoke(what, origin).await {
            tracing::error!(%error, "a session has ended, and the services of an application that joined it in that moment could not be told: its tokens there live on for their time");
        }
    }

    /// Takes a session out of Redis, with its grants. The clients of those that came after it was read.
    async fn take_out(&self, kept: &Kept) -> Result<Vec<ClientId>, Failure> {
        let id = kept.session.id;
        let mut script = scripts::DROP.prepare_invoke();
        for key in kept.keys() {
            script.key(key);
        }
        let was: Hash = self.redis.link.run(&script).await?;
        let Some(was) = Kept::read(id, &was)? else {
            return Ok(Vec::new());
        };
        let (handles, clients): (Vec<_>, Vec<_>) = was
            .grants
            .into_iter()
            .filter(|grant| !kept.grants.contains(grant))
            .unzip();
        for handle in handles {
            let late = keys::grant(id.absolute_end(), handle);
            self.drop_keys(&[late]).await?;
        }
        Ok(clients)
    }

    pub(super) async fn drop_keys(&self, keys: &[String]) -> Result<(), Failure> {
        self.redis.link.ask(cmd("DEL").arg(keys)).await
    }

    pub(super) async fn unlist(&self, user: UserId, id: SessionId) -> Result<(), Failure> {
        let mut remove = cmd("ZREM");
        remove.arg(keys::of_user(user)).arg(id.to_string());
        self.redis.link.ask(&remove).await
    }
}

impl Kept {
    fn over(&self) -> Over {
        Over {
            session: self.session.id,
            clients: self.clients(),
        }
    }
}
