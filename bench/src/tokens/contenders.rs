//! Those that sign and verify the same token: ours, the raw primitive, the bare parts, the usual crate.

use std::hint::black_box;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87,
    ML_DSA_87_SIGNING, ParsedPublicKey, PqdsaKeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair, VerificationAlgorithm,
};
use base64_simd::AsOut as _;
use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};

use super::claims::{AUDIENCE, Claims, ISSUER, NOW, SECRET, TYP, claims};
use super::race::Op;

/// Who signs and verifies.
pub struct Contender {
    /// Makes a token (raw: a signature).
    pub sign: Op,
    /// Checks it.
    pub verify: Op,
}

/// Everybody, with one key.
pub struct Contenders {
    /// This project.
    pub ours: Contender,
    /// The primitive alone.
    pub raw: Contender,
    /// What no verification of such a token can do without: the primitive, the payload's base64, and `serde_json` into
    /// the same type. Nothing is checked but the signature.
    pub parts: Op,
    /// The usual crate, if it has the algorithm.
    pub usual: Option<Contender>,
}

impl Contenders {
    /// They are handed the same token.
    pub fn new(algorithm: Algorithm) -> Self {
        let key = key(algorithm);
        let token = countersign_jose::sign(&key, TYP, &claims()).expect("a token");
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let (_, payload) = signed.split_once('.').expect("three parts");
        let bare = Bare::new(&key);
        let parts = parts(bare.verify(signed.as_bytes(), decode(signature)), payload);
        let verify = bare.verify(signed.as_bytes(), decode(signature));
        let usual = usual(&key, bare.public.as_deref(), &token);
        let sign = bare.sign(signed.as_bytes());
        Self {
            ours: ours(key, token),
            raw: Contender { sign, verify },
            parts,
            usual,
        }
    }
}

/// A key of its own for each algorithm.
pub fn key(algorithm: Algorithm) -> SigningKey {
    match algorithm {
        Algorithm::HS256 => SigningKey::hmac(algorithm, SECRET, Some("bench")),
        _ => SigningKey::generate(algorithm),
    }
    .expect("a key")
}

/// Makes an access token and a refresh token, as a renewal without a store does.
pub fn two_tokens() -> impl Fn() -> [String; 2] {
    let keys = [key(Algorithm::ES256), key(Algorithm::HS256)];
    let claims = claims();
    move || {
        [0, 1].map(|i| countersign_jose::sign(&keys[i], TYP, black_box(&claims)).expect("signed"))
    }
}

/// The refresh token that [`renewal`] takes: HS256, ten claims.
pub fn refresh_token() -> String {
    countersign_jose::sign(&key(Algorithm::HS256), TYP, &claims()).expect("signed")
}

/// Checks a refresh token, and makes both tokens anew from what it says.
pub fn renewal() -> impl Fn(&str) -> Option<[String; 2]> {
    let keys = [key(Algorithm::ES256), key(Algorithm::HS256)];
    let known = KeySet::new(vec![keys[1].verifying_key()]).expect("one key");
    let verifier = Verifier::new(ISSUER, AUDIENCE, TYP, known);
    move |token| {
        let now = UnixTime::from_secs(NOW);
        let claims = verifier.verify::<Claims>(token, now).ok()?;
        let [access, refresh] = &keys;
        let sign = |key| countersign_jose::sign(key, TYP, &*claims).ok();
        Some([sign(access)?, sign(refresh)?])
    }
}

/// The primitive's verification of a genuine signature over these bytes.
pub fn raw_verification(key: &SigningKey, message: &[u8]) -> Op {
    let bare = Bare::new(key);
    let signature = bare.signature(message);
    bare.verify(message, signature)
}

fn ours(key: SigningKey, token: String) -> Contender {
    let keys = KeySet::new(vec![key.verifying_key()]).expect("one key");
    let check = Verifier::new(ISSUER, AUDIENCE, TYP, keys);
    let claims = claims();
    Contender {
        sign: Box::new(move || {
            black_box(countersign_jose::sign(&key, TYP, black_box(&claims)).expect("signed"));
        }),
        verify: Box::new(move || {
            let now = UnixTime::from_secs(NOW);
            let verified = check.verify::<Claims>(black_box(&token), now);
            black_box(verified.expect("verified"));
        }),
    }
}

