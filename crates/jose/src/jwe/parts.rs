//! The compact serialization of an encrypted token (RFC 7516 §7.1): its five parts.

use std::mem::MaybeUninit;

use zeroize::Zeroizing;

use crate::compact::{MAX_HEADER, MAX_TOKEN};
use crate::{Part, Refused, base64url};

/// A token, split and not yet trusted.
pub(super) struct Parts<'t> {
    /// As it stands: what the tag covers beside the ciphertext (RFC 7516 §5.1, step 14).
    pub(super) header: &'t str,
    pub(super) encrypted_key: &'t str,
    pub(super) iv: &'t str,
    pub(super) ciphertext: &'t str,
    pub(super) tag: &'t str,
}

impl<'t> Parts<'t> {
    /// Bounds the length, then splits at exactly four dots.
    pub(super) fn split(token: &'t str) -> Result<Self, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::TooLong);
        }
        let mut rest = token.splitn(6, '.');
        let parts: [Option<&str>; 6] = std::array::from_fn(|_| rest.next());
        match parts {
            [Some(header), ..] if header.len() > MAX_HEADER => Err(Refused::TooLong),
            [
                Some(header),
                Some(encrypted_key),
                Some(iv),
                Some(ciphertext),
                Some(tag),
                None,
            ] => Ok(Self {
                header,
                encrypted_key,
                iv,
                ciphertext,
                tag,
            }),
            // RFC 7515 §7.1: a signed token has three parts.
            [_, _, Some(_), None, ..] => Err(Refused::NotEncrypted),
            _ => Err(Refused::NotCompact),
        }
    }
}

/// Decodes a part that must have exactly so many octets.
pub(super) fn exactly<'r>(
    text: &str,
    len: usize,
    part: Part,
    room: &'r mut [MaybeUninit<u8>],
) -> Result<&'r mut [u8], Refused> {
    if text.len() != (len * 4).div_ceil(3) {
        return Err(Refused::Length(part));
    }
    base64url::decode(text.as_bytes(), room).map_err(|_| Refused::Base64(part))
}

/// Decodes the ciphertext, in whose place the plaintext will be.
pub(super) fn ciphertext(text: &str) -> Result<Zeroizing<Vec<u8>>, Refused> {
    base64url::decode_secret(text).map_err(|_| Refused::Base64(Part::Ciphertext))
}
