//! Keys and tokens before other implementations, in both directions: `jose` for Node.js, `joserfc`
//! and `PyJWT` for Python. What one makes the other opens; changed in one character, it does not.

#![expect(clippy::unwrap_used, reason = "what tests share fails as tests do")]

mod encryption;
mod keys;
mod library;
mod nested;
mod refused;
mod signatures;
mod tally;
