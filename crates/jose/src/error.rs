//! What can go wrong: with a key, while signing or encrypting, and with a token.

use std::fmt;

use crate::{Algorithm, ContentEncryption, KeyManagement, MAX_CLAIMS, UnixTime};

/// Why a key, or a set of keys (RFC 7517 §4, §5), was not accepted.
#[derive(PartialEq, Eq, Clone, Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not one JSON object (RFC 7517 §4), or not one with `keys` (§5), or it names a
    /// member twice.
    #[error("not a JSON Web Key: a JSON object without duplicate members is needed")]
    Json,
    /// A member that this type of key needs is absent (RFC 7518 §6.2.1, §6.3.1, §6.4.1).
    #[error("the key lacks the member \"{0}\"")]
    Missing(&'static str),
    /// A member has the wrong type, is not canonical base64url, or has the wrong length
    /// (RFC 7518 §6).
    #[error("the key's member \"{0}\" is malformed")]
    Malformed(&'static str),
    /// `kty` is none of `oct`, `RSA`, `EC`, `OKP`, `AKP` (RFC 7518 §6.1, RFC 8037 §2, RFC 9964 §3).
    #[error("this type of key (kty) is not supported: oct, RSA, EC, OKP or AKP is needed")]
    UnknownType,
    /// `crv` is none of `P-256`, `P-384`, `P-521`, or `Ed25519` for signatures, or `X25519` for
    /// encryption (RFC 7518 §6.2.1.1, RFC 8037 §2).
    #[error(
        "this curve is not supported: P-256, P-384, P-521, or Ed25519 (to sign), or X25519 (to \
         encrypt) is needed"
    )]
    UnknownCurve,
    /// `alg` is not a signature algorithm that this crate knows (RFC 7517 §4.4).
    #[error("the key's algorithm is not a signature algorithm that is supported")]
    UnknownAlgorithm,
    /// `alg` is neither a key management algorithm that this crate knows nor, for a shared secret,
    /// a content encryption (RFC 7517 §4.4, RFC 7518 §4.1, §5.1).
    #[error("the key's algorithm is not an encryption algorithm that is supported")]
    UnknownKeyManagement,
    /// `alg` is absent and cannot be told from the key: RSA and oct keys must name it, since a key
    /// is for one algorithm here (RFC 7517 §4.4, RFC 8725 §3.1); AKP keys always (RFC 9964 §3), and
    /// so must every key for encryption. An RSA key that does not is read with `from_jwk_for`.
    #[error("the key does not say which one algorithm it is for: it needs \"alg\"")]
    AlgorithmNeeded,
    /// The algorithm is not one for this type of key or this curve (RFC 7518 §3.1).
    #[error("the key is not one for {0}")]
    WrongAlgorithm(Algorithm),
    /// The key management algorithm is not one for this type of key (RFC 7518 §4.1).
    #[error("the key is not one for {0}")]
    WrongKeyManagement(KeyManagement),
    /// A secret for `dir` encrypts content itself, so it is for one content encryption, and does
    /// not say which (RFC 7518 §4.5).
    #[error("a key for \"dir\" is for one content encryption: it must say which, as its \"alg\"")]
    ContentEncryptionNeeded,
    /// The algorithm is for reading alone: RSA-OAEP with SHA-1 (RFC 7518 §4.3).
    #[error("{0} is for reading alone: encrypt with RSA-OAEP-256 or ECDH-ES")]
    ReadingOnly(KeyManagement),
    /// `use` or `key_ops` reserves the key for something else (RFC 7517 §4.2, §4.3).
    #[error("the key is not meant for signatures (its \"use\" or \"key_ops\" says so)")]
    NotForSignatures,
    /// `use` or `key_ops` reserves the key for something else (RFC 7517 §4.2, §4.3).
    #[error(
        "the key is not meant for this side of encryption (its \"use\" or \"key_ops\" says so)"
    )]
    NotForEncryption,
    /// The modulus has fewer than 2048 bits (RFC 7518 §3.3) or more than 8192.
    #[error("an RSA key needs 2048 to 8192 bits, this one has {bits}")]
    RsaSize {
        /// Bits of the modulus.
        bits: usize,
    },
    /// The public exponent is even, 1, or above 2^32 (RFC 8017 §3.1).
    #[error("the RSA key's public exponent must be odd, above 1 and at most 2^32")]
    RsaExponent,
    /// The modulus bears the fingerprint of a faulty generator (CVE-2017-15361, "ROCA";
    /// RFC 8725 §3.5).
    #[error("the RSA key comes from a generator whose keys can be factored (CVE-2017-15361)")]
    RsaGuessable,
    /// An HMAC secret shorter than the hash (RFC 7518 §3.2).
    #[error("the secret is too short: at least {needed} bytes are needed")]
    SecretTooShort {
        /// Bytes that the algorithm asks for.
        needed: usize,
    },
    /// A secret for encryption that is not exactly as long as its algorithm asks for
    /// (RFC 7518 §4.4, §4.5, §4.7).
    #[error("the secret must have {needed} bytes exactly")]
    SecretLength {
        /// Bytes that the algorithm asks for.
        needed: usize,
    },
    /// A shared secret that is itself the text of a key: whoever knows that (often public) key
    /// could sign, or read (RFC 8725 §2.1).
    #[error("the secret is the text of a key (PEM, DER or JWK): use random bytes")]
    SecretIsAKey,
    /// The numbers do not make a key: a point off its curve, halves that do not belong together
    /// (RFC 8725 §3.4).
    #[error("the key is not valid: its numbers do not make a key")]
    Invalid,
    /// Not one PEM block (RFC 7468 §2), or one whose label is not that of such a key, or encrypted.
    /// Text before the block and OpenSSL's `EC PARAMETERS` are passed over; a second key or a
    /// certificate is refused.
    #[error("not an unencrypted PEM key of the kind that is needed here")]
    Pem,
    /// Not the DER of such a key: PKCS#8 (RFC 5958 §2), PKCS#1 (RFC 8017 §A.1) or SEC 1 (RFC 5915
    /// §3) where a private one is needed, `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7) or PKCS#1
    /// where a public one is.
    #[error("not a DER key of the kind that is needed here")]
    Der,
    /// A private ML-DSA key in its expanded form alone, from which the seed cannot be told that
    /// every other form needs (RFC 9964 §4, RFC 9881 §6).
    #[error("this ML-DSA key is expanded and lacks its seed: export it again with the seed")]
    SeedNeeded,
    /// A set holds two keys of the same `kid` (RFC 7517 §4.5).
    #[error("two keys of the set have the same key id (kid)")]
    DuplicateKid,
    /// A set holds shared secrets beside public keys (RFC 8725 §2.1).
    #[error("a set holds either shared secrets or public keys, not both")]
    MixedSet,
    /// A set that should be public holds a shared secret (`kty` `oct`; RFC 7517 §9.2).
    #[error("a set of public keys holds a shared secret (kty \"oct\")")]
    SecretInPublicSet,
    /// This kind of key has no such form: a shared secret is `k` (RFC 7518 §6.4.1), and has no PEM
    /// or DER.
    #[error("a key of this kind has no such form")]
    NoSuchForm,
    /// The text is not a key encrypted under this password (RFC 7517 §7), for this reason.
    #[error("not a key encrypted under this password: {0}")]
    Locked(Refused),
    /// `p2c` is no whole number from 1,000 to 1,000,000 (RFC 7518 §4.8.1.2): fewer rounds protect
    /// no password, and more are a way to keep a reader busy.
    #[error("the encrypted key's \"p2c\" must be a whole number from 1000 to 1000000")]
    Rounds,
    /// The cryptographic library could not make or write the key.
    #[error("the key could not be made or written")]
    Failed,
}

