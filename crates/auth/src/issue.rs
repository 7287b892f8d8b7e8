//! Issuing: from an entitlement to an access token (RFC 9068), encrypted where that is asked for, and the refresh token
//! that goes with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_guard::{Claims, Epochs, Scope, Verified};
use serde_json::{Map, Value};

use crate::Auth;
use crate::env::Timestamp;
use crate::model::client::{ClaimSource, Client};
use crate::model::grant::Entitlement;
use crate::model::id::UserId;
use crate::model::user::User;
use crate::protection::{Protection, Unprotected};
use crate::refresh_token::{Handle, RefreshToken};

/// The `typ` of an access token (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";

/// The longest token that is put into a cookie: browsers keep 4096 bytes of one (RFC 6265 §6.1), its name and attributes
/// included.
pub(crate) const MAX_COOKIE: usize = 3800;

/// Tokens for one client, as answered by a sign-in, a renewal or a change of password.
#[derive(Clone)]
pub struct Signed {
    /// The access token.
    pub access_token: String,
    /// How long it lives.
    pub expires_in: Duration,
    /// Whom it is about.
    pub user: User,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// How long it can be of use at most: the session's absolute end.
    pub refresh_expires_in: Duration,
    /// Whom it is for.
    pub client: Arc<Client>,
    /// What to set as the device cookie, after a sign-in.
    pub device: Option<String>,
    /// What led to it.
    pub outcome: Outcome,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("user", &self.user.id)
            .field("client", &self.client.id)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// What led to tokens being issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A sign-in.
    SignedIn,
    /// A sign-in within a session that stood.
    Joined,
    /// A change of password.
    PasswordChanged,
    /// A renewal: a new generation.
    Rotated,
    /// A renewal: the same generation.
    Held,
    /// A renewal: its answer was asked for again.
    Retried,
    /// A renewal: its answer had been lost.
    Recovered,
    /// A renewal in a style that counts no generations.
    Renewed,
}

/// Why an access token was not made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// It cannot be made now as it should be. This is known before anything begins.
    #[error(transparent)]
    Unprotected(#[from] Unprotected),
    /// A cookie cannot hold it (RFC 6265 §6.1).
    #[error(
        "the refresh token of {user} has {length} characters, and no cookie holds more than {MAX_COOKIE}: in the style \
         stateless it carries the user's name, roles and mapped attributes, which are too long here"
    )]
    TooLong {
        /// Whose.
        user: UserId,
        /// How long it is.
        length: usize,
    },
    /// It could not be signed. It cannot happen with keys that were accepted; the cause is for the log.
    #[error("an access token could not be signed: {0}")]
    Sign(#[from] countersign_jose::SignError),
    /// It could not be encrypted. It cannot happen with keys that were accepted; the cause is for the log.
    #[error("an access token could not be encrypted: {0}")]
    Encrypt(#[from] countersign_jose::EncryptError),
}

impl Auth {
    /// Signs tokens for what `entitlement` says. The generation to hand out is the grant's newest.
    pub(crate) fn issue(
        &self,
        entitlement: Entitlement,
        client: Arc<Client>,
        protection: &Protection,
        handle: &Handle,
        outcome: Outcome,
    ) -> Result<Signed, IssueError> {
        let generation = entitlement.grant.generations.cur;
        let refresh_token = self.keys.ring().refresh_active().token(handle, generation);
        self.issue_with(entitlement, client, protection, refresh_token, outcome)
    }

    /// The same with a refresh token that is made already.
    pub(crate) fn issue_with(
        &self,
        entitlement: Entitlement,
        client: Arc<Client>,
        protection: &Protection,
        refresh_token: RefreshToken,
        outcome: Outcome,
    ) -> Result<Signed, IssueError> {
        let now = self.env.now();
        let claims = self.claims(&entitlement, &client, now);
        let absolute_end = entitlement.session.absolute_end();
        Ok(Signed {
            access_token: self.access_token(&claims, protection)?,
            expires_in: Duration::from_secs(claims.exp.saturating_sub(claims.iat)),
            user: entitlement.user,
            refresh_token,
            refresh_expires_in: absolute_end.since(now),
            client,
            device: None,
            outcome,
        })
    }

    /// What an access token says that is made now for what `entitlement` says.
    pub(crate) fn claims(
        &self,
        entitlement: &Entitlement,
        client: &Client,
        now: Timestamp,
    ) -> Claims {
        let Entitlement {
            user,
            session,
            grant,
        } = entitlement;
        let expires = now.plus(client.access_ttl).min(session.absolute_end());
        Claims {
            iss: self.settings.issuer.clone(),
            sub: user.id.to_string(),
            aud: client
                .audience
                .clone()
                .unwrap_or_else(|| self.settings.issuer.clone()),
            exp: expires.unix().as_secs(),
            iat: now.unix().as_secs(),
            jti: self.token_id(),
            client_id: grant.client.as_str().to_owned(),
            sid: Some(session.id.to_string()),
            auth_time: Some(session.auth_time.unix().as_secs()),
            amr: session.amr.clone(),
            scope: grant
                .scope
                .as_deref()
                .and_then(|scope| scope.parse::<Scope>().ok()),
            epochs: Epochs {
                issuer: session.issuer_epoch,
                client: grant.client_epoch,
                subject: session.user_epoch,
            },
            extra: mapped(client, user),
        }
    }
}

/// How long a token lives that forward-auth makes for the services behind.
pub(crate) const BEHIND_TTL: Duration = Duration::from_mins(1);

impl Auth {
    /// A short token for the services behind a proxy, out of one that was just checked: for another audience, for a
    /// minute at most and never longer than that one, and taken back by whatever takes that one's session, user or
    /// client back.
    ///
    /// # Errors
    /// It cannot be made as that audience asks for.
    pub fn behind(&self, checked: &Verified<Claims>, audience: &str) -> Result<String, IssueError> {
        let now = self.env.now();
        let protection = self.protection_for_audience(audience)?;
        let claims = Claims {
            aud: audience.to_owned(),
            iat: now.unix().as_secs(),
            exp: now.plus(BEHIND_TTL).unix().as_secs().min(checked.exp),
            jti: self.token_id(),
            ..checked.claims().clone()
        };
        self.access_token(&claims, &protection)
    }

    /// A `jti` that no other token has.
    pub(crate) fn token_id(&self) -> String {
        URL_SAFE_NO_PAD.encode_to_string(self.env.random::<16>())
    }

    /// The access token of these claims, protected as was found out.
    pub(crate) fn access_token(
        &self,
        claims: &Claims,
        protection: &Protection,
    ) -> Result<String, IssueError> {
        let ring = self.keys.ring();
        let signer = protection.signer.as_ref().unwrap_or(&ring.signing);
        let token = countersign_jose::sign(signer, ACCESS_TOKEN_TYP, claims)?;
        Ok(match &protection.encryption {
            None => token,
            Some((reader, enc)) => countersign_jose::encrypt(reader, *enc, &token)?,
        })
    }
}

/// The claims that the client asks for.
fn mapped(client: &Client, user: &User) -> Map<String, Value> {
    client
        .claims
        .iter()
        .filter_map(|(name, source)| {
            let value = match source {
                ClaimSource::Email => Value::from(user.email.as_str()),
                ClaimSource::Username => Value::from(user.username.as_deref()?),
                ClaimSource::Name => Value::from(user.name.as_deref()?),
                ClaimSource::Roles => Value::from(user.roles.as_slice()),
                ClaimSource::Attribute(attribute) => user.attributes.get(attribute)?.clone(),
            };
            Some((name.clone(), value))
        })
        .collect()
}
