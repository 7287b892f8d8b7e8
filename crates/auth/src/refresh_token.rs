//! The refresh token: derived from the grant's state, not stored.
//!
//! `csr1_` and base64url of: key id (4 bytes) ‖ absolute end in ms (8) ‖ handle (16) ‖ generation (4) ‖ HMAC-SHA-256 of
//! all that under the key (32). A forged or expired one is refused before any look-up; whoever holds one generation
//! cannot make the next; and the store, which has only SHA-256(handle), cannot make any, even with the key.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::env::{Env, Timestamp};
use crate::model::grant::HandleHash;
use crate::model::id::KeyId;
use crate::rotation::Generation;

const PREFIX: &str = "csr1_";
const DOMAIN: &[u8] = b"countersign refresh token 1";
const BODY: usize = 4 + 8 + 16 + 4;
const MAC: usize = 32;
const LEN: usize = PREFIX.len() + (BODY + MAC) * 4 / 3 + 1;

/// A refresh token as its bearer holds it. A secret: shown once, never stored.
#[derive(Clone)]
pub struct RefreshToken(Zeroizing<String>);

impl RefreshToken {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the one answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// What makes refresh tokens of one grant, together with a key; in memory only while a request is answered.
#[derive(Clone)]
pub(crate) struct Handle {
    bytes: Zeroizing<[u8; 16]>,
    pub(crate) absolute_end: Timestamp,
}

impl Handle {
    pub(crate) fn random(env: &Env, absolute_end: Timestamp) -> Self {
        Self {
            bytes: Zeroizing::new(env.random()),
            absolute_end,
        }
    }

    /// Where the grant's row is.
    pub(crate) fn hash(&self) -> HandleHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.bytes.as_slice()).as_ref());
        HandleHash(hash)
    }
}

/// A token whose MAC held. It says nothing about the state of the grant.
pub(crate) struct Genuine {
    pub(crate) handle: Handle,
    pub(crate) generation: Generation,
}

/// A key that makes and checks refresh tokens.
pub(crate) struct RefreshKey {
    tag: [u8; 4],
    key: hmac::Key,
}

impl RefreshKey {
    pub(crate) fn new(id: KeyId, secret: &[u8]) -> Self {
        let [a, b, c, d, ..] = *id.as_bytes();
        Self {
            tag: [a, b, c, d],
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }

    pub(crate) fn token(&self, handle: &Handle, generation: Generation) -> RefreshToken {
        let mut bytes = Zeroizing::new([0; BODY + MAC]);
        bytes[..4].copy_from_slice(&self.tag);
        bytes[4..12].copy_from_slice(&handle.absolute_end.as_millis().to_be_bytes());
        bytes[12..28].copy_from_slice(handle.bytes.as_slice());
        bytes[28..BODY].copy_from_slice(&generation.to_be_bytes());
        let mac = self.mac(&bytes[..BODY]);
        bytes[BODY..].copy_from_slice(mac.as_ref());
        let mut text = Zeroizing::new(String::with_capacity(LEN));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_append(bytes.as_slice(), &mut *text);
        RefreshToken(text)
    }

    fn mac(&self, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(DOMAIN);
        context.update(body);
        context.sign()
    }
}

/// Reads a token: its form, its key, its MAC. `None` for whatever none of `keys` made.
pub(crate) fn read<'k>(
    text: &str,
    keys: impl IntoIterator<Item = &'k RefreshKey>,
) -> Option<Genuine> {
    if text.len() != LEN {
        return None;
    }
    let mut bytes = Zeroizing::new([0; BODY + MAC]);
    let encoded = text.strip_prefix(PREFIX)?;
    let decoded = URL_SAFE_NO_PAD
        .decode(encoded.as_bytes(), Out::from_slice(bytes.as_mut_slice()))
        .ok()?;
    if decoded.len() != BODY + MAC {
        return None;
    }
    let (body, mac) = bytes.split_at(BODY);
    let key = keys.into_iter().find(|key| key.tag == body[..4])?;
    aws_lc_rs::constant_time::verify_slices_are_equal(key.mac(body).as_ref(), mac).ok()?;
    Some(Genuine {
        handle: Handle {
            absolute_end: Timestamp::from_millis(u64::from_be_bytes(part(&body[4..12]))),
            bytes: Zeroizing::new(part(&body[12..28])),
        },
        generation: u32::from_be_bytes(part(&body[28..])),
    })
}

fn part<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(bytes);
    part
}
