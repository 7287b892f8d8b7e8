//! The demo user of a first start: a new password, since nobody can be told the old one.

use axum::Json;
use axum::extract::State;
use countersign_auth::password::Password;
use countersign_auth::visitor::Visitor;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Desk, Problem};
use crate::first_start;

/// What to sign in to the playground with.
#[derive(Clone, Serialize, Deserialize)]
pub struct Demo {
    /// Where it is.
    pub playground: String,
    /// Who.
    pub email: String,
    /// In the one answer that shows it.
    pub password: String,
}

/// Gives the demo user a new password, and enables them; their sessions end.
pub(super) async fn renew(State(desk): State<Desk>) -> Result<Json<Demo>, Problem> {
    let auth = &desk.auth;
    let Some(user) = first_start::demo_user(auth).await? else {
        let message = "there is no demo user: the first start on loopback makes one, if there is no configuration \
                       file and nobody is registered";
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_demo_user", message));
    };
    let operator = Visitor::operator();
    let password = first_start::new_password(auth.env());
    let new = Password::new(password.clone());
    auth.set_password(user.id, new, &operator).await?;
    auth.set_user_enabled(user.id, true, &operator).await?;
    Ok(Json(Demo {
        playground: first_start::playground(&auth.settings().issuer),
        email: user.email,
        password,
    }))
}
