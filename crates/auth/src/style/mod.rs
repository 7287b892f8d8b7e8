//! The session styles: how the sessions of a client begin and go on. Each style is a room of its own; the doors to them
//! are here, one exhaustive match each, so that none can forget a step.

mod gateway;
mod kept;
mod rotating;
mod session;
mod sliding;
pub(crate) mod stateless;
mod unkept;

use std::sync::Arc;
use std::time::Duration;

use countersign_guard::{Claims, Verified};

pub use self::session::NewSession;

use crate::Auth;
use crate::account::PasswordError;
use crate::env::Env;
use crate::issue::Signed;
use crate::joining::{JoinError, JoinSession};
use crate::login::LoginError;
use crate::model::client::{Client, ClientKind, Style};
use crate::model::id::SessionId;
use crate::model::session::Session;
use crate::model::user::User;
use crate::password::StoredPassword;
use crate::protection::Protection;
use crate::refresh::RefreshError;
use crate::visitor::Visitor;

/// Somebody who proved who they are, and what they are about to get.
pub(crate) struct Begin<'a> {
    /// Who, as the check of the password saw them: their epoch is of before it.
    pub(crate) user: &'a User,
    /// The issuer's epoch, likewise of before.
    pub(crate) issuer_epoch: u64,
    /// The application.
    pub(crate) client: Arc<Client>,
    /// How its tokens are made.
    pub(crate) protection: &'a Protection,
    /// Where they come from.
    pub(crate) visitor: &'a Visitor,
}

impl Begin<'_> {
    /// The session that begins now.
    fn session(&self, env: &Env) -> Session {
        let now = env.now();
        let absolute_end = now.plus(self.client.absolute_ttl);
        Session {
            id: SessionId::random(env, absolute_end),
            user: self.user.id,
            user_epoch: self.user.epoch,
            issuer_epoch: self.issuer_epoch,
            auth_time: now,
            amr: vec!["pwd".to_owned()],
            idle_end: now.plus(self.client.idle_ttl).min(absolute_end),
            device: self.visitor.agent_cut(),
            address: self.visitor.address.map(|address| address.to_string()),
        }
    }
}

/// What somebody gets who signed in or changed their password.
#[derive(Clone, Debug)]
pub enum Given {
    /// Tokens.
    Tokens(Box<Signed>),
    /// The name of a session, and no token.
    Session(Box<NewSession>),
}

/// How old a node's knowledge of the revocation log may be for it to renew what no row stands for, and to answer from
/// memory: as long as a guard that is cut off goes on by default. What was renewed by a node that had not heard must have
/// expired before the event that refuses it lapses.
pub(crate) const STALENESS: Duration = Duration::from_mins(1);

/// Why the client cannot have its style, and what to do; `None`: it can.
pub(crate) fn refusal(client: &Client) -> Option<&'static str> {
    if client.cookie_domain.is_some() && client.style != Style::Gateway {
        return Some(
            "a cookie_domain is for the cookies of the style \"gateway\" alone: leave it out",
        );
    }
    match (client.style, client.kind) {
        (Style::Rotating, _) | (Style::Stateless, ClientKind::Browser | ClientKind::Native) => None,
        (Style::Sliding, ClientKind::Browser | ClientKind::Native) => sliding::refusal(client),
        (Style::Stateless | Style::Sliding, ClientKind::Service) => {
            Some("a service has no sessions, and so no style of them: leave style out")
        }
        (Style::Session | Style::Gateway, ClientKind::Native | ClientKind::Service) => Some(
            "a session's name travels in a cookie: only a browser client can have the style \"session\" or \"gateway\"",
        ),
        (Style::Session, ClientKind::Browser) => session::refusal(client),
        (Style::Gateway, ClientKind::Browser) => gateway::refusal(client),
    }
}

/// The styles in which a client joins a session that stands.
pub(crate) enum Joins {
    Rotating,
    Session,
}

