//! Clients: registered applications.

use axum::Json;
use axum::extract::{Path, State};
use countersign_auth::clients::ClientError;
use countersign_auth::model::client::Client;
use countersign_auth::model::id::ClientId;
use countersign_auth::visitor::Visitor;
use http::StatusCode;

use super::{Desk, Problem};
use crate::config::{ClientConfig, check_address};

type Answer<T> = Result<Json<T>, Problem>;

pub(super) async fn list(State(desk): State<Desk>) -> Json<Vec<Client>> {
    let clients = desk.auth.clients();
    Json(clients.iter().map(|client| Client::clone(client)).collect())
}

pub(super) async fn show(State(desk): State<Desk>, Path(id): Path<String>) -> Answer<Client> {
    let client = desk.auth.client(Some(&id));
    client
        .map(|client| Json(Client::clone(&client)))
        .ok_or_else(|| Problem::no_such_client(&id))
}

pub(super) async fn add(
    State(desk): State<Desk>,
    Json(form): Json<ClientConfig>,
) -> Result<(StatusCode, Json<Client>), Problem> {
    let _one_at_a_time = desk.one_at_a_time.lock().await;
    if desk.auth.client(Some(form.id.as_str())).is_some() {
        let message = format_args!(
            "there is a client {} already; --replace changes it",
            form.id
        );
        return Err(Problem::new(StatusCode::CONFLICT, "client_exists", message));
    }
    Ok((StatusCode::CREATED, Json(desk.put(&form).await?)))
}

pub(super) async fn replace(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Json(form): Json<ClientConfig>,
) -> Answer<Client> {
    if form.id.as_str() != id {
        let message = "the id in the path is not the one in the body";
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "id_mismatch",
            message,
        ));
    }
    let _one_at_a_time = desk.one_at_a_time.lock().await;
    Ok(Json(desk.put(&form).await?))
}

pub(super) async fn enable(State(desk): State<Desk>, Path(id): Path<String>) -> Answer<Client> {
    desk.set_client_enabled(&id, true).await
}

pub(super) async fn disable(State(desk): State<Desk>, Path(id): Path<String>) -> Answer<Client> {
    desk.set_client_enabled(&id, false).await
}

impl Desk {
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

    async fn set_client_enabled(&self, id: &str, enabled: bool) -> Answer<Client> {
        let client: ClientId = id.parse().map_err(|_| Problem::no_such_client(id))?;
        let _one_at_a_time = self.one_at_a_time.lock().await;
        let set = self
            .auth
            .set_client_enabled(&client, enabled, &Visitor::operator())
            .await;
        match set {
            Ok(client) => Ok(Json(client)),
            Err(ClientError::Unknown) => Err(Problem::no_such_client(id)),
            Err(error) => Err(error.into()),
        }
    }
}
