//! What has been done to tokens elsewhere, and why it fails here.
//!
//! For each: what it was, then what this crate does instead, and which type or check that is. The
//! project's security page names the tests that prove it, and a list of small breakages of the code
//! shows that those tests can fail.
//!
//! All of it rests on four decisions. A token becomes trusted in one place, [`Verifier::verify`],
//! which alone makes a [`Verified`]. A key has one algorithm. Everything is bounded before it is
//! parsed. And what a token says of itself is compared with what is known, never followed.
//!
//! # The algorithm
//!
//! **`alg: none`, in any spelling; a signature that was cut off** (CVE-2015-9235, CVE-2020-28042,
//! RFC 8725 §3.1). Verifiers asked the token whether it was signed. Here [`Algorithm`] has no such
//! member, names are compared letter for letter, and a signature has its algorithm's length.
//!
//! **A public key taken for an HMAC secret** (CVE-2016-10555, CVE-2022-29217, CVE-2023-48223,
//! CVE-2026-48526, RFC 8725 §2.1). A verifier with an RSA key was sent a token that said `HS256`,
//! signed with the text of that key, which everybody has. Here the header does not choose: it must
//! name the key's own algorithm, or is refused with [`Refused::WrongAlgorithm`]. And should a
//! configuration mistake one for the other, the text of a key does not load as a secret, and a
//! [`KeySet`] holds no secret beside public keys.
//!
//! ```
//! # use countersign_jose::{Algorithm, KeyError, KeySet, SigningKey, UnixTime, Verifier, sign};
//! use countersign_jose::{Refused, jws};
//! let key = SigningKey::generate(Algorithm::RS256)?;
//! let pem = key.verifying_key().to_pem()?;
//! let secret = SigningKey::hmac(Algorithm::HS256, pem.as_bytes(), None);
//! assert_eq!(secret.unwrap_err(), KeyError::SecretIsAKey);
//!
//! // A token that names another algorithm than its key's is refused before anything is computed.
//! let forged = SigningKey::generate(Algorithm::HS256)?.with_kid("k1");
//! let forged = jws::sign(&forged, &jws::Header::default(), b"{}")?;
//! let outcome = jws::verify_with(&forged, &key.verifying_key().with_kid("k1"));
//! assert_eq!(outcome.unwrap_err(), Refused::WrongAlgorithm { key: Algorithm::RS256 });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The key
//!
//! **Keys that the token brings along**: `jwk`, `x5c`, or fetched from `jku`, `x5u` (CVE-2018-0114,
//! RFC 8725 §3.10). These members are not read, in either kind of token, and nothing is ever
//! fetched.
//!
//! **`kid` as a path, as SQL, as a command** (RFC 8725 §3.10). It is compared with the ids in the
//! [`KeySet`]. [`Unverified::kid`] shows it to those who fetch key sets, and says what not to do
//! with it.
//!
//! **Weak keys** (RFC 7518 §3.2, §3.3; CVE-2017-15361). RSA below 2048 bits, an exponent of 1 or an
//! even one, moduli of the known faulty generator, HMAC secrets shorter than their hash, points off
//! their curve, private halves that are not those of the public ones: none of it loads
//! ([`KeyError`]).
//!
//! **A key for one thing used for another** (RFC 7517 §4.2, §4.3). Keys that sign, verify, encrypt
//! and decrypt are four types, and `use` and `key_ops` are heeded when they are read.
//!
//! **One public key in many forms** (RFC 8410 §3, RFC 9881 §2): parameters that mean nothing, bits
//! that nobody uses, other lengths, so that two readers disagree on what key it is. DER is read in
//! its one form.
//!
//! **ML-DSA keys and their opaque members** (RFC 9964 §3, §7.3, §7.4). `pub` and `priv` mean
//! something only with `alg`: so an AKP key must name it itself, lengths are exact, and `pub` must
//! be what the seed in `priv` becomes.
//!
//! **Secrets that get out.** [`KeySet::to_json`] and [`PublicJwk`] have nowhere to put a private
//! number, `Debug` shows algorithm and key id, errors repeat nothing of what they refuse, and
//! memory is wiped.
//!
//! # The signature
//!
//! **ECDSA with r = 0 or s = 0** (CVE-2022-21449), r or s not below the order, in DER, padded
//! (RFC 7518 §3.4); **Ed25519 with the order added** to S (RFC 8032 §5.1.7); **RSA with the modulus
//! added**, or a zero in front (RFC 8017 §8.2.2). All are refused: numbers are in range, lengths
//! exact. So nobody but the signer can make a second text of one signature, except that an ECDSA
//! signature (r, n − s) holds as well, by its definition: never take a token's text for its
//! identity.
//!
//! **MACs compared byte by byte.** They are compared in constant time, at full length.
//!
//! # The header
//!
//! **Critical extensions that are not understood** (RFC 7515 §4.1.11; CVE-2025-59420,
//! CVE-2026-32597). No extension is, so `crit` is refused, whatever is in it
//! ([`Refused::Critical`]). **`b64: false`**, under which two readers see different payloads
//! (RFC 7797 §7), is refused as well ([`Refused::Unencoded`]).
//!
//! **One kind of token for another**: an ID token, a logout token, a refresh token where an access
//! token is expected (RFC 8725 §3.11, §3.12; RFC 9068 §4). [`Verifier::new`] asks for the kind and
//! for the audience, and both must be there and right.
//!
//! ```
//! # use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! use countersign_jose::Refused;
//! # let key = SigningKey::generate(Algorithm::ES256)?;
//! # let keys = KeySet::new(vec![key.verifying_key()])?;
//! # let now = UnixTime::from_secs(1_700_000_000);
//! let verifier = Verifier::new("https://id.example", "orders", "at+jwt", keys);
//! let claims =
//!     serde_json::json!({"iss": "https://id.example", "aud": "orders", "exp": 1_800_000_000});
//! let logout = sign(&key, "logout+jwt", &claims)?;
//! let outcome = verifier.verify::<serde_json::Value>(&logout, now);
//! assert_eq!(outcome.unwrap_err(), Refused::Type { needed: "at+jwt".into() });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **A JWE where a JWS is expected, and the reverse; the JSON serialization; a text that is both**
//! (CVE-2023-51774, CVE-2022-39227). There is one serialization here, the compact one, and a
//! [`Verifier`] reads one kind: the other is refused as what it is
//! ([`Refused::Encrypted`], [`Refused::NotEncrypted`]).
//!
//! # The claims
//!
//! **`iss` or `aud` missing, of another type, a prefix of the right one** (CVE-2020-26160,
//! CVE-2024-53861). Both are required, and compared whole ([`Refused::Issuer`],
//! [`Refused::Audience`]).
//!
//! **Times that are no times**: text, `null`, 1e400, negative, 2^63, ten thousand digits
//! (CVE-2026-25537). A library that could not read `exp` went on without it. Here it is required,
//! and must be a finite number from 0 to 2^53 ([`Refused::Malformed`]); of a fraction the stricter
//! second counts, and nothing wraps.
//!
//! ```
//! # use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! use countersign_jose::{Claim, Refused};
//! # let key = SigningKey::generate(Algorithm::ES256)?;
//! # let verifier = Verifier::new("i", "a", "at+jwt", KeySet::new(vec![key.verifying_key()])?);
//! let token = sign(&key, "at+jwt", &serde_json::json!({"iss": "i", "aud": "a", "exp": "never"}))?;
//! let outcome = verifier.verify::<serde_json::Value>(&token, UnixTime::from_secs(0));
//! assert_eq!(outcome.unwrap_err(), Refused::Malformed(Claim::Expires));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **A name twice** in the header or in the claims, of which two readers take different ones (RFC
//! 7515 §4, RFC 7519 §4): [`Refused::DuplicateHeader`], [`Refused::DuplicateClaim`]. The caller's
//! own type cannot turn this off, nor anything else: the checks sit between the JSON and it.
//!
//! # The text
//!
//! **Many spellings of one token**: base64url with padding, stray bits, white space; a byte order
//! mark, UTF-16, bad UTF-8, NUL (RFC 4648 §3.5, RFC 8259 §8.1). Each is refused, so that a filter
//! and a verifier cannot read different tokens out of one text.
//!
//! **A million dots, megabytes of header, JSON nested without end** (CVE-2025-30204,
//! CVE-2025-27144, CVE-2025-22868). The length is looked at first ([`MAX_TOKEN`], [`MAX_HEADER`]),
//! dots are not collected, depth is bounded, and so are the numbers of claims ([`MAX_CLAIMS`]) and of
//! audiences ([`MAX_AUDIENCES`]). What is refused for its structure costs no operation of a key.
//!
//! # Encryption
//!
//! **Encrypted, therefore trusted.** Whoever has the public key can encrypt claims of their own.
//! [`Verifier::encrypted_to`] wants a signed token inside and checks it in full (RFC 7519 §11.2);
//! claims that the header repeats are not read (§5.3). See [`encryption`](super::encryption).
//!
//! **Padding oracles**: Bleichenbacher's with `RSA1_5`, Manger's with OAEP, Vaudenay's with CBC
//! (RFC 8725 §3.2, RFC 7516 §11.5). `RSA1_5` is refused by its name ([`Refused::Rsa15`]); a wrapped
//! key that does not open is replaced by a random one; a MAC is checked before anything is
//! decrypted; and all of it is one error, [`Refused::Decryption`].
//!
//! **ECDH-ES on an invalid curve** (CVE-2016-9121), **X25519 points of low order** (RFC 7748 §6.1).
//! The first gives a private key away bit by bit, the second makes a "secret" that everybody knows.
//! `epk` must be a public key, on the recipient's curve, and lead to a secret
//! ([`Refused::EphemeralKey`]); keys to encrypt to are checked as they load.
//!
//! **PBES2 with a billion rounds** (CVE-2022-36083, CVE-2023-52428, CVE-2026-27932). The sender
//! says how long the reader computes. In tokens it is refused altogether
//! ([`Refused::PasswordBased`]); for keys that are imported, `p2c` must be a whole number from
//! 1,000 to 1,000,000, which is looked at before anything is derived ([`KeyError::Rounds`]).
//!
//! **A small token that inflates without end** (CVE-2024-28176, CVE-2024-28180). `zip` is refused
//! ([`Refused::Compressed`]). That also keeps the length of compressed text from telling what is in
//! it (RFC 8725 §3.6).
//!
//! **A secret used with another algorithm of the same length**, or a tag that was cut. A key is for
//! one algorithm, `dir` for one content encryption, and every part has exactly its length
//! ([`Refused::WrongKeyManagement`], [`Refused::WrongEncryption`], [`Refused::Length`]).
//!
//! # What a verifier cannot know
//!
//! That a token was stolen, or taken back, before it expired: a good token is good in anybody's
//! hands. Keep its life short, bind it to a key (`cnf`, RFC 9449 §6.1, RFC 8705 §3.1; the
//! thumbprints are [`VerifyingKey::thumbprint`] and those in [`hashes`](crate::hashes)), and ask
//! whoever keeps the list of what was revoked. [`jws`](crate::jws) and [`jwe`](crate::jwe) know
//! less still: bytes, and the key.
//!
//! [`Algorithm`]: crate::Algorithm
//! [`KeyError::Rounds`]: crate::KeyError::Rounds
//! [`KeyError`]: crate::KeyError
//! [`KeySet::to_json`]: crate::KeySet::to_json
//! [`KeySet`]: crate::KeySet
//! [`MAX_AUDIENCES`]: crate::MAX_AUDIENCES
//! [`MAX_CLAIMS`]: crate::MAX_CLAIMS
//! [`MAX_HEADER`]: crate::MAX_HEADER
//! [`MAX_TOKEN`]: crate::MAX_TOKEN
//! [`PublicJwk`]: crate::PublicJwk
//! [`Refused::Audience`]: crate::Refused::Audience
//! [`Refused::Compressed`]: crate::Refused::Compressed
//! [`Refused::Critical`]: crate::Refused::Critical
//! [`Refused::Decryption`]: crate::Refused::Decryption
//! [`Refused::DuplicateClaim`]: crate::Refused::DuplicateClaim
//! [`Refused::DuplicateHeader`]: crate::Refused::DuplicateHeader
//! [`Refused::Encrypted`]: crate::Refused::Encrypted
//! [`Refused::EphemeralKey`]: crate::Refused::EphemeralKey
//! [`Refused::Issuer`]: crate::Refused::Issuer
//! [`Refused::Length`]: crate::Refused::Length
//! [`Refused::Malformed`]: crate::Refused::Malformed
//! [`Refused::NotEncrypted`]: crate::Refused::NotEncrypted
//! [`Refused::PasswordBased`]: crate::Refused::PasswordBased
//! [`Refused::Rsa15`]: crate::Refused::Rsa15
//! [`Refused::Unencoded`]: crate::Refused::Unencoded
//! [`Refused::WrongAlgorithm`]: crate::Refused::WrongAlgorithm
//! [`Refused::WrongEncryption`]: crate::Refused::WrongEncryption
//! [`Refused::WrongKeyManagement`]: crate::Refused::WrongKeyManagement
//! [`Unverified::kid`]: crate::Unverified::kid
//! [`Verified`]: crate::Verified
//! [`Verifier::encrypted_to`]: crate::Verifier::encrypted_to
//! [`Verifier::new`]: crate::Verifier::new
//! [`Verifier::verify`]: crate::Verifier::verify
//! [`Verifier`]: crate::Verifier
//! [`VerifyingKey::thumbprint`]: crate::VerifyingKey::thumbprint
