//! Sign and verify, encrypt and decrypt JSON Web Tokens: bytes in, claims out.
//!
//! There is no I/O here, no async and no clock: the present is an argument, a [`UnixTime`]. Nothing
//! of the server is needed.
//!
//! ```toml
//! [dependencies]
//! countersign-jose = { path = "…/crates/jose" } # in a clone of the repository
//! serde = { version = "1", features = ["derive"] }
//! serde_json = "1"
//! ```
//!
//! # Five examples
//!
//! ## 1. Sign and verify
//!
//! ```
//! use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! use serde_json::{Value, json};
//!
//! // Who issues:
//! let key = SigningKey::generate(Algorithm::ES256)?;
//! let claims =
//!     json!({"iss": "https://id.example", "aud": "orders", "sub": "u1", "exp": 1_800_000_000});
//! let token = sign(&key, "at+jwt", &claims)?;
//!
//! // Who checks: issuer, audience, kind of token and keys are all needed.
//! let keys = KeySet::new(vec![key.verifying_key()])?;
//! let verifier = Verifier::new("https://id.example", "orders", "at+jwt", keys);
//! let now = UnixTime::from_secs(1_700_000_000); // in earnest: see `UnixTime`
//! let verified = verifier.verify::<Value>(&token, now)?;
//! assert_eq!(verified["sub"], "u1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Which algorithm: [`manual::choosing`].
//!
//! ## 2. Your own claims, and why not
//!
//! Claims are any type that [`serde`](https://docs.rs/serde) reads. A refusal is a value to match
//! on, with a stable [`code`](Refused::code) for logs. `verifier` is that of the first example, and
//! `token` one that ends at 1,700,000,300. Of other issuers `aud` may be an array and `exp` a
//! fraction, which these fields refuse with [`Refused::Shape`]: leave out of your type what the
//! verifier checks anyway, or use `Value` there.
//!
//! ```
//! # use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! use countersign_jose::{Refused, Verified};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Claims {
//!     iss: String,
//!     aud: String,
//!     sub: String,
//!     exp: u64,
//!     scope: Option<String>,
//! }
//!
//! fn answer(outcome: Result<Verified<Claims>, Refused>) -> String {
//!     match outcome {
//!         Ok(claims) => format!("hello {}, you may {:?}", claims.sub, claims.scope),
//!         Err(Refused::Expired { at, .. }) => format!("sign in again: over since {}", at.as_secs()),
//!         Err(why) => format!("401 {}", why.code()),
//!     }
//! }
//! # let key = SigningKey::generate(Algorithm::EdDSA)?;
//! # let keys = KeySet::new(vec![key.verifying_key()])?;
//! # let verifier = Verifier::new("https://id.example", "orders", "at+jwt", keys);
//! # let claims = Claims {
//! #     iss: "https://id.example".into(), aud: "orders".into(), sub: "u1".into(),
//! #     exp: 1_700_000_300, scope: None,
//! # };
//! # let token = sign(&key, "at+jwt", &claims)?;
//!
//! let at = |secs| answer(verifier.verify(&token, UnixTime::from_secs(secs)));
//! assert_eq!(at(1_700_000_299), "hello u1, you may None");
//! assert_eq!(at(1_700_000_300), "sign in again: over since 1700000300");
//! assert_eq!(answer(verifier.verify("no token", UnixTime::from_secs(0))), "401 token_not_compact");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## 3. Keys that come from elsewhere
//!
//! From and to JWK, PEM and DER. A PEM says neither for which algorithm it is, so that is said
//! beside it, nor the key's id, so whoever chose one with `with_kid` hands out a JWK. An issuer's
//! published set is read as it stands: what is of no use is passed over, and [`KeySet::ignored`]
//! tells why.
//!
//! ```
//! use countersign_jose::{Algorithm, KeySet, SigningKey, VerifyingKey};
//!
//! let made = SigningKey::generate(Algorithm::ES256)?;
//! let (pem, jwk) = (made.to_pem()?, made.to_jwk()?); // private: wiped from memory when dropped
//! let from_pem = SigningKey::from_pem(Algorithm::ES256, &pem)?;
//! let from_jwk = SigningKey::from_jwk(jwk.as_bytes())?;
//! let public = VerifyingKey::from_der(Algorithm::ES256, &made.verifying_key().to_der()?)?;
//! assert_eq!(from_pem.kid(), from_jwk.kid()); // the thumbprint (RFC 7638), unless a `kid` is given
//! assert_eq!(from_pem.kid(), public.kid());
//!
//! let published = KeySet::new(vec![public])?.to_json(); // {"keys":[{"kty":"EC", …}]}
//! let keys = KeySet::from_json(published.as_bytes())?;
//! assert_eq!((keys.len(), keys.ignored()), (1, &[][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## 4. Rotate: publish first, sign later, retire last
//!
//! `claims` and `now` are those of the first example.
//!
//! ```
//! # use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! # use serde_json::{Value, json};
//! # let claims = json!({"iss": "https://id.example", "aud": "orders", "exp": 1_800_000_000});
//! # let now = UnixTime::from_secs(1_700_000_000);
//! let old = SigningKey::generate(Algorithm::ES256)?;
//! let new = SigningKey::generate(Algorithm::ES256)?;
//! let before = sign(&old, "at+jwt", &claims)?;
//!
//! // Publish both, and go on signing with the old one until every verifier has fetched the set.
//! let both = KeySet::new(vec![old.verifying_key(), new.verifying_key()])?.to_json();
//! let keys = KeySet::from_json(both.as_bytes())?;
//! let verifier = Verifier::new("https://id.example", "orders", "at+jwt", keys);
//! let good = |token: &str, verifier: &Verifier| verifier.verify::<Value>(token, now).is_ok();
//!
//! // Sign with the new one. Tokens of either are good.
//! let after = sign(&new, "at+jwt", &claims)?;
//! assert!(good(&before, &verifier) && good(&after, &verifier));
//!
//! // Retire the old one when its last token has expired.
//! let verifier = verifier.with_keys(KeySet::new(vec![new.verifying_key()])?);
//! assert!(!good(&before, &verifier) && good(&after, &verifier));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Caches, keys that were stolen, keys for encryption: [`manual::rotation`].
//!
//! ## 5. Encrypt, so that the bearer cannot read
//!
//! Signed by the issuer, then encrypted to the reader, whose verifier from then on takes nothing
//! that lacks either. `key`, `keys`, `claims` and `now` are those of the first example.
//!
//! ```
//! # use countersign_jose::{Algorithm, KeySet, Refused, SigningKey, UnixTime, Verifier, sign};
//! # use serde_json::{Value, json};
//! use countersign_jose::{ContentEncryption, DecryptionKey, DecryptionKeySet, EncryptionKey};
//! use countersign_jose::{KeyManagement, encrypt};
//!
//! // The reader makes a key, and gives its public half to the issuer.
//! let own = DecryptionKey::generate(KeyManagement::EcdhEs)?;
//! let given = serde_json::to_string(&own.encryption_key().public_jwk())?; // a JWK, with its `kid`
//!
//! // The issuer signs, then encrypts.
//! # let key = SigningKey::generate(Algorithm::ES256)?;
//! # let keys = KeySet::new(vec![key.verifying_key()])?;
//! # let claims = json!({"iss": "https://id.example", "aud": "orders", "sub": "u1", "exp": 1_800_000_000});
//! # let now = UnixTime::from_secs(1_700_000_000);
//! let to = EncryptionKey::from_jwk(given.as_bytes())?;
//! let signed = sign(&key, "at+jwt", &claims)?;
//! let token = encrypt(&to, ContentEncryption::A256GCM, &signed)?;
//!
//! // The reader decrypts and verifies in one step.
//! let verifier = Verifier::new("https://id.example", "orders", "at+jwt", keys)
//!     .encrypted_to(DecryptionKeySet::new(vec![own])?);
//! assert_eq!(verifier.verify::<Value>(&token, now)?["sub"], "u1");
//! assert_eq!(verifier.verify::<Value>(&signed, now).unwrap_err(), Refused::NotEncrypted);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Which algorithms, and what encryption does not say: [`manual::encryption`].
//!
//! # What is in it
//!
//! | for | use |
//! | --- | --- |
//! | keys | [`SigningKey`], [`VerifyingKey`], [`KeySet`], [`PublicJwk`]: from and to JWK, PEM and DER, or new |
//! | signing claims | [`sign`] |
//! | trusting a token | [`Verifier`], which alone makes a [`Verified`] |
//! | tokens that their bearer must not read | [`encrypt()`], [`Verifier::encrypted_to`]; [`EncryptionKey`], [`DecryptionKey`], [`DecryptionKeySet`] |
//! | finding the key of a token before it is trusted | [`Unverified`], which shows key id and algorithm and nothing else |
//! | signed bytes that are no claims | [`jws`] |
//! | encrypted bytes that are no token | [`jwe`] |
//! | `at_hash`, `c_hash`, `ath`, `x5t#S256` | [`hashes`] |
//! | why not | [`KeyError`], [`SignError`], [`EncryptError`], [`Refused`]: closed, comparable, and silent about secrets |
//! | the chapters behind this page: attacks, rotation, encryption, choosing | [`manual`] |
//!
//! # Rules
//!
//! 1. **Success is a type.** A [`Verified`] has private fields and one constructor, in
//!    [`Verifier::verify`]. The payload is decoded only after the signature holds. Decrypting makes
//!    none: whoever has a public key can encrypt. What must be encrypted must be signed inside.
//! 2. **A key has one algorithm**, and a token's header must name it (RFC 8725 §3.1). `none` does
//!    not exist. Keys are never taken from a token (`jwk`, `jku`, `x5c`, `x5u`; §3.10). A key that
//!    decrypts never verifies, and one that signs never encrypts: they are different types, and
//!    `use` and `key_ops` (RFC 7517 §4.2, §4.3) are heeded.
//! 3. **Issuer, audience, kind and expiry are not optional**: `iss`, `aud`, `typ` and `exp` must be
//!    there and right (RFC 7519 §4.1, RFC 8725 §3.8 to §3.11). Nothing turns a check off.
//! 4. **One token, one text**: canonical base64url (RFC 4648 §3.5), no member or claim twice
//!    (RFC 7515 §4, RFC 7519 §4; in the token's own objects, not in those nested in a claim), no
//!    critical extensions (RFC 7515 §4.1.11), at most [`MAX_TOKEN`] bytes of which at most
//!    [`MAX_HEADER`] are the header, looked at before anything is parsed.
//! 5. **Weak keys do not load**: RSA below 2048 bits or with a bad exponent (RFC 7518 §3.3), HMAC
//!    secrets shorter than the hash (§3.2), secrets that are the text of a key, points off their
//!    curve, moduli of a known faulty generator. A secret for encryption has its exact length.
//! 6. **Secrets stay inside**: they are wiped when dropped, not shown by `Debug`, and have no
//!    public form. A set of keys to verify with holds secrets or public keys, never both.
//! 7. **Nobody learns from asking**: the structure of an encrypted token is checked before anything
//!    is computed with a key, and then whatever is wrong is one and the same [`Refused::Decryption`]
//!    (RFC 7516 §11.5). `RSA1_5` and `zip` are refused by their names (RFC 8725 §3.2, §3.6).
//!
//! # Algorithms
//!
//! Signatures ([`Algorithm`]):
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
//! How much longer each makes a token, ML-DSA above all: [`manual::choosing`].
//!
//! Encryption of the content's key ([`KeyManagement`]):
//!
//! | names | key | in |
//! | --- | --- | --- |
//! | `dir` | the content encryption's own secret, which names it as its `alg` | RFC 7518 §4.5 |
//! | `A128KW` `A256KW` | shared secret of that length | RFC 7518 §4.4 |
//! | `A128GCMKW` `A192GCMKW` `A256GCMKW` | shared secret of that length | RFC 7518 §4.7 |
//! | `RSA-OAEP-256`; `RSA-OAEP` for reading | RSA, 2048 to 8192 bits | RFC 7518 §4.3 |
//! | `ECDH-ES` `ECDH-ES+A128KW` `ECDH-ES+A256KW` | P-256, P-384, P-521, X25519 | RFC 7518 §4.6, RFC 8037 §3.2 |
//! | `PBES2-HS256+A128KW` `PBES2-HS512+A256KW` | a password, to import keys alone | RFC 7518 §4.8 |
//!
//! and of the content itself ([`ContentEncryption`]): `A128GCM` `A192GCM` `A256GCM` (RFC 7518 §5.3),
//! `A128CBC-HS256` `A192CBC-HS384` `A256CBC-HS512` (§5.2).
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
//! A type of your own that names `aud` or `exp` must take an array or a fraction as well, or the
//! token is refused with [`Refused::Shape`]; it need not name what is checked here.
//!
//! Numbers are finite and from 0 to 2^53; of a fraction the stricter second counts. The leeway is
//! 0, or what [`Verifier::with_leeway`] says, [`MAX_LEEWAY`] at most.
//!
//! # Limits
//!
//! | what | at most | else |
//! | --- | --- | --- |
//! | a token | [`MAX_TOKEN`], 16 KiB of text | [`Refused::TooLong`]; nothing longer is made either |
//! | its header | [`MAX_HEADER`], 4 KiB of text; 32 members | [`Refused::TooLong`], [`Refused::DuplicateHeader`] |
//! | its claims | [`MAX_CLAIMS`], 256 | [`Refused::TooManyClaims`]; [`sign`] makes no more either |
//! | its audiences | [`MAX_AUDIENCES`], 256 | [`Refused::Malformed`] |
//! | JSON in JSON | 128 levels | [`Refused::Header`], [`Refused::Payload`] |
//! | leeway | [`MAX_LEEWAY`], 30 s | the maximum counts |
//! | a date | [`UnixTime::MAX`], 2^53 s | [`Refused::Malformed`] |
//! | an RSA key | 8192 bits; 2048 at least | [`KeyError::RsaSize`] |
//! | rounds of a password that opens a key | 1,000,000; 1,000 at least | [`KeyError::Rounds`] |
//!
//! # What it costs
//!
//! Keys are parsed once. Verifying decodes on the stack, and allocates for what it hands out: the
//! claims. The header that [`sign`] writes is recognised without being parsed again. Decrypting
//! allocates the plaintext, in the ciphertext's place, and what the cryptographic library does.

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
pub mod manual;
mod names;
mod sign;
mod time;
mod unverified;
mod verifier;

pub use algorithm::Algorithm;
pub use claims::{MAX_AUDIENCES, MAX_CLAIMS};
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
pub use verifier::{ForAnyAudience, MAX_LEEWAY, OfAnyType, Verified, Verifier};
