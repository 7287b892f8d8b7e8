//! The name of a session in the styles `session` and `gateway`: what a browser holds in a cookie, and says nothing.
//!
//! `csi1_` and base64url of: absolute end in ms (8 bytes) ‖ 16 random bytes. It stays the same for as long as the session
//! lasts, and is kept as a hash: who reads the store cannot use any. There is nothing in it to check without a look-up
//! but its form and its end; 128 random bits cannot be guessed.

use std::fmt;

use aws_lc_rs::digest;
use base64_simd::{Out, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::env::{Env, Timestamp};
use crate::model::grant::HandleHash;

const PREFIX: &str = "csi1_";
/// Goes into the hash, so that no refresh token's handle, which its bearer can read, is the name of a session.
const DOMAIN: &[u8] = b"countersign session 1";
const END: usize = 8;
const BODY: usize = END + 16;
/// A multiple of three bytes, so that base64url has no bits to spare: one spelling for each name.
const LEN: usize = PREFIX.len() + BODY / 3 * 4;

/// A session's name as its bearer holds it. A secret: shown once, never stored.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<[u8; BODY]>);

impl SessionToken {
    /// A new one, for a session that ends at `absolute_end` at the latest.
    pub(crate) fn random(env: &Env, absolute_end: Timestamp) -> Self {
        let mut bytes = Zeroizing::new([0; BODY]);
        let (end, random) = bytes.split_at_mut(END);
        end.copy_from_slice(&absolute_end.as_millis().to_be_bytes());
        env.entropy.fill(random);
        Self(bytes)
    }

    /// Reads what somebody presents. `None` for whatever has not the form of one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let encoded = text
            .strip_prefix(PREFIX)
            .filter(|_| text.len() == LEN)?
            .as_bytes();
        let mut bytes = Zeroizing::new([0; BODY]);
        let decoded = URL_SAFE_NO_PAD
            .decode(encoded, Out::from_slice(bytes.as_mut_slice()))
            .ok()?;
        (decoded.len() == BODY).then_some(Self(bytes))
    }

    /// The text, for the one answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LEN));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_append(self.0.as_slice(), &mut *text);
        text
    }

    /// When the session ends whatever happens.
    #[must_use]
    pub fn absolute_end(&self) -> Timestamp {
        let mut end = [0; END];
        end.copy_from_slice(&self.0[..END]);
        Timestamp::from_millis(u64::from_be_bytes(end))
    }

    /// As it is kept.
    pub(crate) fn hash(&self) -> HandleHash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(DOMAIN);
        context.update(self.0.as_slice());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        HandleHash(hash)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(bytes: &[u8; BODY]) -> String {
        SessionToken(Zeroizing::new(*bytes)).expose().to_string()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes: [u8; BODY]) {
            let text = text_of(&bytes);
            let read = SessionToken::read(&text).unwrap();
            prop_assert_eq!(*read.0, bytes);
            prop_assert_eq!(read.absolute_end().as_millis().to_be_bytes(), &bytes[..END]);
        }

        /// Each name has one spelling: whatever else is read is another name, or none.
        #[test]
        fn what_is_read_is_what_would_be_written(text in "(csi1_)?[A-Za-z0-9_=+/ -]{30,34}") {
            if let Some(read) = SessionToken::read(&text) {
                prop_assert_eq!(read.expose().to_string(), text);
            }
        }

        #[test]
        fn anything_is_read_without_a_panic(text: String) {
            let _ = SessionToken::read(&text);
        }

        #[test]
        fn another_letter_is_another_name(bytes: [u8; BODY], at in 0..LEN, letter in "[A-Za-z0-9_.=-]") {
            let mut text = text_of(&bytes);
            prop_assume!(text[at..=at] != letter);
            text.replace_range(at..=at, &letter);
            if let Some(read) = SessionToken::read(&text) {
                prop_assert_ne!(*read.0, bytes);
            }
        }
    }

    #[test]
    fn a_refresh_tokens_handle_is_no_sessions_name() {
        // The same bytes, as a grant of the style `rotating` is found by them.
        let bytes = [7; BODY];
        let handle = digest::digest(&digest::SHA256, &bytes[END..]);
        let session = SessionToken(Zeroizing::new(bytes)).hash();
        assert_ne!(handle.as_ref(), session.0);
        assert_ne!(digest::digest(&digest::SHA256, &bytes).as_ref(), session.0);
    }
}
