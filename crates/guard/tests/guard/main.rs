//! The guard through its public face.

mod check;
mod issuer;
mod model;
mod race;
