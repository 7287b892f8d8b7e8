//! `POST /oauth/introspect`: what a token is worth (RFC 7662).

use axum::Json;
use axum::extract::State;
use countersign_auth::introspection::Introspection;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::{App, Form, OAuthError, OAuthErrorBody, Profile, Proof};

/// The token that is asked about.
#[derive(ToSchema)]
#[schema(as = IntrospectionRequest)]
#[expect(dead_code, reason = "for the OpenAPI document; read from the form")]
pub(crate) struct IntrospectForm {
    token: String,
    /// Not needed: a token says what it is.
    token_type_hint: Option<String>,
    /// Unless the Authorization header says it.
    client_id: Option<String>,
    /// Unless the Authorization header says it.
    client_secret: Option<String>,
}

/// What a token is worth (RFC 7662 §2.2). All but `active` only if it is.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Introspection)]
pub(crate) struct IntrospectionBody {
    /// Whether it is an access token for the audience that the caller serves, and good now.
    active: bool,
    /// How it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Bearer")]
    token_type: Option<&'static str>,
    /// For those with the scope `accounts`: the account behind the token, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Profile>,
    /// The claims of the token.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    claims: Map<String, Value>,
}

impl From<Introspection> for IntrospectionBody {
    fn from(known: Introspection) -> Self {
        let Ok(Value::Object(claims)) = serde_json::to_value(known.claims.claims()) else {
            return Self::default();
        };
        // Claims that an operator mapped do not pass for what this server says.
        let reserved = ["active", "token_type", "account"];
        let claims = claims
            .into_iter()
            .filter(|(name, _)| !reserved.contains(&name.as_str()));
        Self {
            active: true,
            token_type: Some("Bearer"),
            account: known.account.map(Profile::from),
            claims: claims.collect(),
        }
    }
}

/// What is this token worth?
///
/// For the service that it is for (its `serves`); whatever is not that service's business is not active. Services that
/// hear the feed need this only for the account behind a token.
#[utoipa::path(
    post,
    path = "/oauth/introspect",
    tag = "service",
    security(("client" = []), ()),
    request_body(content = IntrospectForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What it is worth", body = IntrospectionBody),
        (status = 400, description = "invalid_request", body = OAuthErrorBody),
        (status = 401, description = "invalid_client", body = OAuthErrorBody),
        (status = 429, description = "temporarily_unavailable, with `Retry-After`: too many failures from this address", body = OAuthErrorBody),
        (status = "default", description = "Any other refusal", body = OAuthErrorBody),
    ),
)]
pub(crate) async fn introspect(
    State(app): State<App>,
    proof: Proof,
    form: Form,
) -> Result<Json<IntrospectionBody>, OAuthError> {
    let client = proof.check(&app, &form).await?;
    let token = form.needed("token")?;
    let known = app.auth().introspect(&client, token).await?;
    Ok(Json(known.map(IntrospectionBody::from).unwrap_or_default()))
}
