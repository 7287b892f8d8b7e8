//! The signature algorithms: one row each, and everything that is known about one stands in it.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self as sig, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, RsaEncoding, RsaParameters,
};

use crate::der;

/// A signature or MAC algorithm of RFC 7518 §3.1, RFC 8037 §3.1 or RFC 9864 §2.2.
///
/// `none` (RFC 7518 §3.6) is not among them and cannot be expressed.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 7518 §3.2).
    HS256,
    /// HMAC with SHA-384 (RFC 7518 §3.2).
    HS384,
    /// HMAC with SHA-512 (RFC 7518 §3.2).
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384 (RFC 7518 §3.3).
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512 (RFC 7518 §3.3).
    RS512,
    /// RSASSA-PSS with SHA-256 and a salt as long as the hash (RFC 7518 §3.5).
    PS256,
    /// RSASSA-PSS with SHA-384 and a salt as long as the hash (RFC 7518 §3.5).
    PS384,
    /// RSASSA-PSS with SHA-512 and a salt as long as the hash (RFC 7518 §3.5).
    PS512,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    ES256,
    /// ECDSA on P-384 with SHA-384 (RFC 7518 §3.4).
    ES384,
    /// ECDSA on P-521 with SHA-512 (RFC 7518 §3.4).
    ES512,
    /// Ed25519 (RFC 8037 §3.1). Written as `EdDSA`, the name that most readers know; read under
    /// that name and under `Ed25519` (RFC 9864 §2.2). Ed448 is not offered.
    EdDSA,
}

impl Algorithm {
    /// Every algorithm, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
    ];

    /// The name written into `alg` (RFC 7515 §4.1.1, RFC 7517 §4.4).
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The algorithm of that name, letter for letter (RFC 7515 §4.1.1: names are case-sensitive).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| {
            let row = alg.row();
            row.name == name || row.also == Some(name)
        })
    }

    /// Whether whoever can verify can also sign: true for the HMAC algorithms alone.
    #[must_use]
    pub fn is_symmetric(self) -> bool {
        matches!(self.row().family, Family::Hmac { .. })
    }

    pub(crate) fn row(self) -> &'static Row {
        // `TABLE` stands in the order of the variants; the test below holds it there.
        &TABLE[self as usize]
    }

    pub(crate) fn family(self) -> &'static Family {
        &self.row().family
    }
}

/// What stands in one line of the table.
pub(crate) struct Row {
    name: &'static str,
    /// A second name that is read, never written.
    also: Option<&'static str>,
    pub(crate) family: Family,
}

/// What the algorithms of one kind of key (`kty`, RFC 7518 §6.1) need.
pub(crate) enum Family {
    /// `kty` `oct`. The secret must be at least as long as the hash (RFC 7518 §3.2).
    Hmac {
        mac: hmac::Algorithm,
        tag_len: usize,
    },
    /// `kty` `RSA`. The modulus must have at least 2048 bits (RFC 7518 §3.3, §3.5).
    Rsa {
        verify: &'static RsaParameters,
        sign: &'static dyn RsaEncoding,
    },
    /// `kty` `EC`.
    Ec {
        curve: &'static Curve,
        verify: &'static EcdsaVerificationAlgorithm,
        sign: &'static EcdsaSigningAlgorithm,
    },
    /// `kty` `OKP`, `crv` `Ed25519` (RFC 8037 §2).
    Ed25519,
}

/// A curve of RFC 7518 §6.2.1.1, or X25519.
pub(crate) struct Curve {
    /// `crv` in a JWK.
    pub(crate) name: &'static str,
    /// Octets of one coordinate, and of the private scalar. A signature is two of them
    /// (RFC 7518 §3.4).
    pub(crate) len: usize,
    /// The named curve's object identifier (RFC 5480 §2.1.1.1), DER without tag and length.
    pub(crate) oid: &'static [u8],
}

pub(crate) const P256: Curve = Curve {
    name: "P-256",
    len: 32,
    oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
};
pub(crate) const P384: Curve = Curve {
    name: "P-384",
    len: 48,
    oid: &[0x2b, 0x81, 0x04, 0x00, 0x22],
};
pub(crate) const P521: Curve = Curve {
    name: "P-521",
    len: 66,
    oid: &[0x2b, 0x81, 0x04, 0x00, 0x23],
};
/// Not for signatures: keys are agreed upon on it (RFC 8037 §3.2). A public key is one coordinate.
pub(crate) const X25519: Curve = Curve {
    name: "X25519",
    len: 32,
    oid: der::X25519_OID,
};

/// `crv` of Ed25519 keys (RFC 8037 §2), and the length of such a public key.
pub(crate) const ED25519: (&str, usize) = ("Ed25519", 32);

#[rustfmt::skip]
static TABLE: [Row; 13] = [
    hmac_row("HS256", hmac::HMAC_SHA256, 32),
    hmac_row("HS384", hmac::HMAC_SHA384, 48),
    hmac_row("HS512", hmac::HMAC_SHA512, 64),
    rsa_row("RS256", &sig::RSA_PKCS1_2048_8192_SHA256, &sig::RSA_PKCS1_SHA256),
    rsa_row("RS384", &sig::RSA_PKCS1_2048_8192_SHA384, &sig::RSA_PKCS1_SHA384),
    rsa_row("RS512", &sig::RSA_PKCS1_2048_8192_SHA512, &sig::RSA_PKCS1_SHA512),
    rsa_row("PS256", &sig::RSA_PSS_2048_8192_SHA256, &sig::RSA_PSS_SHA256),
    rsa_row("PS384", &sig::RSA_PSS_2048_8192_SHA384, &sig::RSA_PSS_SHA384),
    rsa_row("PS512", &sig::RSA_PSS_2048_8192_SHA512, &sig::RSA_PSS_SHA512),
    ec_row("ES256", &P256, &sig::ECDSA_P256_SHA256_FIXED, &sig::ECDSA_P256_SHA256_FIXED_SIGNING),
    ec_row("ES384", &P384, &sig::ECDSA_P384_SHA384_FIXED, &sig::ECDSA_P384_SHA384_FIXED_SIGNING),
    ec_row("ES512", &P521, &sig::ECDSA_P521_SHA512_FIXED, &sig::ECDSA_P521_SHA512_FIXED_SIGNING),
    Row { name: "EdDSA", also: Some("Ed25519"), family: Family::Ed25519 },
];

const fn hmac_row(name: &'static str, mac: hmac::Algorithm, tag_len: usize) -> Row {
    Row {
        name,
        also: None,
        family: Family::Hmac { mac, tag_len },
    }
}

const fn rsa_row(
    name: &'static str,
    verify: &'static RsaParameters,
    sign: &'static dyn RsaEncoding,
) -> Row {
    Row {
        name,
        also: None,
        family: Family::Rsa { verify, sign },
    }
}

const fn ec_row(
    name: &'static str,
    curve: &'static Curve,
    verify: &'static EcdsaVerificationAlgorithm,
    sign: &'static EcdsaSigningAlgorithm,
) -> Row {
    Row {
        name,
        also: None,
        family: Family::Ec {
            curve,
            verify,
            sign,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_variants() {
        for alg in Algorithm::ALL {
            assert_eq!(format!("{alg:?}"), alg.name());
            assert_eq!(Algorithm::from_name(alg.name()), Some(alg));
        }
    }

    #[test]
    fn names_are_exact() {
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA));
        for wrong in [
            "none", "None", "NONE", "hs256", "HS256 ", "", "Ed448", "ES256K", "RSA1_5",
        ] {
            assert_eq!(Algorithm::from_name(wrong), None, "{wrong}");
        }
    }
}
