//! Keys that encrypt.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement::{ParsedPublicKey, PrivateKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};
use zeroize::Zeroizing;

use super::confusion::is_key_text;
use super::jwk::{Jwk, KeyType, Operation};
use super::public::PublicNumbers;
use super::{PublicJwk, agreement, pem, rsa};
use crate::jwe::algorithm::{Family, KW256, KeyWrap};
use crate::jwe::content::{ContentKey, GCM_IV, GCM_TAG, gcm_seal};
use crate::jwe::wrap;
use crate::{AgreementCurve, ContentEncryption, KeyError, KeyManagement, base64url};

/// A key that encrypts to somebody with exactly one algorithm (RFC 8725 §3.1): a public key, or a
/// shared secret.
///
/// It is parsed once; a clone shares it. Whoever has a shared secret can also decrypt: it has no
/// public form, and `Debug` shows nothing of it. Its memory is wiped when the last clone goes.
#[derive(Clone)]
pub struct EncryptionKey {
    alg: KeyManagement,
    kid: Option<Arc<str>>,
    lock: Arc<Lock>,
}

/// What encrypts, for one kind of algorithm.
pub(super) enum Lock {
    Shared {
        /// For `dir`, what the secret encrypts with.
        enc: Option<ContentEncryption>,
        secret: Zeroizing<Vec<u8>>,
    },
    Rsa {
        key: OaepPublicEncryptingKey,
        numbers: PublicNumbers,
    },
    Agreement {
        curve: AgreementCurve,
        key: ParsedPublicKey,
        numbers: PublicNumbers,
    },
}

/// A new key for one token's content, and how its reader gets it.
pub(crate) struct NewContentKey {
    pub(crate) key: ContentKey,
    /// RFC 7516 §2: empty for `dir` and `ECDH-ES`.
    pub(crate) encrypted: Vec<u8>,
    /// Members for the header, each with a comma in front.
    pub(crate) parameters: String,
}

impl EncryptionKey {
    /// A public key from a JWK (RFC 7517 §4); of a private one, the public half.
    ///
    /// `alg` must name the key management algorithm. Without a `kid` the thumbprint becomes the
    /// key id.
    ///
    /// # Errors
    /// Whatever [`KeyError`] says about JWKs, their numbers and their use; for `kty` `oct`
    /// [`KeyError::SecretInPublicSet`]: a secret is taken by
    /// [`from_secret_jwk`](Self::from_secret_jwk), on purpose. [`KeyError::ReadingOnly`] for
    /// [`KeyManagement::RsaOaep`].
    pub fn from_jwk(json: &[u8]) -> Result<Self, KeyError> {
        Self::read_public_jwk(&Jwk::parse(json)?, None)
    }

    /// As [`from_jwk`](Self::from_jwk), for a key that does not name its algorithm (RFC 7517 §4.4:
    /// it need not).
    ///
    /// # Errors
    /// As [`from_jwk`](Self::from_jwk); [`KeyError::WrongKeyManagement`] if the key names another
    /// one.
    pub fn from_jwk_for(alg: KeyManagement, json: &[u8]) -> Result<Self, KeyError> {
        Self::read_public_jwk(&Jwk::parse(json)?, Some(alg))
    }

    fn read_public_jwk(jwk: &Jwk<'_>, given: Option<KeyManagement>) -> Result<Self, KeyError> {
        if jwk.key_type()? == KeyType::Oct {
            return Err(KeyError::SecretInPublicSet);
        }
        let (alg, _) = algorithm_of(jwk, given)?;
        let private = jwk.has_private_members();
        jwk.permits(match alg.family() {
            Family::Agreement { .. } if private => Operation::Agree,
            Family::Agreement { .. } => Operation::AgreeWith,
            // Whoever may unwrap may give others the key to wrap with.
            _ if private => Operation::UnwrapKey,
            _ => Operation::WrapKey,
        })?;
        Self::to_write_with(alg, jwk.kid()?, PublicNumbers::from_jwk(jwk)?)
    }

