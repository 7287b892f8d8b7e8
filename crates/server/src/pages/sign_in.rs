//! `/login`: signing in, for the account or for an application that sent somebody here.

use axum::extract::{Request, State};
use axum::response::Response;
use countersign_auth::login::{Login, SignIn};
use countersign_auth::password::Password;
use minijinja::context;
use minijinja::value::Value;

use super::Reader;
use super::form::{Filled, FormView};
use super::render::{Page, who};
use super::whither::Whither;
use crate::http::{App, Code, Problem, cookies_of};
use crate::routes::login;

const FIELDS: &[&str] = &["identifier", "password"];

pub(super) async fn show(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    let whither = Whither::of(&app, &reader)?;
    let live = reader.live(&app).await?;
    let mut form = FormView::new(FIELDS);
    let mut page = Page::new(&app, &reader, "sign-in.html");
    if let Some(live) = &live {
        if matches!(whither, Whither::Account(_)) {
            return Page::new(&app, &reader, "signed-in.html")
                .of(live.user())
                .answer();
        }
        form = form.value("identifier", Some(&live.user().email));
        page = page.with(context! { who => who(live.user()) });
    }
    let form = form.focus(if live.is_some() {
        "password"
    } else {
        "identifier"
    });
    answer(&app, page, &whither, &form)
}

pub(super) async fn submit(
    State(app): State<App>,
    reader: Reader,
    request: Request,
) -> Result<Response, Problem> {
    let filled = Filled::read(request).await?;
    let whither = Whither::of(&app, &reader)?;
    let (identifier, password) = (filled.text("identifier")?, filled.text("password")?);
    let mut form = FormView::new(FIELDS).value("identifier", identifier);
    let again = |form: &FormView| {
        let page = Page::new(&app, &reader, "sign-in.html");
        answer(&app, page, &whither, form)
    };
    if form.lacks(
        &app,
        &reader,
        &[("identifier", identifier), ("password", password)],
    ) {
        return again(&form);
    }
    let login = Login {
        identifier: identifier.unwrap_or_default().to_owned(),
        password: Password::new(password.unwrap_or_default().to_owned()),
        client: Some(whither.client().id.to_string()),
    };
    match login::sign_in(&app, &reader.visit, whither.client(), login).await {
        Ok(SignIn::Complete(given)) => Ok(whither.go(&reader, cookies_of(&app, given))),
        // There is nothing yet that asks for one.
        Ok(SignIn::Challenge(_)) => Err(Problem::new(
            Code::Internal,
            "a further step is needed, which these pages do not know",
        )),
        Err(problem) => {
            form.refused(&app, &reader, problem, "password")?;
            again(&form)
        }
    }
}

fn answer(
    app: &App,
    page: Page<'_>,
    whither: &Whither,
    form: &FormView,
) -> Result<Response, Problem> {
    let client = whither.application().map_or(Value::from(()), Value::from);
    page.form(form)
        .leads_to(whither.origin())
        .with(context! { client, registration => app.auth().settings().registration })
        .answer()
}
