//! What a route learns about its caller beyond the body: address, device, cookies, and where the page came from.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::visitor::Visitor;

use super::app::App;
use super::code::Code;
use super::cookies::{Cookies, Kind};
use super::origin::{self, Site};
use super::problem::Problem;

/// The caller's address, put into each request by the edge. `None`: not over a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

/// A request's circumstances.
pub(crate) struct Visit {
    address: Option<IpAddr>,
    agent: Option<String>,
    cookies: Cookies,
    site: Site,
    browser: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts.headers.get(header::USER_AGENT);
        Ok(Self {
            address: parts
                .extensions
                .get()
                .and_then(|ClientAddress(address)| *address),
            agent: agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned()),
            cookies: Cookies::of(&parts.headers),
            site: Site::of(&parts.headers),
            browser: origin::looks_like_a_browser(&parts.headers),
        })
    }
}

impl Visit {
    /// Where the page is from that asks.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// For what concerns no client in particular.
    pub(crate) fn visitor(&self) -> Visitor {
        self.visitor_with(None)
    }

    /// For a sign-in, which knows its devices, and takes the place of the session that was there.
    pub(crate) fn visitor_signing_in(
        &self,
        app: &App,
        client: &Client,
    ) -> Result<Visitor, Problem> {
        let device = self.cookies.get(app.cookies(), Kind::Device, client)?;
        let mut visitor = self.visitor_with(device);
        visitor.session = self.session_cookie(app, client)?.map(str::to_owned);
        Ok(visitor)
    }

    fn visitor_with(&self, device: Option<&str>) -> Visitor {
        let mut visitor = Visitor::default();
        visitor.address = self.address;
        visitor.agent.clone_from(&self.agent);
        visitor.device = device.map(str::to_owned);
        visitor
    }

    /// The refresh token in the client's cookie.
    pub(crate) fn refresh_cookie(
        &self,
        app: &App,
        client: &Client,
    ) -> Result<Option<&str>, Problem> {
        self.cookies.get(app.cookies(), Kind::Refresh, client)
    }

    /// The session's name in the client's cookie, if it is a client of which browsers hold one.
    pub(crate) fn session_cookie(
        &self,
        app: &App,
        client: &Client,
    ) -> Result<Option<&str>, Problem> {
        if !client.style.is_opaque() {
            return Ok(None);
        }
        self.cookies.get(app.cookies(), Kind::Session, client)
    }

    /// Whether this request may use the client's session, which the cookie opens by itself: not for another page than
    /// this server's own or the client's, even where nothing changes. (That whatever changes something says where it
    /// comes from, the edge has seen to.)
    pub(crate) fn admit_to_session(&self, app: &App, client: &Client) -> Result<(), Problem> {
        self.site.admit(false, |origin| {
            origin::listed_for(client, app.own_name(), origin)
        })
    }

    /// Whether the way by which this client's refresh token would travel is safe: to browsers in a cookie, and only if
    /// the page is on the client's list; to native clients in bodies, and only if no browser can have asked.
    pub(crate) fn admit(&self, app: &App, client: &Arc<Client>) -> Result<(), Problem> {
        match client.kind {
            ClientKind::Browser => self.site.admit(self.cookies.any(), |origin| {
                origin::listed_for(client, app.own_name(), origin)
            }),
            ClientKind::Native if self.browser => Err(Problem::new(
                Code::BrowserRequest,
                "a native client's calls carry no Cookie, Origin or Sec-Fetch-* header: register an application that runs in a browser as a browser client",
            )),
            ClientKind::Native => Ok(()),
            ClientKind::Service => Err(Problem::new(
                Code::ServiceClient,
                "this client is a service, and nobody signs in to it: it gets its tokens from /oauth/token",
            )
            .field("client_id")),
        }
    }
}
