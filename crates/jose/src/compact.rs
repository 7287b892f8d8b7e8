//! The compact serialization (RFC 7515 §7.1): a token in its parts.

use crate::base64url;
use crate::header::Header;
use crate::key::MAX_SIGNATURE;
use crate::{Part, Refused, VerifyingKey};

/// The longest token that is looked at, in bytes of its text: 16 KiB. A limit of this
/// crate's own.
pub const MAX_TOKEN: usize = 16 * 1024;

/// The longest header that is looked at, in bytes of its text: 4 KiB. A limit of this
/// crate's own.
pub const MAX_HEADER: usize = 4 * 1024;

/// Room on the stack for a decoded header.
pub(crate) const HEADER_ROOM: usize = MAX_HEADER / 4 * 3 + 3;

/// Room on the stack for a decoded payload.
pub(crate) const PAYLOAD_ROOM: usize = MAX_TOKEN / 4 * 3 + 3;

const SIGNATURE_ROOM: usize = MAX_SIGNATURE + 4;

/// A token, split and not yet trusted.
pub(crate) struct Compact<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    /// Header, dot and payload: what was signed.
    signed: &'t str,
}

impl<'t> Compact<'t> {
    /// Bounds the length, then splits at exactly two dots.
    pub(crate) fn split(token: &'t str) -> Result<Self, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::TooLong);
        }
        let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second)) = (dots.next(), dots.next()) else {
            return Err(Refused::NotCompact);
        };
        if dots.next().is_some() {
            // RFC 7516 §7.1: an encrypted token has five parts.
            let five = dots.count() == 1;
            return Err(if five {
                Refused::Encrypted
            } else {
                Refused::NotCompact
            });
        }
        if first > MAX_HEADER {
            return Err(Refused::TooLong);
        }
        Ok(Self {
            header: &token[..first],
            payload: &token[first + 1..second],
            signature: &token[second + 1..],
            signed: &token[..second],
        })
    }

    /// Reads the header, and hands it to `then`.
    pub(crate) fn with_header<T>(
        &self,
        then: impl FnOnce(Header<'_>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let mut room = base64url::room::<HEADER_ROOM>();
        let json = base64url::decode(self.header.as_bytes(), &mut room)
            .map_err(|_| Refused::Base64(Part::Header))?;
        then(Header::parse(json)?)
    }

    /// The header's text.
    pub(crate) fn header(&self) -> &'t str {
        self.header
    }

    /// Checks the signature, and only if it holds gives out the payload, still encoded.
    pub(crate) fn signed_by(self, key: &VerifyingKey) -> Result<SignedPayload<'t>, Refused> {
        if self.signature.len() > SIGNATURE_ROOM / 3 * 4 {
            return Err(Refused::TooLong);
        }
        let mut room = base64url::room::<SIGNATURE_ROOM>();
        let signature = base64url::decode(self.signature.as_bytes(), &mut room)
            .map_err(|_| Refused::Base64(Part::Signature))?;
        if key.holds(self.signed.as_bytes(), signature) {
            Ok(SignedPayload(self.payload))
        } else {
            Err(Refused::Signature)
        }
    }
}

/// A payload whose signature holds.
pub(crate) struct SignedPayload<'t>(&'t str);

impl SignedPayload<'_> {
    /// Decodes it, and hands the bytes to `then`.
    pub(crate) fn decode<T>(
        &self,
        then: impl FnOnce(&[u8]) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let mut room = base64url::room::<PAYLOAD_ROOM>();
        let payload = base64url::decode(self.0.as_bytes(), &mut room)
            .map_err(|_| Refused::Base64(Part::Payload))?;
        then(payload)
    }
}
