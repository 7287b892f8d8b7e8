//! Who calls: the bearer of an access token (RFC 6750 §2.1), or a browser that holds a session.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use countersign_auth::live::LiveSession;
use countersign_auth::model::client::Client;
use countersign_guard::{Claims, Verified};

use super::app::App;
use super::code::Code;
use super::cookies::Kind;
use super::problem::Problem;
use super::query;
use super::visit::Visit;

/// Who calls: by the access token that they bear, or else by the session cookie of the client that the query names.
/// Tokens are read from the `Authorization` header only: one in a query would end up in logs (RFC 6750 §5.3), one in a
/// cookie could be sent by other sites. For the session's cookie, which could be, too, the rule against that holds.
pub(crate) struct Caller(pub(crate) Verified<Claims>);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let credentials = Credentials::from_request_parts(parts, app).await?;
        credentials.check(app).await.map(Self)
    }
}

/// What says who calls.
pub(crate) struct Credentials {
    bearer: Bearer,
    visit: Visit,
    /// The client whose session cookie counts, if the query names one.
    client: Option<String>,
}

impl FromRequestParts<App> for Credentials {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(visit) = Visit::from_request_parts(parts, app).await;
        Ok(Self {
            bearer: Bearer::from_request_parts(parts, app).await?,
            visit,
            client: query::client_id(parts.uri.query())?,
        })
    }
}

impl Credentials {
    /// Who calls, now. The account is the issuer's to serve: what is for another audience is of no use here, be it a
    /// token or a session.
    pub(crate) async fn check(&self, app: &App) -> Result<Verified<Claims>, Problem> {
        if self.bearer.is_there() {
            return self.bearer.check(app);
        }
        let client = self.client(app)?;
        let Some(live) = self.session(app, &client).await? else {
            return self.bearer.check(app);
        };
        if live.claims().aud != app.auth().settings().issuer {
            return Err(Problem::new(
                Code::TokenInvalid,
                "the sessions of this client are for a service of their own, not for accounts",
            ));
        }
        Ok(live.claims().clone())
    }

    /// The client that the query names; the default one if it names none.
    pub(crate) fn client(&self, app: &App) -> Result<Arc<Client>, Problem> {
        app.client(self.client.as_deref())
    }

    /// The session of one client, if the request bears its cookie, and may.
    pub(crate) async fn session(
        &self,
        app: &App,
        client: &Arc<Client>,
    ) -> Result<Option<LiveSession>, Problem> {
        let Some(name) = self.visit.session_cookie(app, client)? else {
            return Ok(None);
        };
        self.visit.admit_to_session(app, client)?;
        use_session(app, client, name).await.map(Some)
    }
}

/// Uses a session; if it can be of no use any more, its cookie goes with the refusal.
pub(crate) async fn use_session(
    app: &App,
    client: &Arc<Client>,
    name: &str,
) -> Result<LiveSession, Problem> {
    app.auth().use_session(client, name).await.map_err(|error| {
        let clears = error.clears_cookie();
        let problem = Problem::from(error);
        match app.cookies().clear(Kind::Session, client) {
            Some(cookie) if clears => problem.set_cookie(cookie),
            _ => problem,
        }
    })
}

/// The `Authorization` header, for routes that may do without. There is at most one.
pub(crate) struct Bearer(Option<HeaderValue>);

impl FromRequestParts<App> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
        let line = lines.next().cloned();
        if lines.next().is_some() {
            return Err(Problem::new(
                Code::DuplicateCredentials,
                "the request has more than one Authorization header",
            ));
        }
        Ok(Self(line))
    }
}

impl Bearer {
    /// Whether there is one, good or not.
    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Whose token it is, if it is a good one.
    pub(crate) fn check(&self, app: &App) -> Result<Verified<Claims>, Problem> {
        Ok(app.auth().check(self.token()?)?)
    }

    /// What is said to be one.
    pub(crate) fn token(&self) -> Result<&str, Problem> {
        let line = self.0.as_ref().ok_or_else(|| {
            Problem::new(
                Code::MissingToken,
                "send the access token as \"Authorization: Bearer …\"",
            )
        })?;
        line.to_str()
            .ok()
            .and_then(|line| line.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim_matches(' '))
            .filter(|token| !token.is_empty())
            .ok_or_else(|| {
                Problem::new(
                    Code::TokenInvalid,
                    "the Authorization header must read \"Bearer\" and a token",
                )
            })
    }
}
