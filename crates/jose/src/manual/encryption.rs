//! What encryption is for, which algorithms to take, and what it does not say.
//!
//! # When
//!
//! A signed token can be read by everybody who sees it: the application that carries it, its logs,
//! its user. If a claim is not for them, leave it out; the reader can look it up. If that is not
//! possible, encrypt the token to its reader. Transport is no reason: TLS does that.
//!
//! # What it does not say
//!
//! **Who wrote it.** A key to encrypt with is public, so anybody can encrypt anything. That is why
//! [`jwe::decrypt`] gives [`DecryptedBytes`] and no [`Verified`], and why a verifier that decrypts
//! still wants the issuer's signature:
//!
//! ```
//! # use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
//! use countersign_jose::{ContentEncryption, DecryptionKey, DecryptionKeySet, KeyManagement, Refused};
//! use countersign_jose::jwe;
//! # let issuer = SigningKey::generate(Algorithm::ES256)?;
//! # let keys = KeySet::new(vec![issuer.verifying_key()])?;
//! let own = DecryptionKey::generate(KeyManagement::EcdhEs)?;
//! let published = own.encryption_key();
//! let verifier = Verifier::new("https://id.example", "orders", "at+jwt", keys)
//!     .encrypted_to(DecryptionKeySet::new(vec![own])?);
//!
//! // Claims that somebody made up, encrypted to us, and said to be a token.
//! let forged = br#"{"iss":"https://id.example","aud":"orders","sub":"admin","exp":1800000000}"#;
//! let header = jwe::Header { typ: None, cty: Some("JWT") };
//! let token = jwe::encrypt(&published, ContentEncryption::A256GCM, &header, forged)?;
//! let outcome = verifier.verify::<serde_json::Value>(&token, UnixTime::from_secs(1_700_000_000));
//! assert_eq!(outcome.unwrap_err(), Refused::NotCompact); // no signed token is inside
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With a shared secret it is somebody who has the secret, which is still not the issuer. Nor does
//! encryption hide how long the content is (RFC 8725 §2.4), or say when it was made.
//!
//! # Nested tokens
//!
//! [`encrypt`] wraps a token that was signed: signed first, then encrypted (RFC 7519 §11.2), with
//! `cty` `JWT` outside (§5.2). [`Verifier::encrypted_to`] reads it. From then on a token must be
//! both: one that is only signed is refused, and so is one whose inside fails any check that it
//! would fail alone. Claims that the outer header repeats (§5.3) are never read, for nobody signed
//! them; nor is the outer `typ`.
//!
//! The token becomes a third longer, and 100 to 800 characters, so that what is signed can have
//! about 11,000 of [`MAX_TOKEN`](crate::MAX_TOKEN).
//!
//! # Which algorithms
//!
//! One for the key ([`KeyManagement`]):
//!
//! | you have | take |
//! | --- | --- |
//! | no reason for another | `ECDH-ES`: on P-256, or on X25519 where all readers know it |
//! | a reader whose keys are RSA | `RSA-OAEP-256` |
//! | one secret on both sides | `dir` if every token may have the same key, `A256KW` to give each its own |
//! | a partner that writes `RSA-OAEP` | read it; it is not written here (SHA-1) |
//!
//! `ECDH-ES+A128KW` and `ECDH-ES+A256KW` add a wrapped key, which a token for a single reader does
//! not need; they are there for those who ask for them. With `A*GCMKW`, and with `dir` and AES-GCM,
//! change the secret before 2^32 tokens (RFC 7518 §8.4): each takes a random nonce.
//!
//! And one for the content ([`ContentEncryption`]): `A256GCM`, or `A128GCM`; `A128CBC-HS256` and
//! its kin for readers that know nothing else. All of them authenticate what they encrypt, the
//! header included. There is no compression (RFC 8725 §3.6).
//!
//! As with signatures, a key is for one algorithm, and the header must name it. A key for `dir` is
//! for one content encryption, which a JWK names as its `alg` (as in RFC 7520 §5.6). Quantum
//! computers would open what is encrypted to P-256, X25519 or RSA keys today and kept until then;
//! under a shared secret of 256 bits it stays shut.
//!
//! # How the key travels
//!
//! As a JWK, which carries algorithm, use and key id; a PEM carries none of them. To one issuer it
//! is `serde_json::to_string(&own.encryption_key().public_jwk())`, read by
//! [`EncryptionKey::from_jwk`]. To all of them it may stand in a published set (RFC 7517 §5), beside
//! keys that verify: [`KeySet::from_json`] passes it over, and an issuer picks the member whose `use`
//! is `enc` (§4.2).
//!
//! ```
//! # use countersign_jose::{Algorithm, DecryptionKey, EncryptionKey, KeyManagement, KeySet, SigningKey};
//! use serde_json::{Value, json};
//! # let signing = SigningKey::generate(Algorithm::ES256)?;
//! # let own = DecryptionKey::generate(KeyManagement::EcdhEs)?;
//!
//! let keys = [signing.public_jwk(), own.encryption_key().public_jwk()];
//! let published = json!({"keys": keys}).to_string();
//! assert_eq!(KeySet::from_json(published.as_bytes())?.len(), 1);
//!
//! let set: Value = serde_json::from_str(&published)?;
//! let members = set["keys"].as_array().ok_or("no key set")?;
//! let member = members.iter().find(|jwk| jwk["use"] == "enc").ok_or("no key to encrypt to")?;
//! let to = EncryptionKey::from_jwk(member.to_string().as_bytes())?;
//! assert_eq!(to.kid(), own.kid());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When decrypting fails
//!
//! What can be seen from outside has an error of its own: shape, header, algorithms, lengths,
//! parameters. From there on there is one, [`Refused::Decryption`], whatever it was, and a key that
//! cannot be unwrapped is replaced by a random one so that time tells no more (RFC 7516 §11.5).
//!
//! # Keys under a password
//!
//! A private key may be kept as a JWE under a password (PBES2, RFC 7517 §7, RFC 7518 §4.8), and
//! read by [`DecryptionKey::from_encrypted_jwk`] and [`SigningKey::from_encrypted_jwk`]. That takes
//! as long as the text says, up to about a second, so it is for keys of one's own. A token that is
//! encrypted so is refused ([`Refused::PasswordBased`]).
//!
//! [`ContentEncryption`]: crate::ContentEncryption
//! [`DecryptedBytes`]: crate::jwe::DecryptedBytes
//! [`DecryptionKey::from_encrypted_jwk`]: crate::DecryptionKey::from_encrypted_jwk
//! [`EncryptionKey::from_jwk`]: crate::EncryptionKey::from_jwk
//! [`KeyManagement`]: crate::KeyManagement
//! [`KeySet::from_json`]: crate::KeySet::from_json
//! [`Refused::Decryption`]: crate::Refused::Decryption
//! [`Refused::PasswordBased`]: crate::Refused::PasswordBased
//! [`SigningKey::from_encrypted_jwk`]: crate::SigningKey::from_encrypted_jwk
//! [`Verified`]: crate::Verified
//! [`Verifier::encrypted_to`]: crate::Verifier::encrypted_to
//! [`encrypt`]: crate::encrypt()
//! [`jwe::decrypt`]: crate::jwe::decrypt
