//! The answer to who may not: RFC 6750 §3, RFC 9470 §3, and a body after RFC 9457.

use std::{fmt, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use super::{layer::Visit, rate::Left, requirement::Lack, source::Unclear};
use crate::{Scope, net::Denied};

/// Why a request is not served; as an answer, it says what its sender may know.
#[derive(Clone, Debug)]
pub struct Denial {
    pub(super) why: Why,
    /// `None` where there is no layer.
    pub(super) visit: Option<Visit>,
}

#[derive(Clone, Debug)]
pub(super) enum Why {
    /// There is no token, and one is needed.
    NoToken,
    /// Credentials of a scheme that is not accepted.
    UnknownScheme,
    /// Credentials of another scheme than `Bearer` that are wrong.
    WrongCredentials,
    Unclear(Unclear),
    /// A cookie, in a request that may come from a foreign page.
    Foreign,
    Denied(Denied),
    /// Credentials that cannot be checked at this moment.
    Unavailable,
    Lacks(Lack),
    TooMany(Left),
    /// A mistake in the service: an extractor without the layer.
    NoLayer,
}

impl Denial {
    /// A stable name in `snake_case`, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.why {
            Why::NoToken => "token_missing",
            Why::UnknownScheme => "scheme_unknown",
            Why::WrongCredentials => "credentials_wrong",
            Why::Unclear(Unclear::MoreThanOne) => "more_than_one_token",
            Why::Unclear(Unclear::Malformed) => "token_malformed",
            Why::Foreign => "foreign_page",
            Why::Denied(denied) => denied.code(),
            Why::Unavailable => "issuer_unanswered",
            Why::Lacks(Lack::Scope(_)) => "scope_missing",
            Why::Lacks(Lack::Role) => "role_missing",
            Why::Lacks(Lack::RecentSignIn(_)) => "sign_in_too_old",
            Why::TooMany(_) => "too_many_requests",
            Why::NoLayer => "not_protected",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.why {
            Why::Denied(denied) if denied.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
            Why::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Why::NoToken
            | Why::UnknownScheme
            | Why::WrongCredentials
            | Why::Denied(_)
            | Why::Lacks(Lack::RecentSignIn(_)) => StatusCode::UNAUTHORIZED,
            Why::Unclear(_) => StatusCode::BAD_REQUEST,
            Why::Foreign | Why::Lacks(Lack::Scope(_) | Lack::Role) => StatusCode::FORBIDDEN,
            Why::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Why::NoLayer => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The parameters of the challenge (RFC 6750 §3), if there is to be one.
    fn challenge(&self) -> Option<String> {
        let parameters = match &self.why {
            // Who sent nothing is told no error (§3.1).
            Why::NoToken | Why::UnknownScheme | Why::WrongCredentials => String::new(),
            Why::Unclear(_) => r#"error="invalid_request""#.to_owned(),
            Why::Denied(denied) if !denied.is_temporary() => format!(
                r#"error="invalid_token", error_description="{}""#,
                denied.code()
            ),
            Why::Lacks(Lack::Scope(words)) => {
                let scope = Scope::parse(words.as_str()).ok();
                let scope = scope.map(|scope| format!(r#", scope="{scope}""#));
                format!(r#"error="insufficient_scope"{}"#, scope.unwrap_or_default())
            }
            Why::Lacks(Lack::RecentSignIn(age)) => {
                format!(r#"error="insufficient_user_authentication", max_age="{age}""#)
            }
            _ => return None,
        };
        Some(parameters)
    }

    fn challenges(&self, headers: &mut HeaderMap) {
        let Some((parameters, visit)) = self.challenge().zip(self.visit.as_ref()) else {
            return;
        };
        let metadata = visit
            .resource_metadata()
            .map(|address| format!(r#"resource_metadata="{address}""#));
        let parameters = [Some(parameters).filter(|text| !text.is_empty()), metadata];
        let parameters: Vec<String> = parameters.into_iter().flatten().collect();
        let bearer = format!("Bearer {}", parameters.join(", "));
        let others = visit
            .schemes()
            .map(|scheme| format!(r#"{scheme} realm="services""#));
        let others = others.filter(|_| self.status() == StatusCode::UNAUTHORIZED);
        for challenge in [bearer.trim_end().to_owned()].into_iter().chain(others) {
            if let Ok(challenge) = HeaderValue::try_from(challenge) {
                headers.append(header::WWW_AUTHENTICATE, challenge);
            }
        }
    }

    /// Where somebody goes who only has to sign in.
    fn sign_in(&self) -> Option<HeaderValue> {
        let visit = self.visit.as_ref()?;
        let can_help = self.status() == StatusCode::UNAUTHORIZED;
        let max_age = match self.why {
            Why::Lacks(Lack::RecentSignIn(age)) => Some(age),
            _ => None,
        };
        can_help.then(|| visit.sign_in(max_age)).flatten()
    }
}

/// What happened and what helps, for whoever sent the request.
impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.why {
            Why::NoToken => "no token came with the request: sign in first",
            Why::UnknownScheme => {
                "credentials of this scheme are not accepted: send a bearer token"
            }
            Why::WrongCredentials => "the credentials are wrong",
            Why::Unclear(Unclear::MoreThanOne) => {
                "more than one token came with the request: send one"
            }
            Why::Unclear(Unclear::Malformed) => "the token is not where or how it is expected",
            Why::Foreign => {
                "the token came in a cookie, and the request may come from a foreign page"
            }
            // Of this machine the log knows more.
            Why::Denied(denied) if denied.is_temporary() => {
                "no token can be checked at this moment: try again"
            }
            Why::Denied(denied) => return denied.fmt(f),
            Why::Unavailable => "the credentials cannot be checked at this moment: try again",
            Why::Lacks(Lack::Scope(words)) => {
                return write!(f, "a token is needed whose scope has: {words}");
            }
            Why::Lacks(Lack::Role) => "this is for people with another role",
            Why::Lacks(Lack::RecentSignIn(age)) => {
                return write!(f, "the sign-in is older than {age} s: sign in again");
            }
            Why::TooMany(_) => "too many requests: wait as long as Retry-After says",
            Why::NoLayer => "the service is not protected as it should be",
        };
        f.write_str(text)
    }
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        if let Why::NoLayer = self.why {
            tracing::error!(
                "a handler asks who is calling, and no layer of the guard is around it"
            );
        }
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(location) = self.sign_in() {
            headers.insert(header::LOCATION, location);
            *response.status_mut() = StatusCode::SEE_OTHER;
            return response;
        }
        self.challenges(headers);
        match &self.why {
            Why::TooMany(left) => left.tell(headers),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        let status = self.status();
        let body = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": self.code(),
            "detail": self.to_string(),
        });
        *response.status_mut() = status;
        *response.body_mut() = Body::from(body.to_string());
        response
    }
}

impl Left {
    /// `RateLimit-*`, and `Retry-After` for who has to wait; whole seconds, rounded up.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        let seconds = |time: Duration| time.as_millis().div_ceil(1000).to_string();
        let mut set = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(http::HeaderName::from_static(name), value);
            }
        };
        set("ratelimit-limit", &self.limit.to_string());
        set("ratelimit-remaining", &self.remaining.to_string());
        set("ratelimit-reset", &seconds(self.reset));
        if let Some(wait) = self.wait {
            set("retry-after", &seconds(wait));
        }
    }
}
