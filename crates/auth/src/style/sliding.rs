//! `sliding`: one token, which is exchanged for the next when half of its life is over. The server keeps the ids of what was
//! exchanged, until it would have expired.
//!
//! The successor's id and times follow from the old token and from the moment at which it was first exchanged, which the
//! store tells: so however many exchange one token at once, or ask again for an answer that was lost, they get one
//! successor. When an answer cannot be on its way any more, the old token is refused, here and by every guard.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64_simd::URL_SAFE_NO_PAD;
use countersign_guard::{Cause, Claims, Refused, UnixTime, Verified};

use super::unkept::{before, entitlement, not_renewed, scope_of, session_of};
use super::{Begin, NewPassword};
use crate::Auth;
use crate::account::PasswordError;
use crate::directory::{Spend, Spent};
use crate::env::Timestamp;
use crate::issue::{IssueError, MAX_COOKIE, Outcome, Signed};
use crate::login::LoginError;
use crate::model::client::{Client, ClientKind, Style};
use crate::model::grant::Entitlement;
use crate::model::id::{SessionId, UserId};
use crate::model::revocation::Audience;
use crate::model::session::Session;
use crate::model::user::User;
use crate::protection::Protection;
use crate::refresh::RefreshError;
use crate::refresh_token::RefreshToken;
use crate::visitor::Visitor;

const DOMAIN: &[u8] = b"countersign sliding token 1";

/// Why the client cannot have this style.
pub(super) fn refusal(client: &Client) -> Option<&'static str> {
    (client.idle_ttl != Client::IDLE_TTL).then_some(
        "in the style sliding a session rests as long as its token lives: set access_ttl, and leave idle_ttl out",
    )
}

/// The id of the token that takes the place of this one. No secret: whoever knows it cannot sign.
fn successor(jti: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(DOMAIN);
    context.update(jti.as_bytes());
    URL_SAFE_NO_PAD.encode_to_string(&context.finish().as_ref()[..16])
}

impl Auth {
    /// Lets a session begin, unless something moved since the password was looked at.
    pub(super) async fn begin_sliding(&self, begin: Begin<'_>) -> Result<Signed, LoginError> {
        let session = begin.session(&self.env);
        let Begin {
            user,
            client,
            protection,
            visitor,
            ..
        } = begin;
        let (at, scope) = (session.auth_time, client.scope.clone());
        let fresh = entitlement(user.clone(), session, &client, client.epoch, scope);
        let id = self.token_id();
        let signed = self.slide(fresh.clone(), client, protection, id, at, Outcome::SignedIn)?;
        self.admit(&fresh, visitor).await?;
        Ok(signed)
    }

    /// Exchanges `token` for its successor, if half of its life is over; before, it comes back as it is.
    pub(super) async fn renew_sliding(
        &self,
        client: Arc<Client>,
        token: &str,
        visitor: &Visitor,
    ) -> Result<Signed, RefreshError> {
        // 1. Is it a good token of ours, of this client, and not taken back?
        self.has_heard()?;
        let now = self.env.now();
        let old = self
            .check_for_its_own(token)
            .map_err(|refused| not_renewed(&refused))?;
        let (user, session) = whose(&old).ok_or(RefreshError::Invalid)?;
        if !self.is_held(&old, &client) {
            return Err(RefreshError::Invalid);
        }

        // 2. May they try so often?
        self.limits.own().refresh(visitor, now)?;

        // 3. Is it time? Else the same again.
        let user = self.directory.user(user).await?;
        let user = user.ok_or(RefreshError::Stale)?;
        if now.unix().as_secs() < old.iat + old.exp.saturating_sub(old.iat) / 2 {
            return Ok(self.as_it_is(token, &old, user, session.absolute_end(), client));
        }

        // 4. Can the next one be made? Else nothing is spent.
        let protection = self.protection(&client).map_err(IssueError::from)?;
        let (epoch, scope) = (old.epochs.client, scope_of(&old));
        let next = |user| entitlement(user, session.clone(), &client, epoch, scope.clone());
        let make = |user, at, outcome| {
            let id = successor(&old.jti);
            self.slide(next(user), client.clone(), &protection, id, at, outcome)
        };
        make(user, now, Outcome::Renewed)?;

        // 5. Since when is it spent? One step in the store, and the first who comes decides.
        let interval = self.settings.interval().duration();
        let audience = if old.aud == self.settings.issuer {
            Audience::Issuer
        } else {
            Audience::Service(old.aud.clone())
        };
        let spend = Spend {
            jti: &old.jti,
            session: &session,
            client: &client.id,
            client_epoch: old.epochs.client,
            audience: &audience,
            from: UnixTime::from_secs(now.plus(interval).as_millis().div_ceil(1000)),
            until: UnixTime::from_secs(old.exp + crate::MAX_LEEWAY.as_secs()),
        };
        let (since, user) = match self.directory.spend(spend, &visitor.origin(now)).await? {
            Spent::Since(since, user) => (since, *user),
            Spent::Stale => return Err(RefreshError::Outdated),
        };
        let outcome = match now.since(since) {
            Duration::ZERO => Outcome::Renewed,
            late if late < interval => Outcome::Retried,
            _ => return Err(RefreshError::Spent),
        };

        // 6. The successor, the same for everybody.
        Ok(make(user, since, outcome)?)
    }

