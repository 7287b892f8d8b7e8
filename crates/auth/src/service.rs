//! Service to service: a client that proves who it is gets a token for itself (RFC 6749 §4.4).
//!
//! [`Auth::prove_client`] → [`Auth::service_token`], and nothing but the first makes what the second asks for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_guard::{Claims, Epochs, Scope};
use serde_json::Map;

use crate::Auth;
use crate::clients::ClientError;
use crate::issue::IssueError;
use crate::limits::Limited;
use crate::model::audit::{AuditEntry, Happening};
use crate::model::client::{Client, ClientKind};
use crate::model::id::ClientId;
use crate::model::secret::{ClientSecret, SecretSpan, StoredSecret};
use crate::store::StoreError;
use crate::visitor::Visitor;

/// The longest that a secret stays good beside the one that takes its place.
const MAX_OVERLAP: Duration = Duration::from_hours(90 * 24);

/// A client that has proved who it is. [`Auth::prove_client`] alone makes one.
#[derive(Clone, Debug)]
pub struct ProvedClient(Arc<Client>);

impl ProvedClient {
    /// Which one.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0
    }

    /// Whether this word is in its scope.
    #[must_use]
    pub fn may(&self, word: &str) -> bool {
        let scope = self.0.scope.as_deref();
        scope.is_some_and(|scope| scope.split(' ').any(|held| held == word))
    }
}

/// Why somebody is not taken for a client.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// No such service, or not its secret: which of them is not told.
    #[error("client_id and client_secret are not those of a service")]
    Refused,
    /// It is who it says, and gets nothing.
    #[error("this client is disabled")]
    Disabled,
    /// Too many failures.
    #[error("too many failures: try again later")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a service asks for.
#[derive(Clone, Debug, Default)]
pub struct ServiceRequest {
    /// Which part of its scope; by default all of it.
    pub scope: Option<String>,
    /// For which of its audiences; by default the first.
    pub audience: Option<String>,
}

/// An access token for a service.
#[derive(Clone)]
pub struct ServiceToken {
    /// The token.
    pub access_token: String,
    /// How long it lives.
    pub expires_in: Duration,
    /// What it permits.
    pub scope: Option<Scope>,
}

impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceToken")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Why a service gets no token.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A scope that is none, or goes beyond the client's.
    #[error("the scope goes beyond what this client may ask for, or is no scope")]
    Scope,
    /// An audience that is not one of the client's.
    #[error("this client may not ask for tokens for that audience")]
    Audience,
    /// Too many tokens.
    #[error("too many tokens: keep one until shortly before it expires")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// A token cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Limited> for ServiceError {
    fn from(Limited { retry_after }: Limited) -> Self {
        Self::Limited { retry_after }
    }
}

impl Auth {
    /// Whether somebody is the service client that they say.
    ///
    /// Whoever has the secret waits for nobody's failures; see [`crate::limits::Limits::client_failed`].
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn prove_client(
        &self,
        id: &str,
        secret: &ClientSecret,
        visitor: &Visitor,
    ) -> Result<ProvedClient, ProofError> {
        let now = self.env.now();
        let known = self.clients.with_secrets(id);
        let presented = secret.hash();
        let is_its = |secrets: &[StoredSecret]| {
            let mut live = secrets.iter().filter(|stored| stored.span.is_live(now));
            live.any(|stored| stored.hash == presented)
        };
        match &known {
            Some((client, secrets)) if client.kind == ClientKind::Service && is_its(secrets) => {
                self.limits.own().client_proved(visitor, &client.id);
                if client.enabled {
                    Ok(ProvedClient(client.clone()))
                } else {
                    Err(ProofError::Disabled)
                }
            }
            _ => {
                let client = known.map(|(client, _)| client.id.clone());
                self.limits
                    .own()
                    .client_failed(visitor, client.as_ref(), now)
                    .map_err(|Limited { retry_after }| ProofError::Limited { retry_after })?;
                // Also for an unknown name, which costs as much as a known one.
                let mut line = AuditEntry::new(Happening::ClientNotProved, &visitor.origin(now));
                line.client = client;
                self.directory.note(line).await?;
                Err(ProofError::Refused)
            }
        }
    }

