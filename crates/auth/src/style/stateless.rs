//! `stateless`: short access tokens, and a refresh token that says everything itself. A renewal reads and writes nothing:
//! it asks the signature, the times, and what this node has heard of the revocation log.
//!
//! The refresh token is a JWT under keys that are in no key set, with a `typ` and an audience of its own, so that nobody
//! else takes it for anything (RFC 8725 §3.11, §3.12). It inherits what takes sessions back (session, epochs), when and
//! how the person signed in, and the absolute end; and it carries what was known of them then, which a renewal repeats.

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_guard::{Claims, Verified};
use countersign_jose::{KeySet, Verifier, sign};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::unkept::{before, entitlement, not_renewed, scope_of, session_of};
use super::{Begin, NewPassword};
use crate::Auth;
use crate::account::PasswordError;
use crate::env::Timestamp;
use crate::issue::{IssueError, MAX_COOKIE, Outcome, Signed};
use crate::keys::Ring;
use crate::login::LoginError;
use crate::model::client::{ClaimSource, Client, ClientKind};
use crate::model::grant::Entitlement;
use crate::model::id::SessionId;
use crate::model::session::Session;
use crate::model::user::User;
use crate::protection::Unprotected;
use crate::refresh::RefreshError;
use crate::refresh_token::RefreshToken;
use crate::visitor::Visitor;

/// The `typ` of the refresh token.
pub(crate) const TYP: &str = "refresh+jwt";
/// The claim that holds a [`Snapshot`].
const USER: &str = "user";

/// What this node accepts as refresh tokens of this style.
pub(crate) struct RefreshJwts(ArcSwap<Verifier>);

impl RefreshJwts {
    pub(crate) fn new(issuer: &str, ring: &Ring) -> Self {
        let keys: KeySet = ring.stateless_all.clone();
        let verifier = Verifier::new(issuer, &audience(issuer), TYP, keys);
        Self(ArcSwap::from_pointee(verifier))
    }

    pub(crate) fn take_up(&self, ring: &Ring) {
        let verifier = self.0.load().with_keys(ring.stateless_all.clone());
        self.0.store(Arc::new(verifier));
    }
}

/// Whom the refresh token is for: the one address that it is presented at.
fn audience(issuer: &str) -> String {
    format!("{issuer}/v1/refresh")
}

/// What was known of a person when they signed in.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    /// What the client maps, no more.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    attributes: Map<String, Value>,
    created_at: Timestamp,
}

impl Snapshot {
    fn of(user: &User, client: &Client) -> Self {
        let wanted = client.claims.values().filter_map(|source| match source {
            ClaimSource::Attribute(name) => {
                Some((name.clone(), user.attributes.get(name)?.clone()))
            }
            _ => None,
        });
        Self {
            email: user.email.clone(),
            username: user.username.clone(),
            name: user.name.clone(),
            roles: user.roles.clone(),
            attributes: wanted.collect(),
            created_at: user.created_at,
        }
    }
}

impl Auth {
    /// Lets a session begin, unless something moved since the password was looked at. The trail alone says so.
    pub(super) async fn begin_stateless(&self, begin: Begin<'_>) -> Result<Signed, LoginError> {
        let session = begin.session(&self.env);
        let Begin {
            user,
            client,
            protection,
            visitor,
            ..
        } = begin;
        let scope = client.scope.clone();
        let fresh = entitlement(user.clone(), session, &client, client.epoch, scope);
        let token = self.refresh_jwt(&fresh, &client)?;
        self.admit(&fresh, visitor).await?;
        Ok(self.issue_with(fresh, client, protection, token, Outcome::SignedIn)?)
    }

