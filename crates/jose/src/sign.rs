//! Signing claims.

use serde::Serialize;

use crate::claims::too_many;
use crate::{SignError, SigningKey, jws};

/// Signs claims as a JWT in compact form (RFC 7519 §7.1). The header has `alg`, `typ` and, if the
/// key has one, `kid`.
///
/// `typ` is the kind of token, such as `at+jwt` (RFC 9068 §2.1); verifiers ask for it. Claims are
/// not checked here: without `iss`, `aud` and `exp` no [`Verifier`](crate::Verifier) takes the
/// token.
///
/// # Errors
/// [`SignError::Claims`] if the claims do not become a JSON object, [`SignError::TooManyClaims`]
/// if they are more than [`MAX_CLAIMS`](crate::MAX_CLAIMS); otherwise as [`jws::sign`].
///
/// # Example
/// ```
/// use countersign_jose::{Algorithm, SigningKey, sign};
///
/// let key = SigningKey::generate(Algorithm::EdDSA)?;
/// let claims = serde_json::json!({
///     "iss": "https://id.example", "aud": "orders", "sub": "u1", "exp": 1_800_000_000,
/// });
/// let token = sign(&key, "at+jwt", &claims)?;
/// assert_eq!(token.split('.').count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sign(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
    let mut payload = Vec::with_capacity(512);
    serde_json::to_writer(&mut payload, claims).map_err(|_| SignError::Claims)?;
    if payload.first() != Some(&b'{') {
        return Err(SignError::Claims);
    }
    if too_many(&payload) {
        return Err(SignError::TooManyClaims);
    }
    let header = jws::Header {
        typ: Some(typ),
        cty: None,
    };
    jws::sign(key, &header, &payload)
}