/// Why nothing was signed (RFC 7515 §5.1).
#[derive(PartialEq, Eq, Clone, Debug, thiserror::Error)]
pub enum SignError {
    /// The claims do not become a JSON object (RFC 7519 §3).
    #[error("the claims must become a JSON object")]
    Claims,
    /// More claims (RFC 7519 §4) than [`MAX_CLAIMS`](crate::MAX_CLAIMS): nobody would accept them.
    #[error("the claims are more than {MAX_CLAIMS}")]
    TooManyClaims,
    /// `typ` or `cty` is empty, or holds what a media type cannot (RFC 6838 §4.2).
    #[error("\"typ\" and \"cty\" must be media types, such as \"at+jwt\"")]
    MediaType,
    /// The token would be longer than [`MAX_TOKEN`](crate::MAX_TOKEN), or its header longer than
    /// [`MAX_HEADER`](crate::MAX_HEADER), which are limits of this crate's own: no verifier of it
    /// would accept the token.
    #[error("the token would be too long to be accepted")]
    TooLong,
    /// The cryptographic library could not sign.
    #[error("the signature could not be made")]
    Failed,
}

/// Why nothing was encrypted (RFC 7516 §5.1).
#[derive(PartialEq, Eq, Clone, Debug, thiserror::Error)]
pub enum EncryptError {
    /// What is to be wrapped is no signed token (RFC 7519 §11.2: signed, then encrypted).
    #[error("only a signed token in compact form can be wrapped")]
    NotSigned,
    /// `typ` or `cty` is empty, or holds what a media type cannot (RFC 6838 §4.2).
    #[error("\"typ\" and \"cty\" must be media types, such as \"JWT\"")]
    MediaType,
    /// The key's algorithm is for reading alone: RSA-OAEP with SHA-1 (RFC 7518 §4.3).
    #[error("{0} is for reading alone: encrypt with RSA-OAEP-256 or ECDH-ES")]
    ReadingOnly(KeyManagement),
    /// The key encrypts content itself, with another content encryption (RFC 7518 §4.5).
    #[error("the key is one for {key} and no other content encryption")]
    WrongEncryption {
        /// The key's one content encryption.
        key: ContentEncryption,
    },
    /// The token would be longer than [`MAX_TOKEN`](crate::MAX_TOKEN), or its header longer than
    /// [`MAX_HEADER`](crate::MAX_HEADER), which are limits of this crate's own: no verifier of it
    /// would accept the token.
    #[error("the token would be too long to be accepted")]
    TooLong,
    /// The cryptographic library could not encrypt.
    #[error("the content could not be encrypted")]
    Failed,
}

