//! What operators do: the command line and the administration interface call this.

pub mod keys;
pub mod sessions;
pub mod trail;
pub mod users;
