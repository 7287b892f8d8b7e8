//! The pages: where people sign in, and look after their account. Rendered here, plain forms, good without JavaScript.
//!
//! They are a client like any other (`account`, style `session`), so what they can do is what `/v1/` can: the same straight
//! lines of code, behind forms in the place of JSON. What they add is in this order: 1. `Reader`: who looks, in which
//! language, from where, and no form from anywhere else; 2. a route for each page; 3. `Page`: the template, and the
//! headers that every page bears.

mod account;
mod assets;
mod brand;
mod colour;
mod device;
mod errors;
mod forgotten;
mod form;
mod reader;
mod register;
mod rehearsal;
mod render;
mod sign_in;
mod sign_out;
mod texts;
mod whither;

use axum::Router;
use axum::routing::get;

pub use self::brand::{BrandError, PagesConfig};
pub use self::render::Pages;

pub(crate) use self::errors::{Onlooker, show_problem};
pub(crate) use self::reader::Reader;

use crate::http::App;

/// Every page there is.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(account::home))
        .route("/login", get(sign_in::show).post(sign_in::submit))
        .route("/register", get(register::show).post(register::submit))
        .route("/logout", get(sign_out::show).post(sign_out::submit))
        .route("/password/forgotten", get(forgotten::show))
        .route(
            "/account",
            get(account::profile::show).post(account::profile::submit),
        )
        .route(
            "/account/password",
            get(account::password::show).post(account::password::submit),
        )
        .route(
            "/account/sessions",
            get(account::sessions::show).post(account::sessions::submit),
        )
        .route("/account/activity", get(account::activity::show))
        .route("/assets/{name}", get(assets::serve))
}
