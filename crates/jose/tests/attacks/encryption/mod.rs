//! Attacks on encrypted tokens.

mod forge;
mod header;
mod keys;
mod nested;
mod parts;
mod password;
