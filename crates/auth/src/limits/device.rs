//! The device cookie: proof that somebody has signed in to an account from this device before. It lets nobody in; it only
//! keeps strangers' failures from slowing the owner.

use std::fmt;

use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;

use crate::model::id::UserId;

/// Bytes of the random part, and of the whole.
const RANDOM: usize = 16;
const LENGTH: usize = RANDOM + 32;

/// One of the devices of a user, or rather one sign-in from it: each is given another cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Device([u8; RANDOM]);

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode_to_string(self.0))
    }
}

/// A cookie for a device from which `user` has just signed in: base64url(random ‖ HMAC-SHA-256(key, user ‖ random)).
#[must_use]
pub fn make(key: &[u8], user: UserId, random: [u8; RANDOM]) -> String {
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, key),
        &signed(user, &random),
    );
    let mut value = [0; LENGTH];
    value[..RANDOM].copy_from_slice(&random);
    value[RANDOM..].copy_from_slice(tag.as_ref());
    URL_SAFE_NO_PAD.encode_to_string(value)
}

/// The device that `value` stands for, if it is such a cookie of `user`'s.
pub(super) fn read(key: &[u8], user: UserId, value: &str) -> Option<Device> {
    if value.len() != LENGTH / 3 * 4 {
        return None;
    }
    let value = URL_SAFE_NO_PAD.decode_to_vec(value).ok()?;
    let (random, tag) = value.split_first_chunk::<RANDOM>()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let is_ours = hmac::verify(&key, &signed(user, random), tag).is_ok();
    is_ours.then_some(Device(*random))
}

/// The prefix keeps this use of the key apart from any other.
fn signed(user: UserId, random: &[u8; RANDOM]) -> Vec<u8> {
    [b"countersign device\0".as_slice(), user.as_bytes(), random].concat()
}
