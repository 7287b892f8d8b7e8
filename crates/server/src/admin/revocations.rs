//! Revocations, each one event of the log: what is not noun enough for a route of its own.

use axum::Json;
use axum::extract::State;
use countersign_auth::clients::ClientError;
use countersign_auth::model::id::{ClientId, SessionId};
use countersign_auth::visitor::Visitor;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Desk, Problem};

/// The longest id of a token that is taken.
const LONGEST_ID: usize = 200;

/// What to revoke.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Revoke {
    /// A session, known or not: a restored backup does not know those that came after it.
    Session {
        /// Its id.
        id: SessionId,
    },
    /// Every session and token of a user.
    User {
        /// An id, an address or a name.
        id: String,
    },
    /// Every grant and token of a client.
    Client {
        /// Its id.
        id: ClientId,
    },
    /// One access token.
    Token {
        /// Its `jti`.
        id: String,
    },
    /// Everything.
    All {},
}

/// What was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Of which kind.
    pub kind: String,
    /// Which one, by its own id; nothing where it is everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

pub(super) async fn revoke(
    State(desk): State<Desk>,
    Json(what): Json<Revoke>,
) -> Result<Json<Revoked>, Problem> {
    let operator = Visitor::operator();
    let auth = &desk.auth;
    let (kind, id) = match what {
        Revoke::Session { id } => {
            auth.revoke_session(id, &operator).await?;
            ("session", Some(id.to_string()))
        }
        Revoke::User { id } => {
            let user = desk.user(&id).await?;
            auth.end_user_sessions(user.id, &operator).await?;
            ("user", Some(user.id.to_string()))
        }
        Revoke::Client { id } => match auth.cut_off_client(&id, &operator).await {
            Ok(_) => ("client", Some(id.to_string())),
            Err(ClientError::Unknown) => return Err(Problem::no_such_client(id.as_str())),
            Err(error) => return Err(error.into()),
        },
        Revoke::Token { id } => {
            if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
                let message = "the id of a token, its claim jti, has 1 to 200 printable characters";
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return Err(Problem::new(status, "invalid_id", message));
            }
            auth.revoke_token(&id, &operator).await?;
            ("token", Some(id))
        }
        Revoke::All {} => {
            auth.end_everything(&operator).await?;
            ("all", None)
        }
    };
    Ok(Json(Revoked {
        kind: kind.to_owned(),
        id,
    }))
}
