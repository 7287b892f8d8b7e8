//! A session that is used (the styles `session` and `gateway`): from the name in a cookie to who it is.
//!
//! What it is worth is an access token of its client's, made here, checked here as every service checks it, and shown to
//! nobody. So nothing but the verifier ever says who calls, whatever they came with, and whatever takes a token back takes
//! a session back, by the same numbers. This node remembers that token, and may say yes by it; a no is the store's alone.

use std::sync::Arc;
use std::time::Duration;

use countersign_guard::{Claims, Verified};
use countersign_jose::Verifier;
use quick_cache::sync::Cache;

use crate::Auth;
use crate::env::Timestamp;
use crate::issue::{ACCESS_TOKEN_TYP, BEHIND_TTL, IssueError};
use crate::model::client::{Client, Style};
use crate::model::grant::{Entitlement, HandleHash};
use crate::model::session::Session;
use crate::model::user::User;
use crate::session_token::SessionToken;
use crate::sessions::{Touch, Touched, is_worth_moving};
use crate::store::StoreError;
use crate::visitor::Visitor;

/// How many sessions this node remembers.
const REMEMBERED: usize = 10_000;
/// After how long the store is asked again, however long the client's tokens live: that another grant took the place of
/// this one, no event tells.
const ASKED_AGAIN: Duration = Duration::from_mins(4);

/// The sessions that this node remembers, by the hash of their name.
pub(crate) struct LiveSessions(Cache<HandleHash, LiveSession>);

impl LiveSessions {
    pub(crate) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

/// A session that was live when it was asked for.
#[derive(Clone)]
pub struct LiveSession(Arc<Known>);

struct Known {
    handle: HandleHash,
    client: Arc<Client>,
    claims: Verified<Claims>,
    account: Arc<User>,
    session: Session,
    /// Until when it may be remembered.
    until: Timestamp,
}

impl LiveSession {
    /// What an access token of its client's would say now. In the style `gateway` it is for this server, which serves the
    /// account; what is for the service behind the proxy is made from it ([`Auth::behind`]).
    #[must_use]
    pub fn claims(&self) -> &Verified<Claims> {
        &self.0.claims
    }

    /// Whose it is.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.0.account
    }

    /// The session, its idle end as it is stored.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.0.session
    }

    /// Whose browser presented it.
    #[must_use]
    pub fn client(&self) -> &Arc<Client> {
        &self.0.client
    }

    /// The grant that was presented.
    pub(crate) fn handle(&self) -> HandleHash {
        self.0.handle
    }
}

/// Why a session is of no use.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No session of this name, or one that has ended, or another client's.
    #[error("this session is not known: sign in")]
    Unknown,
    /// It is at its idle or absolute end.
    #[error("the session has expired: sign in again")]
    Expired,
    /// A change of password took its place.
    #[error("this session's cookie was replaced when the password changed: sign in again")]
    Superseded,
    /// The user, the client or everybody was signed out, or the account is disabled.
    #[error("the session has been ended: sign in again")]
    Stale,
    /// What it is worth cannot be said.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// What was just signed does not verify. It cannot happen with keys that were accepted; the cause is for the log.
    #[error("an access token that was just signed does not verify: {0}")]
    Verify(#[from] countersign_jose::Refused),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SessionError {
    /// Whether the browser should forget the cookie: see [`crate::refresh::RefreshError::clears_cookie`].
    #[must_use]
    pub fn clears_cookie(&self) -> bool {
        match self {
            Self::Expired | Self::Stale => true,
            Self::Unknown
            | Self::Superseded
            | Self::Issue(_)
            | Self::Verify(_)
            | Self::Store(_) => false,
        }
    }
}