/// A key pair of the primitive's own type.
enum Pair {
    Secret(Box<hmac::Key>),
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

/// The primitive's key, and what verifies.
struct Bare {
    pair: Pair,
    verification: Option<&'static dyn VerificationAlgorithm>,
    /// Of a key pair.
    public: Option<Vec<u8>>,
}

impl Bare {
    fn new(key: &SigningKey) -> Self {
        if key.algorithm() == Algorithm::HS256 {
            return Self {
                pair: Pair::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, SECRET))),
                verification: None,
                public: None,
            };
        }
        let der = key.to_pkcs8_der().expect("DER");
        let (pair, verification): (_, &'static dyn VerificationAlgorithm) = match key.algorithm() {
            Algorithm::RS256 => {
                let pair = RsaKeyPair::from_pkcs8(&der).expect("an RSA key");
                (Pair::Rsa(pair), &RSA_PKCS1_2048_8192_SHA256)
            }
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
                let pair = pair.expect("an EC key");
                (Pair::Ecdsa(pair), &ECDSA_P256_SHA256_FIXED)
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
                (Pair::Ed25519(pair.expect("an Ed25519 key")), &ED25519)
            }
            other => {
                let (signing, verification) = match other {
                    Algorithm::MlDsa44 => (&ML_DSA_44_SIGNING, &ML_DSA_44),
                    Algorithm::MlDsa65 => (&ML_DSA_65_SIGNING, &ML_DSA_65),
                    _ => (&ML_DSA_87_SIGNING, &ML_DSA_87),
                };
                let pair = PqdsaKeyPair::from_pkcs8(signing, &der).expect("an ML-DSA key");
                (Pair::MlDsa(pair), verification)
            }
        };
        let public = match &pair {
            Pair::Secret(_) => Vec::new(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::MlDsa(pair) => pair.public_key().as_ref().to_vec(),
        };
        Self {
            pair,
            verification: Some(verification),
            public: Some(public),
        }
    }

    fn verify(&self, message: &[u8], signature: Vec<u8>) -> Op {
        let message = message.to_vec();
        let Some((verification, public)) = self.verification.zip(self.public.as_ref()) else {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
            return Box::new(move || {
                hmac::verify(&key, black_box(&message), black_box(&signature)).expect("verified");
            });
        };
        let key = ParsedPublicKey::new(verification, public).expect("a public key");
        Box::new(move || {
            key.verify_sig(black_box(&message), black_box(&signature))
                .expect("verified");
        })
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Secret(key) => hmac::sign(key, message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("signed");
                signature
            }
            Pair::Ecdsa(pair) => pair
                .sign(&random, message)
                .expect("signed")
                .as_ref()
                .to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut signature).expect("signed");
                signature
            }
        }
    }

    fn sign(self, message: &[u8]) -> Op {
        let input = message.to_vec();
        let random = SystemRandom::new();
        match self.pair {
            Pair::Secret(key) => Box::new(move || {
                black_box(hmac::sign(&key, black_box(&input)));
            }),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                Box::new(move || {
                    pair.sign(
                        &RSA_PKCS1_SHA256,
                        &random,
                        black_box(&input),
                        &mut signature,
                    )
                    .expect("signed");
                    black_box(&signature);
                })
            }
            Pair::Ecdsa(pair) => Box::new(move || {
                black_box(pair.sign(&random, black_box(&input)).expect("signed"));
            }),
            Pair::Ed25519(pair) => Box::new(move || {
                black_box(pair.sign(black_box(&input)));
            }),
            Pair::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                Box::new(move || {
                    pair.sign(black_box(&input), &mut signature)
                        .expect("signed");
                    black_box(&signature);
                })
            }
        }
    }
}

fn parts(mut primitive: Op, payload: &str) -> Op {
    let payload = payload.to_owned();
    let mut room = vec![0; payload.len()];
    Box::new(move || {
        primitive();
        let json = base64_simd::URL_SAFE_NO_PAD
            .decode(black_box(payload.as_bytes()), room.as_out())
            .expect("base64url");
        black_box(serde_json::from_slice::<Claims>(json).expect("claims"));
    })
}

fn usual(key: &SigningKey, public: Option<&[u8]>, token: &str) -> Option<Contender> {
    let pem = || key.to_pem().expect("PEM");
    let (theirs, encoding, decoding) = match (key.algorithm(), public) {
        (Algorithm::RS256, Some(public)) => (
            jsonwebtoken::Algorithm::RS256,
            EncodingKey::from_rsa_pem(pem().as_bytes()),
            DecodingKey::from_rsa_der(public),
        ),
        (Algorithm::ES256, Some(public)) => (
            jsonwebtoken::Algorithm::ES256,
            EncodingKey::from_ec_pem(pem().as_bytes()),
            DecodingKey::from_ec_der(public),
        ),
        (Algorithm::EdDSA, Some(public)) => (
            jsonwebtoken::Algorithm::EdDSA,
            EncodingKey::from_ed_pem(pem().as_bytes()),
            DecodingKey::from_ed_der(public),
        ),
        (_, Some(_)) => return None,
        (_, None) => (
            jsonwebtoken::Algorithm::HS256,
            Ok(EncodingKey::from_secret(SECRET)),
            DecodingKey::from_secret(SECRET),
        ),
    };
    let encoding = encoding.expect("a key that jsonwebtoken reads");
    let mut header = Header::new(theirs);
    header.typ = Some(TYP.into());
    header.kid = key.kid().map(str::to_owned);
    let mut validation = Validation::new(theirs);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let (claims, token) = (claims(), token.to_owned());
    Some(Contender {
        sign: Box::new(move || {
            let token = jsonwebtoken::encode(&header, black_box(&claims), &encoding);
            black_box(token.expect("signed"));
        }),
        verify: Box::new(move || {
            let verified =
                jsonwebtoken::decode::<Claims>(black_box(&token), &decoding, &validation);
            black_box(verified.expect("verified"));
        }),
    })
}

fn decode(text: &str) -> Vec<u8> {
    base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(text.as_bytes())
        .expect("base64url")
}
