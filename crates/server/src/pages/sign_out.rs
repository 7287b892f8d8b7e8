//! `/logout`: signing out of these pages. A link asks first, since following one changes nothing.

use axum::extract::State;
use axum::response::Response;

use super::Reader;
use super::reader::{Refusal, go, own_client};
use super::render::Page;
use crate::http::{App, CookieKind, Problem, with_cookies};

pub(super) async fn show(State(app): State<App>, reader: Reader) -> Result<Response, Refusal> {
    let live = reader.owner(&app).await?;
    let page = Page::new(&app, &reader, "sign-out.html").of(live.user());
    Ok(page.answer()?)
}

/// Whoever asks is signed out, whatever their cookie was worth.
pub(super) async fn submit(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    let client = own_client(&app)?;
    if let Some(name) = reader.visit.session_cookie(&app, &client)? {
        let visitor = reader.visit.visitor();
        app.auth().end_named_session(name, &visitor).await?;
    }
    signed_out(&app, &reader)
}

/// To the way in, without the cookie.
pub(super) fn signed_out(app: &App, reader: &Reader) -> Result<Response, Problem> {
    let cookie = app.cookies().clear(CookieKind::Session, &*own_client(app)?);
    let way_in = go(&reader.address.after("/login", "signed_out"));
    Ok(with_cookies(way_in, [cookie]))
}
