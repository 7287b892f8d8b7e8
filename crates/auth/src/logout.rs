//! Sign-out: of this session, or of all.

use countersign_guard::{Claims, Verified};

use crate::Auth;
use crate::account::{AccountError, session_of, user_of};
use crate::model::id::SessionId;
use crate::refresh_token::{self, Handle};
use crate::store::StoreError;
use crate::visitor::Visitor;

/// What somebody showed in order to end it.
pub(crate) enum Shown {
    /// A grant, by its handle: `rotating`.
    Grant(Handle),
    /// A session of which nothing is kept: `stateless`, `sliding`.
    Session(SessionId),
}

impl Auth {
    /// Ends the session of a refresh token, whatever generation it is of. One that is not known ends nothing, and
    /// that is no error: whoever asks is signed out.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn logout(&self, refresh_token: &str, visitor: &Visitor) -> Result<(), StoreError> {
        if let Some(shown) = self.shown(refresh_token) {
            self.end_shown(shown, visitor).await?;
        }
        Ok(())
    }

    /// What a refresh token of any style stands for, if it is one of ours.
    pub(crate) fn shown(&self, refresh_token: &str) -> Option<Shown> {
        let genuine = refresh_token::read(refresh_token, self.keys.ring().refresh_all());
        if let Some(genuine) = genuine {
            return Some(Shown::Grant(genuine.handle));
        }
        self.session_of_jwt(refresh_token)
            .or_else(|| self.session_of_sliding(refresh_token))
            .map(Shown::Session)
    }

    /// Ends it.
    pub(crate) async fn end_shown(
        &self,
        shown: Shown,
        visitor: &Visitor,
    ) -> Result<(), StoreError> {
        match shown {
            Shown::Grant(handle) => {
                let origin = visitor.origin(self.env.now());
                let ended = self
                    .sessions
                    .end_of_grant(handle.hash(), handle.absolute_end, &origin)
                    .await?;
                if ended.is_some() {
                    self.hear_own().await;
                }
                Ok(())
            }
            Shown::Session(session) => self.revoke_session(session, visitor).await,
        }
    }

    /// Ends the session of an access token.
    ///
    /// # Errors
    /// [`AccountError::NoSuchSession`] if the token has none; storage failed.
    pub async fn end_session_of(
        &self,
        caller: &Verified<Claims>,
        visitor: &Visitor,
    ) -> Result<(), AccountError> {
        let session = session_of(caller)?;
        let origin = visitor.origin(self.env.now());
        if !self.sessions.end(session, None, &origin).await? {
            // Nothing is kept of it in its style, or the store forgot it. Its tokens are good until the log says otherwise.
            return Ok(self.revoke_session(session, visitor).await?);
        }
        self.hear_own().await;
        Ok(())
    }

    /// Ends all sessions of the caller, their own included. How many there were.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn logout_all(
        &self,
        caller: &Verified<Claims>,
        visitor: &Visitor,
    ) -> Result<u64, AccountError> {
        let user = user_of(caller)?;
        let origin = visitor.origin(self.env.now());
        let ended = self.sessions.end_all_of_user(user, None, &origin).await?;
        self.hear_own().await;
        Ok(ended)
    }
}
