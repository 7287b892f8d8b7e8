//! Known attacks on JSON Web Tokens, one test each: what is attacked is in the name, where it
//! comes from in the comment.

#![expect(clippy::unwrap_used, reason = "what tests share fails as tests do")]

mod algorithm;
mod claims;
mod encoding;
mod encryption;
mod forge;
mod header;
mod keys;
mod ml_dsa;
mod signature;
mod size;
