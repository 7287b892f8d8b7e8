//! Keys that decrypt.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement::{PrivateKey, agree};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::RsaKeyPair;
use zeroize::Zeroizing;

use super::encryption::{Lock, algorithm_of, secret_len};
use super::jwk::{Jwk, KeyType, Operation};
use super::private_jwk::{SecretMembers, member};
use super::public::PublicNumbers;
use super::{EncryptionKey, agreement, pem, rsa};
use crate::jwe::algorithm::{Family, KW256};
use crate::jwe::content::{ContentKey, gcm_open};
use crate::jwe::header::Parameters;
use crate::jwe::wrap;
use crate::{AgreementCurve, ContentEncryption, KeyError, KeyManagement, Refused};

/// The longest encrypted key, that of an RSA key of 8192 bits, in octets.
pub(crate) const MAX_ENCRYPTED_KEY: usize = 1024;

/// A key that decrypts with exactly one algorithm (RFC 8725 §3.1): a private key, or a shared
/// secret. It never signs or verifies.
///
/// It is parsed once; a clone shares it. Its memory is wiped when the last clone goes. It has no
/// `Display` and no `Serialize`; `Debug` shows algorithm and key id alone.
#[derive(Clone)]
pub struct DecryptionKey {
    private: Arc<Private>,
    public: EncryptionKey,
}

enum Private {
    /// The other half has the secret.
    Shared,
    Rsa {
        key: OaepPrivateDecryptingKey,
        whole: PrivateDecryptingKey,
    },
    Agreement(PrivateKey),
}

impl DecryptionKey {
    /// A new key: for RSA one of 2048 bits (RFC 7518 §4.3), for ECDH-ES one on P-256 (§4.6),
    /// otherwise random bytes as many as the algorithm asks for (§4.4, §4.7).
    ///
    /// # Errors
    /// [`KeyError::ContentEncryptionNeeded`] for `dir`: see
    /// [`generate_direct`](Self::generate_direct). [`KeyError::Failed`] if the system gives no
    /// randomness.
    pub fn generate(alg: KeyManagement) -> Result<Self, KeyError> {
        match alg.family() {
            Family::Rsa { .. } => Self::generate_rsa(alg, 2048),
            Family::Agreement { .. } => Self::generate_on(alg, AgreementCurve::P256),
            _ => Self::generate_secret(alg, None),
        }
    }

    /// A new RSA key of 2048, 3072, 4096 or 8192 bits (RFC 7518 §4.3).
    ///
    /// # Errors
    /// [`KeyError::WrongKeyManagement`] if `alg` is not an RSA one, [`KeyError::RsaSize`] for
    /// another number of bits.
    pub fn generate_rsa(alg: KeyManagement, bits: usize) -> Result<Self, KeyError> {
        let size = rsa::key_size(bits)?;
        if !matches!(alg.family(), Family::Rsa { .. }) {
            return Err(KeyError::WrongKeyManagement(alg));
        }
        let whole = PrivateDecryptingKey::generate(size).map_err(|_| KeyError::Failed)?;
        Self::from_rsa(alg, None, whole)
    }

    /// A new key on this curve for one of the ECDH-ES algorithms (RFC 7518 §4.6, RFC 8037 §3.2).
    ///
    /// # Errors
    /// [`KeyError::WrongKeyManagement`] if `alg` is not one of them.
    pub fn generate_on(alg: KeyManagement, curve: AgreementCurve) -> Result<Self, KeyError> {
        let private = PrivateKey::generate(curve.agreement()).map_err(|_| KeyError::Failed)?;
        Self::from_agreement(alg, None, curve, private)
    }

    /// A new secret that encrypts content itself (`dir`, RFC 7518 §4.5).
    ///
    /// # Errors
    /// [`KeyError::Failed`] if the system gives no randomness.
    pub fn generate_direct(enc: ContentEncryption) -> Result<Self, KeyError> {
        Self::generate_secret(KeyManagement::Dir, Some(enc))
    }

    fn generate_secret(
        alg: KeyManagement,
        enc: Option<ContentEncryption>,
    ) -> Result<Self, KeyError> {
        let mut secret = Zeroizing::new(vec![0; secret_len(alg, enc)?]);
        let filled = SystemRandom::new().fill(&mut secret);
        filled.map_err(|_| KeyError::Failed)?;
        EncryptionKey::shared(alg, enc, &secret, None).map(Self::from_shared)
    }

