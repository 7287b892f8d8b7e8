//! Sessions and tokens, as operators end them.

use countersign_guard::{Revocation, UnixTime};

use crate::Auth;
use crate::model::id::{SessionId, UserId};
use crate::model::session::SessionView;
use crate::store::StoreError;
use crate::visitor::Visitor;

impl Auth {
    /// The live sessions of a user, latest use first.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn user_sessions(&self, user: UserId) -> Result<Vec<SessionView>, StoreError> {
        self.sessions.of_user(user, self.env.now()).await
    }

    /// Ends a session. Whether it was there.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn end_session(
        &self,
        session: SessionId,
        visitor: &Visitor,
    ) -> Result<bool, StoreError> {
        let origin = visitor.origin(self.env.now());
        let ended = self.sessions.end(session, None, &origin).await?;
        self.hear_own().await;
        Ok(ended)
    }

    /// Ends all sessions of a user. How many there were.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn end_user_sessions(
        &self,
        user: UserId,
        visitor: &Visitor,
    ) -> Result<u64, StoreError> {
        let origin = visitor.origin(self.env.now());
        let ended = self.sessions.end_all_of_user(user, None, &origin).await?;
        self.hear_own().await;
        Ok(ended)
    }

    /// Ends every session and token there is: everybody signs in again.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn end_everything(&self, visitor: &Visitor) -> Result<(), StoreError> {
        self.revoke(Revocation::All { below: 0 }, visitor).await
    }

    /// Ends a session, known or not, and refuses its tokens: a restored backup does not know those that came after it.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn revoke_session(
        &self,
        session: SessionId,
        visitor: &Visitor,
    ) -> Result<(), StoreError> {
        let what = Revocation::Session {
            sid: session.to_string(),
        };
        self.revoke(what, visitor).await
    }

    /// Revokes one access token by its `jti`.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn revoke_token(&self, jti: &str, visitor: &Visitor) -> Result<(), StoreError> {
        let what = Revocation::Token {
            jti: jti.to_owned(),
            from: UnixTime::from_secs(0),
        };
        self.revoke(what, visitor).await
    }

    async fn revoke(&self, what: Revocation, visitor: &Visitor) -> Result<(), StoreError> {
        let origin = visitor.origin(self.env.now());
        self.directory.revoke(what, &origin).await?;
        self.hear_own().await;
        Ok(())
    }
}