    /// A token for the client itself. Its `sub` is the client's id, and it belongs to no session (RFC 9068 §2.2).
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn service_token(
        &self,
        ProvedClient(client): &ProvedClient,
        request: ServiceRequest,
        visitor: &Visitor,
    ) -> Result<ServiceToken, ServiceError> {
        // 1. For what? Never more than the client has.
        let scope = granted(client, request.scope.as_deref())?;
        let mut audiences = client.audiences(&self.settings.issuer);
        let audience = match &request.audience {
            None => audiences.next(),
            Some(asked) => audiences.find(|audience| audience == asked),
        };
        let audience = audience.ok_or(ServiceError::Audience)?;

        // 2. Can it be made as it should be?
        let protection = self
            .protection_for(client, audience)
            .map_err(IssueError::from)?;

        // 3. May it ask so often?
        let now = self.env.now();
        self.limits.own().service_token(visitor, now)?;

        // 4. The trail first: no token is handed out of which it says nothing.
        let issuer_epoch = self.directory.issuer_epoch().await?;
        let origin = visitor.origin(now);
        let line = AuditEntry::new(Happening::ServiceTokenIssued, &origin)
            .client(client.id.clone())
            .detail(audience);
        self.directory.note(line).await?;

        // 5. The client's epoch is of before its secret was looked at: a cut-off meanwhile takes this token along.
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            sub: client.id.to_string(),
            aud: audience.to_owned(),
            exp: now.plus(client.access_ttl).unix().as_secs(),
            iat: now.unix().as_secs(),
            jti: self.token_id(),
            client_id: client.id.to_string(),
            sid: None,
            auth_time: None,
            amr: Vec::new(),
            scope: scope.clone(),
            epochs: Epochs {
                issuer: issuer_epoch,
                client: client.epoch,
                subject: 0,
            },
            extra: Map::new(),
        };
        Ok(ServiceToken {
            access_token: self.access_token(&claims, &protection)?,
            expires_in: client.access_ttl,
            scope,
        })
    }

    /// Gives a service a new secret, its first or another one. The one before stays good for `overlap`, so that every
    /// instance can be told; any older one ends at once.
    ///
    /// # Errors
    /// [`ClientError::Unknown`], [`ClientError::Kind`]; storage failed.
    pub async fn add_client_secret(
        &self,
        id: &ClientId,
        overlap: Duration,
        visitor: &Visitor,
    ) -> Result<ClientSecret, ClientError> {
        let client = self.clients.find(Some(id.as_str()));
        let client = client.ok_or(ClientError::Unknown)?;
        if client.kind != ClientKind::Service {
            return Err(ClientError::Kind(
                "only a service has a secret: whatever runs in a browser or on a device could not keep one",
            ));
        }
        if overlap > MAX_OVERLAP {
            return Err(ClientError::Kind(
                "two secrets are good side by side for 90 days at most",
            ));
        }
        let now = self.env.now();
        let secret = ClientSecret::random(&self.env);
        let stored = StoredSecret {
            client: id.clone(),
            hash: secret.hash(),
            span: SecretSpan {
                created_at: now,
                ends_at: None,
            },
        };
        let origin = visitor.origin(now);
        let others_end = now.plus(overlap);
        let added = self
            .directory
            .add_client_secret(stored, others_end, &origin)
            .await?;
        self.clients.reload(&*self.directory).await?;
        if added {
            Ok(secret)
        } else {
            Err(ClientError::Unknown)
        }
    }

    /// What may be shown of a client's live secrets, oldest first.
    #[must_use]
    pub fn client_secrets(&self, id: &ClientId) -> Vec<SecretSpan> {
        let now = self.env.now();
        let secrets = self.clients.with_secrets(id.as_str());
        let secrets = secrets.map(|(_, secrets)| secrets).unwrap_or_default();
        let spans = secrets.iter().map(|secret| secret.span);
        spans.filter(|span| span.is_live(now)).collect()
    }
}

/// What of its scope a client gets: what it asks for, if that is no more than it has.
fn granted(client: &Client, asked: Option<&str>) -> Result<Option<Scope>, ServiceError> {
    let held = client.scope.as_deref().map(Scope::parse).transpose();
    let held = held.map_err(|_| ServiceError::Scope)?;
    let Some(asked) = asked else {
        return Ok(held);
    };
    let asked = Scope::parse(asked).map_err(|_| ServiceError::Scope)?;
    let within = |held: &Scope| asked.words().all(|word| held.contains(word));
    if held.as_ref().is_some_and(within) {
        Ok(Some(asked))
    } else {
        Err(ServiceError::Scope)
    }
}