    /// A private JWK or one of `kty` `oct` (RFC 7517 §4, RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037
    /// §2).
    ///
    /// `alg` must name the key management algorithm; for `oct` it may name a content encryption,
    /// for which the secret is then used directly (`dir`; as in RFC 7520 §5.6). Without a `kid` the
    /// thumbprint becomes the key id (of a secret: none does). RSA keys need all of `d`, `p`, `q`,
    /// `dp`, `dq`, `qi`.
    ///
    /// # Errors
    /// Whatever [`KeyError`] says about JWKs, their numbers and their use.
    pub fn from_jwk(json: &[u8]) -> Result<Self, KeyError> {
        Self::read_jwk(&Jwk::parse(json)?, None)
    }

    /// As [`from_jwk`](Self::from_jwk), for a key that does not name its algorithm (RFC 7517 §4.4:
    /// it need not).
    ///
    /// # Errors
    /// As [`from_jwk`](Self::from_jwk); [`KeyError::WrongKeyManagement`] if the key names another
    /// one.
    pub fn from_jwk_for(alg: KeyManagement, json: &[u8]) -> Result<Self, KeyError> {
        Self::read_jwk(&Jwk::parse(json)?, Some(alg))
    }

    pub(super) fn read_jwk(jwk: &Jwk<'_>, given: Option<KeyManagement>) -> Result<Self, KeyError> {
        let (alg, enc) = algorithm_of(jwk, given)?;
        jwk.permits(match alg.family() {
            Family::Direct => Operation::Decrypt,
            Family::Agreement { .. } => Operation::Agree,
            _ => Operation::UnwrapKey,
        })?;
        let kid = jwk.kid()?;
        if jwk.key_type()? == KeyType::Oct {
            let secret = jwk.k.secret("k")?;
            return EncryptionKey::shared(alg, enc, &secret, kid).map(Self::from_shared);
        }
        let numbers = PublicNumbers::from_jwk(jwk)?;
        if let PublicNumbers::Rsa { n, e } = &numbers {
            return Self::from_rsa_pair(alg, kid, &rsa::pair_from_jwk(jwk, n, e)?);
        }
        let curve = agreement::curve_of(&numbers).ok_or(KeyError::WrongKeyManagement(alg))?;
        let private = agreement::private_from_jwk(curve, &numbers, jwk)?;
        Self::from_agreement(alg, kid, curve, private)
    }

