//! The token that everybody signs, verifies and encrypts, and how much of it is kept.

use serde::{Deserialize, Serialize};

pub const ISSUER: &str = "https://id.example.com";
pub const AUDIENCE: &str = "https://api.example.com";
pub const TYP: &str = "at+jwt";
pub const SECRET: &[u8] = b"a shared secret of 32 bytes, yes";
/// 2026-01-01; the token lives until 2100.
pub const NOW: u64 = 1_767_225_600;
pub const EXP: u64 = 4_102_444_800;

/// Ten claims, seven of which are strings.
#[derive(Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: u64,
    pub iat: u64,
    pub jti: String,
    pub client_id: String,
    pub sid: String,
    pub auth_time: u64,
    pub scope: String,
}

/// For a caller who wants to know that the token is good, and no more.
#[derive(Deserialize)]
pub struct Nothing {}

pub fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        sub: "u3v0zYkCQmCuJ2mDqDkK3w".into(),
        aud: AUDIENCE.into(),
        exp: EXP,
        iat: NOW,
        jti: "0Zq0yJv6Tr-3oJm9m1mB2g".into(),
        client_id: "default".into(),
        sid: "AAABnJx3mAC0u6s5dQm2bJvA3Zt7c2Qw".into(),
        auth_time: NOW,
        scope: "orders:read orders:write".into(),
    }
}
