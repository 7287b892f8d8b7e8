//! Asking the issuer about one token (RFC 7662), and what it says of accounts.

use http::StatusCode;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{
    Denied,
    address::escape,
    discovery::{Unlearned, unreadable},
    http::post,
    service_token::{as_client, refusal},
    shared::Issuer,
};

/// An account as its issuer tells it: name, address, roles, attributes.
pub type Account = Map<String, Value>;

/// What the issuer says of this token.
///
/// # Errors
/// [`Denied::Inactive`] if it is not good, [`Denied::Unanswered`] if that cannot be known.
pub(super) async fn ask(issuer: &Issuer, token: &str) -> Result<Map<String, Value>, Denied> {
    let Ok(_place) = issuer.asking.try_acquire() else {
        return Err(Denied::Unanswered);
    };
    // Whoever waits here waits for a caller of their own.
    let patience = issuer.pace.patience;
    let Ok(answer) = timeout(patience, introspect(issuer, token)).await else {
        return Err(Denied::Unanswered);
    };
    match answer {
        Ok(answer) if answer.get("active") == Some(&Value::Bool(true)) => Ok(answer),
        Ok(_) => Err(Denied::Inactive),
        Err(error) => {
            tracing::warn!(%error, "the issuer could not be asked about a token");
            Err(Denied::Unanswered)
        }
    }
}

async fn introspect(issuer: &Issuer, token: &str) -> Result<Map<String, Value>, Unlearned> {
    const WHAT: &str = "introspection";
    let endpoints = issuer.endpoints().await?;
    let address = endpoints
        .introspection
        .as_ref()
        .ok_or(Unlearned::NotOffered("introspection_endpoint"))?;
    let form = format!("token_type_hint=access_token&token={}", escape(token));
    let answer = issuer
        .client
        .ask(address, as_client(post(address, form), &issuer.service))
        .await?;
    if answer.status != StatusCode::OK {
        return Err(refusal(WHAT, &answer));
    }
    serde_json::from_slice(&answer.body).map_err(|error| unreadable(WHAT, &error))
}