/// A part of a compact JWS (RFC 7515 §7.1) or JWE (RFC 7516 §7.1).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// The first part (RFC 7515 §4, RFC 7516 §4).
    Header,
    /// The second part of a signed token (RFC 7515 §7.1).
    Payload,
    /// The third part of a signed token (RFC 7515 §7.1).
    Signature,
    /// The second part of an encrypted token (RFC 7516 §7.1).
    EncryptedKey,
    /// The third part of an encrypted token (RFC 7516 §7.1).
    Iv,
    /// The fourth part of an encrypted token (RFC 7516 §7.1).
    Ciphertext,
    /// The fifth part of an encrypted token (RFC 7516 §7.1).
    Tag,
}

/// A claim that the verifier reads itself (RFC 7519 §4.1).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// `iss`, who issued the token (RFC 7519 §4.1.1): a string.
    Issuer,
    /// `sub`, whom it is about (RFC 7519 §4.1.2): a string.
    Subject,
    /// `aud`, whom it is for (RFC 7519 §4.1.3): a string or an array of strings.
    Audience,
    /// `exp`, from when it is refused (RFC 7519 §4.1.4): a number.
    Expires,
    /// `nbf`, until when it is refused (RFC 7519 §4.1.5): a number.
    NotBefore,
    /// `iat`, when it was issued (RFC 7519 §4.1.6): a number.
    IssuedAt,
}

impl Claim {
    /// The name in the token (RFC 7519 §4.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "iss",
            Self::Subject => "sub",
            Self::Audience => "aud",
            Self::Expires => "exp",
            Self::NotBefore => "nbf",
            Self::IssuedAt => "iat",
        }
    }

    const fn shape(self) -> &'static str {
        match self {
            Self::Issuer | Self::Subject => "a string",
            Self::Audience => "a string or an array of strings",
            Self::Expires | Self::NotBefore | Self::IssuedAt => {
                "a number of seconds from 0 to 2^53"
            }
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
            Self::EncryptedKey => "encrypted key",
            Self::Iv => "initialization vector",
            Self::Ciphertext => "ciphertext",
            Self::Tag => "authentication tag",
        })
    }
}

