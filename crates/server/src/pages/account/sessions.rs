//! `/account/sessions`: where somebody is signed in, and ending it.

use axum::extract::{Request, State};
use axum::response::Response;
use countersign_auth::account::AccountError;
use countersign_auth::live::LiveSession;
use countersign_auth::model::id::SessionId;
use countersign_auth::model::session::SessionView;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::super::Reader;
use super::super::device::device;
use super::super::form::{Filled, FormView};
use super::super::reader::{Refusal, go};
use super::super::sign_out::signed_out;
use super::super::texts::Texts;
use super::{Moment, client_name, page, place};
use crate::http::{App, Code, Problem};

/// A session, as its owner would know it.
#[derive(Serialize)]
struct Row {
    id: String,
    current: bool,
    device: String,
    used: Moment,
    began: Moment,
    address: Option<String>,
    clients: Vec<String>,
}

impl Row {
    fn new(app: &App, texts: &Texts, session: SessionView, live: &LiveSession) -> Self {
        let clients = session.clients.iter();
        let now = app.auth().env().now();
        Self {
            id: session.id.to_string(),
            current: session.id == live.session().id,
            device: device(texts, session.device.as_deref()),
            used: Moment::new(texts, session.last_used_at, now),
            began: Moment::new(texts, session.auth_time, now),
            address: session.address.map(|from| place(texts, &from)),
            clients: clients.map(|id| client_name(app, texts, id)).collect(),
        }
    }
}

pub(in crate::pages) async fn show(
    State(app): State<App>,
    reader: Reader,
) -> Result<Response, Refusal> {
    let live = reader.owner(&app).await?;
    answer(&app, &reader, &live, &FormView::new(&[])).await
}

/// `end` is a session's id, `others` or `all`.
pub(in crate::pages) async fn submit(
    State(app): State<App>,
    reader: Reader,
    request: Request,
) -> Result<Response, Refusal> {
    let filled = Filled::read(request).await?;
    let live = reader.owner(&app).await?;
    let (auth, caller, visitor) = (app.auth(), live.claims(), reader.visit.visitor());
    let done = |what| Ok(go(&reader.address.after("/account/sessions", what)));
    let ended: Result<&str, AccountError> = match filled.text("end")? {
        Some("all") => {
            auth.logout_all(caller, &visitor)
                .await
                .map_err(Problem::from)?;
            return Ok(signed_out(&app, &reader)?);
        }
        Some("others") => auth
            .end_my_other_sessions(caller, &visitor)
            .await
            .map(|_| "others"),
        Some(id) => {
            let id: SessionId = id.parse().map_err(|_| {
                Problem::new(
                    Code::InvalidId,
                    "a session's id is needed, as the page lists it",
                )
            })?;
            let ended = auth.end_my_session(caller, id, &visitor).await;
            if ended.is_ok() && id == live.session().id {
                return Ok(signed_out(&app, &reader)?);
            }
            ended.map(|()| "session")
        }
        None => {
            let problem = Problem::new(Code::MissingField, "which session is to end is missing");
            return Err(problem.field("end").into());
        }
    };
    match ended {
        Ok(what) => done(what),
        Err(error) => {
            let mut form = FormView::new(&[]);
            form.refused(&app, &reader, error.into(), "alert")?;
            answer(&app, &reader, &live, &form).await
        }
    }
}

async fn answer(
    app: &App,
    reader: &Reader,
    live: &LiveSession,
    form: &FormView,
) -> Result<Response, Refusal> {
    let texts = app.pages().texts(reader.address.language());
    let sessions = app
        .auth()
        .my_sessions(live.claims())
        .await
        .map_err(Problem::from)?;
    let mut rows: Vec<Row> = sessions
        .into_iter()
        .map(|session| Row::new(app, texts, session, live))
        .collect();
    rows.sort_by_key(|row| !row.current);
    // Where an application keeps no list, none of its sessions stands here, and all that ends them is ending all.
    let all_are_listed = app
        .auth()
        .clients()
        .iter()
        .all(|client| client.style.keeps_sessions());
    let page = page(app, reader, live, "sessions", "sessions.html")
        .form(form)
        .with(context! { sessions => Value::from(Serde(&rows)), all => !all_are_listed });
    Ok(page.answer()?)
}