/// How the client joins a session that stands, or why it never does, and what to do.
pub(crate) fn joins(client: &Client) -> Result<Joins, &'static str> {
    match (client.kind, client.style) {
        (ClientKind::Browser, Style::Rotating) => Ok(Joins::Rotating),
        (ClientKind::Browser, Style::Session) => Ok(Joins::Session),
        (ClientKind::Browser, Style::Stateless | Style::Sliding) => Err(
            "nothing is kept of this client's sessions, and so its tokens would go on when the session that it joined has \
             rested too long: sign in to it",
        ),
        (ClientKind::Browser, Style::Gateway) => Err(
            "this client's sessions are in a cookie of the application's own host, which cannot be set from here: sign in \
             there",
        ),
        (ClientKind::Native, _) => Err(
            "a native client holds its tokens itself, and not in the browser whose session this is: sign in to it",
        ),
        (ClientKind::Service, _) => {
            Err("a service has no sessions: it gets its tokens from /oauth/token")
        }
    }
}

/// How long what is taken back from this client must be remembered: as long as anything that it was given can be of use,
/// at a verifier whose clock is behind by the largest leeway.
pub(crate) fn event_lifetime(client: &Client) -> Duration {
    let lifetime = match client.style {
        // What a session is worth is a token that lives so long, though nobody has it.
        Style::Rotating | Style::Session | Style::Gateway => client.access_ttl,
        // What a node exchanged before it heard must have expired, too.
        Style::Sliding => client.access_ttl + STALENESS,
        // A token that a node renewed before it heard must have expired, too.
        Style::Stateless => client.access_ttl.max(client.idle_ttl) + STALENESS,
    };
    lifetime + crate::MAX_LEEWAY
}

/// Somebody who has just proved that they know their password, and wants another one.
pub(crate) struct NewPassword<'a> {
    /// The token that they bear.
    pub(crate) caller: &'a Verified<Claims>,
    /// Their session.
    pub(crate) session: SessionId,
    /// Who, as the check of the old password saw them.
    pub(crate) user: User,
    /// The new one.
    pub(crate) password: StoredPassword,
    /// The application.
    pub(crate) client: Arc<Client>,
    /// How its tokens are made.
    pub(crate) protection: &'a Protection,
    /// Where they come from.
    pub(crate) visitor: &'a Visitor,
}

impl Auth {
    /// Begins a session in the client's style.
    pub(crate) async fn begin(&self, begin: Begin<'_>) -> Result<Given, LoginError> {
        Ok(match begin.client.style {
            Style::Rotating => Given::Tokens(self.begin_rotating(begin).await?.into()),
            Style::Stateless => Given::Tokens(self.begin_stateless(begin).await?.into()),
            Style::Sliding => Given::Tokens(self.begin_sliding(begin).await?.into()),
            Style::Session | Style::Gateway => {
                Given::Session(self.begin_session(begin).await?.into())
            }
        })
    }

    /// Gives a client a grant in its style, in a session that stands.
    pub(crate) async fn begin_joined(&self, join: JoinSession<'_>) -> Result<Given, JoinError> {
        Ok(match joins(&join.client).map_err(JoinError::NeverJoins)? {
            Joins::Rotating => Given::Tokens(self.join_rotating(join).await?.into()),
            Joins::Session => Given::Session(self.join_session(join).await?.into()),
        })
    }

    /// Changes a password. Every other session ends, and the one that asks goes on.
    pub(crate) async fn replace_password(
        &self,
        change: NewPassword<'_>,
    ) -> Result<Given, PasswordError> {
        Ok(match change.client.style {
            Style::Rotating => Given::Tokens(self.change_password_rotating(change).await?.into()),
            Style::Stateless => Given::Tokens(self.change_password_stateless(change).await?.into()),
            Style::Sliding => Given::Tokens(self.change_password_sliding(change).await?.into()),
            Style::Session | Style::Gateway => {
                Given::Session(self.change_password_session(change).await?.into())
            }
        })
    }

    /// Renews what a client of this style presents.
    pub(crate) async fn renew(
        &self,
        client: Arc<Client>,
        token: &str,
        visitor: &Visitor,
    ) -> Result<Signed, RefreshError> {
        match client.style {
            Style::Rotating => self.renew_rotating(client, token, visitor).await,
            Style::Stateless => self.renew_stateless(client, token, visitor),
            Style::Sliding => self.renew_sliding(client, token, visitor).await,
            Style::Session | Style::Gateway => Err(RefreshError::NotRenewed),
        }
    }
}
