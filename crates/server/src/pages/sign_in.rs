//! `/login`: signing in, for the account or for an application that sent somebody here.
//!
//! Who signs in for an application is signed in to these pages, too, and the application joins that session: so the next one
//! asks for no password, and all of it ends at once. Where an application cannot join (its style, or other terms), it gets a
//! session of its own, and asks for the password each time.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::response::Response;
use countersign_auth::live::LiveSession;
use countersign_auth::login::{Login, SignIn};
use countersign_auth::password::Password;
use countersign_auth::style::Given;
use minijinja::context;
use minijinja::value::Value;

use super::Reader;
use super::form::{Filled, FormView};
use super::reader::{go, own_client};
use super::render::{Page, who};
use super::whither::Whither;
use crate::http::{App, Code, Problem, cookies_of, use_session, with_cookies};
use crate::routes::login;

const FIELDS: &[&str] = &["identifier", "password"];

pub(super) async fn show(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    let whither = Whither::of(&app, &reader)?;
    let Some(live) = reader.live(&app).await? else {
        let form = FormView::new(FIELDS).focus("identifier");
        return answer(&app, &reader, &whither, &form);
    };
    let client = &whither.client().id;
    let template = match whither {
        Whither::Account(_) => "signed-in.html",
        Whither::Application(_) if app.auth().can_join(&live, client.as_str()).is_ok() => {
            "continue.html"
        }
        Whither::Application(_) => {
            let form = FormView::new(FIELDS)
                .value("identifier", Some(&live.user().email))
                .focus("password");
            let page = page(&app, &reader, &whither, &form);
            return page.with(context! { who => who(live.user()) }).answer();
        }
    };
    Page::new(&app, &reader, template)
        .of(live.user())
        .leads_to(whither.origin())
        .with(context! {
            client => whither.application().map_or(Value::from(()), Value::from),
            session => live.session().id.to_string(),
        })
        .answer()
}

pub(super) async fn submit(
    State(app): State<App>,
    reader: Reader,
    request: Request,
) -> Result<Response, Problem> {
    let filled = Filled::read(request).await?;
    let whither = Whither::of(&app, &reader)?;
    if let Some(shown) = filled.text("continue")? {
        return proceed(&app, &reader, &whither, shown).await;
    }
    let (identifier, password) = (filled.text("identifier")?, filled.text("password")?);
    let mut form = FormView::new(FIELDS).value("identifier", identifier);
    let needed = [("identifier", identifier), ("password", password)];
    if form.lacks(&app, &reader, &needed) {
        return answer(&app, &reader, &whither, &form);
    }
    let login = Login {
        identifier: identifier.unwrap_or_default().to_owned(),
        password: Password::new(password.unwrap_or_default().to_owned()),
        client: None,
    };
    match enter(&app, &reader, &whither, login).await {
        Ok(response) => Ok(response),
        Err(problem) => {
            form.refused(&app, &reader, problem, "password")?;
            answer(&app, &reader, &whither, &form)
        }
    }
}

/// Somebody who is signed in goes on to an application, which joins their session. If it is no longer the one that the page
/// showed, they are shown it anew. If it cannot, they are shown why not to go on so: by the page that asks for the password.
async fn proceed(
    app: &App,
    reader: &Reader,
    whither: &Whither,
    shown: &str,
) -> Result<Response, Problem> {
    let live = reader.live(app).await?;
    let Some(live) = live.filter(|live| live.session().id.to_string() == shown) else {
        return Ok(go(&reader.address.at("/login")));
    };
    match join(app, reader, whither, &live).await {
        Ok(cookies) => Ok(with_cookies(whither.go(reader), cookies)),
        Err(problem) => {
            let mut form = FormView::new(FIELDS).value("identifier", Some(&live.user().email));
            form.refused(app, reader, problem, "password")?;
            answer(app, reader, whither, &form)
        }
    }
}

/// Signs somebody in to where they want to go, and goes there.
pub(super) async fn enter(
    app: &App,
    reader: &Reader,
    whither: &Whither,
    login: Login,
) -> Result<Response, Problem> {
    let joins = app.auth().joins_from_the_start(whither.client());
    let client = if joins {
        own_client(app)?
    } else {
        whither.client().clone()
    };
    let login = Login {
        client: Some(client.id.to_string()),
        ..login
    };
    let given = match login::sign_in(app, &reader.visit, &client, login).await? {
        SignIn::Complete(given) => given,
        // There is nothing yet that asks for one.
        SignIn::Challenge(_) => {
            return Err(Problem::new(
                Code::Internal,
                "a further step is needed, which these pages do not know",
            ));
        }
    };
    let name = match &given {
        Given::Session(session) if joins => Some(session.name.expose()),
        _ => None,
    };
    let cookies = cookies_of(app, given);
    let Some(name) = name else {
        return Ok(with_cookies(whither.go(reader), cookies));
    };
    let live = use_session(app, &client, &name).await?;
    // They are signed in by now. Whatever keeps the application from joining, the page says when it is asked again.
    Ok(match join(app, reader, whither, &live).await {
        Ok(joined) => {
            let response = with_cookies(whither.go(reader), cookies);
            with_cookies(response, joined)
        }
        Err(_) => with_cookies(go(&reader.address.at("/login")), cookies),
    })
}

/// Lets the application join a session of these pages.
async fn join(
    app: &App,
    reader: &Reader,
    whither: &Whither,
    live: &LiveSession,
) -> Result<[Option<HeaderValue>; 2], Problem> {
    let client = whither.client();
    reader.visit.admit(app, client)?;
    let visitor = reader.visit.visitor_signing_in(app, client)?;
    let given = app.auth().join(live, client.id.as_str(), &visitor).await?;
    Ok(cookies_of(app, given))
}

fn page<'a>(app: &'a App, reader: &'a Reader, whither: &'a Whither, form: &FormView) -> Page<'a> {
    let client = whither.application().map_or(Value::from(()), Value::from);
    Page::new(app, reader, "sign-in.html")
        .form(form)
        .leads_to(whither.origin())
        .with(context! { client, registration => app.auth().settings().registration })
}

fn answer(
    app: &App,
    reader: &Reader,
    whither: &Whither,
    form: &FormView,
) -> Result<Response, Problem> {
    page(app, reader, whither, form).answer()
}
