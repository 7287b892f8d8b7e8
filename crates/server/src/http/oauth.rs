//! What OAuth's endpoints share: how a client proves who it is, and how they refuse (RFC 6749 §2.3.1, §5.2).

use std::borrow::Cow;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64_simd::STANDARD;
use countersign_auth::introspection::RevokeError;
use countersign_auth::model::secret::ClientSecret;
use countersign_auth::service::{ProofError, ProvedClient, ServiceError};
use countersign_auth::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::app::App;
use super::form::{self, Form};
use super::problem::{self, Problem};
use super::visit::Visit;

/// A refusal on its way out.
#[derive(Clone, Debug)]
pub(crate) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    retry_after: Option<u32>,
}

impl OAuthError {
    fn new(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        let status = match error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            error,
            description: description.into(),
            retry_after: None,
        }
    }

    /// The request itself is wrong.
    pub(crate) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_request", description)
    }

    /// Whoever asks has not proved who they are.
    fn invalid_client(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_client", description)
    }

    /// There is no such grant here.
    pub(crate) fn unsupported_grant_type() -> Self {
        let description = "grant_type must be client_credentials";
        Self::new("unsupported_grant_type", description)
    }

    /// An audience that cannot be asked for (RFC 8707 §2).
    pub(crate) fn invalid_target(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_target", description)
    }
}

impl From<RevokeError> for OAuthError {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::NotYours => Self::new("unauthorized_client", error.to_string()),
            RevokeError::Encrypted => Self::new("unsupported_token_type", error.to_string()),
            RevokeError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

/// A refusal that is no matter of OAuth keeps its status; what it is called there is told apart no further.
impl From<Problem> for OAuthError {
    fn from(problem: Problem) -> Self {
        let status = problem.code().status();
        let error = match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                "temporarily_unavailable"
            }
            status if status.is_server_error() => "server_error",
            _ => "invalid_request",
        };
        Self {
            status,
            error,
            description: problem.detail().to_owned().into(),
            retry_after: problem.retry_after_seconds(),
        }
    }
}

impl From<ProofError> for OAuthError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Refused | ProofError::Disabled => Self::invalid_client(error.to_string()),
            ProofError::Limited { retry_after } => Problem::limited(&error, retry_after).into(),
            ProofError::Store(error) => error.into(),
        }
    }
}

impl From<ServiceError> for OAuthError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Scope => Self::new("invalid_scope", error.to_string()),
            ServiceError::Audience => Self::invalid_target(error.to_string()),
            ServiceError::Limited { retry_after } => Problem::limited(&error, retry_after).into(),
            ServiceError::Issue(error) => Problem::from(error).into(),
            ServiceError::Store(error) => error.into(),
        }
    }
}

/// How OAuth's endpoints refuse (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(crate) struct OAuthErrorBody<'a> {
    /// What is wrong, for programs.
    #[schema(example = "invalid_client")]
    error: &'a str,
    /// What is wrong, for people.
    error_description: &'a str,
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = Json(OAuthErrorBody {
            error: self.error,
            error_description: &problem::printable_ascii(&self.description),
        });
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge =
                HeaderValue::from_static(r#"Basic realm="countersign", charset="UTF-8""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What a request brings to prove which client it comes from: the `Authorization` header. The rest is in the form.
pub(crate) struct Proof {
    basic: Option<HeaderValue>,
    visit: Visit,
}

impl FromRequestParts<App> for Proof {
    type Rejection = OAuthError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, OAuthError> {
        let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
        let basic = lines.next().cloned();
        if lines.next().is_some() {
            let twice = "the request has more than one Authorization header";
            return Err(OAuthError::invalid_request(twice));
        }
        let Ok(visit) = Visit::from_request_parts(parts, app).await;
        Ok(Self { basic, visit })
    }
}

impl Proof {
    /// Which client it is. By the header or by the form, never by both (RFC 6749 §2.3).
    pub(crate) async fn check(&self, app: &App, form: &Form) -> Result<ProvedClient, OAuthError> {
        let id = form.one("client_id")?;
        let secret = form.one("client_secret")?;
        let (id, secret) = match (&self.basic, id, secret) {
            (Some(_), _, Some(_)) => {
                return Err(OAuthError::invalid_request(
                    "the client's secret is in the header and in the body: send it once",
                ));
            }
            (Some(basic), named, None) => {
                let (id, secret) = credentials(basic).ok_or_else(|| {
                    OAuthError::invalid_client(
                        "the Authorization header must read \"Basic\" and Base64 of client_id:client_secret",
                    )
                })?;
                if named.is_some_and(|named| named != id) {
                    return Err(OAuthError::invalid_request(
                        "client_id is another one than in the Authorization header",
                    ));
                }
                (id, secret)
            }
            (None, Some(id), Some(secret)) => {
                (id.to_owned(), ClientSecret::presented(secret.to_owned()))
            }
            (None, ..) => {
                return Err(OAuthError::invalid_client(
                    "client_id and client_secret are needed: as HTTP Basic, or in the body",
                ));
            }
        };
        let visitor = self.visitor();
        Ok(app.auth().prove_client(&id, &secret, &visitor).await?)
    }

    /// Who asks, as the edge saw it.
    pub(crate) fn visitor(&self) -> countersign_auth::visitor::Visitor {
        self.visit.visitor()
    }
}

/// Id and secret, each form-encoded before they were put together (RFC 6749 §2.3.1).
fn credentials(basic: &HeaderValue) -> Option<(String, ClientSecret)> {
    let (scheme, encoded) = basic.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD
        .decode_to_vec(encoded.trim_matches(' ').as_bytes())
        .ok()?;
    let pair = Zeroizing::new(pair);
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (id, secret) = (&pair[..colon], &pair[colon + 1..]);
    Some((
        form::decode(id)?,
        ClientSecret::presented(form::decode(secret)?),
    ))
}
