//! What Redis holds of sessions, and whether it counts.

use countersign_auth::env::Timestamp;
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::session::SessionView;
use redis::cmd;

use super::failure::Failure;
use super::fields::{self, Hash, Kept};
use super::{SqlAndRedis, keys};

impl SqlAndRedis {
    /// The sessions of a user that stand, latest use first.
    pub(super) async fn views(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<SessionView>, Failure> {
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
            let is_superseded = grant.generations.floor > 0;
            if standing.holds(session, Some(&grant)) && !is_superseded {
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
    pub(super) async fn stands(&self, kept: &Kept) -> Result<bool, Failure> {
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

    pub(super) async fn hash(&self, key: &str) -> Result<Hash, Failure> {
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
    pub(super) async fn ids_of(&self, user: UserId) -> Result<Vec<SessionId>, Failure> {
        let mut list = cmd("ZRANGE");
        list.arg(keys::of_user(user)).arg(0).arg(-1);
        let ids: Vec<String> = self.redis.link.ask_again(&list).await?;
        let mut ids = parsed(&ids)?;
        ids.sort_unstable();
        Ok(ids)
    }
}

pub(super) fn parsed(ids: &[String]) -> Result<Vec<SessionId>, Failure> {
    ids.iter()
        .map(|id| id.parse().map_err(Failure::damaged))
        .collect()
}
