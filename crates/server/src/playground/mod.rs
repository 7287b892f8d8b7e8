//! `/playground`: watch a token being used, taken back and tampered with. It exists only where somebody tries the
//! server out ([`crate::config::Config::is_a_trial`]), and its deeds concern the demo user alone.

mod code;
mod deeds;
mod lamp;
mod page;

use axum::Router;
use axum::routing::{get, post};

use crate::http::App;

/// Its routes.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/playground", get(page::show))
        .route("/playground/{file}", get(page::file))
        .route("/playground/lamp", get(lamp::show))
        .route("/playground/revoke", post(deeds::revoke))
        .route("/playground/disable", post(deeds::disable))
        .route("/playground/enable", post(deeds::enable))
}
