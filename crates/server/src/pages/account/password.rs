//! `/account/password`: a new password.

use axum::extract::{Request, State};
use axum::response::Response;
use countersign_auth::account::PasswordForm;
use countersign_auth::live::LiveSession;
use countersign_auth::password::Password;
use minijinja::context;

use super::super::Reader;
use super::super::form::{Filled, FormView, min_length};
use super::super::reader::{Refusal, go};
use super::page;
use crate::http::{App, Problem, cookies_of, with_cookies};

const FIELDS: &[&str] = &["current_password", "new_password"];

pub(in crate::pages) async fn show(
    State(app): State<App>,
    reader: Reader,
) -> Result<Response, Refusal> {
    let live = reader.owner(&app).await?;
    Ok(answer(&app, &reader, &live, &FormView::new(FIELDS))?)
}

pub(in crate::pages) async fn submit(
    State(app): State<App>,
    reader: Reader,
    request: Request,
) -> Result<Response, Refusal> {
    let filled = Filled::read(request).await?;
    let live = reader.owner(&app).await?;
    let (current, new) = (
        filled.text("current_password")?,
        filled.text("new_password")?,
    );
    let mut form = FormView::new(FIELDS);
    if form.lacks(
        &app,
        &reader,
        &[("current_password", current), ("new_password", new)],
    ) {
        return Ok(answer(&app, &reader, &live, &form)?);
    }
    let change = PasswordForm {
        current: Password::new(current.unwrap_or_default().to_owned()),
        new: Password::new(new.unwrap_or_default().to_owned()),
    };
    let visitor = reader.visit.visitor();
    match app
        .auth()
        .change_password(live.claims(), change, &visitor)
        .await
    {
        Ok(given) => {
            let done = go(&reader.address.after("/account/password", "password"));
            Ok(with_cookies(done, cookies_of(&app, given)))
        }
        Err(error) => {
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
    page(app, reader, live, "password", "password.html")
        .form(form)
        .with(context! { min => min_length(app) })
        .answer()
}
