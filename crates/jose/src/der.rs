//! As much of DER (X.690 §10) as keys are made of.
//!
//! The cryptographic library reads and writes whole keys; the numbers in them, which a JWK needs,
//! it does not show. This reader takes definite, minimal lengths and nothing else.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
/// `publicKey` in PKCS#8 (RFC 5958 §2).
pub(crate) const PUBLIC_KEY: u8 = 0x81;

/// `rsaEncryption` (RFC 8017 appendix A.1).
pub(crate) const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `id-ecPublicKey` (RFC 5480 §2.1.1).
pub(crate) const EC_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `id-Ed25519` (RFC 8410 §3).
pub(crate) const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];

/// `id-X25519` (RFC 8410 §3).
pub(crate) const X25519_OID: &[u8] = &[0x2b, 0x65, 0x6e];

/// Not the DER that was expected.
#[derive(Debug)]
pub(crate) struct Malformed;

/// What is left to read.
pub(crate) struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    pub(crate) fn new(der: &'d [u8]) -> Self {
        Self(der)
    }

    /// The tag of the next element, if there is one.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The contents of the next element, which must bear this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Result<&'d [u8], Malformed> {
        let (found, contents) = self.element()?;
        if found == tag {
            Ok(contents)
        } else {
            Err(Malformed)
        }
    }

    pub(crate) fn sequence(&mut self) -> Result<Self, Malformed> {
        self.take(SEQUENCE).map(Self)
    }

    /// A positive integer, big-endian and without the zero in front that keeps it positive.
    pub(crate) fn positive(&mut self) -> Result<&'d [u8], Malformed> {
        match self.take(INTEGER)? {
            [0, rest @ ..] if rest.first().is_some_and(|&b| b >= 0x80) => Ok(rest),
            number @ [1..0x80, ..] => Ok(number),
            _ => Err(Malformed),
        }
    }

    /// A bit string of whole octets.
    pub(crate) fn bit_string(&mut self) -> Result<&'d [u8], Malformed> {
        match self.take(BIT_STRING)? {
            [0, octets @ ..] => Ok(octets),
            _ => Err(Malformed),
        }
    }

    /// Any element: its tag and contents.
    pub(crate) fn element(&mut self) -> Result<(u8, &'d [u8]), Malformed> {
        let [tag, first, rest @ ..] = self.0 else {
            return Err(Malformed);
        };
        let (len, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let count = usize::from(first & 0x7f);
                let (bytes, rest) = rest.split_at_checked(count).ok_or(Malformed)?;
                let len = bytes.iter().fold(0, |n, &b| n << 8 | usize::from(b));
                if len < 0x80 || bytes[0] == 0 {
                    return Err(Malformed); // there is a shorter way to write it
                }
                (len, rest)
            }
            _ => return Err(Malformed),
        };
        let (contents, rest) = rest.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok((*tag, contents))
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

/// Writes one element, for the few forms that the cryptographic library does not write.
pub(crate) fn write(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let len: usize = contents.iter().map(|part| part.len()).sum();
    let bytes = len.to_be_bytes();
    let bytes = &bytes[len.leading_zeros() as usize / 8..];
    let mut der = Vec::with_capacity(2 + bytes.len() + len);
    der.push(tag);
    if len >= 0x80 {
        der.extend(u8::try_from(0x80 | bytes.len()));
    }
    der.extend(if len == 0 { &[0] } else { bytes });
    for part in contents {
        der.extend(*part);
    }
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal_and_definite() {
        let long = [&[0x04, 0x81, 0x80][..], &[0; 0x80]].concat();
        for good in [&[0x04, 0x00][..], &[0x04, 0x01, 0xff], &long] {
            let mut reader = Reader::new(good);
            assert!(reader.take(OCTET_STRING).is_ok() && reader.end().is_ok());
        }
        for bad in [
            &[0x04][..],
            &[0x04, 0x02, 0xff],
            &[0x04, 0x81, 0x01, 0xff],
            &[0x04, 0x80, 0xff, 0, 0],
            &[0x04, 0x82, 0x00, 0x80],
        ] {
            assert!(Reader::new(bad).take(OCTET_STRING).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for len in [0, 1, 0x7f, 0x80, 0xff, 0x100, 70_000] {
            let contents = vec![7; len];
            let (start, rest) = contents.split_at(len / 2);
            let der = write(OCTET_STRING, &[start, rest]);
            let mut reader = Reader::new(&der);
            assert_eq!(reader.take(OCTET_STRING).unwrap(), contents);
            assert!(reader.end().is_ok());
        }
    }

    #[test]
    fn integers_are_positive_and_minimal() {
        for good in [&[0x02, 0x01, 0x01][..], &[0x02, 0x02, 0x00, 0x80]] {
            assert!(Reader::new(good).positive().is_ok(), "{good:?}");
        }
        for bad in [
            &[0x02, 0x00][..],
            &[0x02, 0x01, 0x00],
            &[0x02, 0x01, 0x80],
            &[0x02, 0x02, 0x00, 0x01],
        ] {
            assert!(Reader::new(bad).positive().is_err(), "{bad:?}");
        }
    }
}
