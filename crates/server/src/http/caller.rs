//! The bearer of an access token (RFC 6750 §2.1).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use countersign_guard::{Claims, Verified};

use super::app::App;
use super::code::Code;
use super::problem::Problem;

/// Who calls, by the access token that they bear. Tokens are read from the `Authorization` header only: one in a query
/// would end up in logs (RFC 6750 §5.3), one in a cookie could be sent by other sites.
pub(crate) struct Caller(pub(crate) Verified<Claims>);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Bearer::from_request_parts(parts, app)
            .await?
            .check(app)
            .map(Self)
    }
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
    /// Whose token it is, if it is a good one.
    pub(crate) fn check(&self, app: &App) -> Result<Verified<Claims>, Problem> {
        let line = self.0.as_ref().ok_or_else(|| {
            Problem::new(
                Code::MissingToken,
                "send the access token as \"Authorization: Bearer …\"",
            )
        })?;
        let token = line
            .to_str()
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
            })?;
        Ok(app.auth().check(token)?)
    }
}
