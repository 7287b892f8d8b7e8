//! Public keys as numbers: from JWK and DER, to JWK and thumbprint.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ED25519 as ED25519_VERIFY, ParsedPublicKey, RsaPublicKeyComponents};
use serde::Serialize;

use super::jwk::{Jwk, KeyType};
use super::rsa;
use crate::algorithm::{Curve, ED25519, Family, MlDsa, P256, P384, P521, X25519, ml_dsa_of};
use crate::base64url;
use crate::der::{self, Reader};
use crate::{Algorithm, KeyError};

/// The numbers of a public key. They are checked when the key is parsed by `parse_for`.
#[derive(Clone)]
pub(super) enum PublicNumbers {
    Rsa {
        n: Box<[u8]>,
        e: Box<[u8]>,
    },
    Ec {
        curve: &'static Curve,
        x: Box<[u8]>,
        y: Box<[u8]>,
    },
    Ed25519 {
        x: Box<[u8]>,
    },
    X25519 {
        x: Box<[u8]>,
    },
    MlDsa {
        set: &'static MlDsa,
        key: Box<[u8]>,
    },
}

impl PublicNumbers {
    /// The public half of a JWK (RFC 7518 §6.2.1, §6.3.1; RFC 8037 §2; RFC 9964 §3).
    pub(super) fn from_jwk(jwk: &Jwk<'_>) -> Result<Self, KeyError> {
        match jwk.key_type()? {
            KeyType::Rsa => Ok(Self::Rsa {
                n: jwk.n.octets("n")?,
                e: jwk.e.octets("e")?,
            }),
            KeyType::Ec => {
                let name = jwk.crv.text("crv")?;
                let curve = [&P256, &P384, &P521]
                    .into_iter()
                    .find(|curve| curve.name == name)
                    .ok_or(KeyError::UnknownCurve)?;
                Ok(Self::Ec {
                    curve,
                    x: of_length(jwk.x.octets("x")?, curve.len, "x")?,
                    y: of_length(jwk.y.octets("y")?, curve.len, "y")?,
                })
            }
            KeyType::Okp if jwk.crv.text("crv")? == ED25519.0 => Ok(Self::Ed25519 {
                x: of_length(jwk.x.octets("x")?, ED25519.1, "x")?,
            }),
            KeyType::Okp if jwk.crv.text("crv")? == X25519.name => Ok(Self::X25519 {
                x: of_length(jwk.x.octets("x")?, X25519.len, "x")?,
            }),
            KeyType::Okp => Err(KeyError::UnknownCurve),
            KeyType::Akp => {
                let set = jwk.parameter_set()?;
                Ok(Self::MlDsa {
                    set,
                    key: of_length(jwk.public.octets("pub")?, set.public_len, "pub")?,
                })
            }
            KeyType::Oct => Err(KeyError::UnknownType),
        }
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7) or, for RSA, PKCS#1 (RFC 8017 appendix A.1.1).
    pub(super) fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::read_der(der).map_err(|_| KeyError::Der)
    }

    fn read_der(der: &[u8]) -> Result<Self, der::Malformed> {
        let mut outer = Reader::new(der);
        let mut info = outer.sequence()?;
        outer.end()?;
        if info.peek() == Some(der::INTEGER) {
            return Self::from_pkcs1(der);
        }
        let mut algorithm = info.sequence()?;
        let key = info.bit_string()?;
        info.end()?;
        let kind = algorithm.take(der::OID)?;
        let numbers = match kind {
            der::RSA_OID => {
                // RFC 8017 appendix A.1 asks for NULL here; some leave it out.
                if algorithm.peek().is_some() {
                    algorithm.take(der::NULL)?;
                }
                Self::from_pkcs1(key)?
            }
            der::EC_OID => {
                let named = algorithm.take(der::OID)?;
                let curve = [&P256, &P384, &P521]
                    .into_iter()
                    .find(|curve| curve.oid == named)
                    .ok_or(der::Malformed)?;
                // 4 stands for an uncompressed point (RFC 5480 §2.2); no other form is read.
                let [4, point @ ..] = key else {
                    return Err(der::Malformed);
                };
                let (x, y) = point.split_at_checked(curve.len).ok_or(der::Malformed)?;
                Self::Ec {
                    curve,
                    x: x.into(),
                    y: octets(y, curve.len)?,
                }
            }
            der::ED25519_OID => Self::Ed25519 {
                x: octets(key, ED25519.1)?,
            },
            der::X25519_OID => Self::X25519 {
                x: octets(key, X25519.len)?,
            },
            _ => {
                let set = ml_dsa_of(kind).ok_or(der::Malformed)?;
                let key = octets(key, set.public_len)?;
                Self::MlDsa { set, key }
            }
        };
        // RFC 8410 §3, RFC 9881 §2: no further parameters.
        algorithm.end()?;
        Ok(numbers)
    }

    /// RFC 8017 appendix A.1.1.
    pub(super) fn from_pkcs1(pkcs1: &[u8]) -> Result<Self, der::Malformed> {
        let (n, e) = rsa::public_numbers(pkcs1)?;
        Ok(Self::Rsa {
            n: n.into(),
            e: e.into(),
        })
    }

    /// An uncompressed point, as the cryptographic library hands it out.
    pub(super) fn from_point(curve: &'static Curve, point: &[u8]) -> Self {
        let (x, y) = point[1..].split_at(curve.len);
        Self::Ec {
            curve,
            x: x.into(),
            y: y.into(),
        }
    }

    /// Parses the key for good, for this one algorithm, and refuses weak or invalid numbers.
    pub(super) fn parse_for(&self, alg: Algorithm) -> Result<ParsedPublicKey, KeyError> {
        let parsed = match (self, alg.family()) {
            (Self::Rsa { n, e }, Family::Rsa { verify, .. }) => {
                rsa::check_public(n, e)?;
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(verify)
            }
            (
                Self::Ec { curve, .. },
                Family::Ec {
                    curve: of, verify, ..
                },
            ) if curve.name == of.name => ParsedPublicKey::new(*verify, self.point()),
            (Self::Ed25519 { x }, Family::Ed25519) => ParsedPublicKey::new(&ED25519_VERIFY, x),
            (Self::MlDsa { set, key }, Family::MlDsa(of)) if set.name == of.name => {
                ParsedPublicKey::new(set.verify, key)
            }
            _ => return Err(KeyError::WrongAlgorithm(alg)),
        };
        parsed.map_err(|_| KeyError::Invalid)
    }

    /// The uncompressed point of an EC key (SEC 1 §2.3.3), or the octets of an Ed25519,
    /// X25519 or ML-DSA key.
    pub(super) fn point(&self) -> Vec<u8> {
        match self {
            Self::Ec { x, y, .. } => [&[4], &x[..], y].concat(),
            Self::Ed25519 { x } | Self::X25519 { x } => x.to_vec(),
            Self::MlDsa { key, .. } => key.to_vec(),
            Self::Rsa { .. } => Vec::new(),
        }
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub(super) fn to_der(&self) -> Result<Vec<u8>, KeyError> {
        let oid = |oid: &[u8]| der::write(der::OID, &[oid]);
        let algorithm = match self {
            Self::Rsa { n, e } => {
                let der: Result<PublicKeyX509Der<'_>, _> = RsaPublicKeyComponents { n, e }.as_der();
                return der
                    .map(|der| der.as_ref().to_vec())
                    .map_err(|_| KeyError::Failed);
            }
            Self::Ec { curve, .. } => [oid(der::EC_OID), oid(curve.oid)].concat(),
            Self::Ed25519 { .. } => oid(der::ED25519_OID),
            Self::X25519 { .. } => oid(der::X25519_OID),
            Self::MlDsa { set, .. } => oid(set.oid),
        };
        let algorithm = der::write(der::SEQUENCE, &[&algorithm]);
        let key = der::write(der::BIT_STRING, &[&[0], &self.point()]);
        Ok(der::write(der::SEQUENCE, &[&algorithm, &key]))
    }

    /// A key to verify with (`use` `sig`) or to encrypt to (`enc`).
    pub(super) fn to_jwk(
        &self,
        alg: &'static str,
        purpose: &'static str,
        kid: Option<&str>,
    ) -> PublicJwk {
        let mut jwk = PublicJwk {
            kty: "",
            crv: None,
            x: None,
            y: None,
            n: None,
            e: None,
            public: None,
            alg,
            purpose,
            kid: kid.map(str::to_owned),
        };
        match self {
            Self::Rsa { n, e } => {
                jwk.kty = "RSA";
                jwk.n = Some(base64url::encode(n));
                jwk.e = Some(base64url::encode(e));
            }
            Self::Ec { curve, x, y } => {
                jwk.kty = "EC";
                jwk.crv = Some(curve.name);
                jwk.x = Some(base64url::encode(x));
                jwk.y = Some(base64url::encode(y));
            }
            Self::Ed25519 { x } => {
                jwk.kty = "OKP";
                jwk.crv = Some(ED25519.0);
                jwk.x = Some(base64url::encode(x));
            }
            Self::X25519 { x } => {
                jwk.kty = "OKP";
                jwk.crv = Some(X25519.name);
                jwk.x = Some(base64url::encode(x));
            }
            Self::MlDsa { key, .. } => {
                jwk.kty = "AKP";
                jwk.public = Some(base64url::encode(key));
            }
        }
        jwk
    }

    /// RFC 7638 §3: SHA-256 over the required members, base64url.
    pub(super) fn thumbprint(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.required_members().as_bytes());
        base64url::encode(hash.as_ref())
    }

    /// The JWK of the required members alone, in order of their names (RFC 7638 §3.2).
    pub(super) fn required_members(&self) -> String {
        let b = base64url::encode;
        let okp = |crv, x: &[u8]| format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{}"}}"#, b(x));
        match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, b(e), b(n)),
            Self::Ec { curve, x, y } => {
                format!(
                    r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                    curve.name,
                    b(x),
                    b(y)
                )
            }
            // RFC 8037 §2.
            Self::Ed25519 { x } => okp(ED25519.0, x),
            Self::X25519 { x } => okp(X25519.name, x),
            // RFC 9964 §6.
            Self::MlDsa { set, key } => {
                format!(r#"{{"alg":"{}","kty":"AKP","pub":"{}"}}"#, set.name, b(key))
            }
        }
    }
}

fn octets(octets: &[u8], len: usize) -> Result<Box<[u8]>, der::Malformed> {
    if octets.len() == len {
        Ok(octets.into())
    } else {
        Err(der::Malformed)
    }
}

fn of_length(octets: Box<[u8]>, len: usize, name: &'static str) -> Result<Box<[u8]>, KeyError> {
    // RFC 7518 §6.2.1.2: coordinates have their full length.
    if octets.len() == len {
        Ok(octets)
    } else {
        Err(KeyError::Malformed(name))
    }
}

/// A public key, ready to be published (RFC 7517 §4).
///
/// It has public members alone (`kty`; `crv`, `x`, `y` or `n`, `e` or `pub`; `alg`, `use`, `kid`)
/// and is only ever made from an asymmetric key: no value of this type holds a secret. Write it
/// with `serde_json::to_string`.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct PublicJwk {
    kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(rename = "pub", skip_serializing_if = "Option::is_none")]
    public: Option<String>,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_of_the_rfc() {
        let jwk = br#"{
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29"
        }"#;
        let numbers = PublicNumbers::from_jwk(&Jwk::parse(jwk).unwrap()).unwrap();
        let thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(numbers.thumbprint(), thumbprint);
    }
}
