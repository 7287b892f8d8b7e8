//! The session styles: how the sessions of a client begin and go on. Each style is a room of its own; the doors to them
//! are here, one exhaustive match each, so that none can forget a step.

mod rotating;
mod session;

use std::sync::Arc;

pub use self::session::NewSession;

use crate::Auth;
use crate::env::Env;
use crate::issue::Signed;
use crate::login::LoginError;
use crate::model::client::{Client, ClientKind, Style};
use crate::model::grant::{Grant, HandleHash};
use crate::model::id::SessionId;
use crate::model::session::Session;
use crate::model::user::User;
use crate::protection::Protection;
use crate::refresh::RefreshError;
use crate::rotation::Generations;
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

/// Why the client cannot have its style, and what to do; `None`: it can.
pub(crate) fn refusal(client: &Client) -> Option<&'static str> {
    match (client.style, client.kind) {
        (Style::Rotating, _) => None,
        (Style::Session, ClientKind::Native | ClientKind::Service) => Some(
            "a session's name travels in a cookie: only a browser client can have the style \"session\"",
        ),
        (Style::Session, ClientKind::Browser) => session::refusal(client),
    }
}

impl Auth {
    /// Begins a session in the client's style.
    pub(crate) async fn begin(&self, begin: Begin<'_>) -> Result<Given, LoginError> {
        Ok(match begin.client.style {
            Style::Rotating => Given::Tokens(self.begin_rotating(begin).await?.into()),
            Style::Session => Given::Session(self.begin_session(begin).await?.into()),
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
            Style::Session => Err(RefreshError::NotRenewed),
        }
    }

    /// A grant as a sign-in or a change of password gives it.
    pub(crate) fn first_grant(
        &self,
        session: SessionId,
        client: &Client,
        handle: HandleHash,
        visitor: &Visitor,
    ) -> Grant {
        Grant {
            handle,
            session,
            client: client.id.clone(),
            client_epoch: client.epoch,
            scope: client.scope.clone(),
            style: client.style,
            generations: Generations::first(self.env.now(), visitor.network()),
        }
    }
}
