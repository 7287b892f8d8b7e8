//! `session`: the browser holds a session's name in a cookie, and nothing else. One step in the store opens it; how it is
//! used is in [`crate::live`]. Sessions of the style `gateway` begin in the same way.

use std::sync::Arc;
use std::time::Duration;

use super::{Begin, NewPassword};
use crate::Auth;
use crate::account::PasswordError;
use crate::joining::{JoinError, JoinSession};
use crate::live::SessionError;
use crate::login::LoginError;
use crate::model::client::Client;
use crate::model::grant::Entitlement;
use crate::model::user::User;
use crate::session_token::SessionToken;
use crate::store::StoreError;

/// A session's name, on its way to the one browser that will hold it.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The name.
    pub name: SessionToken,
    /// Whose it is.
    pub user: User,
    /// How long it can be of use at most: the session's absolute end.
    pub expires_in: Duration,
    /// The application.
    pub client: Arc<Client>,
    /// What to set as the device cookie, after a sign-in.
    pub device: Option<String>,
}

/// What such a client cannot have.
pub(super) fn refusal(client: &Client) -> Option<&'static str> {
    let says_how = client.signing_algorithm.is_some() || client.encrypt_to.is_some();
    says_how.then_some(
        "a client whose browsers hold a session gets no tokens: leave signing_algorithm and encrypt_to out, or say them for \
         the audience of the services behind",
    )
}

impl Auth {
    /// Opens a session under a new name, unless something moved since the password was looked at. Whatever name the
    /// browser came with names nothing afterwards: it may have been planted there (session fixation), and its owner signs
    /// in anew.
    pub(super) async fn begin_session(&self, begin: Begin<'_>) -> Result<NewSession, LoginError> {
        let session = begin.session(&self.env);
        let Begin {
            client, visitor, ..
        } = begin;
        let name = SessionToken::random(&self.env, session.absolute_end());
        let opened = self
            .open_kept(session, &client, name.hash(), visitor)
            .await?;
        if let Some(before) = &visitor.session {
            self.end_named_session(before, visitor).await?;
        }
        Ok(self.new_session(opened, client, name))
    }

    /// Joins a session that stands, under a name of its own for this client. A session of the client's that the browser came
    /// with ends: nobody could use it any more, and its owner would see it in their list.
    pub(super) async fn join_session(
        &self,
        join: JoinSession<'_>,
    ) -> Result<NewSession, JoinError> {
        let session = join.session.session();
        let name = SessionToken::random(&self.env, session.absolute_end());
        let joined = self.join_kept(&join, name.hash()).await?;
        if let Some(before) = &join.visitor.session
            && let Err(error) = self.end_earlier_session(before, &join).await
        {
            tracing::warn!(%error, "a session whose cookie was replaced could not be ended: its time will end it");
        }
        Ok(self.new_session(joined, join.client, name))
    }

    async fn end_earlier_session(
        &self,
        name: &str,
        join: &JoinSession<'_>,
    ) -> Result<(), StoreError> {
        match self.use_session(&join.client, name).await {
            // It may be a name in this very session: the client joined it before.
            Ok(known) if known.session().id == join.session.session().id => Ok(()),
            Ok(_) => self.end_named_session(name, join.visitor).await,
            Err(SessionError::Store(error)) => Err(error),
            Err(_) => Ok(()),
        }
    }

    /// Changes a password in one step of the store: the session goes on under a new name, and the old one is superseded.
    pub(super) async fn change_password_session(
        &self,
        change: NewPassword<'_>,
    ) -> Result<NewSession, PasswordError> {
        let name = SessionToken::random(&self.env, change.session.absolute_end());
        let client = change.client.clone();
        let after = self.replace_kept_password(change, name.hash()).await?;
        Ok(self.new_session(after, client, name))
    }

    fn new_session(
        &self,
        entitlement: Entitlement,
        client: Arc<Client>,
        name: SessionToken,
    ) -> NewSession {
        NewSession {
            name,
            expires_in: entitlement.session.absolute_end().since(self.env.now()),
            user: entitlement.user,
            client,
            device: None,
        }
    }
}
