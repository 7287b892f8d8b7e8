//! The three that sign and verify the same token: ours, the raw primitive, the usual crate.

use std::hint::black_box;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair, VerificationAlgorithm,
};
use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// One operation, the same every time. Panics if it fails.
pub type Op = Box<dyn FnMut()>;

/// Who signs and verifies.
pub struct Contender {
    /// Makes a token (raw: a signature).
    pub sign: Op,
    /// Checks it.
    pub verify: Op,
}

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://api.example.com";
const TYP: &str = "at+jwt";
const SECRET: &[u8] = b"a shared secret of 32 bytes, yes";
/// 2026-01-01; the token lives until 2100.
const NOW: u64 = 1_767_225_600;
const EXP: u64 = 4_102_444_800;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    jti: String,
    client_id: String,
    sid: String,
    auth_time: u64,
    scope: String,
}

fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        sub: "u3v0zYkCQmCuJ2mDqDkK3w".into(),
        aud: AUDIENCE.into(),
        exp: EXP,
        iat: NOW,
        jti: "0Zq0yJv6Tr-3oJm9m1mB2g".into(),
        client_id: "default".into(),
        sid: "AAABnJx3mAC0u6s5dQm2bJvA3Zt7c2Qw".into(),
        auth_time: NOW,
        scope: "orders:read orders:write".into(),
    }
}

/// The three, with one key.
pub fn contenders(algorithm: Algorithm) -> [Contender; 3] {
    let key = match algorithm {
        Algorithm::HS256 => SigningKey::hmac(algorithm, SECRET, Some("bench")),
        _ => SigningKey::generate(algorithm),
    }
    .expect("a key");
    let token = countersign_jose::sign(&key, TYP, &claims()).expect("a token");
    let (bytes, pair) = if algorithm == Algorithm::HS256 {
        (
            None,
            Pair::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, SECRET))),
        )
    } else {
        let der = key.to_pkcs8_der().expect("DER");
        let pair = Pair::from_pkcs8(algorithm, &der);
        (Some(pair.public_bytes()), pair)
    };
    let usual = usual(algorithm, &key, bytes.as_deref(), &token);
    [ours(key, token.clone()), raw(pair, bytes, &token), usual]
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
}

impl Pair {
    fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Self {
        match algorithm {
            Algorithm::RS256 => Self::Rsa(RsaKeyPair::from_pkcs8(der).expect("an RSA key")),
            Algorithm::ES256 => Self::Ecdsa(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).expect("an EC key"),
            ),
            _ => Self::Ed25519(
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).expect("an Ed25519 key"),
            ),
        }
    }

    fn public_bytes(&self) -> Vec<u8> {
        match self {
            Self::Secret(_) => Vec::new(),
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

fn raw(pair: Pair, public: Option<Vec<u8>>, token: &str) -> Contender {
    let (input, signature) = token.rsplit_once('.').expect("three parts");
    let input = input.as_bytes().to_vec();
    let signature = decode(signature);
    let verify: Op = match (&pair, public) {
        (Pair::Secret(key), _) => {
            let (key, input) = (key.clone(), input.clone());
            Box::new(move || {
                hmac::verify(&key, black_box(&input), black_box(&signature)).expect("verified");
            })
        }
        (_, public) => {
            let algorithm: &'static dyn VerificationAlgorithm = match pair {
                Pair::Rsa(_) => &RSA_PKCS1_2048_8192_SHA256,
                Pair::Ecdsa(_) => &ECDSA_P256_SHA256_FIXED,
                _ => &ED25519,
            };
            let key = ParsedPublicKey::new(algorithm, public.expect("a public key"))
                .expect("a public key");
            let input = input.clone();
            Box::new(move || {
                key.verify_sig(black_box(&input), black_box(&signature))
                    .expect("verified");
            })
        }
    };
    let random = SystemRandom::new();
    let sign: Op = match pair {
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
    };
    Contender { sign, verify }
}

fn usual(algorithm: Algorithm, key: &SigningKey, public: Option<&[u8]>, token: &str) -> Contender {
    let pem = || key.to_pem().expect("PEM");
    let (theirs, encoding, decoding) = match (algorithm, public) {
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
        _ => (
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
    Contender {
        sign: Box::new(move || {
            let token = jsonwebtoken::encode(&header, black_box(&claims), &encoding);
            black_box(token.expect("signed"));
        }),
        verify: Box::new(move || {
            let verified =
                jsonwebtoken::decode::<Claims>(black_box(&token), &decoding, &validation);
            black_box(verified.expect("verified"));
        }),
    }
}

fn decode(text: &str) -> Vec<u8> {
    base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(text.as_bytes())
        .expect("base64url")
}
