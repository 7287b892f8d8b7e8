//! Wrapping one key under another: AES key wrap (RFC 7518 §4.4, RFC 3394), and the key that two
//! parties agree upon for it (RFC 7518 §4.6.2).

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::key_wrap::{AesKek, KeyWrap as _};

use super::algorithm::KeyWrap;
use super::content::MAX_KEY;

/// Octets that wrapping adds (RFC 3394 §2.2.1).
pub(crate) const WRAP_OVERHEAD: usize = 8;

/// Wraps a content key, or the octets of one.
pub(crate) fn wrap(with: &KeyWrap, secret: &[u8], key: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut room = [0; MAX_KEY + WRAP_OVERHEAD];
    let wrapped = AesKek::new(with.cipher, secret)?.wrap(key, &mut room)?;
    Ok(wrapped.to_vec())
}

/// Unwraps into `key`, whose length is that of the wrapped key. On failure what is in `key` means
/// nothing.
pub(crate) fn unwrap(
    with: &KeyWrap,
    secret: &[u8],
    wrapped: &[u8],
    key: &mut [u8],
) -> Result<(), Unspecified> {
    let len = AesKek::new(with.cipher, secret)?
        .unwrap(wrapped, key)?
        .len();
    if len == key.len() {
        Ok(())
    } else {
        Err(Unspecified)
    }
}

/// The Concat KDF with SHA-256 (RFC 7518 §4.6.2): from what two parties agreed upon to a key for
/// this algorithm, which `enc` names where the key is the content's, and `alg` otherwise.
pub(crate) fn derive(
    agreed: &[u8],
    algorithm: &str,
    (sender, recipient): (&[u8], &[u8]),
    key: &mut [u8],
) -> Result<(), Unspecified> {
    let mut info = Vec::with_capacity(16 + algorithm.len() + sender.len() + recipient.len());
    for part in [algorithm.as_bytes(), sender, recipient] {
        info.extend(length(part.len())?);
        info.extend(part);
    }
    info.extend(length(key.len() * 8)?);
    let sha256 = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256);
    sskdf_digest(sha256.ok_or(Unspecified)?, agreed, &info, key)
}

fn length(len: usize) -> Result<[u8; 4], Unspecified> {
    let len = u32::try_from(len).map_err(|_| Unspecified)?;
    Ok(len.to_be_bytes())
}
