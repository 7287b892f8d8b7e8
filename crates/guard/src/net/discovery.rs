//! What an issuer says of itself (RFC 8414).

use serde::Deserialize;

use super::{
    address::{Address, BadAddress},
    http::{Client, NoAnswer, get},
};

/// Where an issuer is asked for what.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    pub key_set: Address,
    pub token: Option<Address>,
    pub introspection: Option<Address>,
}

/// Why nothing was learned from an issuer.
#[derive(Debug, thiserror::Error)]
pub enum Unlearned {
    /// There is no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// Another status than one that could be used.
    #[error("{what}: the issuer answers {status}{}", oauth(.error.as_deref()))]
    Status {
        /// What was asked for.
        what: &'static str,
        /// What it answered.
        status: u16,
        /// An error code of RFC 6749 §5.2, if there was one.
        error: Option<String>,
    },
    /// It cannot be read as what it should be.
    #[error("{what}: what the issuer answers cannot be read: {why}")]
    Unreadable {
        /// What was asked for.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// An answer in the name of somebody else (RFC 8414 §3.3).
    #[error("the metadata names another issuer: it must be exactly {expected}")]
    AnotherIssuer {
        /// Whom this guard trusts.
        expected: String,
    },
    /// An endpoint that must not be asked.
    #[error("the metadata's {member}: {why}")]
    Endpoint {
        /// Which one.
        member: &'static str,
        /// What is wrong with it.
        why: BadAddress,
    },
    /// An endpoint is needed that this issuer does not have.
    #[error("the issuer has no {0}: its metadata names none")]
    NotOffered(&'static str),
    /// A key set without a key that could be used: every token would be refused.
    #[error("the key set has no key that can be used")]
    NoKeys,
}

fn oauth(error: Option<&str>) -> String {
    error.map(|code| format!(" ({code})")).unwrap_or_default()
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
    token_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
}

/// Asks `issuer`, which has neither path nor trailing slash.
pub(super) async fn discover(client: &Client, issuer: &str) -> Result<Endpoints, Unlearned> {
    const WHAT: &str = "metadata";
    let address = format!("{issuer}/.well-known/oauth-authorization-server");
    let address = endpoint(client, "issuer", &address)?;
    let answer = client
        .ask(&address, get(&address, "application/json"))
        .await?;
    if answer.status != http::StatusCode::OK {
        return Err(status(WHAT, answer.status));
    }
    let metadata: Metadata =
        serde_json::from_slice(&answer.body).map_err(|error| unreadable(WHAT, &error))?;
    if metadata.issuer != issuer {
        return Err(Unlearned::AnotherIssuer {
            expected: issuer.to_owned(),
        });
    }
    let optional =
        |member, text: Option<String>| text.map(|text| endpoint(client, member, &text)).transpose();
    Ok(Endpoints {
        key_set: endpoint(client, "jwks_uri", &metadata.jwks_uri)?,
        token: optional("token_endpoint", metadata.token_endpoint)?,
        introspection: optional("introspection_endpoint", metadata.introspection_endpoint)?,
    })
}

pub(super) fn endpoint(
    client: &Client,
    member: &'static str,
    text: &str,
) -> Result<Address, Unlearned> {
    client
        .parse(text)
        .map_err(|why| Unlearned::Endpoint { member, why })
}

pub(super) fn status(what: &'static str, status: http::StatusCode) -> Unlearned {
    Unlearned::Status {
        what,
        status: status.as_u16(),
        error: None,
    }
}

/// What serde says names the place and repeats little; a type's name, never a whole answer.
pub(super) fn unreadable(what: &'static str, error: &serde_json::Error) -> Unlearned {
    let (line, column) = (error.line(), error.column());
    let why = format!("{:?} at line {line}, column {column}", error.classify());
    Unlearned::Unreadable { what, why }
}
