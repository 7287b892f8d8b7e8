//! `/client/…`: the code by which pages stay signed in, as it stands in `clients/browser`.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::well_known::names;
use crate::http::fingerprint;

/// Where the module is.
pub(crate) const CODE: &str = "/client/countersign.js";
/// Where its types are.
pub(crate) const TYPES: &str = "/client/countersign.d.ts";

/// The module. Every page may have it: it is the same for all, and opens nothing by itself.
pub(crate) async fn code(headers: HeaderMap) -> Response {
    static FILE: File = File {
        text: include_str!("../../../../clients/browser/countersign.js"),
        media_type: "text/javascript; charset=utf-8",
        etag: LazyLock::new(|| etag(FILE.text)),
    };
    FILE.answer(&headers)
}

/// Its types.
pub(crate) async fn types(headers: HeaderMap) -> Response {
    static FILE: File = File {
        text: include_str!("../../../../clients/browser/countersign.d.ts"),
        media_type: "text/plain; charset=utf-8",
        etag: LazyLock::new(|| etag(FILE.text)),
    };
    FILE.answer(&headers)
}

struct File {
    text: &'static str,
    media_type: &'static str,
    etag: LazyLock<HeaderValue>,
}

impl File {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let etag = &*self.etag;
        let common = [
            // Not for long: the address stays when the server is upgraded.
            (
                header::CACHE_CONTROL,
                HeaderValue::from_static("public, max-age=300"),
            ),
            (header::ETAG, etag.clone()),
            // Modules are fetched with CORS (HTML, "fetch a single module script"). For listed origins the edge says more.
            (
                header::ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_static("*"),
            ),
        ];
        if names(headers, etag.to_str().unwrap_or_default()) {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        let media_type = [(header::CONTENT_TYPE, self.media_type)];
        (common, media_type, self.text).into_response()
    }
}

fn etag(text: &str) -> HeaderValue {
    let quoted = format!("\"{}\"", fingerprint(text.as_bytes()));
    HeaderValue::try_from(quoted).unwrap_or(HeaderValue::from_static("\"\""))
}
