//! What pages load besides themselves: the style sheet, the script, pictures. Part of the binary, but for an operator's logo.
//!
//! The address of each has the hash of what is in it (`/assets/style.0f3a….css`), so a browser asks once. A node that has
//! another version answers for its name, too, but to be asked again: during an upgrade a page comes from one node, and its
//! style sheet from the next.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::http::{App, Code, Problem, fingerprint};

/// All of them, by the stem and the extension of their names.
#[derive(Debug, Default)]
pub(super) struct Assets(HashMap<(String, &'static str), Asset>);

#[derive(Debug)]
struct Asset {
    /// As it is now.
    file: String,
    bytes: Bytes,
}

impl Assets {
    /// Adds one. Its address.
    pub(super) fn add(
        &mut self,
        stem: &str,
        extension: &'static str,
        bytes: impl Into<Bytes>,
    ) -> String {
        let bytes = bytes.into();
        let file = format!("{stem}.{}.{extension}", fingerprint(&bytes));
        let address = format!("/assets/{file}");
        let asset = Asset { file, bytes };
        self.0.insert((stem.to_owned(), extension), asset);
        address
    }

    /// What this name stands for, and whether it is the very same.
    fn find(&self, file: &str) -> Option<(&'static str, &Asset, bool)> {
        let (stem, rest) = file.split_once('.')?;
        let (_, extension) = rest.split_once('.')?;
        let found = self
            .0
            .iter()
            .find(|((name, kind), _)| name == stem && *kind == extension);
        found.map(|((_, kind), asset)| (*kind, asset, asset.file == file))
    }
}

/// What it is (RFC 9110 §8.3).
fn content_type(extension: &str) -> HeaderValue {
    HeaderValue::from_static(match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        _ => "application/octet-stream",
    })
}

/// `GET /assets/…`
pub(super) async fn serve(
    State(app): State<App>,
    Path(file): Path<String>,
) -> Result<Response, Problem> {
    let found = app.pages().assets().find(&file);
    let (extension, asset, same) =
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no such file"))?;
    let caching = if same {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = asset.bytes.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(extension));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if extension == "svg" {
        // Looked at by itself, a picture is a document, which could do more than be looked at.
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
            ),
        );
    }
    Ok(response)
}
