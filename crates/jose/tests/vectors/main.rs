//! Published test vectors, read from the folder that `JOSE_VECTORS` names.
//!
//! Without it nothing is tested, and the test says so; with `STRICT=1` that is a failure.

#![expect(clippy::unwrap_used, reason = "what tests share fails as tests do")]

mod cookbook;
mod encryption;
mod jwcrypto;
mod ml_dsa;
mod report;
mod rfc;
mod wycheproof;
