//! Problem documents (RFC 9457): the one form of every refusal.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::code::Code;

/// A refusal on its way out.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    scope: Option<&'static str>,
    /// In whole seconds.
    retry_after: Option<u32>,
    set_cookie: Option<HeaderValue>,
}

impl Problem {
    /// A refusal with a message for the person who debugs the caller. Nothing secret may be in it.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            field: None,
            scope: None,
            retry_after: None,
            set_cookie: None,
        }
    }

    /// Naming the member of the body that is at fault.
    #[must_use]
    pub fn field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(name.into());
        self
    }

    /// Saying which scope is needed (RFC 6750 §3).
    #[must_use]
    pub fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Saying when to come again (`Retry-After`, rounded up to whole seconds, at least one).
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(whole_seconds(wait));
        self
    }

    /// Taking a cookie back with it.
    #[must_use]
    pub fn set_cookie(mut self, cookie: HeaderValue) -> Self {
        self.set_cookie = Some(cookie);
        self
    }

    /// What is wrong.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The member of the body that is at fault.
    pub(crate) fn at_field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// In how many seconds to come again.
    pub(crate) const fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after
    }

    /// The challenge that goes with a 401 (RFC 6750 §3), with credentials given twice, and with a scope that is too small
    /// (§3.1).
    fn challenge(&self) -> Option<String> {
        let error = match self.code {
            Code::TokenInvalid | Code::TokenExpired | Code::TokenRevoked => "invalid_token",
            Code::DuplicateCredentials => "invalid_request",
            Code::InsufficientScope => "insufficient_scope",
            // RFC 6750 §3.1: who brought no token is told no error.
            _ if self.code.status() == StatusCode::UNAUTHORIZED => {
                return Some(String::from(r#"Bearer realm="countersign""#));
            }
            _ => return None,
        };
        let description = printable_ascii(&self.detail);
        let scope = self.scope.map(|scope| format!(r#", scope="{scope}""#));
        let scope = scope.unwrap_or_default();
        Some(format!(
            r#"Bearer realm="countersign", error="{error}", error_description="{description}"{scope}"#
        ))
    }
}

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Where the code is described: a fragment of this very document.
    #[schema(example = "/openapi.json#/x-problems/email_taken")]
    r#type: String,
    /// What the code means, whatever the request.
    title: &'a str,
    /// The HTTP status, once more.
    #[schema(example = 409)]
    status: u16,
    /// What is wrong with this request, for people.
    detail: &'a str,
    /// What is wrong, for programs: one of the names in `x-problems`. It never changes.
    #[schema(example = "email_taken")]
    code: &'a str,
    /// The member of the body that is at fault, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            r#type: format!("/openapi.json#/x-problems/{}", self.code.name()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code.name(),
            field: self.field.as_deref(),
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (
            self.code.status(),
            [(header::CONTENT_TYPE, "application/problem+json")],
            json,
        )
            .into_response();

        let headers = response.headers_mut();
        let mut insert = |name: HeaderName, value: Option<String>| {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        };
        insert(header::WWW_AUTHENTICATE, self.challenge());
        insert(
            header::RETRY_AFTER,
            self.retry_after.map(|seconds| seconds.to_string()),
        );
        if let Some(cookie) = &self.set_cookie {
            headers.append(header::SET_COOKIE, cookie.clone());
        }
        // For the edge, which shows a person a page.
        response.extensions_mut().insert(self);
        response
    }
}

/// What `error_description` may hold: printable ASCII without quote and backslash (RFC 6749 §5.2).
pub(super) fn printable_ascii(text: &str) -> String {
    text.chars()
        .map(|c| if matches!(c, '"' | '\\') { '\'' } else { c })
        .filter(|c| matches!(c, ' '..='~'))
        .collect()
}

/// Rounded up: who comes at the named second must not be early.
fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}
