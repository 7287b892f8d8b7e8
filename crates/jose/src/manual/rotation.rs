//! How keys come and go without a token refused.
//!
//! # Signing keys
//!
//! Every key is in one of three states, and in the published set in all of them:
//!
//! | state | signs | lasts at least |
//! | --- | --- | --- |
//! | published | no | as long as verifiers may keep a set they fetched |
//! | signing | yes | – |
//! | retiring | no | as long as its last token lives, plus [`MAX_LEEWAY`](crate::MAX_LEEWAY) |
//!
//! The order is all there is to it: **publish first, sign later, retire last**. A key that signs
//! before it is known makes tokens that are refused ([`Refused::UnknownKey`]); one that is gone
//! before its last token has expired refuses good ones.
//!
//! Key ids do the rest. A token names its key (`kid`, RFC 7515 §4.1.4), and is verified with that
//! one or not at all; nothing is tried in turn. A key without a `kid` is given its thumbprint
//! (RFC 7638), which no other key has. A set in which two keys share one is refused
//! ([`KeyError::DuplicateKid`]).
//!
//! # Where verifiers get the keys
//!
//! This crate fetches nothing. Whoever does keeps the [`Verifier`] and replaces its keys:
//! [`Verifier::with_keys`] makes another one that asks for all the same. When a token names a key
//! that is not there, the set may be out of date, and [`Unverified`] tells before anything else
//! does:
//!
//! ```
//! # use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! use countersign_jose::Unverified;
//! # let (old, new) = (SigningKey::generate(Algorithm::ES256)?, SigningKey::generate(Algorithm::ES256)?);
//! # let claims = serde_json::json!({"iss": "i", "aud": "a", "exp": 1_800_000_000});
//! # let token = sign(&new, "at+jwt", &claims)?;
//! # let keys = KeySet::new(vec![old.verifying_key()])?;
//! # let mut verifier = Verifier::new("i", "a", "at+jwt", keys);
//! # let now = UnixTime::from_secs(1_700_000_000);
//! # let both = KeySet::new(vec![old.verifying_key(), new.verifying_key()])?;
//! # let fetch = || both.to_json();
//!
//! let unverified = Unverified::parse(&token)?;
//! if verifier.keys().find(unverified.kid(), unverified.alg()).is_none() {
//!     // Anybody can write such a token: fetch once in a while, not once a token.
//!     let published = fetch();
//!     verifier = verifier.with_keys(KeySet::from_json(published.as_bytes())?);
//! }
//! verifier.verify::<serde_json::Value>(&token, now)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Of an encrypted token [`Unverified`] shows nothing ([`Refused::Encrypted`]). Verify it first; on
//! [`Refused::UnknownKey`] fetch once and try again. If that does not help, it may be that none of
//! your decryption keys fits.
//!
//! # A key that was stolen
//!
//! Take it out of the set at once, and sign with the next one, which is published already if the
//! order above is kept. Its tokens are refused as soon as a verifier has the new set, good ones
//! included. A cache of verified tokens must ask again: the key that a
//! [`Verified`] held under is its [`key_id`](crate::Verified::key_id).
//!
//! # A shared secret
//!
//! The same, with [`KeySet::new`] or [`KeySet::from_secret_json`] on both sides, and ids given by
//! hand: a secret has no thumbprint, which would allow a guess to be checked (RFC 7638 §7). Without
//! ids two secrets of one algorithm cannot be told apart ([`Refused::AmbiguousKey`]).
//!
//! ```
//! use countersign_jose::{Algorithm, KeyError, KeySet, SigningKey, VerifyingKey};
//!
//! let new = SigningKey::generate(Algorithm::HS256)?.with_kid("2026-02");
//! let old = VerifyingKey::hmac(Algorithm::HS256, &[7; 32], Some("2026-01"))?;
//! assert_eq!(KeySet::new(vec![old.clone(), new.verifying_key()])?.len(), 2);
//!
//! // Beside public keys a secret is refused: one kind in the other's place is an old trick.
//! let pair = SigningKey::generate(Algorithm::ES256)?;
//! let mixed = KeySet::new(vec![old, pair.verifying_key()]);
//! assert_eq!(mixed.unwrap_err(), KeyError::MixedSet);
//! # Ok::<(), KeyError>(())
//! ```
//!
//! # Decryption keys
//!
//! The other way round, for here the reader has the private half: **read with both first, publish
//! later, retire last**. Put the new [`DecryptionKey`] into the [`DecryptionKeySet`] of every
//! reader, then publish its [`encryption_key`](crate::DecryptionKey::encryption_key) in place of
//! the old one, and drop the old one when issuers have fetched the new one and the last token that
//! was encrypted to the old one has expired. `verifier.clone().encrypted_to(keys)` is the verifier
//! with other ones.
//!
//! [`DecryptionKey`]: crate::DecryptionKey
//! [`DecryptionKeySet`]: crate::DecryptionKeySet
//! [`KeyError::DuplicateKid`]: crate::KeyError::DuplicateKid
//! [`KeySet::from_secret_json`]: crate::KeySet::from_secret_json
//! [`KeySet::new`]: crate::KeySet::new
//! [`Refused::AmbiguousKey`]: crate::Refused::AmbiguousKey
//! [`Refused::Encrypted`]: crate::Refused::Encrypted
//! [`Refused::UnknownKey`]: crate::Refused::UnknownKey
//! [`Unverified`]: crate::Unverified
//! [`Verified`]: crate::Verified
//! [`Verifier`]: crate::Verifier
//! [`Verifier::with_keys`]: crate::Verifier::with_keys
