//! Encrypted bytes (RFC 7516): for payloads that are no tokens, for tools, and for test vectors.
//!
//! Encryption says nothing about who wrote something: with a public key, anybody can. A token is
//! signed first and then encrypted, by [`encrypt`](crate::encrypt()), and read by a
//! [`Verifier`](crate::Verifier) that is [`encrypted_to`](crate::Verifier::encrypted_to) its keys,
//! which checks both.
//!
//! ```
//! use countersign_jose::{ContentEncryption, DecryptionKey, KeyManagement, jwe};
//!
//! let key = DecryptionKey::generate(KeyManagement::EcdhEs)?;
//! let to = key.encryption_key();
//! let token = jwe::encrypt(&to, ContentEncryption::A256GCM, &jwe::Header::default(), b"hello")?;
//! assert_eq!(jwe::decrypt_with(&token, &key)?.plaintext(), b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod algorithm;
pub(crate) mod content;
pub(crate) mod header;
mod parts;
pub(crate) mod wrap;

use std::fmt;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

pub use crate::jws::Header;

use crate::base64url;
use crate::compact::{HEADER_ROOM, MAX_HEADER, MAX_TOKEN};
use crate::header::is_media_type;
use crate::key::MAX_ENCRYPTED_KEY;
use crate::{
    ContentEncryption, DecryptionKey, DecryptionKeySet, EncryptError, EncryptionKey, KeyManagement,
    Part, Refused,
};
use content::{ContentKey, MAX_IV, MAX_TAG};
use parts::Parts;

/// Encrypts these bytes to somebody; the compact serialization (RFC 7516 §5.1, §7.1). The header
/// has `alg`, `enc` and, if the key has one, `kid`.
///
/// # Errors
/// [`EncryptError::ReadingOnly`] for a key of [`KeyManagement::RsaOaep`];
/// [`EncryptError::WrongEncryption`] if the key is one for `dir` with another content encryption;
/// [`EncryptError::MediaType`] for a bad `typ` or `cty`; [`EncryptError::TooLong`] if no reader of
/// this crate would accept the outcome; [`EncryptError::Failed`].
pub fn encrypt(
    key: &EncryptionKey,
    enc: ContentEncryption,
    header: &Header<'_>,
    plaintext: &[u8],
) -> Result<String, EncryptError> {
    if key.algorithm() == KeyManagement::RsaOaep {
        return Err(EncryptError::ReadingOnly(key.algorithm()));
    }
    if let Some(key) = key.content_encryption().filter(|own| *own != enc) {
        return Err(EncryptError::WrongEncryption { key });
    }
    if plaintext.len() > MAX_TOKEN {
        return Err(EncryptError::TooLong);
    }
    let failed = |_| EncryptError::Failed;
    let new = key.new_content_key(enc).map_err(failed)?;
    let mut json = String::with_capacity(256);
    json.extend([
        "{\"alg\":\"",
        key.algorithm().name(),
        "\",\"enc\":\"",
        enc.name(),
        "\"",
    ]);
    header
        .write_kinds(&mut json)
        .ok_or(EncryptError::MediaType)?;
    if let Some(kid) = key.kid() {
        json.push_str(",\"kid\":");
        json.push_str(&serde_json::Value::from(kid).to_string());
    }
    json.push_str(&new.parameters);
    json.push('}');

    let (mut iv, mut tag) = ([0; MAX_IV], [0; MAX_TAG]);
    let (iv, tag) = (&mut iv[..enc.iv_len()], &mut tag[..enc.tag_len()]);
    SystemRandom::new().fill(iv).map_err(failed)?;
    let mut token = String::with_capacity(
        base64url::encoded_len(json.len())
            + base64url::encoded_len(new.encrypted.len())
            + base64url::encoded_len(plaintext.len() + MAX_IV)
            + base64url::encoded_len(MAX_IV)
            + base64url::encoded_len(MAX_TAG)
            + 4,
    );
    base64url::encode_append(json.as_bytes(), &mut token);
    if token.len() > MAX_HEADER {
        return Err(EncryptError::TooLong);
    }
    // With room for the last block of CBC, so that no copy of the plaintext is left behind.
    let mut content = Zeroizing::new(Vec::with_capacity(plaintext.len() + MAX_IV));
    content.extend_from_slice(plaintext);
    enc.seal(&new.key, iv, token.as_bytes(), &mut content, tag)
        .map_err(failed)?;
    for part in [&new.encrypted, &*iv, &content, &*tag] {
        token.push('.');
        base64url::encode_append(part, &mut token);
    }
    if token.len() > MAX_TOKEN {
        return Err(EncryptError::TooLong);
    }
    Ok(token)
}

