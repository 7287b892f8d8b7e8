//! Every route there is.

use axum::Router;
use axum::routing::{any, get};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::edge::{self, EdgeLayer};
use super::openapi;
use crate::pages;
use crate::playground;
use crate::routes::{
    browser_client, forward_auth, gateway, health, introspect, login, logout, me, password,
    refresh, register, revocations, revoke, session, sessions, token, well_known,
};

/// The public API.
pub fn router(app: App) -> Router {
    let (routes, document) = OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(logout::logout_all))
        .routes(routes!(me::show, me::change))
        .routes(routes!(session::show))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end_one))
        .routes(routes!(password::change))
        .routes(routes!(revocations::poll))
        .routes(routes!(revocations::stream))
        .routes(routes!(token::token))
        .routes(routes!(introspect::introspect))
        .routes(routes!(revoke::revoke))
        .routes(routes!(forward_auth::check))
        .routes(routes!(gateway::check))
        .routes(routes!(well_known::key_set))
        .routes(routes!(well_known::metadata))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .split_for_parts();
    let routes = if app.settings().playground {
        routes.merge(playground::router(&app.auth().settings().issuer))
    } else {
        routes
    };

    routes
        // Envoy puts the path that it asks about behind, and uses its method.
        .route("/v1/forward-auth/", any(forward_auth::check))
        .route("/v1/forward-auth/{*path}", any(forward_auth::check))
        .route("/gateway/{id}/", any(gateway::check))
        .route("/gateway/{id}/{*path}", any(gateway::check))
        .route(browser_client::CODE, get(browser_client::code))
        .route(browser_client::TYPES, get(browser_client::types))
        .route(openapi::PATH, openapi::serve(document))
        .merge(pages::routes())
        .fallback(edge::not_found)
        .method_not_allowed_fallback(edge::method_not_allowed)
        .layer(EdgeLayer(app.clone()))
        .with_state(app)
}
