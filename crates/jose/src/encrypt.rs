//! Encrypting a signed token.

use crate::compact::Compact;
use crate::{ContentEncryption, EncryptError, EncryptionKey, Refused, jwe};

/// Encrypts a signed token to the one who is to read it (a nested JWT: RFC 7519 §5.2, §11.2,
/// appendix A.2). The header has `alg`, `enc`, `cty` `JWT` and, if the key has one, `kid`. No claim
/// is repeated in it (§5.3).
///
/// That makes it a third longer, and 100 to 800 characters, so that what is signed can have about
/// 11,000.
///
/// # Errors
/// [`EncryptError::NotSigned`] if it is no signed token; otherwise as [`jwe::encrypt`].
///
/// # Example
/// ```
/// # use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, sign};
/// use countersign_jose::{ContentEncryption, DecryptionKey, DecryptionKeySet, KeyManagement};
/// use countersign_jose::{Verifier, encrypt};
/// # let claims = serde_json::json!({"iss": "i", "aud": "a", "sub": "u1", "exp": 1_800_000_000});
/// # let key = SigningKey::generate(Algorithm::ES256)?;
/// # let keys = KeySet::new(vec![key.verifying_key()])?;
/// # let now = UnixTime::from_secs(1_700_000_000);
///
/// let own = DecryptionKey::generate(KeyManagement::EcdhEs)?;
/// let signed = sign(&key, "at+jwt", &claims)?;
/// let token = encrypt(&own.encryption_key(), ContentEncryption::A256GCM, &signed)?;
///
/// let own = DecryptionKeySet::new(vec![own])?;
/// let verifier = Verifier::new("i", "a", "at+jwt", keys).encrypted_to(own);
/// let verified = verifier.verify::<serde_json::Value>(&token, now)?;
/// assert_eq!(verified["sub"], "u1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encrypt(
    key: &EncryptionKey,
    enc: ContentEncryption,
    signed: &str,
) -> Result<String, EncryptError> {
    match Compact::split(signed).and_then(|compact| compact.with_header(|_| Ok(()))) {
        Ok(()) => {}
        Err(Refused::TooLong) => return Err(EncryptError::TooLong),
        Err(_) => return Err(EncryptError::NotSigned),
    }
    let header = jwe::Header {
        typ: None,
        cty: Some("JWT"),
    };
    jwe::encrypt(key, enc, &header, signed.as_bytes())
}
