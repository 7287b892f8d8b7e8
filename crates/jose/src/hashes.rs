//! The hashes that claims carry: of what stands beside an ID token, of a certificate, of an access
//! token that is bound to a key.
//!
//! The thumbprint of a key, `jkt` in `cnf` (RFC 9449 §6.1), is
//! [`VerifyingKey::thumbprint`](crate::VerifyingKey::thumbprint).

use aws_lc_rs::digest::{SHA256, digest};

use crate::{Algorithm, base64url};

/// `at_hash` of an access token or `c_hash` of a code, in an ID token that is signed with `alg`:
/// the left half of the hash that `alg` uses, base64url (OpenID Connect Core 1.0 §3.1.3.6,
/// §3.3.2.11).
///
/// Ed25519 hashes with SHA-512 (RFC 8032 §5.1). `None` for ML-DSA: it uses an output of SHAKE256
/// of no fixed length, and no specification says what half of it is. Where a client fetches its
/// tokens with a code, both claims may be left out (OpenID Connect Core 1.0 §3.1.3.6).
///
/// # Example
/// ```
/// use countersign_jose::{Algorithm, hashes};
///
/// let at_hash = hashes::half_hash(Algorithm::RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
/// assert_eq!(at_hash.as_deref(), Some("77QmUPtjPfzWtF2AnpK9RQ"));
/// ```
#[must_use]
pub fn half_hash(alg: Algorithm, text: &str) -> Option<String> {
    let hash = digest(alg.row().hash?, text.as_bytes());
    let hash = hash.as_ref();
    Some(base64url::encode(&hash[..hash.len() / 2]))
}

/// `ath`, the hash of an access token in a `DPoP` proof (RFC 9449 §4.2): SHA-256, base64url.
#[must_use]
pub fn access_token_hash(token: &str) -> String {
    sha256(token.as_bytes())
}

/// `x5t#S256`, the thumbprint of a certificate, given as DER, that a token is bound to (RFC 8705
/// §3.1, RFC 7515 §4.1.8): SHA-256, base64url.
#[must_use]
pub fn certificate_thumbprint(der: &[u8]) -> String {
    sha256(der)
}

fn sha256(bytes: &[u8]) -> String {
    base64url::encode(digest(&SHA256, bytes).as_ref())
}
