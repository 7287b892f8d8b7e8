//! Sign-out: of this session, or of all.

use countersign_guard::{Claims, Verified};

use crate::Auth;
use crate::account::{AccountError, session_of, user_of};
use crate::refresh_token;
use crate::store::StoreError;
use crate::visitor::Visitor;

impl Auth {
    /// Ends the session of a refresh token, whatever generation it is of. One that is not known ends nothing, and
    /// that is no error: whoever asks is signed out.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn logout(&self, refresh_token: &str, visitor: &Visitor) -> Result<(), StoreError> {
        let genuine = refresh_token::read(refresh_token, self.keys.ring().refresh_all());
        if let Some(genuine) = genuine {
            let origin = visitor.origin(self.env.now());
            let handle = genuine.handle;
            self.sessions
                .end_of_grant(handle.hash(), handle.absolute_end, &origin)
                .await?;
            self.hear_own().await;
        }
        Ok(())
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
        self.sessions.end(session, None, &origin).await?;
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
