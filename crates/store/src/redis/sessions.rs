//! The verbs of [`Sessions`]. In which order the two stores are written stands at the top of the module.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_auth::env::Timestamp;
use countersign_auth::limits::shared::Tallies;
use countersign_auth::model::audit::Origin;
use countersign_auth::model::grant::{Grant, HandleHash};
use countersign_auth::model::id::{SessionId, UserId};
use countersign_auth::model::session::{Session, SessionView};
use countersign_auth::sessions::{
    ChangePassword, Join, Joining, Open, PasswordChange, Presented, Rotate, Sessions, Touch,
    Touched,
};
use countersign_auth::store::StoreError;
use redis::cmd;

use super::SqlAndRedis;

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

    async fn join(&self, joining: Joining, origin: &Origin) -> Result<Join, StoreError> {
        Ok(self.join_session(joining, origin).await?)
    }

    async fn end(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        Ok(self.end_one(session, owner, origin).await?)
    }

    async fn end_of_grant(
        &self,
        handle: HandleHash,
        absolute_end: Timestamp,
        origin: &Origin,
    ) -> Result<Option<SessionId>, StoreError> {
        Ok(self.end_by_grant(handle, absolute_end, origin).await?)
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
        Ok(self.views(user, now).await?)
    }

    async fn change_password(
        &self,
        change: PasswordChange,
        origin: &Origin,
    ) -> Result<ChangePassword, StoreError> {
        Ok(self.change(change, origin).await?)
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        Ok(self.sweep_all(now, limit).await?)
    }

    async fn is_ready(&self) -> Result<(), StoreError> {
        Ok(self.redis.link.ask_again(&cmd("PING")).await?)
    }

    /// The same by whatever address it is reached, and another once it has lost its memory.
    fn identity(&self) -> Option<String> {
        Some(self.redis.memory.began())
    }

    fn tallies(&self) -> Option<Arc<dyn Tallies>> {
        Some(Arc::new(self.redis.clone()))
    }
}
