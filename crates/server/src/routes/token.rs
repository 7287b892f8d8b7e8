//! `POST /oauth/token`: a service gets a token for itself (RFC 6749 §4.4).

use axum::Json;
use axum::extract::State;
use countersign_auth::service::{ServiceRequest, ServiceToken};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{App, Form, OAuthError, OAuthErrorBody, Proof};

/// What a service asks for. Fields that are not known are passed over (RFC 6749 §3.2).
#[derive(ToSchema)]
#[schema(as = TokenRequest)]
#[expect(dead_code, reason = "for the OpenAPI document; read from the form")]
pub(crate) struct TokenForm {
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// Which part of the client's scope; by default all of it.
    scope: Option<String>,
    /// For which of the client's audiences (RFC 8707); by default the first.
    resource: Option<String>,
    /// The same, as some clients call it.
    audience: Option<String>,
    /// Unless the Authorization header says it.
    client_id: Option<String>,
    /// Unless the Authorization header says it.
    client_secret: Option<String>,
}

/// A service's token (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceToken)]
pub(crate) struct TokenBody {
    /// The access token, a JWT (RFC 9068). Its `sub` is the client's id.
    access_token: String,
    /// How to send it (RFC 6750).
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How long it lives, in seconds. Ask again shortly before: there is no refresh token.
    #[schema(example = 300)]
    expires_in: u64,
    /// What it permits.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl From<ServiceToken> for TokenBody {
    fn from(token: ServiceToken) -> Self {
        Self {
            access_token: token.access_token,
            token_type: "Bearer",
            expires_in: token.expires_in.as_secs(),
            scope: token.scope.map(|scope| scope.as_str().to_owned()),
        }
    }
}

/// A token for a service
///
/// For the client itself, by its secret (RFC 6749 §4.4). One token is for one audience.
#[utoipa::path(
    post,
    path = "/oauth/token",
    tag = "service",
    security(("client" = []), ()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token", body = TokenBody),
        (status = 400, description = "invalid_request, unsupported_grant_type, invalid_scope, invalid_target", body = OAuthErrorBody),
        (status = 401, description = "invalid_client", body = OAuthErrorBody),
        (status = 429, description = "temporarily_unavailable, with `Retry-After`: too many failures or tokens from this address", body = OAuthErrorBody),
        (status = 503, description = "temporarily_unavailable, with `Retry-After`", body = OAuthErrorBody),
        (status = "default", description = "Any other refusal", body = OAuthErrorBody),
    ),
)]
pub(crate) async fn token(
    State(app): State<App>,
    proof: Proof,
    form: Form,
) -> Result<Json<TokenBody>, OAuthError> {
    // 1. Who asks?
    let client = proof.check(&app, &form).await?;
    // 2. For what?
    if form.needed("grant_type")? != "client_credentials" {
        return Err(OAuthError::unsupported_grant_type());
    }
    let request = ServiceRequest {
        scope: form.one("scope")?.map(str::to_owned),
        audience: target(&form)?,
    };
    // 3. The token.
    let token = app
        .auth()
        .service_token(&client, request, &proof.visitor())
        .await?;
    Ok(Json(token.into()))
}

/// The one audience that is asked for.
fn target(form: &Form) -> Result<Option<String>, OAuthError> {
    let mut asked = form.all("resource").chain(form.all("audience"));
    let first = asked.next();
    if asked.any(|other| Some(other) != first) {
        return Err(OAuthError::invalid_target(
            "a token is for one audience: ask for each in a call of its own",
        ));
    }
    Ok(first.map(str::to_owned))
}
