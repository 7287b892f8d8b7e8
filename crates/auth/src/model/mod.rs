//! What there is: users, sessions, grants, clients, keys, revocations, and the trail of what happened.

pub mod audit;
pub mod client;
pub mod encryption;
pub mod grant;
pub mod id;
pub mod key;
pub mod named;
pub mod node;
pub mod revocation;
pub mod secret;
pub mod session;
pub mod user;
