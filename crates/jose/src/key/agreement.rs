//! Keys that two parties agree with (RFC 7518 §4.6, RFC 8037 §3.2): parsed, checked, written.

use aws_lc_rs::agreement::{
    ParsedPublicKey, PrivateKey, UnparsedPublicKey, X25519 as LIBRARY_X25519, agree,
};
use aws_lc_rs::encoding::{
    AsBigEndian as _, AsDer as _, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der,
};
use zeroize::Zeroizing;

use super::jwk::Jwk;
use super::public::PublicNumbers;
use crate::der::{self, Reader};
use crate::{AgreementCurve, KeyError, Refused};

/// The curve of these numbers, if keys are agreed upon on it.
pub(super) fn curve_of(numbers: &PublicNumbers) -> Option<AgreementCurve> {
    let name = match numbers {
        PublicNumbers::Ec { curve, .. } => curve.name,
        PublicNumbers::X25519 { .. } => AgreementCurve::X25519.name(),
        _ => return None,
    };
    AgreementCurve::ALL
        .into_iter()
        .find(|curve| curve.name() == name)
}

/// Parses a public key for good. Points off their curve are refused, and so are those of X25519
/// with which nothing secret can be agreed upon (RFC 7748 §6.1).
pub(super) fn parse(
    curve: AgreementCurve,
    numbers: &PublicNumbers,
) -> Result<ParsedPublicKey, KeyError> {
    let parsed = on_curve(curve, numbers).ok_or(KeyError::Invalid)?;
    if curve == AgreementCurve::X25519 {
        // Whatever the private key, such a point leads to zero, which the library refuses.
        let any = PrivateKey::from_private_key(&LIBRARY_X25519, &[1; 32]);
        let any = any.map_err(|_| KeyError::Failed)?;
        agree(&any, parsed.clone(), KeyError::Invalid, |_| Ok(()))?;
    }
    Ok(parsed)
}

/// The sender's key in a token (RFC 7518 §4.6.1.1): a public key on the recipient's curve, and
/// nothing that a public key does not have.
pub(super) fn ephemeral(
    curve: AgreementCurve,
    epk: Option<&Jwk<'_>>,
) -> Result<ParsedPublicKey, Refused> {
    epk.filter(|epk| !epk.has_private_members())
        .and_then(|epk| PublicNumbers::from_jwk(epk).ok())
        .filter(|numbers| curve_of(numbers) == Some(curve))
        .and_then(|numbers| on_curve(curve, &numbers))
        .ok_or(Refused::EphemeralKey)
}

fn on_curve(curve: AgreementCurve, numbers: &PublicNumbers) -> Option<ParsedPublicKey> {
    let point = UnparsedPublicKey::new(curve.agreement(), numbers.point());
    ParsedPublicKey::try_from(point).ok()
}

/// The public half.
pub(super) fn numbers_of(
    curve: AgreementCurve,
    private: &PrivateKey,
) -> Result<PublicNumbers, KeyError> {
    let public = private.compute_public_key();
    let public = public.map_err(|_| KeyError::Failed)?;
    Ok(match curve {
        AgreementCurve::X25519 => PublicNumbers::X25519 {
            x: public.as_ref().into(),
        },
        _ => PublicNumbers::from_point(curve.curve(), public.as_ref()),
    })
}

/// The private half of a JWK, whose public half are these numbers.
pub(super) fn private_from_jwk(
    curve: AgreementCurve,
    numbers: &PublicNumbers,
    jwk: &Jwk<'_>,
) -> Result<PrivateKey, KeyError> {
    let d = jwk.d.secret("d")?;
    if d.len() != curve.curve().len {
        return Err(KeyError::Malformed("d")); // RFC 7518 §6.2.2.1, RFC 8037 §2
    }
    let private = PrivateKey::from_private_key(curve.agreement(), &d);
    let private = private.map_err(|_| KeyError::Invalid)?;
    if numbers_of(curve, &private)?.point() == numbers.point() {
        Ok(private)
    } else {
        Err(KeyError::Invalid)
    }
}

/// A private key from DER, and its curve: PKCS#8 (RFC 5958, RFC 8410 §7), or SEC 1 (RFC 5915).
pub(super) fn private_from_der(der: &[u8]) -> Option<(AgreementCurve, PrivateKey)> {
    AgreementCurve::ALL.into_iter().find_map(|curve| {
        let private = match curve {
            AgreementCurve::X25519 => x25519_from_pkcs8(der).ok(),
            _ => PrivateKey::from_private_key_der(curve.agreement(), der).ok(),
        };
        private.map(|private| (curve, private))
    })
}

/// RFC 8410 §7. The library reads and writes X25519 keys as bare octets alone.
fn x25519_from_pkcs8(pkcs8: &[u8]) -> Result<PrivateKey, der::Malformed> {
    let malformed = |_| der::Malformed;
    let mut outer = Reader::new(pkcs8);
    let mut info = outer.sequence()?;
    outer.end()?;
    let [0 | 1] = info.take(der::INTEGER)? else {
        return Err(der::Malformed);
    };
    let mut algorithm = info.sequence()?;
    if algorithm.take(der::OID)? != der::X25519_OID {
        return Err(der::Malformed);
    }
    algorithm.end()?;
    let mut key = Reader::new(info.take(der::OCTET_STRING)?);
    let octets = key.take(der::OCTET_STRING)?;
    key.end()?;
    let private =
        PrivateKey::from_private_key(&LIBRARY_X25519, octets).map_err(|_| der::Malformed)?;
    while info.peek().is_some() {
        // Attributes, which say nothing here, or the public key (RFC 5958 §2), which must be its.
        let (tag, contents) = info.element()?;
        let public = private.compute_public_key().map_err(malformed)?;
        let is_public = tag == der::PUBLIC_KEY;
        if is_public && contents.strip_prefix(&[0]) != Some(public.as_ref()) {
            return Err(der::Malformed);
        }
    }
    Ok(private)
}

/// The private number, as `d` in a JWK has it (RFC 7518 §6.2.2.1, RFC 8037 §2).
pub(super) fn private_octets(
    curve: AgreementCurve,
    private: &PrivateKey,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let octets = if curve == AgreementCurve::X25519 {
        let seed: Result<Curve25519SeedBin<'_>, _> = private.as_be_bytes();
        seed.map(|seed| seed.as_ref().to_vec())
    } else {
        let number: Result<EcPrivateKeyBin<'_>, _> = private.as_be_bytes();
        number.map(|number| number.as_ref().to_vec())
    };
    octets.map(Zeroizing::new).map_err(|_| KeyError::Failed)
}

/// PKCS#8 (RFC 5208 §5, RFC 8410 §7).
pub(super) fn private_to_pkcs8(
    curve: AgreementCurve,
    private: &PrivateKey,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if curve == AgreementCurve::X25519 {
        let octets = private_octets(curve, private)?;
        let key = Zeroizing::new(der::write(der::OCTET_STRING, &[&octets]));
        let key = Zeroizing::new(der::write(der::OCTET_STRING, &[&key]));
        let oid = der::write(der::OID, &[der::X25519_OID]);
        let algorithm = der::write(der::SEQUENCE, &[&oid]);
        let version = der::write(der::INTEGER, &[&[0]]);
        let info = der::write(der::SEQUENCE, &[&version, &algorithm, &key]);
        return Ok(Zeroizing::new(info));
    }
    let document: Result<Pkcs8V1Der<'_>, _> = private.as_der();
    let document = document.map_err(|_| KeyError::Failed)?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}
