//! Does an HMAC secret look like a key?
//!
//! A public key that is taken for an HMAC secret lets everybody sign (RFC 8725 §2.1; CVE-2016-10555,
//! CVE-2022-29217, CVE-2023-48223). Here a key carries its algorithm, so a token cannot cause that;
//! this catches the configuration that does.

use base64_simd::forgiving_decode_to_vec;
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::der::{self, Reader};

/// Whether these bytes are a PEM, DER, JWK or OpenSSH key, or the base64 of one.
pub(super) fn is_key_text(secret: &[u8]) -> bool {
    let text = secret.trim_ascii();
    if has_armour(text) || is_jwk(text) || is_der(secret) {
        return true;
    }
    let decoded = forgiving_decode_to_vec(&standard_alphabet(text));
    decoded.map(Zeroizing::new).is_ok_and(|bytes| {
        let text = bytes.trim_ascii();
        has_armour(text) || is_jwk(text) || is_der(&bytes)
    })
}

fn has_armour(text: &[u8]) -> bool {
    let ssh: [&[u8]; 3] = [b"ssh-", b"ecdsa-sha2-", b"sk-"];
    text.windows(10).any(|window| window == b"-----BEGIN")
        || ssh.iter().any(|start| text.starts_with(start))
}

/// RFC 7468 bodies are base64, JWK members base64url: one alphabet serves for both.
fn standard_alphabet(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let letters = text.iter().map(|b| match b {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    });
    Zeroizing::new(letters.collect())
}

fn is_jwk(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Names {
        kty: Option<IgnoredAny>,
        keys: Option<IgnoredAny>,
    }
    // `Names` would come from an array as well.
    text.first() == Some(&b'{')
        && serde_json::from_slice(text)
            .is_ok_and(|names: Names| names.kty.is_some() || names.keys.is_some())
}

/// One SEQUENCE, from the first byte to the last, whose members are well-formed and begin as those
/// of every key do: with a number (PKCS#1, PKCS#8, SEC 1) or with an algorithm (SPKI, certificate).
fn is_der(bytes: &[u8]) -> bool {
    let all = || -> Result<bool, der::Malformed> {
        let mut outer = Reader::new(bytes);
        let mut inner = outer.sequence()?;
        outer.end()?;
        let starts = matches!(inner.peek(), Some(der::INTEGER | der::SEQUENCE));
        let mut count = 0;
        while inner.peek().is_some() {
            inner.element()?;
            count += 1;
        }
        Ok(starts && count >= 2)
    };
    all().unwrap_or(false)
}