    /// A private key from unencrypted PEM (RFC 7468 §2): `PRIVATE KEY` (PKCS#8, §10),
    /// `RSA PRIVATE KEY` (PKCS#1) or `EC PRIVATE KEY` (SEC 1). The thumbprint becomes the key id.
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Der`], or what is wrong with the numbers.
    pub fn from_pem(alg: KeyManagement, text: &str) -> Result<Self, KeyError> {
        Self::from_der(alg, &pem::private(text)?)
    }

    /// A private key from DER: PKCS#8 (RFC 5958, RFC 8410 §7), for RSA also PKCS#1 (RFC 8017
    /// appendix A.1.2), for EC also SEC 1 (RFC 5915). The thumbprint becomes the key id.
    ///
    /// # Errors
    /// [`KeyError::Der`] if it is no such key, or one for another algorithm;
    /// [`KeyError::WrongKeyManagement`] for shared secrets; or what is wrong with the numbers.
    pub fn from_der(alg: KeyManagement, der: &[u8]) -> Result<Self, KeyError> {
        match alg.family() {
            Family::Rsa { .. } => {
                let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
                Self::from_rsa_pair(alg, None, &pair.map_err(|_| KeyError::Der)?)
            }
            Family::Agreement { .. } => {
                let (curve, private) = agreement::private_from_der(der).ok_or(KeyError::Der)?;
                Self::from_agreement(alg, None, curve, private)
            }
            _ => Err(KeyError::WrongKeyManagement(alg)),
        }
    }

    /// A shared secret, as [`EncryptionKey::wrapping`] takes it (RFC 7518 §4.4, §4.7).
    ///
    /// # Errors
    /// As [`EncryptionKey::wrapping`].
    pub fn wrapping(
        alg: KeyManagement,
        secret: &[u8],
        kid: Option<&str>,
    ) -> Result<Self, KeyError> {
        EncryptionKey::wrapping(alg, secret, kid).map(Self::from_shared)
    }

    /// A shared secret, as [`EncryptionKey::direct`] takes it (RFC 7518 §4.5).
    ///
    /// # Errors
    /// As [`EncryptionKey::direct`].
    pub fn direct(
        enc: ContentEncryption,
        secret: &[u8],
        kid: Option<&str>,
    ) -> Result<Self, KeyError> {
        EncryptionKey::direct(enc, secret, kid).map(Self::from_shared)
    }

    fn from_shared(public: EncryptionKey) -> Self {
        Self {
            private: Arc::new(Private::Shared),
            public,
        }
    }

    fn from_rsa_pair(
        alg: KeyManagement,
        kid: Option<&str>,
        pair: &RsaKeyPair,
    ) -> Result<Self, KeyError> {
        let pkcs8: Result<Pkcs8V1Der<'_>, _> = pair.as_der();
        let pkcs8 = pkcs8.map_err(|_| KeyError::Failed)?;
        let whole = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref());
        Self::from_rsa(alg, kid, whole.map_err(|_| KeyError::Invalid)?)
    }

    fn from_rsa(
        alg: KeyManagement,
        kid: Option<&str>,
        whole: PrivateDecryptingKey,
    ) -> Result<Self, KeyError> {
        let public: Result<PublicKeyX509Der<'_>, _> = whole.public_key().as_der();
        let public = public.map_err(|_| KeyError::Failed)?;
        let numbers = PublicNumbers::from_der(public.as_ref())?;
        let public = EncryptionKey::public(alg, kid, numbers)?;
        let key = OaepPrivateDecryptingKey::new(whole.clone()).map_err(|_| KeyError::Failed)?;
        Ok(Self {
            private: Arc::new(Private::Rsa { key, whole }),
            public,
        })
    }

    fn from_agreement(
        alg: KeyManagement,
        kid: Option<&str>,
        curve: AgreementCurve,
        private: PrivateKey,
    ) -> Result<Self, KeyError> {
        let numbers = agreement::numbers_of(curve, &private)?;
        let public = EncryptionKey::public(alg, kid, numbers)?;
        Ok(Self {
            private: Arc::new(Private::Agreement(private)),
            public,
        })
    }

    /// The same key under another key id (RFC 7517 §4.5). A PEM carries no id: hand out a JWK, or
    /// call this on both sides.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self {
            public: self.public.with_kid(kid),
            ..self
        }
    }

    /// The one algorithm this key decrypts with (RFC 7517 §4.4).
    #[must_use]
    pub fn algorithm(&self) -> KeyManagement {
        self.public.algorithm()
    }

    /// The one content encryption of a key for `dir` (RFC 7518 §4.5); `None` for all others, which
    /// go with any.
    #[must_use]
    pub fn content_encryption(&self) -> Option<ContentEncryption> {
        self.public.content_encryption()
    }

    /// The key id (RFC 7517 §4.5); only shared secrets may have none.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.public.kid()
    }

    /// The key that encrypts what this one decrypts (RFC 7516 §5.1): for others, unless it is a
    /// shared secret, which is as secret as this one. One for [`KeyManagement::RsaOaep`] can be
    /// published, and encrypts nothing here.
    #[must_use]
    pub fn encryption_key(&self) -> EncryptionKey {
        self.public.clone()
    }

    /// The whole key as a JWK, secret members included (RFC 7518 §6).
    /// Wiped when dropped: `zeroize::Zeroizing`, of the crate `zeroize` 1.
    ///
    /// # Errors
    /// [`KeyError::Failed`] if the cryptographic library does not hand out the numbers.
    pub fn to_jwk(&self) -> Result<Zeroizing<String>, KeyError> {
        let mut secret = SecretMembers::default();
        match (&*self.private, self.public.lock()) {
            (Private::Rsa { .. }, _) => secret.write_rsa(&self.to_pkcs8_der()?)?,
            (Private::Agreement(private), Lock::Agreement { curve, .. }) => {
                secret.d = member(&agreement::private_octets(*curve, private)?);
            }
            (_, Lock::Shared { enc, secret: k }) => {
                let alg = enc.map_or(self.algorithm().name(), ContentEncryption::name);
                secret.kty = Some("oct");
                secret.alg = Some(alg);
                secret.purpose = Some("enc");
                secret.kid = self.kid();
                secret.k = member(k);
            }
            _ => return Err(KeyError::Failed),
        }
        secret.beside(self.public.public_jwk())
    }

    /// The private key as PKCS#8 (RFC 5208 §5, RFC 8410 §7).
    /// Wiped when dropped: `zeroize::Zeroizing`, of the crate `zeroize` 1.
    ///
    /// # Errors
    /// [`KeyError::NoSuchForm`] for a shared secret.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match (&*self.private, self.public.lock()) {
            (Private::Rsa { whole, .. }, _) => {
                let der: Result<Pkcs8V1Der<'_>, _> = whole.as_der();
                let der = der.map_err(|_| KeyError::Failed)?;
                Ok(Zeroizing::new(der.as_ref().to_vec()))
            }
            (Private::Agreement(private), Lock::Agreement { curve, .. }) => {
                agreement::private_to_pkcs8(*curve, private)
            }
            _ => Err(KeyError::NoSuchForm),
        }
    }

    /// The private key as PKCS#8 in PEM (RFC 7468 §10).
    /// Wiped when dropped: `zeroize::Zeroizing`, of the crate `zeroize` 1.
    ///
    /// # Errors
    /// [`KeyError::NoSuchForm`] for a shared secret.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.to_pkcs8_der().map(|der| pem::encode_private(&der))
    }

    pub(crate) fn encryption(&self) -> &EncryptionKey {
        &self.public
    }

    /// Whether this key is the one for these algorithms (RFC 8725 §3.1).
    pub(crate) fn fits(&self, alg: KeyManagement, enc: ContentEncryption) -> Result<(), Refused> {
        let key = self.algorithm();
        if key != alg {
            return Err(Refused::WrongKeyManagement { key });
        }
        match self.content_encryption() {
            Some(key) if key != enc => Err(Refused::WrongEncryption { key }),
            _ => Ok(()),
        }
    }

    /// The key of a token's content (RFC 7516 §5.2, steps 6 to 12). The encrypted key has its
    /// length.
    ///
    /// Whatever is wrong with an encrypted key, the answer is a random key, under which the tag
    /// will not hold: whether it was the one or the other, nobody can tell (RFC 7516 §11.5).
    pub(crate) fn content_key(
        &self,
        enc: ContentEncryption,
        parameters: &Parameters<'_>,
        encrypted: &[u8],
    ) -> Result<ContentKey, Refused> {
        if let Lock::Shared {
            enc: Some(own),
            secret,
        } = self.public.lock()
        {
            return ContentKey::of(*own, secret).ok_or(Refused::Decryption);
        }
        let random = ContentKey::random(enc).map_err(|_| Refused::Decryption)?;
        let mut key = ContentKey::blank(enc);
        let opened = match (
            &*self.private,
            self.public.lock(),
            self.algorithm().family(),
        ) {
            (_, Lock::Shared { secret, .. }, Family::KeyWrap(with)) => {
                wrap::unwrap(with, secret, encrypted, key.as_mut())
            }
            (_, Lock::Shared { secret, .. }, Family::GcmKeyWrap { aead, .. }) => {
                let (iv, tag) = parameters.iv_and_tag()?;
                key.as_mut().copy_from_slice(encrypted);
                gcm_open(aead, secret, &iv, &[], key.as_mut(), &tag).map(|_| ())
            }
            (Private::Rsa { key: private, .. }, _, Family::Rsa { oaep }) => {
                let mut room = Zeroizing::new([0; MAX_ENCRYPTED_KEY]);
                let opened = private.decrypt(oaep, encrypted, &mut *room, None);
                opened.and_then(|octets| {
                    key = ContentKey::of(enc, octets).ok_or(Unspecified)?;
                    Ok(())
                })
            }
            (
                Private::Agreement(private),
                Lock::Agreement { curve, .. },
                Family::Agreement { wrap },
            ) => {
                let (sender, recipient) = parameters.parties()?;
                let parties = (&sender[..], &recipient[..]);
                let epk = agreement::ephemeral(*curve, parameters.epk.as_ref())?;
                let Some(with) = wrap else {
                    agree(private, epk, Refused::EphemeralKey, |agreed| {
                        wrap::derive(agreed, enc.name(), parties, key.as_mut())
                            .map_err(|_| Refused::Decryption)
                    })?;
                    return Ok(key);
                };
                let mut secret = Zeroizing::new([0; KW256.len]);
                let secret = &mut secret[..with.len];
                agree(private, epk, Refused::EphemeralKey, |agreed| {
                    wrap::derive(agreed, self.algorithm().name(), parties, secret)
                        .map_err(|_| Refused::Decryption)
                })?;
                wrap::unwrap(with, secret, encrypted, key.as_mut())
            }
            // A key is made with what its algorithm needs.
            _ => Err(Unspecified),
        };
        Ok(match opened {
            Ok(()) => key,
            Err(Unspecified) => random,
        })
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey")
            .field("alg", &self.algorithm())
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}
