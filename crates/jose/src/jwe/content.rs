//! Encrypting and decrypting the content (RFC 7518 §5).

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::algorithm::{Cipher, ContentEncryption};

/// Octets of the longest key, that of `A256CBC-HS512`.
pub(crate) const MAX_KEY: usize = 64;
/// Octets of the longest IV.
pub(crate) const MAX_IV: usize = 16;
/// Octets of the longest tag.
pub(crate) const MAX_TAG: usize = 32;

/// Octets of an IV and of a tag of AES-GCM (RFC 7518 §4.7.1, §5.3).
pub(crate) const GCM_IV: usize = 12;
pub(crate) const GCM_TAG: usize = 16;

/// Octets of one block of AES.
const BLOCK: usize = 16;

/// The key of one token's content (RFC 7516 §2: the CEK). Wiped when dropped.
pub(crate) struct ContentKey {
    octets: Zeroizing<[u8; MAX_KEY]>,
    len: usize,
}

impl ContentKey {
    /// Zeros, to be filled.
    pub(crate) fn blank(enc: ContentEncryption) -> Self {
        Self {
            octets: Zeroizing::new([0; MAX_KEY]),
            len: enc.key_len(),
        }
    }

    pub(crate) fn random(enc: ContentEncryption) -> Result<Self, Unspecified> {
        let mut key = Self::blank(enc);
        SystemRandom::new().fill(key.as_mut())?;
        Ok(key)
    }

    /// These octets, if there are as many as this content encryption needs.
    pub(crate) fn of(enc: ContentEncryption, octets: &[u8]) -> Option<Self> {
        let mut key = Self::blank(enc);
        if octets.len() != key.len {
            return None;
        }
        key.as_mut().copy_from_slice(octets);
        Some(key)
    }
}

impl AsRef<[u8]> for ContentKey {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

impl AsMut<[u8]> for ContentKey {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.octets[..self.len]
    }
}

impl ContentEncryption {
    /// Octets of the key (RFC 7518 §5.2.2.1, §5.3).
    pub(crate) fn key_len(self) -> usize {
        match self.cipher() {
            Cipher::Gcm { len, .. } => *len,
            Cipher::CbcHmac { half, .. } => 2 * half,
        }
    }

    /// Octets of the IV (RFC 7518 §5.2.2.1, §5.3).
    pub(crate) fn iv_len(self) -> usize {
        match self.cipher() {
            Cipher::Gcm { .. } => GCM_IV,
            Cipher::CbcHmac { .. } => BLOCK,
        }
    }

    /// Octets of the tag (RFC 7518 §5.2.3 to §5.2.5, §5.3).
    pub(crate) fn tag_len(self) -> usize {
        match self.cipher() {
            Cipher::Gcm { .. } => GCM_TAG,
            Cipher::CbcHmac { half, .. } => *half,
        }
    }

    /// Whether so many octets can be a ciphertext: CBC has whole blocks, one at least.
    pub(crate) fn can_have(self, ciphertext: usize) -> bool {
        match self.cipher() {
            Cipher::Gcm { .. } => true,
            Cipher::CbcHmac { .. } => ciphertext != 0 && ciphertext.is_multiple_of(BLOCK),
        }
    }

    /// Encrypts the content in place, which CBC makes a block longer at most, and puts the tag
    /// into `tag`, which has the tag's length. The IV must be new for this key.
    pub(crate) fn seal(
        self,
        key: &ContentKey,
        iv: &[u8],
        aad: &[u8],
        content: &mut Vec<u8>,
        tag: &mut [u8],
    ) -> Result<(), Unspecified> {
        match self.cipher() {
            Cipher::Gcm { aead, .. } => gcm_seal(aead, key.as_ref(), iv, aad, content, tag),
            Cipher::CbcHmac { cipher, mac, half } => {
                let (mac_key, cipher_key) = key.as_ref().split_at(*half);
                let cipher = UnboundCipherKey::new(cipher, cipher_key)?;
                let start = EncryptionContext::Iv128(FixedLength::try_from(iv)?);
                PaddedBlockEncryptingKey::cbc_pkcs7(cipher)?.less_safe_encrypt(content, start)?;
                let mac = cbc_mac(*mac, mac_key, iv, aad, content);
                tag.copy_from_slice(&mac.as_ref()[..tag.len()]);
                Ok(())
            }
        }
    }

    /// Decrypts the content in place, if the tag is right; otherwise what is left in it means
    /// nothing. Lengths were looked at before.
    pub(crate) fn open<'c>(
        self,
        key: &ContentKey,
        iv: &[u8],
        aad: &[u8],
        content: &'c mut [u8],
        tag: &[u8],
    ) -> Result<&'c mut [u8], Unspecified> {
        match self.cipher() {
            Cipher::Gcm { aead, .. } => gcm_open(aead, key.as_ref(), iv, aad, content, tag),
            Cipher::CbcHmac { cipher, mac, half } => {
                let (mac_key, cipher_key) = key.as_ref().split_at(*half);
                // RFC 7518 §5.2.2.2: nothing is decrypted before the MAC is known to be right. So
                // what padding there is shows nobody anything (no Vaudenay).
                let mac = cbc_mac(*mac, mac_key, iv, aad, content);
                verify_slices_are_equal(&mac.as_ref()[..self.tag_len()], tag)?;
                let cipher = UnboundCipherKey::new(cipher, cipher_key)?;
                let start = DecryptionContext::Iv128(FixedLength::try_from(iv)?);
                PaddedBlockDecryptingKey::cbc_pkcs7(cipher)?.decrypt(content, start)
            }
        }
    }
}

/// RFC 7518 §5.2.2.1: over header, IV, ciphertext, and the header's length in bits.
fn cbc_mac(
    mac: hmac::Algorithm,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(mac, key));
    context.update(aad);
    context.update(iv);
    context.update(ciphertext);
    context.update(&(aad.len() as u64 * 8).to_be_bytes());
    context.sign()
}

/// Encrypts in place; the IV must be new for this key.
pub(crate) fn gcm_seal(
    algorithm: &'static aead::Algorithm,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &mut [u8],
    tag: &mut [u8],
) -> Result<(), Unspecified> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
    let nonce = Nonce::try_assume_unique_for_key(iv)?;
    let made = key.seal_in_place_separate_tag(nonce, Aad::from(aad), content)?;
    tag.copy_from_slice(made.as_ref());
    Ok(())
}

/// Decrypts in place, if the tag is right.
pub(crate) fn gcm_open<'c>(
    algorithm: &'static aead::Algorithm,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &'c mut [u8],
    tag: &[u8],
) -> Result<&'c mut [u8], Unspecified> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
    let nonce = Nonce::try_assume_unique_for_key(iv)?;
    key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, content)
}
