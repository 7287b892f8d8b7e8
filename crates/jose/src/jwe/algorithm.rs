//! The algorithms of encryption: one row each, as [`Algorithm`](crate::Algorithm) has for
//! signatures.

use std::fmt;

use aws_lc_rs::key_wrap::{AES_128, AES_256, AesBlockCipher};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm};
use aws_lc_rs::{aead, agreement, cipher, hmac};

use crate::Refused;
use crate::algorithm::{Curve, P256, P384, P521, X25519};

/// How the key of an encrypted token's content reaches its reader: `alg` of a JWE
/// (RFC 7516 §4.1.1, RFC 7518 §4.1).
///
/// `RSA1_5` (RFC 7518 §4.2) is not among them, since its padding makes a reader an oracle
/// (RFC 8725 §3.2); `A192KW` is not, since the cryptographic library lacks it; the `PBES2` ones
/// (§4.8) protect keys that are imported, and no tokens.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum KeyManagement {
    /// The shared secret encrypts the content itself (RFC 7518 §4.5).
    Dir,
    /// AES key wrap under a secret of 128 bits (RFC 7518 §4.4).
    A128KW,
    /// AES key wrap under a secret of 256 bits (RFC 7518 §4.4).
    A256KW,
    /// AES-GCM under a secret of 128 bits wraps the key (RFC 7518 §4.7).
    A128GCMKW,
    /// AES-GCM under a secret of 192 bits wraps the key (RFC 7518 §4.7).
    A192GCMKW,
    /// AES-GCM under a secret of 256 bits wraps the key (RFC 7518 §4.7).
    A256GCMKW,
    /// `RSA-OAEP` with SHA-1 (RFC 7518 §4.3). For reading only: others still write it.
    RsaOaep,
    /// `RSA-OAEP-256`, with SHA-256 (RFC 7518 §4.3).
    RsaOaep256,
    /// `ECDH-ES`: the content's key is agreed upon (RFC 7518 §4.6, RFC 8037 §3.2).
    EcdhEs,
    /// `ECDH-ES+A128KW`: the agreed key wraps the content's (RFC 7518 §4.6, RFC 8037 §3.2).
    EcdhEsA128KW,
    /// `ECDH-ES+A256KW`: the agreed key wraps the content's (RFC 7518 §4.6, RFC 8037 §3.2).
    EcdhEsA256KW,
}

impl KeyManagement {
    /// Every algorithm (RFC 7518 §4.1), in the order of the table.
    pub const ALL: [Self; 11] = [
        Self::Dir,
        Self::A128KW,
        Self::A256KW,
        Self::A128GCMKW,
        Self::A192GCMKW,
        Self::A256GCMKW,
        Self::RsaOaep,
        Self::RsaOaep256,
        Self::EcdhEs,
        Self::EcdhEsA128KW,
        Self::EcdhEsA256KW,
    ];

    /// The name written into `alg` (RFC 7516 §4.1.1, RFC 7517 §4.4).
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The algorithm of that name, letter for letter (RFC 7515 §4.1.1: names are case-sensitive).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// As `from_name`, for the `alg` of a token: says why not.
    pub(crate) fn of_token(name: &str) -> Result<Self, Refused> {
        Self::from_name(name).ok_or_else(|| match name {
            "RSA1_5" => Refused::Rsa15,
            "A192KW" | "ECDH-ES+A192KW" => Refused::KeyWrap192,
            _ if name.starts_with("PBES2-") => Refused::PasswordBased,
            _ => Refused::UnknownAlgorithm,
        })
    }

    /// Whether both sides share one secret (RFC 7518 §4.4, §4.5, §4.7), so that whoever can encrypt
    /// can decrypt as well.
    #[must_use]
    pub fn is_symmetric(self) -> bool {
        matches!(
            self.family(),
            Family::Direct | Family::KeyWrap { .. } | Family::GcmKeyWrap { .. }
        )
    }