    /// Changes a password. The session that asks goes on under the new epoch; all others end.
    pub(super) async fn change_password_sliding(
        &self,
        change: NewPassword<'_>,
    ) -> Result<Signed, PasswordError> {
        let (client, protection) = (change.client.clone(), change.protection);
        let (id, now) = (self.token_id(), self.env.now());
        let make = |entitlement| {
            let (client, id) = (client.clone(), id.clone());
            self.slide(
                entitlement,
                client,
                protection,
                id,
                now,
                Outcome::PasswordChanged,
            )
        };
        let before = before(&change);
        // It can be made, or nothing is changed.
        make(before.clone())?;
        Ok(make(self.replace_unkept_password(before, change).await?)?)
    }

    /// The session that such a token belongs to, also one that was exchanged for another: whoever signs out may hold no
    /// newer one yet.
    pub(crate) fn session_of_sliding(&self, token: &str) -> Option<SessionId> {
        let verified = self.read_for_its_own(token).ok()?;
        match self.guard.check_again(&verified, self.env.now().unix()) {
            Ok(()) | Err(Refused::Revoked(Cause::Token)) => {}
            Err(_) => return None,
        }
        let client = self.clients.find(Some(&verified.client_id))?;
        self.is_held(&verified, &client).then_some(())?;
        verified.sid.as_deref()?.parse().ok()
    }

    /// Whether it is the token that such a client holds, and none that forward-auth made of it for the services behind.
    fn is_held(&self, token: &Claims, client: &Client) -> bool {
        client.style == Style::Sliding
            && token.client_id == client.id.as_str()
            && client.audiences(&self.settings.issuer).next() == Some(token.aud.as_str())
    }

    /// A token with this id, as of this moment.
    fn slide(
        &self,
        entitlement: Entitlement,
        client: Arc<Client>,
        protection: &Protection,
        jti: String,
        at: Timestamp,
        outcome: Outcome,
    ) -> Result<Signed, IssueError> {
        let claims = Claims {
            jti,
            ..self.claims(&entitlement, &client, at)
        };
        let token = self.access_token(&claims, protection)?;
        let length = token.len();
        if client.kind == ClientKind::Browser && length > MAX_COOKIE {
            return Err(IssueError::TooLong {
                user: entitlement.user.id,
                length,
            });
        }
        let end = entitlement.session.absolute_end();
        Ok(Signed {
            outcome,
            ..self.as_it_is(&token, &claims, entitlement.user, end, client)
        })
    }

    /// The answer with a token that is made already.
    fn as_it_is(
        &self,
        token: &str,
        claims: &Claims,
        user: User,
        absolute_end: Timestamp,
        client: Arc<Client>,
    ) -> Signed {
        let now = self.env.now();
        Signed {
            access_token: token.to_owned(),
            expires_in: Timestamp::from_secs(claims.exp).since(now),
            user,
            refresh_token: RefreshToken::new(token.to_owned()),
            refresh_expires_in: absolute_end.since(now),
            client,
            device: None,
            outcome: Outcome::Held,
        }
    }
}

/// Whom such a token is about, and in which session. `None`: it belongs to none.
fn whose(token: &Verified<Claims>) -> Option<(UserId, Session)> {
    let user = token.sub.parse().ok()?;
    let id = token.sid.as_deref()?.parse().ok()?;
    Some((user, session_of(token, id, user)))
}
