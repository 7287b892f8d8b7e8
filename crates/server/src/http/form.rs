//! Forms, as OAuth's endpoints take them (RFC 6749 appendix B), read strictly.

use std::fmt::Write as _;

use axum::extract::{FromRequest, Request};
use zeroize::Zeroizing;

use super::code::Code;
use super::json;
use super::oauth::OAuthError;
use super::problem::Problem;

/// The fields of a form. Values may be secrets.
pub(crate) struct Form(Vec<(String, Zeroizing<String>)>);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &S) -> Result<Self, OAuthError> {
        Ok(Self::read(request).await?)
    }
}

impl Form {
    /// Reads the body of a request.
    pub(crate) async fn read(request: Request) -> Result<Self, Problem> {
        json::require_type(
            request.headers(),
            &["application/x-www-form-urlencoded"],
            "send a form in UTF-8: \"Content-Type: application/x-www-form-urlencoded\"",
        )?;
        let body = json::read(request).await?;
        let fields = body
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty());
        let read = fields.map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = pair.split_at(equals.unwrap_or(pair.len()));
            Some((
                decode(name)?,
                Zeroizing::new(decode(value.strip_prefix(b"=").unwrap_or(value))?),
            ))
        });
        let read: Option<Vec<_>> = read.collect();
        read.map(Self).ok_or_else(|| {
            Problem::new(
                Code::MalformedForm,
                "the form cannot be read: percent-encoded UTF-8 expected",
            )
        })
    }

    /// The value of a field. One without a value is as good as absent, and none may stand twice (RFC 6749 §3.2).
    pub(crate) fn one(&self, name: &'static str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_some() {
            let twice = format!("{name} occurs more than once");
            return Err(OAuthError::invalid_request(twice));
        }
        Ok(value)
    }

    /// The value of a field that must be there.
    pub(crate) fn needed(&self, name: &'static str) -> Result<&str, OAuthError> {
        let missing = || OAuthError::invalid_request(format!("{name} is missing"));
        self.one(name)?.ok_or_else(missing)
    }

    /// The values of a field that may occur more than once.
    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(given, _)| given == name);
        named
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// Reads `+` and `%XX` (WHATWG URL §5.1). `None`: an escape that is none, or not UTF-8.
pub(crate) fn decode(encoded: &[u8]) -> Option<String> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        decoded.push(match first {
            b'+' => b' ',
            b'%' => {
                let (escape, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                digit(&escape[0])? << 4 | digit(&escape[1])?
            }
            plain => *plain,
        });
    }
    String::from_utf8(decoded).ok()
}

/// Writes what [`decode`] reads: everything but unreserved characters (RFC 3986 §2.3) escaped.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
