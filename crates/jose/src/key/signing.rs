//! Keys that sign.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair, RsaEncoding, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::jwk::{Jwk, KeyType, Operation};
use super::private_jwk::{SecretMembers, member};
use super::public::PublicNumbers;
use super::{PublicJwk, VerifyingKey, pem, rsa};
use crate::algorithm::Family;
use crate::{Algorithm, KeyError, SignError};

/// The longest signature, that of ML-DSA-87, in octets.
pub(crate) const MAX_SIGNATURE: usize = 4627;

/// The longest one that is made on the stack, that of an RSA key of 8192 bits: room for ML-DSA
/// would cost the algorithms that need a hundredth of it.
pub(crate) const STACK_SIGNATURE: usize = 1024;

/// A key that signs with exactly one algorithm (RFC 8725 §3.1): a private key, or a shared secret.
///
/// It is parsed once; a clone shares it. Its memory is wiped when the last clone goes. It has no
/// `Display` and no `Serialize`; `Debug` shows algorithm and key id alone.
#[derive(Clone)]
pub struct SigningKey {
    private: Arc<Private>,
    public: VerifyingKey,
}

enum Private {
    Hmac {
        key: Arc<hmac::Key>,
        secret: Zeroizing<Vec<u8>>,
    },
    Rsa {
        pair: RsaKeyPair,
        encoding: &'static dyn RsaEncoding,
    },
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa {
        pair: PqdsaKeyPair,
        seed: Zeroizing<Vec<u8>>,
    },
}

