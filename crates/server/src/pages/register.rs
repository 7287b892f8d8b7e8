//! `/register`: a new account, whose owner is signed in at once.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_auth::login::Login;
use countersign_auth::password::Password;
use countersign_auth::register::Registration;
use minijinja::context;
use minijinja::value::Value;

use super::Reader;
use super::form::{Filled, FormView, min_length};
use super::reader::go;
use super::render::Page;
use super::sign_in;
use super::whither::Whither;
use crate::http::{App, Problem};

const FIELDS: &[&str] = &["email", "password", "name"];

pub(super) async fn show(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    let whither = Whither::of(&app, &reader)?;
    answer(
        &app,
        &reader,
        &whither,
        &FormView::new(FIELDS).focus("email"),
    )
}

pub(super) async fn submit(
    State(app): State<App>,
    reader: Reader,
    request: Request,
) -> Result<Response, Problem> {
    let filled = Filled::read(request).await?;
    let whither = Whither::of(&app, &reader)?;
    let (name, email, password) = (
        filled.text("name")?,
        filled.text("email")?,
        filled.text("password")?,
    );
    let mut form = FormView::new(FIELDS)
        .value("name", name)
        .value("email", email);
    if form.lacks(&app, &reader, &[("email", email), ("password", password)]) {
        return answer(&app, &reader, &whither, &form);
    }
    let email = email.unwrap_or_default().to_owned();
    let password = Password::new(password.unwrap_or_default().to_owned());
    let registration = Registration {
        email: email.clone(),
        password: password.clone(),
        name: name.map(str::to_owned),
        username: None,
    };
    let visitor = reader.visit.visitor();
    if let Err(error) = app.auth().register(registration, &visitor).await {
        form.refused(&app, &reader, error.into(), "alert")?;
        return answer(&app, &reader, &whither, &form);
    }
    let login = Login {
        identifier: email,
        password,
        client: None,
    };
    // The account is there; whatever stands in the way of its first sign-in is told at the next.
    Ok(sign_in::enter(&app, &reader, &whither, login)
        .await
        .unwrap_or_else(|_| go(&reader.address.after("/login", "registered"))))
}

fn answer(
    app: &App,
    reader: &Reader,
    whither: &Whither,
    form: &FormView,
) -> Result<Response, Problem> {
    if !app.auth().settings().registration {
        let page = Page::new(app, reader, "closed.html");
        return page.status(StatusCode::FORBIDDEN).answer();
    }
    let client = whither.application().map_or(Value::from(()), Value::from);
    Page::new(app, reader, "register.html")
        .form(form)
        .leads_to(whither.origin())
        .with(context! { client, min => min_length(app) })
        .answer()
}
