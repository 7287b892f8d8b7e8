//! `/account`: name and username.

use axum::extract::{Request, State};
use axum::response::Response;
use countersign_auth::account::ProfileChange;
use countersign_auth::live::LiveSession;
use minijinja::context;

use super::super::Reader;
use super::super::form::{Filled, FormView};
use super::super::reader::{Refusal, go};
use super::{in_words, page};
use crate::http::{App, Problem};

const FIELDS: &[&str] = &["name", "username"];

pub(in crate::pages) async fn show(
    State(app): State<App>,
    reader: Reader,
) -> Result<Response, Refusal> {
    let live = reader.owner(&app).await?;
    let form = FormView::new(FIELDS)
        .value("name", live.user().name.as_deref())
        .value("username", live.user().username.as_deref());
    Ok(answer(&app, &reader, &live, &form)?)
}

pub(in crate::pages) async fn submit(
    State(app): State<App>,
    reader: Reader,
    request: Request,
) -> Result<Response, Refusal> {
    let filled = Filled::read(request).await?;
    // Not before the form has come: whoever was signed out meanwhile changes nothing.
    let live = reader.owner(&app).await?;
    let (name, username) = (filled.text("name")?, filled.text("username")?);
    let change = ProfileChange {
        name: Some(name.map(str::to_owned)),
        username: Some(username.map(str::to_owned)),
    };
    let visitor = reader.visit.visitor();
    match app.auth().change_me(live.claims(), change, &visitor).await {
        Ok(_) => Ok(go(&reader.address.after("/account", "profile"))),
        Err(error) => {
            let mut form = FormView::new(FIELDS)
                .value("name", name)
                .value("username", username);
            form.refused(&app, &reader, error.into(), "alert")?;
            Ok(answer(&app, &reader, &live, &form)?)
        }
    }
}

fn answer(
    app: &App,
    reader: &Reader,
    live: &LiveSession,
    form: &FormView,
) -> Result<Response, Problem> {
    let texts = app.pages().texts(reader.address.language());
    let since = in_words(texts, live.user().created_at, "dates.day");
    page(app, reader, live, "profile", "profile.html")
        .form(form)
        .with(context! { since })
        .answer()
}
