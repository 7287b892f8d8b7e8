//! Which RSA numbers make an acceptable key, and how to get at them.

use aws_lc_rs::rsa::{KeyPairComponents, KeySize};
use aws_lc_rs::signature::{RsaKeyPair, RsaPublicKeyComponents};

use super::jwk::Jwk;
use crate::KeyError;
use crate::der::{self, Reader};

/// The sizes of which new keys are made.
pub(super) fn key_size(bits: usize) -> Result<KeySize, KeyError> {
    match bits {
        2048 => Ok(KeySize::Rsa2048),
        3072 => Ok(KeySize::Rsa3072),
        4096 => Ok(KeySize::Rsa4096),
        8192 => Ok(KeySize::Rsa8192),
        _ => Err(KeyError::RsaSize { bits }),
    }
}

/// The private key of a JWK (RFC 7518 §6.3.2), whose public half are these numbers.
pub(super) fn pair_from_jwk(jwk: &Jwk<'_>, n: &[u8], e: &[u8]) -> Result<RsaKeyPair, KeyError> {
    check_public(n, e)?;
    let d = jwk.d.secret("d")?;
    if jwk.oth.is_present() {
        return Err(KeyError::Malformed("oth")); // more than two primes
    }
    let pair = RsaKeyPair::from_components(&KeyPairComponents {
        public_key: RsaPublicKeyComponents { n, e },
        d: &d[..],
        p: &jwk.p.secret("p")?[..],
        q: &jwk.q.secret("q")?[..],
        dP: &jwk.dp.secret("dp")?[..],
        dQ: &jwk.dq.secret("dq")?[..],
        qInv: &jwk.qi.secret("qi")?[..],
    });
    pair.map_err(|_| KeyError::Invalid)
}

/// What a private RSA key is made of, in the order of RFC 8017 appendix A.1.2.
pub(super) struct PrivateNumbers<'d> {
    pub(super) d: &'d [u8],
    pub(super) p: &'d [u8],
    pub(super) q: &'d [u8],
    pub(super) dp: &'d [u8],
    pub(super) dq: &'d [u8],
    pub(super) qi: &'d [u8],
}

/// Reads the private numbers out of PKCS#8 (RFC 5208 §5).
pub(super) fn private_numbers(pkcs8: &[u8]) -> Result<PrivateNumbers<'_>, der::Malformed> {
    let mut info = Reader::new(pkcs8).sequence()?;
    info.take(der::INTEGER)?;
    info.sequence()?;
    let mut key = Reader::new(info.take(der::OCTET_STRING)?).sequence()?;
    key.take(der::INTEGER)?;
    key.positive()?; // n
    key.positive()?; // e
    Ok(PrivateNumbers {
        d: key.positive()?,
        p: key.positive()?,
        q: key.positive()?,
        dp: key.positive()?,
        dq: key.positive()?,
        qi: key.positive()?,
    })
}

/// Reads modulus and public exponent out of PKCS#1 (RFC 8017 appendix A.1.1).
pub(super) fn public_numbers(pkcs1: &[u8]) -> Result<(&[u8], &[u8]), der::Malformed> {
    let mut outer = Reader::new(pkcs1);
    let mut key = outer.sequence()?;
    outer.end()?;
    let numbers = (key.positive()?, key.positive()?);
    key.end()?;
    Ok(numbers)
}

/// Refuses what is weak (RFC 7518 §3.3, RFC 8017 §3.1). Both numbers are big-endian.
pub(super) fn check_public(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let [first, .., last] = n else {
        return Err(KeyError::Malformed("n"));
    };
    // RFC 7518 §6.3.1.1: no zero octets in front.
    if *first == 0 {
        return Err(KeyError::Malformed("n"));
    }
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::RsaSize { bits });
    }
    if last % 2 == 0 {
        return Err(KeyError::Invalid);
    }
    if e.first().is_none_or(|&first| first == 0) {
        return Err(KeyError::Malformed("e"));
    }
    // Odd and at most 2^32 means: at most four octets.
    let odd = e.last().is_some_and(|last| last % 2 == 1);
    if e.len() > 4 || !odd || *e == [1] {
        return Err(KeyError::RsaExponent);
    }
    if is_guessable(n) {
        return Err(KeyError::RsaGuessable);
    }
    Ok(())
}

/// Whether the modulus bears the mark of CVE-2017-15361: it is a power of 65537 modulo every one
/// of these primes. One good key in about 2^27 bears it by chance.
fn is_guessable(n: &[u8]) -> bool {
    const PRIMES: [u32; 17] = [
        11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
    ];
    PRIMES.into_iter().all(|prime| {
        let residue = n.iter().fold(0, |r, &b| (r << 8 | u32::from(b)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * (65537 % prime) % prime;
            power == residue
        })
    })
}
