//! Private keys at rest: AES-256-GCM under a master key that the store never sees.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::env::Env;
use crate::nodes::fingerprint;

/// The key under which private keys are sealed. It lives outside the store: in the environment, in a file, or
/// beside the data.
pub struct MasterKey {
    sealing: LessSafeKey,
    /// Derived from it, for what nodes compare.
    comparing: hmac::Key,
}

/// Sealed bytes that this master key does not open: another key, or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed under another master key, or damaged")]
pub struct CannotOpen;

impl MasterKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// From its bytes.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "the length is that of the algorithm"
    )]
    pub fn new(bytes: &Zeroizing<[u8; Self::LEN]>) -> Self {
        #[expect(clippy::expect_used, reason = "the length is that of the algorithm")]
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).expect("32 bytes");
        let whole = hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice());
        let derived = hmac::sign(&whole, b"countersign: fingerprints of settings");
        Self {
            sealing: LessSafeKey::new(key),
            comparing: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        }
    }

    /// What nodes compare in place of a setting.
    pub(crate) fn fingerprint(&self, setting: &str, value: &[u8]) -> String {
        fingerprint(&self.comparing, setting, value)
    }

    /// Seals `secret`; `context` (what the secret is, and whose) must be given again to open it.
    pub(crate) fn seal(&self, env: &Env, context: &str, secret: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = env.random();
        let mut sealed = nonce.to_vec();
        // The copy is encrypted in place. It has room for the tag from the start: growing would leave plain text behind.
        let mut body = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        body.extend_from_slice(secret);
        #[expect(clippy::expect_used, reason = "fails only beyond 64 GiB")]
        self.sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut body,
            )
            .expect("a key is short");
        sealed.append(&mut body);
        sealed
    }

    /// Opens what [`MasterKey::seal`] made for the same context.
    pub(crate) fn open(
        &self,
        context: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (nonce, body) = sealed.split_first_chunk().ok_or(CannotOpen)?;
        let mut body = Zeroizing::new(body.to_vec());
        let secret_len = self
            .sealing
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context.as_bytes()),
                &mut body,
            )
            .map_err(|_| CannotOpen)?
            .len();
        body.truncate(secret_len);
        Ok(body)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}
