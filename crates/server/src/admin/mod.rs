//! The administration interface: HTTP and JSON, a route for each noun.
//!
//! A running server offers it on a Unix socket in its data folder ([`socket`]). The command line is its client
//! ([`client`]); where no server runs, the command line opens the store itself and calls the very same router in
//! its own process, so there is one way in which anything is done.

mod audit;
mod backup;
pub mod client;
mod clients;
mod demo;
mod errors;
mod keys;
mod moving;
mod problem;
mod revocations;
mod sessions;
pub mod socket;
mod status;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post, put};
use countersign_auth::Auth;
use tokio::sync::Mutex;

pub use backup::Embedded;
pub use clients::ShownClient;
pub use demo::Demo;
pub use moving::{Frozen, HandOver, HandedOver, Watched};
pub use problem::Problem;
pub use revocations::{Revoke, Revoked};
pub use sessions::Ended;
pub use status::Status;

/// What the handlers share.
#[derive(Clone)]
struct Desk {
    auth: Arc<Auth>,
    /// Held by what reads before it writes: two operators at once do not undo each other's change.
    one_at_a_time: Arc<Mutex<()>>,
    /// The store, if it is a file of this node's own.
    embedded: Option<Embedded>,
    /// Held while the file is copied.
    one_copy_at_a_time: Arc<Mutex<()>>,
}

/// All routes.
pub fn router(auth: Arc<Auth>, embedded: Option<Embedded>) -> Router {
    let desk = Desk {
        auth,
        one_at_a_time: Arc::default(),
        embedded,
        one_copy_at_a_time: Arc::default(),
    };
    Router::new()
        .route("/status", get(status::show))
        .route("/users", get(users::list).post(users::add))
        .route(
            "/users/{who}",
            get(users::show).patch(users::change).delete(users::delete),
        )
        .route("/users/{who}/enable", post(users::enable))
        .route("/users/{who}/disable", post(users::disable))
        .route("/users/{who}/password", put(users::set_password))
        .route("/users/{who}/roles", post(users::change_roles))
        .route("/users/{who}/export", get(users::export))
        .route(
            "/users/{who}/sessions",
            get(sessions::of_user).delete(sessions::end_of_user),
        )
        .route("/sessions", delete(sessions::end_everybodys))
        .route("/sessions/{id}", delete(sessions::end))
        .route("/clients", get(clients::list).post(clients::add))
        .route("/clients/{id}", get(clients::show).put(clients::replace))
        .route("/clients/{id}/enable", post(clients::enable))
        .route("/clients/{id}/disable", post(clients::disable))
        .route("/clients/{id}/secret", post(clients::rotate_secret))
        .route("/keys", get(keys::list))
        .route("/keys/rotate", post(keys::rotate))
        .route("/keys/{id}", delete(keys::remove))
        .route("/revocations", post(revocations::revoke))
        .route("/demo", post(demo::renew))
        .route("/audit", get(audit::list))
        .route("/backup", get(backup::download))
        .route("/move/watch", post(moving::watch))
        .route("/move/written/{watch}", get(moving::written))
        .route("/move/freeze", post(moving::freeze))
        .route("/move/done", post(moving::done))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .with_state(desk)
}
