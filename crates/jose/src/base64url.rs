//! Strict base64url without padding (RFC 7515 §2, RFC 4648 §5 and §3.5).
//!
//! One text per value: no padding, no stray bits in the last character, no white space.

use std::mem::MaybeUninit;

use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Not the one base64url text of any bytes, or longer than the room that was given.
#[derive(Debug)]
pub(crate) struct Malformed;

/// A buffer on the stack that nobody has written to yet, for `decode`.
pub(crate) const fn room<const N: usize>() -> [MaybeUninit<u8>; N] {
    [const { MaybeUninit::uninit() }; N]
}

/// Decodes into `room`, without allocating.
pub(crate) fn decode<'b>(
    text: &[u8],
    room: &'b mut [MaybeUninit<u8>],
) -> Result<&'b mut [u8], Malformed> {
    // The shortest room that the text can need; base64-simd panics on a shorter one.
    if text.len() / 4 * 3 + 3 > room.len() {
        return Err(Malformed);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text, room.as_out());
    bytes.map_err(|_| Malformed)
}

/// Decodes into bytes that are wiped when dropped, for private key members.
pub(crate) fn decode_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(text);
    bytes.map(Zeroizing::new).map_err(|_| Malformed)
}

/// Decodes public members.
pub(crate) fn decode_vec(text: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| Malformed)
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

pub(crate) fn encode_append(bytes: &[u8], to: &mut String) {
    URL_SAFE_NO_PAD.encode_append(bytes, to);
}

/// Characters that `n` bytes become.
pub(crate) const fn encoded_len(n: usize) -> usize {
    n.div_ceil(3) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> bool {
        decode(text.as_bytes(), &mut room::<64>()).is_ok()
    }

    #[test]
    fn one_text_per_value() {
        assert!(ok("") && ok("AA") && ok("AAA") && ok("AAAA") && ok("-_-_"));
        for wrong in [
            "A", "AB", "AAB", "AA==", "AAA=", "AA A", "AA\n", " AA", "A+", "A/", "AA?", "ÄÄ",
            "AA\0\0",
        ] {
            assert!(!ok(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn too_little_room_is_refused() {
        assert!(decode(b"AAAAAAAA", &mut room::<4>()).is_err());
    }
}