    pub(crate) fn family(self) -> &'static Family {
        &self.row().1
    }

    fn row(self) -> &'static (&'static str, Family) {
        // In the order of the variants; the test below holds it there.
        &KEY_MANAGEMENT[self as usize]
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the algorithms of one kind need.
pub(crate) enum Family {
    /// `kty` `oct`, for one content encryption, which says how long the secret is.
    Direct,
    /// `kty` `oct`.
    KeyWrap(KeyWrap),
    /// `kty` `oct`.
    GcmKeyWrap {
        aead: &'static aead::Algorithm,
        len: usize,
    },
    /// `kty` `RSA`.
    Rsa { oaep: &'static OaepAlgorithm },
    /// `kty` `EC`, or `OKP` with `crv` `X25519`.
    Agreement { wrap: Option<KeyWrap> },
}

/// AES key wrap (RFC 3394) with keys of so many octets.
pub(crate) struct KeyWrap {
    pub(crate) cipher: &'static AesBlockCipher,
    pub(crate) len: usize,
}

pub(crate) const KW128: KeyWrap = KeyWrap {
    cipher: &AES_128,
    len: 16,
};
pub(crate) const KW256: KeyWrap = KeyWrap {
    cipher: &AES_256,
    len: 32,
};

#[rustfmt::skip]
static KEY_MANAGEMENT: [(&str, Family); 11] = [
    ("dir", Family::Direct),
    ("A128KW", Family::KeyWrap(KW128)),
    ("A256KW", Family::KeyWrap(KW256)),
    ("A128GCMKW", Family::GcmKeyWrap { aead: &aead::AES_128_GCM, len: 16 }),
    ("A192GCMKW", Family::GcmKeyWrap { aead: &aead::AES_192_GCM, len: 24 }),
    ("A256GCMKW", Family::GcmKeyWrap { aead: &aead::AES_256_GCM, len: 32 }),
    ("RSA-OAEP", Family::Rsa { oaep: &OAEP_SHA1_MGF1SHA1 }),
    ("RSA-OAEP-256", Family::Rsa { oaep: &OAEP_SHA256_MGF1SHA256 }),
    ("ECDH-ES", Family::Agreement { wrap: None }),
    ("ECDH-ES+A128KW", Family::Agreement { wrap: Some(KW128) }),
    ("ECDH-ES+A256KW", Family::Agreement { wrap: Some(KW256) }),
];

/// How the content of an encrypted token is encrypted: `enc` (RFC 7516 §4.1.2, RFC 7518 §5.1).
/// Each authenticates what it encrypts, and the header.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum ContentEncryption {
    /// AES-GCM with a key of 128 bits (RFC 7518 §5.3).
    A128GCM,
    /// AES-GCM with a key of 192 bits (RFC 7518 §5.3).
    A192GCM,
    /// AES-GCM with a key of 256 bits (RFC 7518 §5.3).
    A256GCM,
    /// `A128CBC-HS256`: AES-128-CBC, then HMAC with SHA-256 (RFC 7518 §5.2.3).
    A128CbcHs256,
    /// `A192CBC-HS384`: AES-192-CBC, then HMAC with SHA-384 (RFC 7518 §5.2.4).
    A192CbcHs384,
    /// `A256CBC-HS512`: AES-256-CBC, then HMAC with SHA-512 (RFC 7518 §5.2.5).
    A256CbcHs512,
}

impl ContentEncryption {
    /// Every algorithm (RFC 7518 §5.1), in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::A128GCM,
        Self::A192GCM,
        Self::A256GCM,
        Self::A128CbcHs256,
        Self::A192CbcHs384,
        Self::A256CbcHs512,
    ];

    /// The name written into `enc` (RFC 7516 §4.1.2).
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The algorithm of that name, letter for letter (RFC 7515 §4.1.1: names are case-sensitive).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|enc| enc.name() == name)
    }

    pub(crate) fn cipher(self) -> &'static Cipher {
        &self.row().1
    }

    fn row(self) -> &'static (&'static str, Cipher) {
        // In the order of the variants; the test below holds it there.
        &CONTENT_ENCRYPTION[self as usize]
    }
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a content encryption is made of.
pub(crate) enum Cipher {
    /// A key of `len` octets, 12 octets of IV, 16 octets of tag (RFC 7518 §5.3).
    Gcm {
        aead: &'static aead::Algorithm,
        len: usize,
    },
    /// The first `half` octets of the key are the MAC's, the other half the cipher's. The IV has
    /// 16 octets, the tag is the first half of the MAC (RFC 7518 §5.2.2.1).
    CbcHmac {
        cipher: &'static cipher::Algorithm,
        mac: hmac::Algorithm,
        half: usize,
    },
}