    /// A shared secret from a JWK of `kty` `oct` (RFC 7518 §6.4). Its `alg` must name one of the
    /// key wrap algorithms, or a content encryption, for which it is then used directly (`dir`;
    /// as in RFC 7520 §5.6).
    ///
    /// # Errors
    /// As [`wrapping`](Self::wrapping), and whatever [`KeyError`] says about JWKs.
    pub fn from_secret_jwk(json: &[u8]) -> Result<Self, KeyError> {
        let jwk = Jwk::parse(json)?;
        let (alg, enc) = algorithm_of(&jwk, None)?;
        if jwk.key_type()? != KeyType::Oct {
            return Err(KeyError::UnknownType);
        }
        jwk.permits(match alg {
            KeyManagement::Dir => Operation::Encrypt,
            _ => Operation::WrapKey,
        })?;
        Self::shared(alg, enc, &jwk.k.secret("k")?, jwk.kid()?)
    }

    /// A public key from PEM (RFC 7468 §2): `PUBLIC KEY` (`SubjectPublicKeyInfo`, §13) or
    /// `RSA PUBLIC KEY` (PKCS#1). The thumbprint becomes the key id, for a PEM carries none: if the
    /// reader chose one, take a JWK, or call [`with_kid`](Self::with_kid) on both sides.
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Der`], or what is wrong with the numbers.
    pub fn from_pem(alg: KeyManagement, text: &str) -> Result<Self, KeyError> {
        Self::from_der(alg, &pem::public(text)?)
    }

    /// A public key from DER: `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7, RFC 8410 §4) or, for RSA,
    /// PKCS#1 (RFC 8017 appendix A.1.1). The thumbprint becomes the key id.
    ///
    /// # Errors
    /// [`KeyError::Der`], [`KeyError::WrongKeyManagement`], [`KeyError::ReadingOnly`], or what is
    /// wrong with the numbers.
    pub fn from_der(alg: KeyManagement, der: &[u8]) -> Result<Self, KeyError> {
        Self::to_write_with(alg, None, PublicNumbers::from_der(der)?)
    }

    /// A shared secret for AES key wrap, with or without GCM (RFC 7518 §4.4, §4.7): as many bytes
    /// as the algorithm's key has, exactly.
    ///
    /// With GCM a secret is good for 2^32 tokens (RFC 7518 §8.4): each takes a random nonce.
    ///
    /// # Errors
    /// [`KeyError::WrongKeyManagement`] if `alg` is not one of them,
    /// [`KeyError::ContentEncryptionNeeded`] for `dir`, [`KeyError::SecretLength`],
    /// [`KeyError::SecretIsAKey`] if the secret is the text of a key.
    pub fn wrapping(
        alg: KeyManagement,
        secret: &[u8],
        kid: Option<&str>,
    ) -> Result<Self, KeyError> {
        Self::shared(alg, None, secret, kid)
    }

    /// A shared secret that encrypts content itself (RFC 7518 §4.5): as many bytes as the content
    /// encryption's key has, exactly.
    ///
    /// With GCM a secret is good for 2^32 tokens (RFC 7518 §8.4): each takes a random nonce.
    ///
    /// # Errors
    /// [`KeyError::SecretLength`], [`KeyError::SecretIsAKey`] if the secret is the text of a key.
    pub fn direct(
        enc: ContentEncryption,
        secret: &[u8],
        kid: Option<&str>,
    ) -> Result<Self, KeyError> {
        Self::shared(KeyManagement::Dir, Some(enc), secret, kid)
    }

    pub(super) fn shared(
        alg: KeyManagement,
        enc: Option<ContentEncryption>,
        secret: &[u8],
        kid: Option<&str>,
    ) -> Result<Self, KeyError> {
        let needed = secret_len(alg, enc)?;
        if secret.len() != needed {
            return Err(KeyError::SecretLength { needed });
        }
        if is_key_text(secret) {
            return Err(KeyError::SecretIsAKey);
        }
        let secret = Zeroizing::new(secret.to_vec());
        Ok(Self {
            alg,
            kid: kid.map(Into::into),
            lock: Arc::new(Lock::Shared { enc, secret }),
        })
    }

    /// A public key that somebody gave to be written with.
    fn to_write_with(
        alg: KeyManagement,
        kid: Option<&str>,
        numbers: PublicNumbers,
    ) -> Result<Self, KeyError> {
        if alg == KeyManagement::RsaOaep {
            return Err(KeyError::ReadingOnly(alg));
        }
        Self::public(alg, kid, numbers)
    }

    /// The public half of a decryption key, for whatever algorithm.
    pub(super) fn public(
        alg: KeyManagement,
        kid: Option<&str>,
        numbers: PublicNumbers,
    ) -> Result<Self, KeyError> {
        let kid = kid.map_or_else(|| numbers.thumbprint().into(), Into::into);
        let lock = match (alg.family(), &numbers) {
            (Family::Rsa { .. }, PublicNumbers::Rsa { n, e }) => {
                rsa::check_public(n, e)?;
                let key = PublicEncryptingKey::from_der(&numbers.to_der()?);
                let key = key.map_err(|_| KeyError::Invalid)?;
                let key = OaepPublicEncryptingKey::new(key).map_err(|_| KeyError::Failed)?;
                Lock::Rsa { key, numbers }
            }
            (Family::Agreement { .. }, _) => {
                let curve = agreement::curve_of(&numbers);
                let curve = curve.ok_or(KeyError::WrongKeyManagement(alg))?;
                let key = agreement::parse(curve, &numbers)?;
                Lock::Agreement {
                    curve,
                    key,
                    numbers,
                }
            }
            _ => return Err(KeyError::WrongKeyManagement(alg)),
        };
        Ok(Self {
            alg,
            kid: Some(kid),
            lock: Arc::new(lock),
        })
    }

    /// The same key under another key id (RFC 7517 §4.5). A PEM carries no id: hand out a JWK, or
    /// call this on both sides.
    #[must_use]
    pub fn with_kid(&self, kid: &str) -> Self {
        Self {
            kid: Some(kid.into()),
            ..self.clone()
        }
    }

    /// The one algorithm this key is for (RFC 7517 §4.4).
    #[must_use]
    pub fn algorithm(&self) -> KeyManagement {
        self.alg
    }

    /// The one content encryption of a key for `dir` (RFC 7518 §4.5); `None` for all others, which
    /// go with any.
    #[must_use]
    pub fn content_encryption(&self) -> Option<ContentEncryption> {
        match &*self.lock {
            Lock::Shared { enc, .. } => *enc,
            Lock::Rsa { .. } | Lock::Agreement { .. } => None,
        }
    }

    /// The key id that is written into every token (RFC 7516 §4.1.6); only shared secrets may have
    /// none.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The public key as a JWK (RFC 7517 §4); `None` for a shared secret, which has no public form.
    #[must_use]
    pub fn public_jwk(&self) -> Option<PublicJwk> {
        let numbers = self.numbers()?;
        Some(numbers.to_jwk(self.alg.name(), "enc", self.kid()))
    }

    /// The SHA-256 thumbprint of RFC 7638, base64url; `None` for a shared secret, of which it
    /// would allow a guess to be checked (RFC 7638 §7).
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        self.numbers().map(PublicNumbers::thumbprint)
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7, RFC 8410 §4).
    ///
    /// # Errors
    /// [`KeyError::NoSuchForm`] for a shared secret.
    pub fn to_der(&self) -> Result<Vec<u8>, KeyError> {
        self.numbers().ok_or(KeyError::NoSuchForm)?.to_der()
    }

    /// `SubjectPublicKeyInfo` as PEM (RFC 7468 §13).
    ///
    /// # Errors
    /// [`KeyError::NoSuchForm`] for a shared secret.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.to_der().map(|der| pem::encode_public(&der))
    }

    fn numbers(&self) -> Option<&PublicNumbers> {
        match &*self.lock {
            Lock::Shared { .. } => None,
            Lock::Rsa { numbers, .. } | Lock::Agreement { numbers, .. } => Some(numbers),
        }
    }

    pub(super) fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Octets of the encrypted key in a token for this key (RFC 7518 §4): always the same.
    pub(crate) fn encrypted_key_len(&self, enc: ContentEncryption) -> usize {
        match (&*self.lock, self.alg.family()) {
            (Lock::Rsa { key, .. }, _) => key.ciphertext_size(),
            (_, Family::KeyWrap(_) | Family::Agreement { wrap: Some(_) }) => {
                enc.key_len() + wrap::WRAP_OVERHEAD
            }
            (_, Family::GcmKeyWrap { .. }) => enc.key_len(),
            _ => 0,
        }
    }

    /// A key for the content of one new token (RFC 7516 §5.1, steps 1 to 6).
    pub(crate) fn new_content_key(
        &self,
        enc: ContentEncryption,
    ) -> Result<NewContentKey, Unspecified> {
        let mut new = NewContentKey {
            key: ContentKey::random(enc)?,
            encrypted: Vec::new(),
            parameters: String::new(),
        };
        match (&*self.lock, self.alg.family()) {
            (Lock::Shared { secret, .. }, Family::Direct) => {
                new.key = ContentKey::of(enc, secret).ok_or(Unspecified)?;
            }
            (Lock::Shared { secret, .. }, Family::KeyWrap(with)) => {
                new.encrypted = wrap::wrap(with, secret, new.key.as_ref())?;
            }
            (Lock::Shared { secret, .. }, Family::GcmKeyWrap { aead, .. }) => {
                let (mut iv, mut tag) = ([0; GCM_IV], [0; GCM_TAG]);
                SystemRandom::new().fill(&mut iv)?;
                let mut wrapped = Zeroizing::new(new.key.as_ref().to_vec());
                gcm_seal(aead, secret, &iv, &[], &mut wrapped, &mut tag)?;
                new.encrypted = std::mem::take(&mut *wrapped);
                let (iv, tag) = (base64url::encode(&iv), base64url::encode(&tag));
                new.parameters = format!(r#","iv":"{iv}","tag":"{tag}""#);
            }
            (Lock::Rsa { key, .. }, Family::Rsa { oaep }) => {
                new.encrypted = vec![0; key.ciphertext_size()];
                key.encrypt(oaep, new.key.as_ref(), &mut new.encrypted, None)?;
            }
            (Lock::Agreement { curve, key, .. }, Family::Agreement { wrap }) => {
                let ephemeral = PrivateKey::generate(curve.agreement())?;
                let epk = agreement::numbers_of(*curve, &ephemeral).map_err(|_| Unspecified)?;
                new.parameters = format!(r#","epk":{}"#, epk.required_members());
                agree(&ephemeral, key.clone(), Unspecified, |agreed| {
                    let Some(with) = wrap else {
                        return wrap::derive(agreed, enc.name(), NOBODY, new.key.as_mut());
                    };
                    let mut secret = Zeroizing::new([0; KW256.len]);
                    let secret = &mut secret[..with.len];
                    wrap::derive(agreed, self.alg.name(), NOBODY, secret)?;
                    new.encrypted = wrap::wrap(with, secret, new.key.as_ref())?;
                    Ok(())
                })?;
            }
            // A key is made with what its algorithm needs.
            _ => return Err(Unspecified),
        }
        Ok(new)
    }
}

/// Neither `apu` nor `apv` (RFC 7518 §4.6.1.2): key id and curve say enough here.
const NOBODY: (&[u8], &[u8]) = (&[], &[]);

/// Bytes that a shared secret has.
pub(super) fn secret_len(
    alg: KeyManagement,
    enc: Option<ContentEncryption>,
) -> Result<usize, KeyError> {
    match (alg.family(), enc) {
        (Family::Direct, Some(enc)) => Ok(enc.key_len()),
        (Family::Direct, None) => Err(KeyError::ContentEncryptionNeeded),
        (Family::KeyWrap(KeyWrap { len, .. }) | Family::GcmKeyWrap { len, .. }, None) => Ok(*len),
        _ => Err(KeyError::WrongKeyManagement(alg)),
    }
}

/// The key's one algorithm: what `alg` says, or `given`, if neither speaks against it; for `dir`
/// with the content encryption.
pub(super) fn algorithm_of(
    jwk: &Jwk<'_>,
    given: Option<KeyManagement>,
) -> Result<(KeyManagement, Option<ContentEncryption>), KeyError> {
    let of_type = jwk.key_type()?;
    let secret = of_type == KeyType::Oct;
    let (alg, enc) = match (jwk.alg()?, given) {
        (Some(name), _) => match KeyManagement::from_name(name) {
            Some(alg) => (alg, None),
            None => match ContentEncryption::from_name(name) {
                Some(enc) if secret => (KeyManagement::Dir, Some(enc)),
                _ => return Err(KeyError::UnknownKeyManagement),
            },
        },
        (None, Some(given)) => (given, None),
        (None, None) => return Err(KeyError::AlgorithmNeeded),
    };
    let fits = match alg.family() {
        Family::Rsa { .. } => of_type == KeyType::Rsa,
        Family::Agreement { .. } => matches!(of_type, KeyType::Ec | KeyType::Okp),
        Family::Direct | Family::KeyWrap(_) | Family::GcmKeyWrap { .. } => secret,
    };
    if fits && given.is_none_or(|given| given == alg) {
        Ok((alg, enc))
    } else {
        Err(KeyError::WrongKeyManagement(given.unwrap_or(alg)))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionKey")
            .field("alg", &self.alg)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
