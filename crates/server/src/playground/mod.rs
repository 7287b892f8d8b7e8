//! `/playground`: watch a token being used, revoked and tampered with. It exists only where somebody tries the
//! server out ([`crate::config::Config::is_a_trial`]), and its deeds concern the demo user alone.

mod code;
mod deeds;
mod lamp;
mod page;
mod proxied;

use axum::Router;
use axum::body::Bytes;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::http::App;

/// Its routes, on the server that goes by this name.
pub(crate) fn router(issuer: &str) -> Router<App> {
    let page = Bytes::from(code::fill(
        include_str!("../../playground/index.html"),
        issuer,
    ));
    Router::new()
        .route("/playground", get(async move || page::show(page)))
        .route("/playground/{file}", get(page::file))
        .route("/playground/lamp", get(lamp::show))
        .route("/playground/revoke", post(deeds::revoke))
        .route("/playground/disable", post(deeds::disable))
        .route("/playground/enable", post(deeds::enable))
        .layer(from_fn(proxied::refuse))
}
