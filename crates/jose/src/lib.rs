//! Sign and verify JSON Web Tokens: bytes in, claims out.
//!
//! ```
//! # use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! # use serde_json::{Value, json};
//! # let claims = json!({"iss": "https://id.example", "aud": "orders", "sub": "u1", "exp": 1_800_000_000});
//! # let now = UnixTime::from_secs(1_700_000_000);
//! let key = SigningKey::generate(Algorithm::ES256)?;
//! let token = sign(&key, "at+jwt", &claims)?;
//! let keys = KeySet::new(vec![key.verifying_key()])?;
//! let verifier = Verifier::new("https://id.example", "orders", "at+jwt", keys);
//! let verified = verifier.verify::<Value>(&token, now)?;
//! assert_eq!(verified["sub"], "u1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! There is no I/O here, no async and no clock: the present is an argument, a [`UnixTime`].
//!
//! # What is in it
//!
//! | for | use |
//! | --- | --- |
//! | keys | [`SigningKey`], [`VerifyingKey`], [`KeySet`], [`PublicJwk`]: from and to JWK, PEM and DER, or new |
//! | signing claims | [`sign`] |
//! | trusting a token | [`Verifier`], which alone makes a [`Verified`] |
//! | finding the key of a token before that | [`Unverified`], which shows key id and algorithm and nothing else |
//! | signed bytes that are no claims | [`jws`] |
//! | `at_hash`, `c_hash`, `ath`, `x5t#S256` | [`hashes`] |
//! | why not | [`KeyError`], [`SignError`], [`Refused`]: closed, comparable, and silent about secrets |
//!
//! # Rules
//!
//! 1. **Success is a type.** A [`Verified`] has private fields and one constructor, in
//!    [`Verifier::verify`]. The payload is decoded only after the signature holds.
//! 2. **A key has one algorithm**, and a token's header must name it (RFC 8725 §3.1). `none` does
//!    not exist. Keys are never taken from a token (`jwk`, `jku`, `x5c`, `x5u`; §3.10).
//! 3. **Issuer, audience, kind and expiry are not optional**: `iss`, `aud`, `typ` and `exp` must be
//!    there and right (RFC 7519 §4.1, RFC 8725 §3.8 to §3.11). Nothing turns a check off.
//! 4. **One token, one text**: canonical base64url (RFC 4648 §3.5), no member or claim twice
//!    (RFC 7515 §4, RFC 7519 §4; in the token's own objects, not in those nested in a claim), no
//!    critical extensions (RFC 7515 §4.1.11), at most [`MAX_TOKEN`] bytes of which at most
//!    [`MAX_HEADER`] are the header, looked at before anything is parsed.
//! 5. **Weak keys do not load**: RSA below 2048 bits or with a bad exponent (RFC 7518 §3.3), HMAC
//!    secrets shorter than the hash (§3.2), secrets that are the text of a key, points off their
//!    curve, moduli of a known faulty generator.
//! 6. **Secrets stay inside**: they are wiped when dropped, not shown by `Debug`, and have no
//!    public form. A set holds secrets or public keys, never both.
//!
//! # Algorithms
//!
//! | names | key | in |
//! | --- | --- | --- |
//! | `HS256` `HS384` `HS512` | shared secret, at least as long as the hash | RFC 7518 §3.2 |
//! | `RS256` `RS384` `RS512` | RSA, 2048 to 8192 bits | RFC 7518 §3.3 |
//! | `PS256` `PS384` `PS512` | RSA, 2048 to 8192 bits | RFC 7518 §3.5 |
//! | `ES256` `ES384` `ES512` | P-256, P-384, P-521 | RFC 7518 §3.4 |
//! | `EdDSA`, read also as `Ed25519` | Ed25519 | RFC 8037 §3.1, RFC 9864 §2.2 |
//! | `ML-DSA-44` `ML-DSA-65` `ML-DSA-87` | 32 octets of seed; the key names its algorithm | RFC 9964 §3 to §5 |
//!
//! The last three withstand quantum computers, and are large: a signature takes 3,227, 4,412 or
//! 6,170 characters of a token, where one of ES256 takes 86, and a public key 1,750 to 3,456. Many
//! web servers bound the headers of a request at 8 KiB, and a cookie holds 4 KiB.
//!
//! # Claims
//!
//! A verifier reads these itself, in the same pass that fills the caller's type:
//!
//! | claim | must be | else |
//! | --- | --- | --- |
//! | `iss` (RFC 7519 §4.1.1) | exactly the verifier's issuer | refused |
//! | `aud` (§4.1.3) | exactly the verifier's audience, or an array with it | refused |
//! | `exp` (§4.1.4) | a number; now is before `exp` + leeway | refused |
//! | `nbf` (§4.1.5) | absent, or a number; now is not before `nbf` − leeway | refused |
//! | `iat` (§4.1.6) | absent, or a number; it refuses nothing by itself | refused |
//! | `sub` (§4.1.2) | absent, or a string | refused |
//!
//! Numbers are finite and from 0 to 2^53; of a fraction the stricter second counts. The leeway is
//! 0, or what [`Verifier::with_leeway`] says, [`MAX_LEEWAY`] at most.
//!
//! # What it costs
//!
//! Keys are parsed once. Verifying decodes on the stack, and allocates for what it hands out: the
//! claims. The header that [`sign`] writes is recognised without being parsed again.

mod algorithm;
mod base64url;
mod claims;
mod compact;
mod der;
mod encrypt;
mod error;
pub mod hashes;
mod header;
pub mod jwe;
pub mod jws;
mod key;
mod names;
mod sign;
mod time;
mod unverified;
mod verifier;

pub use algorithm::Algorithm;
pub use compact::{MAX_HEADER, MAX_TOKEN};
pub use encrypt::encrypt;
pub use error::{Claim, EncryptError, KeyError, Part, Refused, SignError};
pub use jwe::algorithm::{AgreementCurve, ContentEncryption, KeyManagement};
pub use key::{
    DecryptionKey, DecryptionKeySet, EncryptionKey, KeySet, PublicJwk, SigningKey, VerifyingKey,
};
pub use sign::sign;
pub use time::UnixTime;
pub use unverified::Unverified;
pub use verifier::{MAX_LEEWAY, OfAnyType, Verified, Verifier};
