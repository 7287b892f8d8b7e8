//! `/.well-known/…`: the key set, and what this server is.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;

/// The public halves of the signing keys (RFC 7517 §5). Empty where tokens are signed with a shared secret.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document; the key ring writes it")]
pub(crate) struct KeySet {
    /// JSON Web Keys (RFC 7517 §4).
    #[schema(value_type = Vec<Object>)]
    keys: Vec<serde_json::Value>,
}

/// The key set
///
/// A new key is here before it signs anything, for longer than the answer may be cached; but for the first of an
/// algorithm that a client or an audience newly asks for. Whoever meets a key id that is not here yet asks again.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "discovery",
    responses(
        (status = 200, description = "The keys", body = KeySet),
        (status = 304, description = "Still what `If-None-Match` names"),
    ),
)]
pub(crate) async fn key_set(State(app): State<App>, headers: HeaderMap) -> Response {
    let published = app.auth().key_set();
    let cache = [
        (header::CACHE_CONTROL, app.key_set_caching().clone()),
        (
            header::ETAG,
            HeaderValue::from_str(&published.etag)
                .unwrap_or_else(|_| HeaderValue::from_static("\"\"")),
        ),
    ];
    if names(&headers, &published.etag) {
        return (StatusCode::NOT_MODIFIED, cache).into_response();
    }
    let json = HeaderValue::from_static("application/jwk-set+json");
    (
        cache,
        [(header::CONTENT_TYPE, json)],
        published.json.clone(),
    )
        .into_response()
}

/// Whether `If-None-Match` names this entity (RFC 9110 §13.1.2, weak comparison).
pub(super) fn names(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.trim_start_matches("W/") == etag)
}

/// How a service proves who it is (RFC 7591 §2).
const CLIENT_AUTHENTICATION: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// What this server is (RFC 8414 §2). It claims only what works: nobody signs in by an OAuth flow yet, so there is no
/// authorization endpoint, and the list of response types, which would otherwise have a default, is empty.
#[derive(Serialize, ToSchema)]
pub(crate) struct Metadata {
    /// The exact `iss` of every token.
    issuer: String,
    /// Where the key set is.
    jwks_uri: String,
    /// Where services get their tokens.
    token_endpoint: String,
    /// How they prove who they are.
    token_endpoint_auth_methods_supported: [&'static str; 2],
    /// Where they ask what a token is worth.
    introspection_endpoint: String,
    /// How they prove who they are there.
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// Where they take tokens back.
    revocation_endpoint: String,
    /// How they prove who they are there.
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
    /// None.
    response_types_supported: [&'static str; 0],
    /// What they get them for.
    grant_types_supported: [&'static str; 1],
    /// Where the calls are described.
    service_documentation: String,
}

/// What this server is
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    tag = "discovery",
    responses((status = 200, description = "The metadata", body = Metadata)),
)]
pub(crate) async fn metadata(State(app): State<App>) -> impl IntoResponse {
    let issuer = app.auth().settings().issuer.clone();
    let body = Metadata {
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        token_endpoint: format!("{issuer}/oauth/token"),
        token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        introspection_endpoint: format!("{issuer}/oauth/introspect"),
        introspection_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        revocation_endpoint: format!("{issuer}/oauth/revoke"),
        revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        service_documentation: format!("{issuer}/openapi.json"),
        issuer,
        response_types_supported: [],
        grant_types_supported: ["client_credentials"],
    };
    (
        [(header::CACHE_CONTROL, app.key_set_caching().clone())],
        Json(body),
    )
}
