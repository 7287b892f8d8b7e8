//! The public API, a file for each noun. What they share is in [`crate::http`].

pub(crate) mod browser_client;
pub(crate) mod forward_auth;
pub(crate) mod gateway;
pub(crate) mod health;
pub(crate) mod introspect;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod revocations;
pub(crate) mod revoke;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod token;
pub(crate) mod well_known;
