//! Accounts, passwords, sessions, grants, keys, clients and revocations: what the server does, without HTTP and
//! without SQL.

pub mod directory;
pub mod env;
pub mod model;
pub mod password;
pub mod rotation;
pub mod sessions;
pub mod store;
