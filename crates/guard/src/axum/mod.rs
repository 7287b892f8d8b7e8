//! Protects an axum service (feature `axum`): a tower layer, and extractors that say who is calling.
//!
//! # The rules
//! 1. **One token.** A request with more than one, in whatever places, is refused. Tokens are looked
//!    for where [`Protect::sources`] says, in `Authorization` if nothing is said, and never in the
//!    address.
//! 2. **A cookie is not enough.** Browsers send it whoever made them: an unsafe method, or the opening
//!    of a WebSocket, needs `Sec-Fetch-Site: same-origin` or an `Origin` from
//!    [`Protect::origins`].
//! 3. **A bad token is refused everywhere**, also where visitors are let in. A token that is bound to a
//!    key (`cnf`) is bad until its proof can be checked.
//! 4. **Then its rate, then what it permits**: [`Protect::rate_limit`], [`Protect::require`]. Only good
//!    tokens have budgets, so nobody can fill the memory, or spend another's, with bad ones.
//! 5. **Answers** are those of RFC 6750, RFC 9470 and RFC 9457: 401 with a challenge for whoever has to
//!    sign in (again), 403 for whoever may not, 400 for what cannot be told, 429 with `Retry-After`, and
//!    503 where it is the guard that cannot know. They say a code, and nothing of the token.
//! 6. **People are sent to the sign-in page** if [`Protect::sign_in`] names it and they follow a link;
//!    the way back leads to this service and nowhere else.
//! 7. **A handler cannot forget the layer**: [`Caller`] without one is an error 500, also as an option.
//! 8. **What is open ends with its token** if it waits for [`Caller::watch`], too.
//!
//! # Where it stands
//! **In front of this service stands nothing, or a proxy over TLS.** A token that travels in the clear
//! belongs to whoever listens. A proxy that adds `Authorization` of its own, or strips `Origin` or
//! `Sec-Fetch-Site`, changes who is calling. Layers outside of this one see requests that nobody has
//! checked; routes that are added after `layer(..)` are outside of it. Each process counts its own
//! rates, and hears revocations by itself. A layer for CORS stands outside of this one: the browser's
//! question before a request bears no token.
//!
//! # Example
//! ```no_run
//! use std::time::Duration;
//! use axum::{Router, routing::{get, post}};
//! use countersign_guard::axum::{Allowed, Caller, Demand, Requirement};
//! # async fn run(guard: countersign_guard::net::Connected) {
//! struct Cancel;
//!
//! impl Demand for Cancel {
//!     fn requirement() -> Requirement {
//!         Requirement::new().scope("orders:write").signed_in_within(Duration::from_mins(10))
//!     }
//! }
//!
//! async fn list(caller: Caller) -> String {
//!     format!("orders of {}", caller.sub)
//! }
//!
//! async fn cancel(caller: Allowed<Cancel>) -> String {
//!     format!("cancelled for {}", caller.sub)
//! }
//!
//! let app: Router = Router::new()
//!     .route("/orders", get(list))
//!     .route("/cancel", post(cancel))
//!     .layer(guard.protect());
//! # }
//! ```

mod answering;
mod caller;
mod denial;
mod layer;
mod origin;
mod rate;
mod requirement;
mod scheme;
mod sign_in;
mod source;

pub use caller::{Allowed, Caller, Demand};
pub use denial::Denial;
pub use layer::{Protect, Protected};
pub use rate::RateLimit;
pub use requirement::Requirement;
pub use scheme::{Basic, Exchanging, NotExchanged, Scheme};
pub use sign_in::SignIn;
pub use source::Source;
