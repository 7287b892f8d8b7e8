//! `countersign revoke …`

use clap::Subcommand;
use countersign_auth::model::id::{ClientId, SessionId};
use http::Method;

use super::harmless;
use super::operator::{Failure, Operator};
use super::print::Output;
use crate::admin::{Revoke, Revoked};
use crate::config::Sources;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// End a session and refuse its tokens
    Session {
        /// Its id, as `sessions list` shows it, or the `sid` of its tokens
        #[arg(allow_hyphen_values = true)]
        id: SessionId,
    },
    /// End all sessions of a user and refuse their tokens; they may sign in again
    User {
        /// An id, an email address or a username
        #[arg(allow_hyphen_values = true)]
        who: String,
    },
    /// End what an application was given and refuse its tokens; it may get new ones
    Client {
        /// Its client_id
        id: ClientId,
    },
    /// Refuse one access token
    Token {
        /// Its `jti`, as `token inspect` shows it
        #[arg(allow_hyphen_values = true, value_parser = jti)]
        jti: String,
    },
    /// Refuse every token there is: everybody signs in again
    All,
}

impl Command {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let what = match self {
            Self::Session { id } => Revoke::Session { id },
            Self::User { who } => Revoke::User { id: who },
            Self::Client { id } => Revoke::Client { id },
            Self::Token { jti } => Revoke::Token { id: jti },
            Self::All => Revoke::All {},
        };
        let body =
            serde_json::to_value(&what).map_err(|error| Failure::Usage(error.to_string()))?;
        let revoked: Revoked =
            Operator::ask(sources, Method::POST, "/revocations", Some(body)).await?;
        output.show(&revoked, |revoked| match &revoked.id {
            Some(id) => format!("revoked {} {}", revoked.kind, harmless::text(id)),
            None => "everything is revoked: everybody must sign in again".to_owned(),
        });
        Ok(())
    }
}

/// A whole token is a secret, and does not belong into the list of processes.
fn jti(text: &str) -> Result<String, String> {
    if text.starts_with("eyJ") && text.contains('.') {
        return Err(String::from(
            "this is a whole token: its id is needed, the jti that `countersign token inspect` shows",
        ));
    }
    Ok(text.to_owned())
}
