//! Signed bytes (RFC 7515): for tools, for payloads that are not claims, and for test vectors.
//!
//! A [`Verified`](crate::Verified) token comes from a [`Verifier`](crate::Verifier) alone. What
//! [`verify`] returns says that these bytes were signed by that key, and nothing about who issued
//! them, for whom, of what kind they are, or whether they have expired.

use crate::base64url;
use crate::compact::{Compact, MAX_HEADER, MAX_TOKEN};
use crate::key::STACK_SIGNATURE;
use crate::{Algorithm, KeySet, Refused, SignError, SigningKey, VerifyingKey};

/// What a header may say beside `alg` and `kid` (RFC 7515 §4.1), which come from the key.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Header<'h> {
    /// The kind of the whole token (RFC 7515 §4.1.9, RFC 7516 §4.1.11), such as `at+jwt`.
    pub typ: Option<&'h str>,
    /// The kind of what is inside (RFC 7515 §4.1.10, RFC 7516 §4.1.12), such as `JWT` when a token
    /// is wrapped.
    pub cty: Option<&'h str>,
}

/// Signs these bytes; the compact serialization (RFC 7515 §7.1).
///
/// # Errors
/// [`SignError::MediaType`] for a bad `typ` or `cty`; [`SignError::TooLong`] if no verifier of
/// this crate would accept the outcome; [`SignError::Failed`].
pub fn sign(key: &SigningKey, header: &Header<'_>, payload: &[u8]) -> Result<String, SignError> {
    let json = header.json(key.public())?;
    let length = base64url::encoded_len(json.len())
        + base64url::encoded_len(payload.len())
        + base64url::encoded_len(key.signature_len())
        + 2;
    let mut token = String::with_capacity(length);
    base64url::encode_append(json.as_bytes(), &mut token);
    if token.len() > MAX_HEADER {
        return Err(SignError::TooLong);
    }
    token.push('.');
    base64url::encode_append(payload, &mut token);
    let mut room = [0; STACK_SIGNATURE];
    let signature = key.sign_into(token.as_bytes(), &mut room)?;
    token.push('.');
    base64url::encode_append(&signature, &mut token);
    if token.len() > MAX_TOKEN {
        return Err(SignError::TooLong);
    }
    Ok(token)
}

impl Header<'_> {
    /// The header of what this key's other half signs.
    pub(crate) fn json(&self, key: &VerifyingKey) -> Result<String, SignError> {
        let mut json = String::with_capacity(128);
        json.push_str("{\"alg\":\"");
        json.push_str(key.algorithm().name());
        json.push('"');
        self.write_kinds(&mut json).ok_or(SignError::MediaType)?;
        json.push_str(key.kid_member());
        json.push('}');
        Ok(json)
    }

    /// Appends `typ` and `cty`; `None` if one of them is no media type.
    pub(crate) fn write_kinds(&self, json: &mut String) -> Option<()> {
        for (name, value) in [("typ", self.typ), ("cty", self.cty)] {
            let Some(value) = value else { continue };
            if !is_media_type(value) {
                return None;
            }
            // What a media type is made of needs no escaping in JSON.
            json.extend([",\"", name, "\":\"", value, "\""]);
        }
        Some(())
    }
}

/// RFC 6838 §4.2, with or without what stands before the slash.
fn is_media_type(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&b))
}

/// Bytes whose signature holds (RFC 7515 §5.2). Made by [`verify`] and [`verify_with`] alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedBytes {
    payload: Vec<u8>,
    algorithm: Algorithm,
    typ: Option<Box<str>>,
    key_id: Option<Box<str>>,
}

impl VerifiedBytes {
    /// What was signed (RFC 7515 §2).
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What was signed (RFC 7515 §2).
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The algorithm of the key that it holds under (RFC 7515 §4.1.1).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `typ`, as it stands in the header (RFC 7515 §4.1.9).
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The id of the key that it holds under (RFC 7517 §4.5), also if the token itself names none.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

/// Verifies a compact JWS with the key of the set that its header names (RFC 7515 §5.2).
///
/// # Errors
/// [`Refused`], whose members of claims do not occur.
pub fn verify(token: &str, keys: &KeySet) -> Result<VerifiedBytes, Refused> {
    verify_by(token, |kid, alg| keys.select(kid, alg))
}

/// Verifies a compact JWS with this one key (RFC 7515 §5.2). The token's algorithm must be the
/// key's; if the token has a key id, it must be the key's as well.
///
/// # Errors
/// [`Refused`], whose members of claims do not occur.
pub fn verify_with(token: &str, key: &VerifyingKey) -> Result<VerifiedBytes, Refused> {
    verify_by(token, |kid, alg| {
        if kid.is_some_and(|kid| key.kid() != Some(kid)) {
            return Err(Refused::UnknownKey);
        }
        if alg != key.algorithm() {
            return Err(Refused::WrongAlgorithm {
                key: key.algorithm(),
            });
        }
        Ok(key)
    })
}

fn verify_by<'k>(
    token: &str,
    select: impl FnOnce(Option<&str>, Algorithm) -> Result<&'k VerifyingKey, Refused>,
) -> Result<VerifiedBytes, Refused> {
    let compact = Compact::split(token)?;
    let (key, typ) = compact.with_header(|header| {
        let key = select(header.kid.as_deref(), header.alg)?;
        Ok((key, header.typ.map(Into::into)))
    })?;
    let payload = compact.signed_by(key)?.decode(|bytes| Ok(bytes.to_vec()))?;
    Ok(VerifiedBytes {
        payload,
        algorithm: key.algorithm(),
        typ,
        key_id: key.kid().map(Into::into),
    })
}