impl SigningKey {
    /// A new key: for RSA one of 2048 bits (RFC 7518 §3.3), for HMAC random bytes as many as the
    /// hash has (§3.2), for ML-DSA a random seed (RFC 9964 §4).
    ///
    /// # Errors
    /// [`KeyError::Failed`] if the system gives no randomness.
    pub fn generate(alg: Algorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Failed;
        match alg.family() {
            Family::Hmac { tag_len, .. } => {
                let mut secret = Zeroizing::new(vec![0; *tag_len]);
                SystemRandom::new().fill(&mut secret).map_err(failed)?;
                Self::hmac(alg, &secret, None)
            }
            Family::Rsa { .. } => Self::generate_rsa(alg, 2048),
            Family::Ec { sign, .. } => {
                let pair = EcdsaKeyPair::generate(sign).map_err(failed)?;
                Self::from_ec(alg, None, pair)
            }
            Family::Ed25519 => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                Self::from_ed25519(alg, None, pair)
            }
            Family::MlDsa(set) => {
                let mut seed = Zeroizing::new(vec![0; set.sign.seed_len()]);
                SystemRandom::new().fill(&mut seed).map_err(failed)?;
                let pair = PqdsaKeyPair::from_seed(set.sign, &seed);
                Self::from_ml_dsa(alg, None, pair.map_err(|_| KeyError::Failed)?, seed)
            }
        }
    }

    /// A new RSA key of 2048, 3072, 4096 or 8192 bits (RFC 7518 §3.3, §3.5).
    ///
    /// # Errors
    /// [`KeyError::WrongAlgorithm`] if `alg` is not an RSA one, [`KeyError::RsaSize`] for another
    /// number of bits.
    pub fn generate_rsa(alg: Algorithm, bits: usize) -> Result<Self, KeyError> {
        let size = rsa::key_size(bits)?;
        if !matches!(alg.family(), Family::Rsa { .. }) {
            return Err(KeyError::WrongAlgorithm(alg));
        }
        let pair = RsaKeyPair::generate(size).map_err(|_| KeyError::Failed)?;
        Self::from_rsa(alg, None, pair)
    }

    /// A shared secret for one of the HMAC algorithms (RFC 7518 §3.2).
    ///
    /// Without `kid` the key has none: a thumbprint of a secret would allow guesses to be checked
    /// (RFC 7638 §7).
    ///
    /// # Errors
    /// [`KeyError::WrongAlgorithm`] if `alg` is not one of them, [`KeyError::SecretTooShort`] if
    /// the secret is shorter than its hash, [`KeyError::SecretIsAKey`] if it is the text of a key.
    pub fn hmac(alg: Algorithm, secret: &[u8], kid: Option<&str>) -> Result<Self, KeyError> {
        let public = VerifyingKey::hmac(alg, secret, kid)?;
        let key = public.mac().ok_or(KeyError::WrongAlgorithm(alg))?;
        let private = Private::Hmac {
            key: Arc::clone(key),
            secret: Zeroizing::new(secret.to_vec()),
        };
        Ok(Self::assemble(Arc::new(private), public))
    }

    /// A private JWK or one of `kty` `oct` (RFC 7517 §4, RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037
    /// §2; RFC 9964 §4).
    ///
    /// The algorithm is what `alg` says, or what `crv` leaves no choice about. Without a `kid` the
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
    /// As [`from_jwk`](Self::from_jwk); [`KeyError::WrongAlgorithm`] if the key names another one.
    pub fn from_jwk_for(alg: Algorithm, json: &[u8]) -> Result<Self, KeyError> {
        Self::read_jwk(&Jwk::parse(json)?, Some(alg))
    }

    fn read_jwk(jwk: &Jwk<'_>, given: Option<Algorithm>) -> Result<Self, KeyError> {
        jwk.permits(Operation::Sign)?;
        let alg = jwk.algorithm(given)?;
        let kid = jwk.kid()?;
        if jwk.key_type()? == KeyType::Oct {
            return Self::hmac(alg, &jwk.k.secret("k")?, kid);
        }
        let numbers = PublicNumbers::from_jwk(jwk)?;
        if let PublicNumbers::MlDsa { set, key } = &numbers {
            let seed = jwk.private.secret("priv")?;
            // RFC 9964 §4: it has one length.
            let pair = PqdsaKeyPair::from_seed(set.sign, &seed);
            let pair = pair.map_err(|_| KeyError::Malformed("priv"))?;
            if pair.public_key().as_ref() != &key[..] {
                return Err(KeyError::Invalid); // RFC 9964 §7.4
            }
            return Self::from_ml_dsa(alg, kid, pair, seed);
        }
        let d = jwk.d.secret("d")?;
        match (&numbers, alg.family()) {
            (PublicNumbers::Rsa { n, e }, _) => {
                Self::from_rsa(alg, kid, rsa::pair_from_jwk(jwk, n, e)?)
            }
            (PublicNumbers::Ec { .. }, Family::Ec { curve, sign, .. }) => {
                if d.len() != curve.len {
                    return Err(KeyError::Malformed("d")); // RFC 7518 §6.2.2.1
                }
                let point = numbers.point();
                let pair = EcdsaKeyPair::from_private_key_and_public_key(sign, &d, &point);
                Self::from_ec(alg, kid, pair.map_err(|_| KeyError::Invalid)?)
            }
            (PublicNumbers::Ed25519 { x }, _) => {
                if d.len() != x.len() {
                    return Err(KeyError::Malformed("d")); // RFC 8032 §5.1.5
                }
                let pair = Ed25519KeyPair::from_seed_and_public_key(&d, x);
                Self::from_ed25519(alg, kid, pair.map_err(|_| KeyError::Invalid)?)
            }
            (
                PublicNumbers::Ec { .. }
                | PublicNumbers::X25519 { .. }
                | PublicNumbers::MlDsa { .. },
                _,
            ) => Err(KeyError::WrongAlgorithm(alg)),
        }
    }

    /// A private key from unencrypted PEM (RFC 7468 §2): `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY`
    /// (PKCS#1) or `EC PRIVATE KEY` (SEC 1). The thumbprint becomes the key id.
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Der`], or what is wrong with the numbers.
    pub fn from_pem(alg: Algorithm, text: &str) -> Result<Self, KeyError> {
        Self::from_der(alg, &pem::private(text)?)
    }

    /// A private key from DER: PKCS#8 (RFC 5958), for RSA also PKCS#1 (RFC 8017 appendix A.1.2),
    /// for EC also SEC 1 (RFC 5915). One for ML-DSA must hold its seed (RFC 9881 §6), alone or
    /// beside the expanded key. The thumbprint becomes the key id.
    ///
    /// # Errors
    /// [`KeyError::Der`] if it is no such key, or one for another algorithm;
    /// [`KeyError::WrongAlgorithm`] for the HMAC algorithms; [`KeyError::SeedNeeded`]; or what is
    /// wrong with the numbers.
    pub fn from_der(alg: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let not_such = |_| KeyError::Der;
        match alg.family() {
            Family::Hmac { .. } => Err(KeyError::WrongAlgorithm(alg)),
            Family::Rsa { .. } => {
                let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
                Self::from_rsa(alg, None, pair.map_err(not_such)?)
            }
            Family::Ec { sign, .. } => {
                let pair = EcdsaKeyPair::from_private_key_der(sign, der);
                Self::from_ec(alg, None, pair.map_err(not_such)?)
            }
            Family::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8(der).map_err(not_such)?;
                Self::from_ed25519(alg, None, pair)
            }
            Family::MlDsa(set) => {
                let pair = PqdsaKeyPair::from_pkcs8(set.sign, der).map_err(not_such)?;
                let with_seed = pair.to_pkcs8v1().map_err(|_| KeyError::SeedNeeded)?;
                // That is the form with the seed alone, which it ends with (RFC 9881 §6).
                let der = with_seed.as_ref();
                let seed = &der[der.len() - set.sign.seed_len()..];
                Self::from_ml_dsa(alg, None, pair, Zeroizing::new(seed.to_vec()))
            }
        }
    }

    fn from_rsa(alg: Algorithm, kid: Option<&str>, pair: RsaKeyPair) -> Result<Self, KeyError> {
        let Family::Rsa { sign, .. } = alg.family() else {
            return Err(KeyError::WrongAlgorithm(alg));
        };
        let numbers = PublicNumbers::from_pkcs1(pair.public_key().as_ref());
        let public = VerifyingKey::public(alg, kid, numbers.map_err(|_| KeyError::Invalid)?)?;
        let encoding = *sign;
        Ok(Self::assemble(
            Arc::new(Private::Rsa { pair, encoding }),
            public,
        ))
    }

    fn from_ec(alg: Algorithm, kid: Option<&str>, pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let Family::Ec { curve, .. } = alg.family() else {
            return Err(KeyError::WrongAlgorithm(alg));
        };
        let numbers = PublicNumbers::from_point(curve, pair.public_key().as_ref());
        let public = VerifyingKey::public(alg, kid, numbers)?;
        Ok(Self::assemble(Arc::new(Private::Ec(pair)), public))
    }

    fn from_ed25519(
        alg: Algorithm,
        kid: Option<&str>,
        pair: Ed25519KeyPair,
    ) -> Result<Self, KeyError> {
        let x = pair.public_key().as_ref().into();
        let public = VerifyingKey::public(alg, kid, PublicNumbers::Ed25519 { x })?;
        Ok(Self::assemble(Arc::new(Private::Ed25519(pair)), public))
    }

    /// The pair, and the seed that it was made from (FIPS 204 §5.1).
    fn from_ml_dsa(
        alg: Algorithm,
        kid: Option<&str>,
        pair: PqdsaKeyPair,
        seed: Zeroizing<Vec<u8>>,
    ) -> Result<Self, KeyError> {
        let Family::MlDsa(set) = alg.family() else {
            return Err(KeyError::WrongAlgorithm(alg));
        };
        let key = pair.public_key().as_ref().into();
        let public = VerifyingKey::public(alg, kid, PublicNumbers::MlDsa { set, key })?;
        Ok(Self::assemble(
            Arc::new(Private::MlDsa { pair, seed }),
            public,
        ))
    }

    fn assemble(private: Arc<Private>, public: VerifyingKey) -> Self {
        Self { private, public }
    }

    /// The same key under another key id (RFC 7517 §4.5).
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self::assemble(self.private, self.public.with_kid(kid))
    }

    /// The one algorithm this key signs with (RFC 7517 §4.4).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The key id that is written into every token (RFC 7515 §4.1.4); only shared secrets may have
    /// none.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.public.kid()
    }

    /// The key that verifies what this one signs (RFC 7515 §5.2). For the HMAC algorithms it is as
    /// secret. It has the [`thumbprint`](VerifyingKey::thumbprint) (RFC 7638).
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.public.clone()
    }

    /// The public half as a JWK (RFC 7517 §4); `None` for a shared secret, which has none.
    #[must_use]
    pub fn public_jwk(&self) -> Option<PublicJwk> {
        self.public.public_jwk()
    }

    /// The whole key as a JWK, secret members included (RFC 7518 §6, RFC 9964 §3).
    /// Wiped when dropped: `zeroize::Zeroizing`, of the crate `zeroize` 1.
    ///
    /// # Errors
    /// [`KeyError::Failed`] if the cryptographic library does not hand out the numbers.
    pub fn to_jwk(&self) -> Result<Zeroizing<String>, KeyError> {
        let mut secret = SecretMembers::default();
        match &*self.private {
            Private::Hmac { secret: k, .. } => {
                secret.kty = Some("oct");
                secret.alg = Some(self.algorithm().name());
                secret.purpose = Some("sig");
                secret.kid = self.kid();
                secret.k = member(k);
            }
            Private::Rsa { .. } => {
                let pkcs8 = self.to_pkcs8_der()?;
                secret.write_rsa(&pkcs8)?;
            }
            Private::Ec(pair) => {
                let d: EcPrivateKeyBin<'_> = pair
                    .private_key()
                    .as_be_bytes()
                    .map_err(|_| KeyError::Failed)?;
                secret.d = member(d.as_ref());
            }
            Private::Ed25519(pair) => {
                let seed = pair.seed().map_err(|_| KeyError::Failed)?;
                let d = seed.as_be_bytes().map_err(|_| KeyError::Failed)?;
                secret.d = member(d.as_ref());
            }
            Private::MlDsa { seed, .. } => secret.private = member(seed),
        }
        secret.beside(self.public_jwk())
    }

    /// The private key as PKCS#8 (RFC 5208 §5), one for ML-DSA as its seed (RFC 9881 §6).
    /// Wiped when dropped: `zeroize::Zeroizing`, of the crate `zeroize` 1.
    ///
    /// # Errors
    /// [`KeyError::NoSuchForm`] for a shared secret.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der: Result<Pkcs8V1Der<'_>, _> = match &*self.private {
            Private::Hmac { .. } => return Err(KeyError::NoSuchForm),
            Private::Rsa { pair, .. } => pair.as_der(),
            Private::Ec(pair) => {
                let document = pair.to_pkcs8v1().map_err(|_| KeyError::Failed)?;
                return Ok(Zeroizing::new(document.as_ref().to_vec()));
            }
            Private::Ed25519(pair) => pair.as_der(),
            Private::MlDsa { pair, .. } => pair.private_key().as_der(),
        };
        let der = der.map_err(|_| KeyError::Failed)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The private key as PKCS#8 in PEM (RFC 7468 §10).
    /// Wiped when dropped: `zeroize::Zeroizing`, of the crate `zeroize` 1.
    ///
    /// # Errors
    /// [`KeyError::NoSuchForm`] for a shared secret.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.to_pkcs8_der().map(|der| pem::encode_private(&der))
    }

    pub(crate) fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// Octets of a signature.
    pub(crate) fn signature_len(&self) -> usize {
        match (&*self.private, self.algorithm().family()) {
            (Private::Rsa { pair, .. }, _) => pair.public_modulus_len(),
            (_, Family::Hmac { tag_len, .. }) => *tag_len,
            (_, Family::Ec { curve, .. }) => 2 * curve.len,
            (_, Family::MlDsa(set)) => set.sign.signature_len(),
            // RFC 8032 §5.1.6. A key for RSA is in the first line.
            (_, Family::Ed25519 | Family::Rsa { .. }) => 64,
        }
    }

    /// Signs, into room on the caller's stack if it is large enough.
    pub(crate) fn sign_into<'r>(
        &self,
        message: &[u8],
        room: &'r mut [u8; STACK_SIGNATURE],
    ) -> Result<Cow<'r, [u8]>, SignError> {
        let failed = |_| SignError::Failed;
        // The library ignores this argument and uses its own source; the nonces of ECDSA and PSS
        // are the primitives' own affair.
        let rng = SystemRandom::new();
        match &*self.private {
            Private::Hmac { key, .. } => Ok(place(hmac::sign(key, message), room)),
            Private::Rsa { pair, encoding } => {
                let signature = &mut room[..pair.public_modulus_len()];
                pair.sign(*encoding, &rng, message, signature)
                    .map_err(failed)?;
                Ok(Cow::Borrowed(signature))
            }
            Private::Ec(pair) => Ok(place(pair.sign(&rng, message).map_err(failed)?, room)),
            Private::Ed25519(pair) => Ok(place(pair.try_sign(message).map_err(failed)?, room)),
            Private::MlDsa { pair, .. } => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut signature).map_err(failed)?;
                Ok(Cow::Owned(signature))
            }
        }
    }
}

fn place(signature: impl AsRef<[u8]>, room: &mut [u8; STACK_SIGNATURE]) -> Cow<'_, [u8]> {
    let signature = signature.as_ref();
    let place = &mut room[..signature.len()];
    place.copy_from_slice(signature);
    Cow::Borrowed(place)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("alg", &self.algorithm())
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}
