//! The page and its files, as they lie in `crates/server/playground`, in the binary.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

use crate::http::{Code, Problem};

/// The page's parts come from here alone, nothing in it is inline, and nobody frames it.
const POLICY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const HTML: (HeaderName, &str) = (header::CONTENT_TYPE, "text/html; charset=utf-8");
const ICON: &str = "image/svg+xml";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const SHEET: &str = concat!(
    include_str!("../../pages/colours.css"),
    include_str!("../../playground/style.css")
);

/// The page, with everything in its place.
pub(super) fn show(page: Bytes) -> Response {
    ([HTML, POLICY], page).into_response()
}

/// What it is made of.
pub(super) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let (kind, text) = match name.as_str() {
        "icon.svg" => (ICON, include_str!("../../playground/icon.svg")),
        "style.css" => (CSS, SHEET),
        "main.js" => (SCRIPT, include_str!("../../playground/main.js")),
        "token.js" => (SCRIPT, include_str!("../../playground/token.js")),
        "drawing.js" => (SCRIPT, include_str!("../../playground/drawing.js")),
        "elements.js" => (SCRIPT, include_str!("../../playground/elements.js")),
        "forging.js" => (SCRIPT, include_str!("../../playground/forging.js")),
        "copying.js" => (SCRIPT, include_str!("../../playground/copying.js")),
        "tricks.js" => (SCRIPT, include_str!("../../playground/tricks.js")),
        _ => {
            return Err(Problem::new(
                Code::NotFound,
                "the playground has no such file",
            ));
        }
    };
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