/// Why a token was refused (RFC 7515 §5.2, RFC 7516 §5.2, RFC 7519 §7.2). Nothing of the token is
/// repeated in the message.
#[derive(PartialEq, Eq, Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// Longer than [`MAX_TOKEN`](crate::MAX_TOKEN), or a header longer than
    /// [`MAX_HEADER`](crate::MAX_HEADER), which are limits of this crate's own, or a signature
    /// longer than any algorithm's.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts with two dots between them (RFC 7515 §7.1), or five with four where an
    /// encrypted token is needed (RFC 7516 §7.1).
    #[error(
        "not a token in compact form: a signed one has three parts with two dots between them, an \
         encrypted one five with four"
    )]
    NotCompact,
    /// An encrypted token (JWE, RFC 7516 §9) where a signed one is needed: five parts, or `enc` or
    /// `zip` in the header.
    #[error("an encrypted token (JWE), where a signed one (JWS) is needed")]
    Encrypted,
    /// A token that is only signed, where an encrypted one is needed (RFC 7516 §9).
    #[error("a token that is only signed (JWS), where an encrypted one (JWE) is needed")]
    NotEncrypted,
    /// A part is not canonical base64url (RFC 7515 §2, RFC 4648 §3.5).
    #[error("the token's {0} is not base64url without padding, white space or stray bits")]
    Base64(Part),
    /// The header is not a JSON object, or a member that is read is of the wrong type
    /// (RFC 7515 §4.1).
    #[error("the token's header is not a JSON object with a string \"alg\"")]
    Header,
    /// A header member occurs twice (RFC 7515 §4), or there are too many to tell.
    #[error("the token's header names a member twice, or has more than 32")]
    DuplicateHeader,
    /// The header has no `alg` (RFC 7515 §4.1.1).
    #[error("the token's header lacks \"alg\"")]
    NoAlgorithm,
    /// `alg` is `none` or another algorithm that this crate does not know (RFC 8725 §3.1).
    #[error("the token's algorithm is not supported")]
    UnknownAlgorithm,
    /// `alg` is `RSA1_5` (RFC 7518 §4.2), whose padding makes whoever decrypts an oracle
    /// (RFC 8725 §3.2, RFC 7516 §11.5).
    #[error(
        "the token is encrypted with RSA1_5, which is unsafe and not supported: RSA-OAEP-256 or \
         ECDH-ES is needed"
    )]
    Rsa15,
    /// `alg` is `A192KW` or `ECDH-ES+A192KW` (RFC 7518 §4.4, §4.6): the cryptographic library has
    /// no key wrap of 192 bits.
    #[error("key wrap with 192 bits (A192KW) is not supported: A128KW or A256KW is needed")]
    KeyWrap192,
    /// `alg` is one of `PBES2` (RFC 7518 §4.8): a password protects keys that are imported, and no
    /// tokens. Deriving would be the sender's way to keep a reader busy.
    #[error("the token is encrypted with a password (PBES2), which only imported keys may be")]
    PasswordBased,
    /// The header has no `enc` (RFC 7516 §4.1.2).
    #[error("the token's header lacks \"enc\"")]
    NoEncryption,
    /// `enc` is no content encryption that this crate knows (RFC 7518 §5.1).
    #[error("the token's content encryption (\"enc\") is not supported")]
    UnknownEncryption,
    /// `zip` is present (RFC 7516 §4.1.3): a small token could inflate without end, and the length
    /// of compressed text tells what is in it (RFC 8725 §3.6).
    #[error("the token is compressed (\"zip\"), which is not supported")]
    Compressed,
    /// `crit` is present: no extension is understood here (RFC 7515 §4.1.11).
    #[error("the token names critical extensions (\"crit\"), none of which is supported")]
    Critical,
    /// `b64` is present without `crit` (RFC 7797 §6): the payload cannot be told for sure.
    #[error("the token's header has \"b64\": unencoded payloads are not supported")]
    Unencoded,
    /// `typ` is absent or another one (RFC 8725 §3.11): a token of another kind.
    #[error("the token's type (\"typ\") must be \"{needed}\"")]
    Type {
        /// The type that the verifier was made for.
        needed: Box<str>,
    },
    /// No key has the token's `kid` (RFC 7515 §4.1.4), or none the algorithm that it names. Of an
    /// encrypted token either the issuer's keys are meant or your own for decrypting.
    #[error("no key for this token: none has its key id, or none is for its algorithm")]
    UnknownKey,
    /// The key with this `kid` is one for another algorithm (RFC 8725 §3.1).
    #[error("the token's key is one for {key}, the token's header names another algorithm")]
    WrongAlgorithm {
        /// The key's one algorithm.
        key: Algorithm,
    },
    /// The key with this `kid` is one for another key management algorithm (RFC 8725 §3.1).
    #[error("the token's key is one for {key}, the token's header names another algorithm")]
    WrongKeyManagement {
        /// The key's one algorithm.
        key: KeyManagement,
    },
    /// The key encrypts content itself, with another content encryption (RFC 7518 §4.5).
    #[error("the token's key is one for {key}, the token's header names another encryption")]
    WrongEncryption {
        /// The key's one content encryption.
        key: ContentEncryption,
    },
    /// The token has no `kid`, and several keys would fit (RFC 7515 §6).
    #[error("the token has no key id (\"kid\"), and several keys would fit")]
    AmbiguousKey,
    /// The signature does not hold under that key (RFC 7515 §5.2).
    #[error("the signature does not hold")]
    Signature,
    /// A header member that the algorithm needs is absent, not canonical base64url, or not of its
    /// length: `iv` or `tag` (RFC 7518 §4.7.1), `apu` or `apv` (§4.6.1), `p2s` or `p2c` (§4.8.1).
    #[error("the token's header needs \"{0}\", in the form its algorithm asks for")]
    Parameter(&'static str),
    /// `epk` is absent, not a public key of the recipient's own curve and nothing else, not a
    /// point on it, or one that makes no secret (RFC 7518 §4.6.1.1, RFC 8037 §3.2.1).
    #[error("the token's ephemeral key (\"epk\") is no public key on the curve of the recipient's")]
    EphemeralKey,
    /// A part of an encrypted token has not the length that key and algorithms ask for
    /// (RFC 7516 §5.2, RFC 7518 §4, §5). For `dir` and `ECDH-ES`
    /// the encrypted key is empty.
    #[error("the token's {0} has the wrong length for its algorithm")]
    Length(Part),
    /// The token cannot be decrypted with this key: it was made for another one, or changed. What
    /// of it failed is not told, so that nobody learns from asking (RFC 7516 §11.5).
    #[error("the token cannot be decrypted with this key: it is for another one, or was changed")]
    Decryption,
    /// `cty` is not `JWT`: what is inside claims to be no signed token (RFC 7519 §5.2).
    #[error("the encrypted token must hold a signed one: its \"cty\" must be \"JWT\"")]
    NotNested,
    /// The payload is not one JSON object (RFC 7519 §7.2).
    #[error("the token's payload is not a JSON object")]
    Payload,
    /// A claim occurs twice (RFC 7519 §4).
    #[error("the token names a claim twice")]
    DuplicateClaim,
    /// More claims (RFC 7519 §4) than [`MAX_CLAIMS`](crate::MAX_CLAIMS).
    #[error("the token has more claims than {MAX_CLAIMS}")]
    TooManyClaims,
    /// A claim that is required is absent (RFC 7519 §4).
    #[error("the token lacks the claim \"{}\"", .0.name())]
    Missing(Claim),
    /// A claim is not of its type (RFC 7519 §2, §4.1): never text for a number, nothing negative,
    /// nothing infinite.
    #[error("the token's claim \"{}\" must be {}", .0.name(), .0.shape())]
    Malformed(Claim),
    /// `iss` is another one (RFC 7519 §4.1.1).
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` does not name this audience (RFC 7519 §4.1.3).
    #[error("the token is for another audience")]
    Audience,
    /// `exp`, with the leeway, is reached or past (RFC 7519 §4.1.4).
    #[error("the token expired at {}, {} s ago", .at.as_secs(), .now.as_secs().saturating_sub(.at.as_secs()))]
    Expired {
        /// The token's `exp`.
        at: UnixTime,
        /// The present, as the verifier was told.
        now: UnixTime,
    },
    /// `nbf` is further ahead than the leeway (RFC 7519 §4.1.5).
    #[error("the token is valid from {} on, in {} s", .at.as_secs(), .at.as_secs().saturating_sub(.now.as_secs()))]
    NotYet {
        /// The token's `nbf`.
        at: UnixTime,
        /// The present, as the verifier was told.
        now: UnixTime,
    },
    /// The claims do not fit the type that was asked for (RFC 7519 §4.2, §4.3).
    #[error("the token's claims are not of the type that was asked for (noticed after {at} bytes)")]
    Shape {
        /// How many bytes of the decoded payload had been read when that was noticed.
        at: usize,
    },
}

impl Refused {
    /// A stable name, in `snake_case`, for logs, metrics and answers:
    ///
    /// | refusal | code |
    /// | --- | --- |
    /// | [`TooLong`](Self::TooLong) | `token_too_long` |
    /// | [`NotCompact`](Self::NotCompact) | `token_not_compact` |
    /// | [`Encrypted`](Self::Encrypted) | `token_encrypted` |
    /// | [`NotEncrypted`](Self::NotEncrypted) | `token_not_encrypted` |
    /// | [`Base64`](Self::Base64) | `token_base64` |
    /// | [`Header`](Self::Header) | `token_header` |
    /// | [`DuplicateHeader`](Self::DuplicateHeader) | `token_header_duplicate` |
    /// | [`NoAlgorithm`](Self::NoAlgorithm) | `token_algorithm_missing` |
    /// | [`UnknownAlgorithm`](Self::UnknownAlgorithm) | `token_algorithm_unknown` |
    /// | [`Rsa15`](Self::Rsa15) | `token_rsa1_5` |
    /// | [`KeyWrap192`](Self::KeyWrap192) | `token_key_wrap_192` |
    /// | [`PasswordBased`](Self::PasswordBased) | `token_password_based` |
    /// | [`NoEncryption`](Self::NoEncryption) | `token_encryption_missing` |
    /// | [`UnknownEncryption`](Self::UnknownEncryption) | `token_encryption_unknown` |
    /// | [`Compressed`](Self::Compressed) | `token_compressed` |
    /// | [`Critical`](Self::Critical) | `token_critical` |
    /// | [`Unencoded`](Self::Unencoded) | `token_unencoded` |
    /// | [`Type`](Self::Type) | `token_type` |
    /// | [`UnknownKey`](Self::UnknownKey) | `token_key_unknown` |
    /// | [`WrongAlgorithm`](Self::WrongAlgorithm) | `token_algorithm_wrong` |
    /// | [`WrongKeyManagement`](Self::WrongKeyManagement) | `token_key_management_wrong` |
    /// | [`WrongEncryption`](Self::WrongEncryption) | `token_encryption_wrong` |
    /// | [`AmbiguousKey`](Self::AmbiguousKey) | `token_key_ambiguous` |
    /// | [`Signature`](Self::Signature) | `token_signature` |
    /// | [`Parameter`](Self::Parameter) | `token_parameter` |
    /// | [`EphemeralKey`](Self::EphemeralKey) | `token_ephemeral_key` |
    /// | [`Length`](Self::Length) | `token_part_length` |
    /// | [`Decryption`](Self::Decryption) | `token_decryption` |
    /// | [`NotNested`](Self::NotNested) | `token_not_nested` |
    /// | [`Payload`](Self::Payload) | `token_payload` |
    /// | [`DuplicateClaim`](Self::DuplicateClaim) | `token_claim_duplicate` |
    /// | [`TooManyClaims`](Self::TooManyClaims) | `token_claims_too_many` |
    /// | [`Missing`](Self::Missing) | `token_claim_missing` |
    /// | [`Malformed`](Self::Malformed) | `token_claim_malformed` |
    /// | [`Issuer`](Self::Issuer) | `token_issuer` |
    /// | [`Audience`](Self::Audience) | `token_audience` |
    /// | [`Expired`](Self::Expired) | `token_expired` |
    /// | [`NotYet`](Self::NotYet) | `token_not_yet_valid` |
    /// | [`Shape`](Self::Shape) | `token_shape` |
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NotCompact => "token_not_compact",
            Self::Encrypted => "token_encrypted",
            Self::NotEncrypted => "token_not_encrypted",
            Self::Base64(_) => "token_base64",
            Self::Header => "token_header",
            Self::DuplicateHeader => "token_header_duplicate",
            Self::NoAlgorithm => "token_algorithm_missing",
            Self::UnknownAlgorithm => "token_algorithm_unknown",
            Self::Rsa15 => "token_rsa1_5",
            Self::KeyWrap192 => "token_key_wrap_192",
            Self::PasswordBased => "token_password_based",
            Self::NoEncryption => "token_encryption_missing",
            Self::UnknownEncryption => "token_encryption_unknown",
            Self::Compressed => "token_compressed",
            Self::Critical => "token_critical",
            Self::Unencoded => "token_unencoded",
            Self::Type { .. } => "token_type",
            Self::UnknownKey => "token_key_unknown",
            Self::WrongAlgorithm { .. } => "token_algorithm_wrong",
            Self::WrongKeyManagement { .. } => "token_key_management_wrong",
            Self::WrongEncryption { .. } => "token_encryption_wrong",
            Self::AmbiguousKey => "token_key_ambiguous",
            Self::Signature => "token_signature",
            Self::Parameter(_) => "token_parameter",
            Self::EphemeralKey => "token_ephemeral_key",
            Self::Length(_) => "token_part_length",
            Self::Decryption => "token_decryption",
            Self::NotNested => "token_not_nested",
            Self::Payload => "token_payload",
            Self::DuplicateClaim => "token_claim_duplicate",
            Self::TooManyClaims => "token_claims_too_many",
            Self::Missing(_) => "token_claim_missing",
            Self::Malformed(_) => "token_claim_malformed",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired { .. } => "token_expired",
            Self::NotYet { .. } => "token_not_yet_valid",
            Self::Shape { .. } => "token_shape",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