/// Bytes that were decrypted (RFC 7516 §5.2), and were what somebody encrypted. Made by [`decrypt`]
/// and [`decrypt_with`] alone.
///
/// It says nothing about who that was: whoever has the public key, or shares the secret, can
/// encrypt whatever they like. The plaintext is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct DecryptedBytes {
    plaintext: Zeroizing<Vec<u8>>,
    algorithm: KeyManagement,
    content_encryption: ContentEncryption,
    typ: Option<Box<str>>,
    cty: Option<Box<str>>,
    key_id: Option<Box<str>>,
}

impl DecryptedBytes {
    /// What was encrypted (RFC 7516 §2).
    #[must_use]
    pub fn plaintext(&self) -> &[u8] {
        &self.plaintext
    }

    /// What was encrypted (RFC 7516 §2), still wiped when dropped: `zeroize::Zeroizing`, of the
    /// crate `zeroize` 1.
    #[must_use]
    pub fn into_plaintext(self) -> Zeroizing<Vec<u8>> {
        self.plaintext
    }

    /// The algorithm of the key that decrypted it (RFC 7516 §4.1.1).
    #[must_use]
    pub fn algorithm(&self) -> KeyManagement {
        self.algorithm
    }

    /// How the content was encrypted (RFC 7516 §4.1.2).
    #[must_use]
    pub fn content_encryption(&self) -> ContentEncryption {
        self.content_encryption
    }

    /// `typ`, as it stands in the header (RFC 7516 §4.1.11).
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// `cty`, as it stands in the header (RFC 7516 §4.1.12).
    #[must_use]
    pub fn cty(&self) -> Option<&str> {
        self.cty.as_deref()
    }

    /// The id of the key that decrypted it (RFC 7517 §4.5), also if the token itself names none.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

impl fmt::Debug for DecryptedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptedBytes")
            .field("algorithm", &self.algorithm)
            .field("content_encryption", &self.content_encryption)
            .field("typ", &self.typ)
            .field("cty", &self.cty)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Decrypts a compact JWE with the key of the set that its header names (RFC 7516 §5.2).
///
/// # Errors
/// [`Refused`]; for everything cryptographic that may be wrong, [`Refused::Decryption`].
pub fn decrypt(token: &str, keys: &DecryptionKeySet) -> Result<DecryptedBytes, Refused> {
    decrypt_by(token, |kid, alg, enc| keys.select(kid, alg, enc))
}

/// Decrypts a compact JWE with this one key (RFC 7516 §5.2). The token's algorithms must be the
/// key's; if the token has a key id, it must be the key's as well.
///
/// # Errors
/// As [`decrypt`].
pub fn decrypt_with(token: &str, key: &DecryptionKey) -> Result<DecryptedBytes, Refused> {
    decrypt_by(token, |kid, alg, enc| {
        if kid.is_some_and(|kid| key.kid() != Some(kid)) {
            return Err(Refused::UnknownKey);
        }
        key.fits(alg, enc).map(|()| key)
    })
}

fn decrypt_by<'k>(
    token: &str,
    select: impl FnOnce(
        Option<&str>,
        KeyManagement,
        ContentEncryption,
    ) -> Result<&'k DecryptionKey, Refused>,
) -> Result<DecryptedBytes, Refused> {
    let mut decrypted = None;
    let plaintext = open(token, |header| {
        let alg = KeyManagement::of_token(&header.alg)?;
        let key = select(header.kid.as_deref(), alg, header.enc)?;
        decrypted = Some(DecryptedBytes {
            plaintext: Zeroizing::default(),
            algorithm: alg,
            content_encryption: header.enc,
            typ: header.typ.as_deref().map(Into::into),
            cty: header.cty.as_deref().map(Into::into),
            key_id: key.kid().map(Into::into),
        });
        Ok(key)
    })?;
    let decrypted = decrypted.ok_or(Refused::Decryption)?;
    Ok(DecryptedBytes {
        plaintext,
        ..decrypted
    })
}

