//! JSON bodies, read strictly: every mistake has its own code and names the place, and no value is ever repeated.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

use super::code::Code;
use super::problem::Problem;

/// The largest body that is read, in bytes. The longest honest one (a 256-character password twice) is far below.
const MAX_BODY: usize = 16 * 1024;
/// How long a body may take to arrive once its headers have.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A request's body, read as `T`.
pub(crate) struct Body<T>(pub T);

/// The same, where no body at all means an empty object.
pub(crate) struct OptionalBody<T>(pub T);

/// What can be read from the members of a JSON object.
pub(crate) trait FromFields: Sized {
    /// Takes the members that it knows; [`Fields`] complains about those that are left.
    fn from_fields(fields: &mut Fields) -> Result<Self, Problem>;
}

impl<T: FromFields, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let bytes = read(request).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: FromFields, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = require_json(request.headers());
        let bytes = read(request).await?;
        if bytes.is_empty() {
            return T::from_fields(&mut Fields::default()).map(Self);
        }
        is_json?;
        parse(&bytes).map(Self)
    }
}

/// `Content-Type` must say JSON: forms, which other sites' pages can send unasked, are refused by this.
fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    require_type(
        headers,
        &["application/json", "application/merge-patch+json"],
        "the body must be JSON in UTF-8: \"Content-Type: application/json\"",
    )
}

/// `Content-Type` must be one of these, in UTF-8, and the body as it is.
pub(super) fn require_type(
    headers: &HeaderMap,
    types: &[&str],
    wanted: &'static str,
) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(content_type) = given.next() else {
        return refused(wanted);
    };
    if given.next().is_some() {
        return refused("there is more than one Content-Type");
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return refused("compressed bodies are not read: send it without Content-Encoding");
    }
    let mut parts = content_type.to_str().unwrap_or_default().split(';');
    let essence = parts.next().unwrap_or_default().trim();
    let fits = types.iter().any(|name| essence.eq_ignore_ascii_case(name));
    let utf8 = parts.all(|parameter| match parameter.trim().split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if fits && utf8 {
        Ok(())
    } else {
        refused(wanted)
    }
}

pub(super) async fn read(request: Request) -> Result<Bytes, Problem> {
    let collected = Limited::new(request.into_body(), MAX_BODY).collect();
    match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::new(
            Code::BodyTooLarge,
            "a body may have 16384 bytes at most",
        )),
        Ok(Err(_)) => Err(Problem::new(
            Code::MalformedJson,
            "the body broke off before its end",
        )),
        Err(_) => Err(Problem::new(
            Code::RequestTimeout,
            "the body did not arrive within 10 seconds",
        )),
    }
}

fn parse<T: FromFields>(bytes: &[u8]) -> Result<T, Problem> {
    let mut fields: Fields = serde_json::from_slice(bytes).map_err(|error| {
        match error.classify() {
            // `Data` is the one class whose text repeats values.
            Category::Data => Problem::new(
                Code::NotAnObject,
                "the body must be one JSON object: {\"name\": \"value\", …}",
            ),
            Category::Syntax | Category::Eof | Category::Io => {
                Problem::new(Code::MalformedJson, error.to_string())
            }
        }
    })?;
    if let Some(name) = fields.duplicate.take() {
        let detail = format!("\"{name}\" occurs more than once");
        return Err(Problem::new(Code::DuplicateField, detail).field(name));
    }
    let value = T::from_fields(&mut fields)?;
    match fields.members.pop_first() {
        None => Ok(value),
        Some((name, _)) => {
            let name = printable(&name);
            let detail = format!("there is no field \"{name}\" here");
            Err(Problem::new(Code::UnknownField, detail).field(name))
        }
    }
}

/// The members of the object, each to be taken once. Sorted, so that thousands of them cost little more than reading.
#[derive(Default)]
pub(crate) struct Fields {
    members: BTreeMap<String, Value>,
    duplicate: Option<String>,
}

impl Fields {
    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, Problem> {
        self.optional_text(name)?.ok_or_else(|| {
            Problem::new(
                Code::MissingField,
                format!("the field \"{name}\" is missing"),
            )
            .field(name)
        })
    }

    /// A text that may be absent; `null` is the same.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        Ok(self.change_of_text(name)?.flatten())
    }

    /// A text to set, `null` to remove (`Some(None)`), or nothing to say.
    #[expect(
        clippy::option_option,
        reason = "a merge patch (RFC 7396) tells three things apart"
    )]
    pub(crate) fn change_of_text(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Option<String>>, Problem> {
        let Some(value) = self.members.remove(name) else {
            return Ok(None);
        };
        let found = match value {
            Value::String(text) => return Ok(Some(Some(text))),
            Value::Null => return Ok(Some(None)),
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        let detail = format!("the field \"{name}\" must be a string, not {found}");
        Err(Problem::new(Code::WrongType, detail).field(name))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    match fields.members.entry(name) {
                        Entry::Vacant(place) => {
                            place.insert(value);
                        }
                        Entry::Occupied(known) => {
                            fields
                                .duplicate
                                .get_or_insert_with(|| printable(known.key()));
                        }
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_any(Members)
    }
}

/// A caller's own word, made fit to be shown: short, and nothing that a terminal would obey.
fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}
