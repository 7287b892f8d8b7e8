//! One token, one text: what decodes to the same bytes but is written otherwise is refused.

use countersign_jose::{Part, Refused, Unverified};

use crate::forge::*;

/// RFC 7515 §2, RFC 4648 §3.5: padding, stray bits, white space, the other alphabet. The
/// signature is made over the text as it stands, so it holds.
#[test]
fn base64url_that_is_not_canonical() {
    let (header, payload) = (b64(header_with("")), b64(GOOD));
    // Lengths that leave room for stray bits and padding.
    let header_1 = b64(header_with(" "));
    let payload_1 = b64(format!("{GOOD} "));
    let spoil = |text: &str| {
        let mut all: Vec<String> = [
            "=", "==", " ", "\n", "\r\n", "\t", "+", "/", "?", "#", "%3D", "\0", "é", "A",
            "\u{feff}",
        ]
        .iter()
        .map(|end| format!("{text}{end}"))
        .collect();
        all.extend(
            [" ", "\n", "=", "\u{feff}", "\0"]
                .iter()
                .map(|start| format!("{start}{text}")),
        );
        let (left, right) = text.split_at(8);
        all.extend(
            [" ", "\n", "=", "+", "."]
                .iter()
                .map(|middle| format!("{left}{middle}{right}")),
        );
        if !text.len().is_multiple_of(4) {
            // The last character holds bits that say nothing.
            let last = text.chars().last().unwrap();
            let next = char::from_u32(u32::from(last) + 1).unwrap();
            all.push(format!("{}{next}", &text[..text.len() - 1]));
        }
        all
    };
    for text in [header, header_1] {
        for bad in spoil(&text) {
            let why = refused(&HS256, &hs256_encoded(&bad, &payload));
            let as_it_should = matches!(
                why,
                Refused::Base64(Part::Header) | Refused::NotCompact | Refused::Header
            );
            assert!(as_it_should, "{bad}: {why:?}");
            assert!(Unverified::parse(&hs256_encoded(&bad, &payload)).is_err());
        }
    }
    let header = b64(header_with(""));
    for text in [payload, payload_1] {
        for bad in spoil(&text) {
            let why = refused(&HS256, &hs256_encoded(&header, &bad));
            let as_it_should = matches!(
                why,
                Refused::Base64(Part::Payload) | Refused::NotCompact | Refused::Payload
            );
            assert!(as_it_should, "{bad}: {why:?}");
        }
    }
    let honest = hs256(header_with(""), GOOD);
    let (signed, signature) = honest.rsplit_once('.').unwrap();
    for bad in spoil(signature) {
        let why = refused(&HS256, &format!("{signed}.{bad}"));
        let as_it_should = matches!(
            why,
            Refused::Base64(Part::Signature) | Refused::NotCompact | Refused::Signature
        );
        assert!(as_it_should, "{bad}: {why:?}");
    }
    for text in [
        format!(" {honest}"),
        format!("{honest} "),
        format!("{honest}\n"),
        format!("Bearer {honest}"),
        format!("\"{honest}\""),
    ] {
        assert!(verify(&HS256, &text).is_err(), "{text}");
    }
}

/// RFC 8259 §8.1: UTF-8, and no byte order mark; control characters only as escapes (§7).
#[test]
fn json_in_another_encoding() {
    let utf16 = |text: &str, order: fn(u16) -> [u8; 2]| {
        text.encode_utf16().flat_map(order).collect::<Vec<u8>>()
    };
    let mark = "\u{feff}".as_bytes();
    let spoil = |text: &str| -> Vec<Vec<u8>> {
        vec![
            [mark, text.as_bytes()].concat(),
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
            [text.as_bytes(), b"\0"].concat(),
            [b"\0", text.as_bytes()].concat(),
            text.replacen('{', "{\0", 1).into_bytes(),
            text.replacen("\":\"", "\":\"\0", 1).into_bytes(),
            text.replacen("\":\"", "\":\"\n", 1).into_bytes(),
            [&text.as_bytes()[..text.len() - 1], b",\"z\":\"\xff\"}"].concat(),
            [&text.as_bytes()[..text.len() - 1], b",\"z\":\"\xc0\xaf\"}"].concat(),
            [
                &text.as_bytes()[..text.len() - 1],
                b",\"z\":\"\xed\xa0\x80\"}",
            ]
            .concat(),
            [&text.as_bytes()[..text.len() - 1], b",\"z\":\"\0\"}"].concat(),
            [&text.as_bytes()[..text.len() - 1], b",\"\xff\":1}"].concat(),
        ]
    };
    for bad in spoil(&header_with("")) {
        let why = refused(&HS256, &hs256(&bad, GOOD));
        assert_eq!(why, Refused::Header, "{}", String::from_utf8_lossy(&bad));
    }
    for bad in spoil(GOOD) {
        let why = payload_refused(&bad);
        let as_it_should = matches!(why, Refused::Payload | Refused::Malformed(_));
        assert!(as_it_should, "{}: {why:?}", String::from_utf8_lossy(&bad));
    }
}