    /// Renews what `token` says. Nothing is read and nothing is written.
    pub(super) fn renew_stateless(
        &self,
        client: Arc<Client>,
        token: &str,
        visitor: &Visitor,
    ) -> Result<Signed, RefreshError> {
        // 1. Did we make it, for this client, and is it in time?
        let now = self.env.now();
        let verified = self.read_refresh_jwt(token, now)?;
        if verified.client_id != client.id.as_str() {
            return Err(RefreshError::Invalid);
        }

        // 2. Has it been taken back?
        self.has_heard()?;
        self.guard
            .check_again(&verified, now.unix())
            .map_err(|refused| not_renewed(&refused))?;

        // 3. May they try so often?
        self.limits.own().refresh(visitor, now)?;

        // 4. New tokens from what this one says, under the numbers that it bears.
        let protection = self.protection(&client).map_err(IssueError::from)?;
        let (user, session) = told(&verified).ok_or(RefreshError::Invalid)?;
        if now >= session.absolute_end() {
            return Err(RefreshError::Expired);
        }
        let (epoch, scope) = (verified.epochs.client, scope_of(&verified));
        let entitlement = entitlement(user, session, &client, epoch, scope);
        let token = self.refresh_jwt(&entitlement, &client)?;
        Ok(self.issue_with(entitlement, client, &protection, token, Outcome::Renewed)?)
    }

    /// Changes a password. The session that asks goes on under the new epoch; all others end.
    pub(super) async fn change_password_stateless(
        &self,
        change: NewPassword<'_>,
    ) -> Result<Signed, PasswordError> {
        let (client, protection) = (change.client.clone(), change.protection);
        let before = before(&change);
        // It can be made, or nothing is changed.
        self.refresh_jwt(&before, &client)?;
        let after = self.replace_unkept_password(before, change).await?;
        let token = self.refresh_jwt(&after, &client)?;
        let outcome = Outcome::PasswordChanged;
        Ok(self.issue_with(after, client, protection, token, outcome)?)
    }

    /// The session that such a refresh token belongs to, if it is a good one that has not been taken back.
    pub(crate) fn session_of_jwt(&self, token: &str) -> Option<SessionId> {
        let now = self.env.now();
        let verified = self.read_refresh_jwt(token, now).ok()?;
        self.guard.check_again(&verified, now.unix()).ok()?;
        verified.sid.as_deref()?.parse().ok()
    }

    fn read_refresh_jwt(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Verified<Claims>, RefreshError> {
        self.refresh_jwts
            .0
            .load()
            .verify(token, now.unix())
            .map_err(|refused| not_renewed(&refused.into()))
    }

    fn refresh_jwt(
        &self,
        entitlement: &Entitlement,
        client: &Client,
    ) -> Result<RefreshToken, IssueError> {
        let now = self.env.now();
        let Entitlement { user, session, .. } = entitlement;
        let snapshot = serde_json::to_value(Snapshot::of(user, client)).unwrap_or_default();
        let expires = now.plus(client.idle_ttl).min(session.absolute_end());
        let claims = Claims {
            aud: audience(&self.settings.issuer),
            exp: expires.unix().as_secs(),
            extra: Map::from_iter([(USER.to_owned(), snapshot)]),
            ..self.claims(entitlement, client, now)
        };
        let ring = self.keys.ring();
        let key = ring
            .stateless
            .as_ref()
            .ok_or_else(|| Unprotected::NoSigningKey {
                whose: format!("for renewals of the client {}", client.id),
                algorithm: "HS256",
            })?;
        let token = RefreshToken::new(sign(key, TYP, &claims)?);
        let length = token.expose().len();
        if client.kind == ClientKind::Browser && length > MAX_COOKIE {
            return Err(IssueError::TooLong {
                user: user.id,
                length,
            });
        }
        Ok(token)
    }
}

/// Whom a refresh token is about, and in which session. `None`: it says so in words of another version.
fn told(token: &Verified<Claims>) -> Option<(User, Session)> {
    let snapshot = Snapshot::deserialize(token.extra.get(USER)?).ok()?;
    let user = User {
        id: token.sub.parse().ok()?,
        email: snapshot.email,
        username: snapshot.username,
        name: snapshot.name,
        roles: snapshot.roles,
        attributes: snapshot.attributes,
        enabled: true,
        epoch: token.epochs.subject,
        created_at: snapshot.created_at,
        updated_at: snapshot.created_at,
    };
    let id = token.sid.as_deref()?.parse().ok()?;
    let session = session_of(token, id, user.id);
    Some((user, session))
}
