//! Which algorithm signs.
//!
//! # In short
//!
//! | you have | take |
//! | --- | --- |
//! | no reason for another | `ES256`: short, fast on both sides, and every library reads it |
//! | readers that you know, all of them current | `EdDSA`: as short, and signatures need no randomness |
//! | readers that want RSA | `PS256`, or `RS256` for the oldest |
//! | one party that signs and verifies for itself | `HS256`: whoever can verify can sign |
//! | tokens that must not be forged even when quantum computers are there | `ML-DSA-44`, if the size fits |
//!
//! A key has one algorithm for its whole life (RFC 8725 §3.1), so this is a choice when a key is
//! made. To change it is to rotate ([`rotation`](super::rotation)); a [`KeySet`] may hold public
//! keys of different algorithms meanwhile.
//!
//! # Sizes
//!
//! Of a signature, in octets and in characters of the token, and of what a public JWK spells out
//! (`x`, `y`, `n` or `pub`), in characters:
//!
//! | algorithm | signature | in a token | public key |
//! | --- | --- | --- | --- |
//! | `HS256` | 32 | 43 | – |
//! | `HS384` | 48 | 64 | – |
//! | `HS512` | 64 | 86 | – |
//! | `EdDSA` | 64 | 86 | 43 |
//! | `ES256` | 64 | 86 | 86 |
//! | `ES384` | 96 | 128 | 128 |
//! | `ES512` | 132 | 176 | 176 |
//! | `RS*`, `PS*`, 2048 bits | 256 | 342 | 342 |
//! | `RS*`, `PS*`, 4096 bits | 512 | 683 | 683 |
//! | `ML-DSA-44` | 2,420 | 3,227 | 1,750 |
//! | `ML-DSA-65` | 3,309 | 4,412 | 2,603 |
//! | `ML-DSA-87` | 4,627 | 6,170 | 3,456 |
//!
//! ```
//! use countersign_jose::{Algorithm, SigningKey, jws};
//!
//! for (alg, characters) in [
//!     (Algorithm::HS256, 43),
//!     (Algorithm::HS384, 64),
//!     (Algorithm::HS512, 86),
//!     (Algorithm::EdDSA, 86),
//!     (Algorithm::ES256, 86),
//!     (Algorithm::ES384, 128),
//!     (Algorithm::ES512, 176),
//!     (Algorithm::RS256, 342),
//!     (Algorithm::MlDsa44, 3227),
//!     (Algorithm::MlDsa65, 4412),
//!     (Algorithm::MlDsa87, 6170),
//! ] {
//!     let token = jws::sign(&SigningKey::generate(alg)?, &jws::Header::default(), b"")?;
//!     let (_, signature) = token.rsplit_once('.').ok_or("three parts")?;
//!     assert_eq!(signature.len(), characters, "{alg}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Speed
//!
//! Figures belong to a machine, so none stand here: `make bench` in the repository prints them for
//! yours, next to those of the bare primitives. What holds everywhere: an HMAC costs next to
//! nothing; RSA verifies fast and signs slowly, the more so the longer the key; ECDSA on P-256 and
//! Ed25519 sign fast and verify somewhat slower; P-384 and P-521 are several times slower than
//! P-256; ML-DSA signs slower than P-256 and verifies about as fast. To remember tokens that were
//! verified is cheaper than any of them.
//!
//! # ML-DSA
//!
//! [ML-DSA](crate::Algorithm::MlDsa44) (FIPS 204, RFC 9964) is believed to withstand quantum
//! computers, which would forge the signatures of all the others but HMAC. A token that lives for
//! minutes need only be safe for minutes, so nothing is lost by waiting, unless a verifier cannot
//! be changed later, or keeps tokens as evidence.
//!
//! The price is size. Many web servers bound the headers of a request at 8 KiB, some at 4; a cookie
//! holds 4 KiB. A token of ML-DSA-44 fits where its claims are few, one of ML-DSA-65 or ML-DSA-87
//! rarely; encrypting it makes it a third longer again. Nothing longer than
//! [`MAX_TOKEN`](crate::MAX_TOKEN) is signed ([`SignError::TooLong`](crate::SignError::TooLong)).
//!
//! Such a key is of `kty` `AKP`, always names its `alg` (RFC 9964 §3), and its private half is the
//! seed, in every form: 32 octets. An ID token signed with it has no `at_hash`
//! ([`half_hash`](crate::hashes::half_hash)).
//!
//! [`KeySet`]: crate::KeySet
