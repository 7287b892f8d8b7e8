//! `POST /oauth/revoke`: takes a token back (RFC 7009).

use axum::extract::State;
use axum::http::StatusCode;
use utoipa::ToSchema;

use crate::http::{App, Form, OAuthError, OAuthErrorBody, Proof};

/// The token that is to be good no longer.
#[derive(ToSchema)]
#[schema(as = RevocationRequest)]
#[expect(dead_code, reason = "for the OpenAPI document; read from the form")]
pub(crate) struct RevokeForm {
    token: String,
    /// Not needed: a token says what it is.
    token_type_hint: Option<String>,
    /// Unless the Authorization header says it.
    client_id: Option<String>,
    /// Unless the Authorization header says it.
    client_secret: Option<String>,
}

/// Take a token back
///
/// A refresh token: its session ends. An access token of the caller's own, or for the audience that it serves: that
/// token ends. One that is good for nothing any more is no error.
#[utoipa::path(
    post,
    path = "/oauth/revoke",
    tag = "service",
    security(("client" = []), ()),
    request_body(content = RevokeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is good for nothing"),
        (status = 400, description = "invalid_request; unauthorized_client: it is another client's, and not for the caller; \
            unsupported_token_type: it is encrypted", body = OAuthErrorBody),
        (status = 401, description = "invalid_client", body = OAuthErrorBody),
        (status = 429, description = "temporarily_unavailable, with `Retry-After`: too many failures from this address", body = OAuthErrorBody),
        (status = "default", description = "Any other refusal", body = OAuthErrorBody),
    ),
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    proof: Proof,
    form: Form,
) -> Result<StatusCode, OAuthError> {
    let client = proof.check(&app, &form).await?;
    let token = form.needed("token")?;
    let visitor = proof.visitor();
    app.auth().revoke_shown(&client, token, &visitor).await?;
    Ok(StatusCode::OK)
}
