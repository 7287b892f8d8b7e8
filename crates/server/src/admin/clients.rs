//! Clients: registered applications.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use countersign_auth::clients::ClientError;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::id::ClientId;
use countersign_auth::model::secret::SecretSpan;
use countersign_auth::visitor::Visitor;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Desk, Problem};
use crate::config::{ClientConfig, check_address, duration};

type Answer<T> = Result<Json<T>, Problem>;

/// A client, as operators see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShownClient {
    /// As it is registered.
    #[serde(flatten)]
    pub client: Client,
    /// Since when, and until when, a service's live secrets are good; oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSpan>,
    /// A service's new secret, in the one answer that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// How the secret before goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RotationForm {
    /// For how long it stays good.
    #[serde(default, with = "duration::or_default")]
    overlap: Option<Duration>,
}

/// How long the secret before stays good unless an operator says otherwise.
const OVERLAP: Duration = Duration::from_hours(24);

pub(super) async fn list(State(desk): State<Desk>) -> Json<Vec<ShownClient>> {
    let clients = desk.auth.clients();
    let shown = clients
        .iter()
        .map(|client| desk.shown(Client::clone(client)));
    Json(shown.collect())
}

pub(super) async fn show(State(desk): State<Desk>, Path(id): Path<String>) -> Answer<ShownClient> {
    let client = desk.auth.client(Some(&id));
    client
        .map(|client| Json(desk.shown(Client::clone(&client))))
        .ok_or_else(|| Problem::no_such_client(&id))
}

pub(super) async fn add(
    State(desk): State<Desk>,
    Json(form): Json<ClientConfig>,
) -> Result<(StatusCode, Json<ShownClient>), Problem> {
    let _one_at_a_time = desk.one_at_a_time.lock().await;
    if form.id == ClientId::account() {
        return Err(ClientError::Own.into());
    }
    if desk.auth.client(Some(form.id.as_str())).is_some() {
        let message = format_args!(
            "there is a client {} already; --replace changes it",
            form.id
        );
        return Err(Problem::new(StatusCode::CONFLICT, "client_exists", message));
    }
    let added = desk.put(&form).await?;
    let secret = match added.kind {
        ClientKind::Service => Some(desk.new_secret(&added.id, Duration::ZERO).await?),
        ClientKind::Browser | ClientKind::Native => None,
    };
    let shown = ShownClient {
        secret,
        ..desk.shown(added)
    };
    Ok((StatusCode::CREATED, Json(shown)))
}

pub(super) async fn replace(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Json(form): Json<ClientConfig>,
) -> Answer<ShownClient> {
    if form.id.as_str() != id {
        let message = "the id in the path is not the one in the body";
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "id_mismatch",
            message,
        ));
    }
    let _one_at_a_time = desk.one_at_a_time.lock().await;
    let put = desk.put(&form).await?;
    Ok(Json(desk.shown(put)))
}

pub(super) async fn enable(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<ShownClient> {
    desk.set_client_enabled(&id, true).await
}

pub(super) async fn disable(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<ShownClient> {
    desk.set_client_enabled(&id, false).await
}

pub(super) async fn rotate_secret(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Json(form): Json<RotationForm>,
) -> Answer<ShownClient> {
    let _one_at_a_time = desk.one_at_a_time.lock().await;
    let client = desk.auth.client(Some(&id));
    let client = client.ok_or_else(|| Problem::no_such_client(&id))?;
    let overlap = form.overlap.unwrap_or(OVERLAP);
    let secret = desk.new_secret(&client.id, overlap).await?;
    Ok(Json(ShownClient {
        secret: Some(secret),
        ..desk.shown(Client::clone(&client))
    }))
}

impl Desk {
    fn shown(&self, client: Client) -> ShownClient {
        ShownClient {
            secrets: self.auth.client_secrets(&client.id),
            client,
            secret: None,
        }
    }

    async fn new_secret(&self, id: &ClientId, overlap: Duration) -> Result<String, Problem> {
        let operator = Visitor::operator();
        let secret = self.auth.add_client_secret(id, overlap, &operator).await?;
        Ok(secret.expose().to_owned())
    }

    async fn put(&self, form: &ClientConfig) -> Result<Client, Problem> {
        check_address(form.encrypt_to.as_ref()).map_err(|error| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_encryption",
                format_args!("encrypt_to.jwks_uri: {error}"),
            )
        })?;
        let stored = self.auth.client(Some(form.id.as_str()));
        let client = form.to_client(stored.as_deref(), self.auth.env().now());
        Ok(self.auth.put_client(client, &Visitor::operator()).await?)
    }

    async fn set_client_enabled(&self, id: &str, enabled: bool) -> Answer<ShownClient> {
        let client: ClientId = id.parse().map_err(|_| Problem::no_such_client(id))?;
        let _one_at_a_time = self.one_at_a_time.lock().await;
        let set = self
            .auth
            .set_client_enabled(&client, enabled, &Visitor::operator())
            .await;
        match set {
            Ok(client) => Ok(Json(self.shown(client))),
            Err(ClientError::Unknown) => Err(Problem::no_such_client(id)),
            Err(error) => Err(error.into()),
        }
    }
}
