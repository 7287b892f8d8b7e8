//! The signature algorithms: one row each, and everything that is known about one stands in it.

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self as sig, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, PqdsaSigningAlgorithm,
    PqdsaVerificationAlgorithm, RsaEncoding, RsaParameters,
};

use crate::der;

/// A signature or MAC algorithm of RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2 or RFC 9964 §5.
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
    /// ML-DSA-44 (RFC 9964 §5, FIPS 204), which also withstands a quantum computer: as strong as
    /// SHA-256 is against collisions. A signature has 2,420 bytes, a public key 1,312.
    MlDsa44,
    /// ML-DSA-65 (RFC 9964 §5, FIPS 204): as strong as AES-192. A signature has 3,309 bytes, a
    /// public key 1,952.
    MlDsa65,
    /// ML-DSA-87 (RFC 9964 §5, FIPS 204): as strong as AES-256. A signature has 4,627 bytes, a
    /// public key 2,592.
    MlDsa87,
}

impl Algorithm {
    /// Every algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9964 §5), in the order of the table.
    pub const ALL: [Self; 16] = [
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
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
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

    /// Whether whoever can verify can also sign: true for the HMAC algorithms alone (RFC 7518
    /// §3.2).
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
    /// The hash that the algorithm puts messages through, if it is one of SHA-2.
    pub(crate) hash: Option<&'static digest::Algorithm>,
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
    /// `kty` `AKP` (RFC 9964 §3).
    MlDsa(&'static MlDsa),
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

/// A parameter set of ML-DSA (FIPS 204 §4). The context string is empty and the message is not
/// hashed beforehand (RFC 9964 §5, §7.2): the only form that these primitives have.
pub(crate) struct MlDsa {
    /// `alg` in a JWK: here it says what `crv` says elsewhere.
    pub(crate) name: &'static str,
    /// Octets of a public key (FIPS 204 table 2).
    pub(crate) public_len: usize,
    /// The key's object identifier (RFC 9881 §2), DER without tag and length.
    pub(crate) oid: &'static [u8],
    pub(crate) verify: &'static PqdsaVerificationAlgorithm,
    pub(crate) sign: &'static PqdsaSigningAlgorithm,
}

static ML_DSA_44: MlDsa = MlDsa {
    name: "ML-DSA-44",
    public_len: 1312,
    oid: &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11],
    verify: &sig::ML_DSA_44,
    sign: &sig::ML_DSA_44_SIGNING,
};
static ML_DSA_65: MlDsa = MlDsa {
    name: "ML-DSA-65",
    public_len: 1952,
    oid: &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12],
    verify: &sig::ML_DSA_65,
    sign: &sig::ML_DSA_65_SIGNING,
};
static ML_DSA_87: MlDsa = MlDsa {
    name: "ML-DSA-87",
    public_len: 2592,
    oid: &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13],
    verify: &sig::ML_DSA_87,
    sign: &sig::ML_DSA_87_SIGNING,
};

/// The parameter set with this object identifier.
pub(crate) fn ml_dsa_of(oid: &[u8]) -> Option<&'static MlDsa> {
    [&ML_DSA_44, &ML_DSA_65, &ML_DSA_87]
        .into_iter()
        .find(|set| set.oid == oid)
}

#[rustfmt::skip]
static TABLE: [Row; 16] = [
    hmac_row("HS256", &SHA256, hmac::HMAC_SHA256, 32),
    hmac_row("HS384", &SHA384, hmac::HMAC_SHA384, 48),
    hmac_row("HS512", &SHA512, hmac::HMAC_SHA512, 64),
    rsa_row("RS256", &SHA256, &sig::RSA_PKCS1_2048_8192_SHA256, &sig::RSA_PKCS1_SHA256),
    rsa_row("RS384", &SHA384, &sig::RSA_PKCS1_2048_8192_SHA384, &sig::RSA_PKCS1_SHA384),
    rsa_row("RS512", &SHA512, &sig::RSA_PKCS1_2048_8192_SHA512, &sig::RSA_PKCS1_SHA512),
    rsa_row("PS256", &SHA256, &sig::RSA_PSS_2048_8192_SHA256, &sig::RSA_PSS_SHA256),
    rsa_row("PS384", &SHA384, &sig::RSA_PSS_2048_8192_SHA384, &sig::RSA_PSS_SHA384),
    rsa_row("PS512", &SHA512, &sig::RSA_PSS_2048_8192_SHA512, &sig::RSA_PSS_SHA512),
    ec_row("ES256", &SHA256, &P256, &sig::ECDSA_P256_SHA256_FIXED, &sig::ECDSA_P256_SHA256_FIXED_SIGNING),
    ec_row("ES384", &SHA384, &P384, &sig::ECDSA_P384_SHA384_FIXED, &sig::ECDSA_P384_SHA384_FIXED_SIGNING),
    ec_row("ES512", &SHA512, &P521, &sig::ECDSA_P521_SHA512_FIXED, &sig::ECDSA_P521_SHA512_FIXED_SIGNING),
    // RFC 8032 §5.1: Ed25519 hashes with SHA-512.
    Row { name: "EdDSA", also: Some("Ed25519"), hash: Some(&SHA512), family: Family::Ed25519 },
    ml_dsa_row(&ML_DSA_44),
    ml_dsa_row(&ML_DSA_65),
    ml_dsa_row(&ML_DSA_87),
];

const fn hmac_row(
    name: &'static str,
    hash: &'static digest::Algorithm,
    mac: hmac::Algorithm,
    tag_len: usize,
) -> Row {
    Row {
        name,
        also: None,
        hash: Some(hash),
        family: Family::Hmac { mac, tag_len },
    }
}

const fn rsa_row(
    name: &'static str,
    hash: &'static digest::Algorithm,
    verify: &'static RsaParameters,
    sign: &'static dyn RsaEncoding,
) -> Row {
    Row {
        name,
        also: None,
        hash: Some(hash),
        family: Family::Rsa { verify, sign },
    }
}

const fn ec_row(
    name: &'static str,
    hash: &'static digest::Algorithm,
    curve: &'static Curve,
    verify: &'static EcdsaVerificationAlgorithm,
    sign: &'static EcdsaSigningAlgorithm,
) -> Row {
    Row {
        name,
        also: None,
        hash: Some(hash),
        family: Family::Ec {
            curve,
            verify,
            sign,
        },
    }
}

const fn ml_dsa_row(set: &'static MlDsa) -> Row {
    Row {
        name: set.name,
        also: None,
        hash: None, // FIPS 204 §5.2: SHAKE256
        family: Family::MlDsa(set),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_variants() {
        for alg in Algorithm::ALL {
            let variant = format!("{alg:?}").to_uppercase();
            assert_eq!(variant, alg.name().to_uppercase().replace('-', ""));
            assert_eq!(Algorithm::from_name(alg.name()), Some(alg));
        }
    }

    #[test]
    fn names_are_exact() {
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA));
        for wrong in [
            "none",
            "None",
            "NONE",
            "hs256",
            "HS256 ",
            "",
            "Ed448",
            "ES256K",
            "RSA1_5",
            "ML-DSA",
            "MlDsa44",
            "ml-dsa-44",
            "ML-DSA-44-ES256",
        ] {
            assert_eq!(Algorithm::from_name(wrong), None, "{wrong}");
        }
    }
}