impl Auth {
    /// Uses the session of this name, which keeps it alive.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn use_session(
        &self,
        client: &Arc<Client>,
        name: &str,
    ) -> Result<LiveSession, SessionError> {
        // 1. Can it be one, and in time?
        let token = SessionToken::read(name).ok_or(SessionError::Unknown)?;
        let now = self.env.now();
        if now >= token.absolute_end() {
            return Err(SessionError::Expired);
        }

        // 2. A yes from memory.
        let handle = token.hash();
        if let Some(known) = self.live.0.get(&handle)
            && self.still_holds(&known, client, now)
        {
            return Ok(known);
        }

        // 3. What the store says. If the log has taken that back meanwhile, the store knows by now how.
        let holds = |live: &LiveSession| self.guard.check_again(live.claims(), now.unix()).is_ok();
        let mut live = self.touch(&token, client, now).await?;
        if !holds(&live) {
            live = self.touch(&token, client, now).await?;
        }
        if !holds(&live) {
            return Err(SessionError::Stale);
        }
        self.live.0.insert(handle, live.clone());
        Ok(live)
    }

    async fn touch(
        &self,
        token: &SessionToken,
        client: &Arc<Client>,
        now: Timestamp,
    ) -> Result<LiveSession, SessionError> {
        // What is heard of the account from here on may be newer.
        let news = self.accounts.news();
        let touched = Touched {
            handle: token.hash(),
            absolute_end: token.absolute_end(),
            client: &client.id,
            idle_end: now.plus(client.idle_ttl),
        };
        match self.sessions.touch(touched, now).await? {
            Touch::Live(entitlement) => self.live_session(*entitlement, client, news, now),
            Touch::Superseded => Err(SessionError::Superseded),
            Touch::Stale => Err(SessionError::Stale),
            Touch::Expired => Err(SessionError::Expired),
            Touch::Unknown => Err(SessionError::Unknown),
        }
    }

    /// Ends the session of this name. One that is not known ends nothing, and that is no error: whoever asks is signed
    /// out.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn end_named_session(&self, name: &str, visitor: &Visitor) -> Result<(), StoreError> {
        let Some(token) = SessionToken::read(name) else {
            return Ok(());
        };
        let origin = visitor.origin(self.env.now());
        let ended = self
            .sessions
            .end_of_grant(token.hash(), token.absolute_end(), &origin)
            .await?;
        if ended.is_some() {
            self.hear_own().await;
        }
        Ok(())
    }

    /// Whether what is remembered may be said again.
    fn still_holds(&self, known: &LiveSession, client: &Arc<Client>, now: Timestamp) -> bool {
        let LiveSession(known) = known;
        let session = &known.session;
        let idle_end = now.plus(client.idle_ttl).min(session.absolute_end());
        // In time, and not so near its idle end that the store has to hear of this use.
        now < known.until
            && now < session.idle_end
            && !is_worth_moving(session.idle_end, idle_end, now)
            // As the client stands now, and the account.
            && (Arc::ptr_eq(&known.client, client) || known.client == *client)
            && self
                .accounts
                .get(&known.claims.sub)
                .is_some_and(|account| Arc::ptr_eq(&account, &known.account))
            // And as far as the log says.
            && self.has_heard().is_ok()
            && self.guard.check_again(&known.claims, now.unix()).is_ok()
    }

    /// What a session is worth: the access token that its client would get.
    fn live_session(
        &self,
        entitlement: Entitlement,
        client: &Arc<Client>,
        news: u64,
        now: Timestamp,
    ) -> Result<LiveSession, SessionError> {
        let issuer = self.settings.issuer.as_str();
        let mut claims = self.claims(&entitlement, client, now);
        if client.style == Style::Gateway {
            issuer.clone_into(&mut claims.aud);
        }
        // Of one moment: what signs and what verifies.
        let ring = self.keys.ring();
        let token = countersign_jose::sign(&ring.signing, ACCESS_TOKEN_TYP, &claims)
            .map_err(IssueError::from)?;
        let claims = Verifier::new(
            issuer,
            &claims.aud,
            ACCESS_TOKEN_TYP,
            ring.verifying.clone(),
        )
        .verify::<Claims>(&token, now.unix())?;
        // What is made for the services behind lives its full time, unless the session is near its end.
        let lifetime = Duration::from_secs(claims.exp.saturating_sub(claims.iat));
        let end = Timestamp::from_secs(claims.exp);
        Ok(LiveSession(Arc::new(Known {
            handle: entitlement.grant.handle,
            client: client.clone(),
            account: self.remember_account(entitlement.user, news),
            session: entitlement.session,
            until: end
                .minus(BEHIND_TTL.min(lifetime / 2))
                .min(now.plus(ASKED_AGAIN)),
            claims,
        })))
    }
}