#[rustfmt::skip]
static CONTENT_ENCRYPTION: [(&str, Cipher); 6] = [
    ("A128GCM", Cipher::Gcm { aead: &aead::AES_128_GCM, len: 16 }),
    ("A192GCM", Cipher::Gcm { aead: &aead::AES_192_GCM, len: 24 }),
    ("A256GCM", Cipher::Gcm { aead: &aead::AES_256_GCM, len: 32 }),
    ("A128CBC-HS256", Cipher::CbcHmac { cipher: &cipher::AES_128, mac: hmac::HMAC_SHA256, half: 16 }),
    ("A192CBC-HS384", Cipher::CbcHmac { cipher: &cipher::AES_192, mac: hmac::HMAC_SHA384, half: 24 }),
    ("A256CBC-HS512", Cipher::CbcHmac { cipher: &cipher::AES_256, mac: hmac::HMAC_SHA512, half: 32 }),
];

/// A curve on which a key can be agreed upon (RFC 7518 §6.2.1.1, RFC 8037 §2).
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum AgreementCurve {
    /// P-256 (RFC 7518 §6.2.1.1).
    P256,
    /// P-384 (RFC 7518 §6.2.1.1).
    P384,
    /// P-521 (RFC 7518 §6.2.1.1).
    P521,
    /// X25519 (RFC 8037 §2).
    X25519,
}

impl AgreementCurve {
    /// Every curve (RFC 7518 §6.2.1.1, RFC 8037 §2), in the order of the table.
    pub const ALL: [Self; 4] = [Self::P256, Self::P384, Self::P521, Self::X25519];

    /// The name written into `crv` (RFC 7518 §6.2.1.1, RFC 8037 §2).
    #[must_use]
    pub fn name(self) -> &'static str {
        self.curve().name
    }

    pub(crate) fn curve(self) -> &'static Curve {
        CURVES[self as usize].0
    }

    pub(crate) fn agreement(self) -> &'static agreement::Algorithm {
        CURVES[self as usize].1
    }
}

static CURVES: [(&Curve, &agreement::Algorithm); 4] = [
    (&P256, &agreement::ECDH_P256),
    (&P384, &agreement::ECDH_P384),
    (&P521, &agreement::ECDH_P521),
    (&X25519, &agreement::X25519),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_stand_in_the_order_of_the_variants() {
        let plain = |name: &str| name.replace(['-', '+'], "").to_ascii_lowercase();
        for alg in KeyManagement::ALL {
            assert_eq!(plain(&format!("{alg:?}")), plain(alg.name()));
            assert_eq!(KeyManagement::from_name(alg.name()), Some(alg));
        }
        for enc in ContentEncryption::ALL {
            assert_eq!(plain(&format!("{enc:?}")), plain(enc.name()));
            assert_eq!(ContentEncryption::from_name(enc.name()), Some(enc));
        }
        for curve in AgreementCurve::ALL {
            assert_eq!(plain(&format!("{curve:?}")), plain(curve.name()));
        }
    }

    #[test]
    fn names_are_exact() {
        for wrong in [
            "Dir",
            "A128kw",
            "RSA-OAEP ",
            "RSA-OAEP-512",
            "ECDH-ES+A192KW",
            "",
        ] {
            assert_eq!(KeyManagement::from_name(wrong), None, "{wrong}");
        }
        for wrong in ["a128gcm", "A128CBC", "A128CBC+HS256", "A128KW", ""] {
            assert_eq!(ContentEncryption::from_name(wrong), None, "{wrong}");
        }
    }
}
