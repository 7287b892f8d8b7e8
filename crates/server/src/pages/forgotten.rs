//! `/password/forgotten`: whom to ask. This server sends no email, so the page says who can help instead of pretending.

use axum::extract::State;
use axum::response::Response;

use super::Reader;
use super::render::Page;
use crate::http::{App, Problem};

pub(super) async fn show(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    Page::new(&app, &reader, "forgotten.html").answer()
}
