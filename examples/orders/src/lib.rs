//! Orders, kept by a service that knows people by their tokens alone: it has no table of users, and asks
//! nobody about a token. A second service, which knows the prices, is for that one and for nobody else.
//!
//! - **A request**: [`routes`] (the guard's layer) → [`viewer`] (who is asking) → [`schema`] (what is
//!   asked) → [`store`] (whose orders) → [`problem`] (what the wire hears of a failure).
//! - **A price**: [`prices`] → a service token, kept fresh by the guard → [`pricing`].

pub mod order;
pub mod page;
pub mod prices;
pub mod pricing;
pub mod problem;
pub mod routes;
pub mod schema;
pub mod service;
pub mod store;
pub mod viewer;
