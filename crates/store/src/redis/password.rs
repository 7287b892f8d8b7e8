//! A change of password, in both stores: in which order stands at the top of the module.

use std::time::Duration;

use countersign_auth::model::audit::Origin;
use countersign_auth::model::grant::Entitlement;
use countersign_auth::model::session::Session;
use countersign_auth::sessions::{ChangePassword, PasswordChange};

use super::failure::Failure;
use super::{SqlAndRedis, fields, keys, scripts};

/// How long a session is marked as changing: longer than SQL may take.
const CHANGING: Duration = Duration::from_secs(10);

impl SqlAndRedis {
    pub(super) async fn change(
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
}
