//! What the buttons do, to the demo user and to nobody else, when this very page asks for it.
//!
//! None of it takes more than a page of this origin to ask, since nobody can be signed in as somebody disabled. So all of it
//! is closed to everybody else's pages, be their origin on a client's list, and to links; the edge has refused other
//! names of this host before (DNS rebinding).

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use countersign_auth::admin::users::ChangeUserError;
use countersign_auth::model::user::User;

use crate::first_start;
use crate::http::{App, Caller, Code, Problem, Site, Visit};

/// A request that a page of this server's own origin made; the browser says so.
pub(super) struct OwnPage;

impl FromRequestParts<App> for OwnPage {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let is_said = matches!(Site::of(&parts.headers), Site::Own | Site::Page(_));
        // A browser that came through a proxy says `same-origin` of a page whose origin is not the server's.
        let mut origins = parts.headers.get_all(header::ORIGIN).iter();
        let is_own = |origin: &str| app.own_name().is_own(origin);
        if is_said && origins.all(|origin| origin.to_str().is_ok_and(is_own)) {
            Ok(Self)
        } else {
            Err(Problem::new(
                Code::CrossSite,
                "the playground's own page alone may ask for this",
            ))
        }
    }
}

/// Ends the session of the token that is shown, as an operator would end it from elsewhere: the browser keeps its cookie,
/// and finds out.
pub(super) async fn revoke(
    State(app): State<App>,
    _: OwnPage,
    Caller(caller): Caller,
    visit: Visit,
) -> Result<StatusCode, Problem> {
    if demo_user(&app).await?.id.to_string() != caller.sub {
        return Err(Problem::new(
            Code::NotFound,
            "the playground ends sessions of the demo user alone",
        ));
    }
    app.auth().end_session_of(&caller, &visit.visitor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Disables the demo user: all their sessions and tokens end.
pub(super) async fn disable(
    State(app): State<App>,
    _: OwnPage,
    visit: Visit,
) -> Result<StatusCode, Problem> {
    set_enabled(&app, false, &visit).await
}

/// Enables the demo user again.
pub(super) async fn enable(
    State(app): State<App>,
    _: OwnPage,
    visit: Visit,
) -> Result<StatusCode, Problem> {
    set_enabled(&app, true, &visit).await
}

async fn set_enabled(app: &App, enabled: bool, visit: &Visit) -> Result<StatusCode, Problem> {
    let user = demo_user(app).await?;
    let visitor = visit.visitor();
    let set = app
        .auth()
        .set_user_enabled(user.id, enabled, &visitor)
        .await;
    match set {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(ChangeUserError::Store(error)) => Err(error.into()),
        // They were deleted meanwhile.
        Err(_) => Err(gone()),
    }
}

async fn demo_user(app: &App) -> Result<User, Problem> {
    let user = first_start::demo_user(app.auth()).await?;
    user.ok_or_else(gone)
}

fn gone() -> Problem {
    Problem::new(Code::NotFound, "there is no demo user any more")
}
