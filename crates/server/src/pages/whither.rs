//! Where somebody wants to go who signs in: to their account, or back to an application that sent them here.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::redirect;

use super::reader::{Reader, go, own_client};
use crate::http::{App, Code, Problem, encode};

/// Where somebody wants to go, checked: nobody is sent anywhere but to an address on the client's list.
pub(crate) enum Whither {
    /// To their account.
    Account(Arc<Client>),
    /// Back to an application.
    Application(Box<Return>),
}

/// An address of a client's list, and what the application wants to hear there.
pub(crate) struct Return {
    client: Arc<Client>,
    uri: String,
    state: Option<String>,
}

impl Whither {
    /// Reads it from the address of the page. What is wrong with it is told here, and nobody is redirected for it (RFC 6749
    /// §4.1.2.1).
    pub(crate) fn of(app: &App, reader: &Reader) -> Result<Self, Problem> {
        let asked = reader.asked();
        let own = own_client(app)?;
        let Some(id) = asked.client.as_deref().filter(|id| *id != own.id.as_str()) else {
            return match asked.redirect_uri {
                None => Ok(Self::Account(own)),
                Some(_) => Err(unlisted(
                    "redirect_uri needs a client_id, on whose list it is",
                )),
            };
        };
        let client = app.client(Some(id))?;
        if !client.enabled {
            return Err(
                Problem::new(Code::ClientDisabled, "this client is disabled").field("client_id"),
            );
        }
        match client.kind {
            ClientKind::Browser => {}
            ClientKind::Native => {
                return Err(Problem::new(
                    Code::NativeClient,
                    "this client is a native application, which gets its tokens from /v1/login: these pages set cookies, and \
                     have no way to hand it anything",
                )
                .field("client_id"));
            }
            ClientKind::Service => {
                return Err(Problem::new(
                    Code::ServiceClient,
                    "this client is a service, and nobody signs in to it",
                )
                .field("client_id"));
            }
        }
        let uri = listed(&client, asked.redirect_uri.as_deref())?.to_owned();
        Ok(Self::Application(Box::new(Return {
            client,
            uri,
            state: asked.state.clone(),
        })))
    }

    /// The client that somebody signs in to.
    pub(crate) fn client(&self) -> &Arc<Client> {
        match self {
            Self::Account(client) => client,
            Self::Application(back) => &back.client,
        }
    }

    /// What people call the application.
    pub(crate) fn application(&self) -> Option<&str> {
        match self {
            Self::Account(_) => None,
            Self::Application(back) => Some(&back.client.name),
        }
    }

    /// The origin that it leads to, if that is another's.
    pub(crate) fn origin(&self) -> Option<&str> {
        match self {
            Self::Account(_) => None,
            Self::Application(back) => redirect::origin(&back.uri),
        }
    }

    /// Goes there.
    pub(crate) fn go(&self, reader: &Reader) -> Response {
        match self {
            Self::Account(_) => go(&reader.address.at("/account")),
            Self::Application(back) => back.go(),
        }
    }
}

impl Return {
    /// With the state as it came; a query that the address has stays (RFC 6749 §3.1.2).
    fn go(&self) -> Response {
        let mut address = self.uri.clone();
        if let Some(state) = &self.state {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str("state=");
            address.push_str(&encode(state));
        }
        match HeaderValue::try_from(address) {
            Ok(address) => (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response(),
            // What a list holds is printable ASCII.
            Err(_) => unlisted("the address cannot be sent").into_response(),
        }
    }
}

/// The address that is meant, if it is on the list, letter by letter. Where the list holds one alone, it need not be said
/// (RFC 6749 §3.1.2.3).
fn listed<'a>(client: &'a Client, asked: Option<&str>) -> Result<&'a str, Problem> {
    let list = &client.redirect_uris;
    let found = match (asked, list.as_slice()) {
        (Some(asked), _) => list.iter().find(|uri| *uri == asked),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    found.map(String::as_str).ok_or_else(|| {
        unlisted(match asked {
            Some(_) => {
                "redirect_uri is not on the client's list, letter by letter: an operator can add it (`countersign client add \
                 --replace --redirect-uri`, or redirect_uris in the configuration)"
            }
            None => "redirect_uri is missing, and the client's list does not hold exactly one",
        })
    })
}

fn unlisted(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidRedirectUri, detail)
}