/// The signed token in an encrypted one (RFC 7519 §5.2, §7.2 step 8).
pub(crate) fn open_nested(
    token: &str,
    keys: &DecryptionKeySet,
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    open(token, |header| {
        let alg = KeyManagement::of_token(&header.alg)?;
        let cty = header.cty.as_deref();
        if !cty.is_some_and(|cty| is_media_type(cty, "JWT")) {
            return Err(Refused::NotNested);
        }
        keys.select(header.kid.as_deref(), alg, header.enc)
    })
}

/// Whoever can find the key of a token's content.
pub(crate) trait Recipient {
    /// Octets of the encrypted key.
    fn encrypted_key_len(&self, enc: ContentEncryption) -> usize;

    /// The key of the content; a random one if the encrypted key is wrong.
    fn content_key(
        &self,
        enc: ContentEncryption,
        parameters: &header::Parameters<'_>,
        encrypted: &[u8],
    ) -> Result<ContentKey, Refused>;
}

impl Recipient for &DecryptionKey {
    fn encrypted_key_len(&self, enc: ContentEncryption) -> usize {
        self.encryption().encrypted_key_len(enc)
    }

    fn content_key(
        &self,
        enc: ContentEncryption,
        parameters: &header::Parameters<'_>,
        encrypted: &[u8],
    ) -> Result<ContentKey, Refused> {
        DecryptionKey::content_key(self, enc, parameters, encrypted)
    }
}

/// Decrypts a token (RFC 7516 §5.2) for the recipient that `select` finds by its header.
pub(crate) fn open<R: Recipient>(
    token: &str,
    select: impl FnOnce(&header::Header<'_>) -> Result<R, Refused>,
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    // 1. Length and shape, before anything is parsed.
    let parts = Parts::split(token)?;
    // 2. The header: which algorithms, and which key; they must be that key's.
    let mut room = base64url::room::<HEADER_ROOM>();
    let json = base64url::decode(parts.header.as_bytes(), &mut room)
        .map_err(|_| Refused::Base64(Part::Header))?;
    let header = header::Header::parse(json)?;
    let recipient = select(&header)?;
    // 3. The other parts, which have the lengths that key and algorithms ask for.
    let enc = header.enc;
    let mut room = base64url::room::<{ MAX_ENCRYPTED_KEY + 4 }>();
    let len = recipient.encrypted_key_len(enc);
    let encrypted = parts::exactly(parts.encrypted_key, len, Part::EncryptedKey, &mut room)?;
    let mut room = base64url::room::<{ MAX_IV + 4 }>();
    let iv = parts::exactly(parts.iv, enc.iv_len(), Part::Iv, &mut room)?;
    let mut room = base64url::room::<{ MAX_TAG + 4 }>();
    let tag = parts::exactly(parts.tag, enc.tag_len(), Part::Tag, &mut room)?;
    let mut content = parts::ciphertext(parts.ciphertext)?;
    if !enc.can_have(content.len()) {
        return Err(Refused::Length(Part::Ciphertext));
    }
    // 4. The content's key, and with it the content, in its own place.
    let key = recipient.content_key(enc, &header.parameters, encrypted)?;
    let plaintext = enc
        .open(&key, iv, parts.header.as_bytes(), &mut content, tag)
        .map_err(|_| Refused::Decryption)?;
    let len = plaintext.len();
    content.truncate(len);
    Ok(content)
}
