//! What services may ask about tokens, and which they may take back (RFC 7662, RFC 7009).
//!
//! Answered from this node's memory: its keys, and its guard. The store is asked for the account alone.

use countersign_guard::{Claims, Refused, Verified};
use countersign_jose::Verifier;

use crate::Auth;
use crate::issue::ACCESS_TOKEN_TYP;
use crate::model::user::User;
use crate::service::ProvedClient;
use crate::store::StoreError;
use crate::visitor::Visitor;

/// The scope for which a service is told about the account behind a token.
pub const ACCOUNTS_SCOPE: &str = "accounts";

/// What is known of a token that is good.
#[derive(Clone, Debug)]
pub struct Introspection {
    /// What it says.
    pub claims: Verified<Claims>,
    /// Whom it is about, for those who may know.
    pub account: Option<User>,
}

/// Why a token was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// It is another client's, and for another audience.
    #[error(
        "this token was issued to another client, and not for the audience that this one serves"
    )]
    NotYours,
    /// It is encrypted to its audience: what it says, and whose it is, only that can read.
    #[error(
        "this server cannot read an encrypted token: end its session, cut its client off, or wait until it expires"
    )]
    Encrypted,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Checks an access token of this issuer's for one audience, by this node's keys and what its guard has heard.
    ///
    /// A token that is encrypted to that audience is refused: this server cannot read it.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check_for(&self, audience: &str, token: &str) -> Result<Verified<Claims>, Refused> {
        if audience == self.settings.issuer {
            return self.check(token);
        }
        let now = self.env.now().unix();
        let verified = self.verifier(audience).verify(token, now)?;
        self.guard.check_again(&verified, now)?;
        Ok(verified)
    }

    /// The same for whichever audience this issuer made it, also one that its client has no longer.
    pub(crate) fn check_for_its_own(&self, token: &str) -> Result<Verified<Claims>, Refused> {
        let verified = self.read_for_its_own(token)?;
        self.guard.check_again(&verified, self.env.now().unix())?;
        Ok(verified)
    }

    /// The same without asking whether it has been taken back.
    pub(crate) fn read_for_its_own(&self, token: &str) -> Result<Verified<Claims>, Refused> {
        let now = self.env.now().unix();
        let any = self.verifier(&self.settings.issuer);
        let shown = any.verify_for_any_audience::<Claims>(token, now)?;
        Ok(self.verifier(&shown.claims().aud).verify(token, now)?)
    }

    /// Of this issuer's access tokens for one audience.
    fn verifier(&self, audience: &str) -> Verifier {
        let keys = self.keys.ring().verifying.clone();
        Verifier::new(&self.settings.issuer, audience, ACCESS_TOKEN_TYP, keys)
    }

    /// What a token is worth, to the service that it is for; `None`: nothing, or nothing of that service's business.
    ///
    /// # Errors
    /// Storage failed, or has for so long that nobody here knows what was taken back.
    pub async fn introspect(
        &self,
        caller: &ProvedClient,
        token: &str,
    ) -> Result<Option<Introspection>, StoreError> {
        let Some(audience) = &caller.client().serves else {
            return Ok(None);
        };
        let Ok(claims) = self.check_for(audience, token) else {
            return Ok(None);
        };
        self.has_heard()?;
        // A service has no account, whatever its id looks like.
        let user = claims.sub.parse().ok().filter(|_| claims.sid.is_some());
        let account = match user {
            Some(user) if caller.may(ACCOUNTS_SCOPE) => self.directory.user(user).await?,
            _ => None,
        };
        Ok(Some(Introspection { claims, account }))
    }

    /// Takes a token back. A refresh token: its session ends, whoever shows it, since whoever has it could use it. An
    /// access token: if it is the caller's own, or for the audience that it serves; for whom else it may be does not
    /// matter. One that is good for nothing needs no taking back, and that is no error (RFC 7009 §2.2).
    ///
    /// # Errors
    /// [`RevokeError`].
    pub async fn revoke_shown(
        &self,
        caller: &ProvedClient,
        token: &str,
        visitor: &Visitor,
    ) -> Result<(), RevokeError> {
        if let Some(shown) = self.shown(token) {
            return Ok(self.end_shown(shown, visitor).await?);
        }
        let claims = match self.check_for_its_own(token) {
            Ok(claims) => claims,
            Err(Refused::Token(countersign_jose::Refused::Encrypted)) => {
                return Err(RevokeError::Encrypted);
            }
            Err(_) => return Ok(()),
        };
        let client = caller.client();
        let own = claims.client_id == client.id.as_str();
        if own || client.serves.as_ref() == Some(&claims.aud) {
            Ok(self.revoke_token(&claims.jti, visitor).await?)
        } else {
            Err(RevokeError::NotYours)
        }
    }
}
