//! A token of this service's own (RFC 6749 §4.4), kept fresh.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{
    Clock, Secret, ServiceClient,
    address::escape,
    discovery::{Unlearned, status, unreadable},
    http::{Answer, Asked, post},
    retry::Retry,
    shared::Issuer,
};

/// No token is taken to live longer, whatever the issuer says.
const LONGEST_LIFE: u64 = 24 * 60 * 60;

/// A token with which this service calls another, or its issuer: fetched when it is first needed,
/// again when three quarters of its life are over, and never by two at once.
pub struct ServiceToken {
    issuer: Arc<Issuer>,
    clock: Arc<dyn Clock>,
    audience: String,
    scope: Option<String>,
    held: Mutex<Option<Held>>,
    fetching: tokio::sync::Mutex<Pause>,
}

/// Moments of the monotonic clock.
#[derive(Clone)]
struct Held {
    token: Secret,
    renew_at: Duration,
    ends_at: Duration,
}

/// Not to be asked before then.
struct Pause {
    retry: Retry,
    until: Duration,
    why: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// The issuer gave none.
    #[error("no service token: {0}")]
    Issuer(#[from] Unlearned),
    /// It gave none a moment ago, and is not asked again yet.
    #[error("no service token a moment ago, and the issuer is not asked again yet: {0}")]
    Recently(String),
}

/// What the token endpoint answers (RFC 6749 §5.1).
#[derive(Deserialize)]
pub(super) struct Granted {
    pub access_token: String,
    token_type: String,
    pub expires_in: u64,
}

impl ServiceToken {
    pub(super) fn new(
        issuer: Arc<Issuer>,
        clock: Arc<dyn Clock>,
        audience: &str,
        scope: Option<&str>,
    ) -> Self {
        let retry = Retry::new(&issuer.pace);
        Self {
            issuer,
            clock,
            audience: audience.to_owned(),
            scope: scope.map(str::to_owned),
            held: Mutex::new(None),
            fetching: tokio::sync::Mutex::new(Pause {
                retry,
                until: Duration::ZERO,
                why: String::new(),
            }),
        }
    }

    /// A token that is good for a while; at once, as a rule.
    ///
    /// # Errors
    /// [`NoToken`] if there is none, and the issuer gives no other.
    pub async fn get(&self) -> Result<Secret, NoToken> {
        let now = self.clock.monotonic();
        let held = self.held().filter(|held| now < held.ends_at);
        let mut pause = match &held {
            Some(held) if now < held.renew_at => return Ok(held.token.clone()),
            // Somebody renews it already: this one is still good.
            Some(held) => match self.fetching.try_lock() {
                Ok(pause) => pause,
                Err(_) => return Ok(held.token.clone()),
            },
            None => self.fetching.lock().await,
        };
        let now = self.clock.monotonic();
        if let Some(held) = self.held().filter(|held| now < held.renew_at) {
            return Ok(held.token);
        }
        let failed = if now < pause.until {
            NoToken::Recently(pause.why.clone())
        } else {
            match self.fetch().await {
                Ok(token) => {
                    pause.retry.reset();
                    return Ok(token);
                }
                Err(error) => {
                    pause.until = self.clock.monotonic() + pause.retry.wait();
                    pause.why = error.to_string();
                    error.into()
                }
            }
        };
        held.map(|held| held.token).ok_or(failed)
    }

    /// Forgets this token: somebody refused it.
    pub fn reject(&self, token: &Secret) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.take_if(|held| held.token.reveal() == token.reveal());
    }

    async fn fetch(&self) -> Result<Secret, Unlearned> {
        let asked_at = self.clock.monotonic();
        let client = &self.issuer.service;
        let scope = self.scope.as_deref();
        let granted = grant(&self.issuer, client, &self.audience, scope).await?;
        let life = Duration::from_secs(granted.expires_in);
        let token = Secret::new(granted.access_token);
        let held = Held {
            token: token.clone(),
            renew_at: asked_at + life.mul_f32(0.75),
            ends_at: asked_at + life,
        };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(token)
    }

    fn held(&self) -> Option<Held> {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Asks the token endpoint (RFC 6749 §4.4.2).
pub(super) async fn grant(
    issuer: &Issuer,
    client: &ServiceClient,
    audience: &str,
    scope: Option<&str>,
) -> Result<Granted, Unlearned> {
    const WHAT: &str = "service token";
    let endpoints = issuer.endpoints().await?;
    let address = endpoints
        .token
        .as_ref()
        .ok_or(Unlearned::NotOffered("token_endpoint"))?;
    let mut form = format!(
        "grant_type=client_credentials&audience={}",
        escape(audience)
    );
    if let Some(scope) = scope {
        form.push_str("&scope=");
        form.push_str(&escape(scope));
    }
    let answer = issuer
        .client
        .ask(address, as_client(post(address, form), client))
        .await?;
    if answer.status != StatusCode::OK {
        return Err(refusal(WHAT, &answer));
    }
    let mut granted: Granted =
        serde_json::from_slice(&answer.body).map_err(|error| unreadable(WHAT, &error))?;
    granted.expires_in = granted.expires_in.min(LONGEST_LIFE);
    let is_bearer = granted.token_type.eq_ignore_ascii_case("Bearer");
    if !is_bearer || HeaderValue::from_str(&granted.access_token).is_err() {
        let why = "a bearer token is needed".to_owned();
        return Err(Unlearned::Unreadable { what: WHAT, why });
    }
    Ok(granted)
}

/// HTTP Basic, both parts escaped first (RFC 6749 §2.3.1).
pub(super) fn as_client(mut asked: Asked, client: &ServiceClient) -> Asked {
    let pair = format!("{}:{}", escape(&client.id), escape(client.secret.reveal()));
    let basic = base64_simd::STANDARD.encode_to_string(pair);
    if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {basic}")) {
        value.set_sensitive(true);
        asked.headers_mut().insert(header::AUTHORIZATION, value);
    }
    asked
}

/// With the code of RFC 6749 §5.2, if it is one: it comes from outside, and goes to a log.
pub(super) fn refusal(what: &'static str, answer: &Answer) -> Unlearned {
    #[derive(Deserialize)]
    struct Body {
        error: String,
    }
    let is_code = |code: &String| {
        code.len() <= 40 && code.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())
    };
    match status(what, answer.status) {
        Unlearned::Status { what, status, .. } => Unlearned::Status {
            what,
            status,
            error: serde_json::from_slice(&answer.body)
                .ok()
                .map(|body: Body| body.error)
                .filter(is_code),
        },
        other => other,
    }
}
